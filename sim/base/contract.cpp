#include "sim/base/contract.hpp"

#include <fmt/format.h>

namespace windtunnel::base {

void contract_failed(std::string_view kind, std::string_view message,
                     const std::source_location& where) {
  throw ContractViolation(
      fmt::format("{} broken at {}:{}: {}", kind, where.file_name(), where.line(), message));
}

}  // namespace windtunnel::base
