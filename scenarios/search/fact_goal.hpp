// What a search is after, in facts: the objective and the fronts ("lower iteration_time_s"), and what
// a candidate has to keep to ("memory_total_bytes <= 75GiB").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/document/node.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

enum class Better { lower, higher };

struct FactGoal {
  std::string fact;
  Better better = Better::lower;
};

// Times, bytes, money, counts: lower. Rates, utilisation, attainment: higher.
Better better_of(std::string_view fact);

// Whether `a` is better than `b`.
inline bool is_better(Better better, double a, double b) {
  return better == Better::lower ? a < b : a > b;
}

enum class Relation { at_most, below, at_least, above, equal };

struct FactConstraint {
  std::string fact;
  Relation relation = Relation::at_most;
  double limit = 0.0;  // in the fact's SI unit
  std::string text;    // "memory_total_bytes <= 75GiB"

  bool holds(double value) const;
};

// "<= 75GiB", ">= 0.4", "== 8"; the amount is bare, in percent, or a quantity of the fact's own unit.
// Nothing, with an error at `node`, where it is something else.
std::optional<FactConstraint> parse_constraint(const std::string& fact, const Node& node,
                                               base::Diagnostics& diagnostics);

// Facts that a search adds to those of a workload, by its kind.
const std::map<std::string, base::FactInfo>& facts_of_search(std::string_view workload_kind);

}  // namespace windtunnel::scenarios
