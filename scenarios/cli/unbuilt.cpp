// Verbs that later issues build: each says so in a sentence and exits 4.
#include <fmt/format.h>

#include "scenarios/cli/arguments.hpp"
#include "scenarios/cli/verb.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios::cli {

namespace {

[[noreturn]] void not_built(const std::string& verb, std::string_view what) {
  throw base::EnvironmentError(fmt::format("the verb '{}' ({}) is not built yet", verb, what));
}

ExitCode refuse(const Invocation& invocation, const std::string& verb, std::string_view what) {
  for (const std::string& argument : invocation.arguments) {
    if (argument == "--help" || argument == "-h") {
      throw HelpRequested{fmt::format("windtunnel {}: {}. It is not built yet.\n", verb, what)};
    }
  }
  not_built(verb, what);
}

}  // namespace

ExitCode verb_explain(const Invocation& invocation) {
  return refuse(invocation, "explain", "where each second of the headline number comes from");
}

ExitCode verb_lab(const Invocation& invocation) {
  return refuse(invocation, "lab", "the lessons under scenarios/lessons");
}

}  // namespace windtunnel::scenarios::cli
