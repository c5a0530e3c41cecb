// The `search:` block of a scenario: what `plan` varies, what it is after, and what it keeps to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/document/node.hpp"
#include "scenarios/search/fact_goal.hpp"
#include "scenarios/sweep.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// One path (or several that move together). automatic: its values are sizes that go with the
// cluster and the model, found for each (auto_values.hpp).
struct SearchAxis {
  Axis axis;
  bool automatic = false;
};

struct Search {
  std::vector<SearchAxis> axes;
  std::optional<FactGoal> objective;
  std::vector<FactConstraint> constraints;
  std::vector<FactGoal> pareto;
  std::int64_t top = 20;
  double share = 0.99;  // of requests that must meet the SLO
  base::SourceLocation where;
};

// No search may have more candidates than this.
inline constexpr double kMostCandidates = 500'000;

// A resolved `search` mapping. `root` is the expanded scenario; paths that `fixed` sets are not
// varied. Errors are placed in the block.
Search parse_search(const Node& search, const Node& root, const std::vector<Assignment>& fixed,
                    base::Diagnostics& diagnostics);

// What `plan` searches where a scenario of training states no `vary`: sizes, micro-batch,
// recomputation and sharding.
std::vector<SearchAxis> usual_axes(const Node& root, const std::vector<Assignment>& fixed);

}  // namespace windtunnel::scenarios
