// Two results side by side, case by case and fact by fact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/result.hpp"

namespace windtunnel::scenarios::cli {

struct CompareOptions {
  double tolerance = 1e-9;           // relative, on |b / a - 1|
  std::vector<std::string> facts{};  // only these; empty: all that both cases have
};

struct FactDifference {
  std::string scenario;
  std::string name;  // of the case
  std::string fact;  // "status" where the two did not end alike
  base::Cell a;
  base::Cell b;
  bool beyond = false;  // differs by more than the tolerance
};

struct Comparison {
  std::vector<FactDifference> rows;  // in the order of a's cases, then what only b has
  std::int64_t beyond = 0;
};

// Cases are matched by scenario and name (by name alone where the scenarios' names differ); one
// that only one side has is a difference.
Comparison compare(const reports::Result& a, const reports::Result& b,
                   const CompareOptions& options);

}  // namespace windtunnel::scenarios::cli
