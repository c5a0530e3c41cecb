// Contracts, checked in every build. A broken one is a bug in windtunnel (exit 70), never the user's
// mistake: what a user can get wrong is a Diagnostic, what the machine lacks is an EnvironmentError.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace windtunnel::base {

class ContractViolation : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// The environment lacks something: a file that cannot be read, a tool that is not installed (exit 4).
class EnvironmentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void contract_failed(std::string_view kind, std::string_view message,
                                  const std::source_location& where);

// Precondition of the caller's.
inline void expects(bool condition, std::string_view message,
                    const std::source_location& where = std::source_location::current()) {
  if (!condition) contract_failed("precondition", message, where);
}
// Postcondition or invariant of our own.
inline void ensures(bool condition, std::string_view message,
                    const std::source_location& where = std::source_location::current()) {
  if (!condition) contract_failed("postcondition", message, where);
}

}  // namespace windtunnel::base
