// One row a case, RFC 4180 (with LF for line ends, so that Unix tools see no stray CR).
//
// Columns, in this order whatever the cases hold: case, scenario (where there are several),
// parameters by order of appearance, engine, status, reason, facts (numbers and words) by name,
// bands as `low_<fact>` and `high_<fact>` by name, events. Headers end in their unit, as the keys
// of facts do. Numbers are in full. What a case does not have is an empty field.
#pragma once

#include <string>

#include "reports/result.hpp"

namespace windtunnel::reports {

std::string to_csv(const Result& result);
// A table by itself.
std::string to_csv(const base::Table& table);

}  // namespace windtunnel::reports
