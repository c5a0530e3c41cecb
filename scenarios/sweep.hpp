// `sweep:` and `--set`: what a scenario is varied by, and the points that gives.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scenarios/document/node.hpp"
#include "scenarios/path.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// No sweep may have more points than this.
inline constexpr std::size_t kMostPoints = 10000;

struct Assignment {
  Path path;
  std::string written;  // the path as the user spelled it
  Node value;
};

// Values that move together: row i sets paths[j] to rows[i][j].
struct Axis {
  std::vector<Path> paths;
  std::vector<std::string> written;
  std::vector<std::vector<Node>> rows;
};

// "path.to.field=VALUE" for each of `sets`, VALUE being YAML. Errors are placed at `--set
// path=VALUE`.
std::vector<Assignment> parse_sets(const std::vector<std::string>& sets, const Node& root,
                                   base::Diagnostics& diagnostics);

// What messages call a mapping of axes, and the points it may have.
struct AxisRules {
  std::string_view called = "sweep";
  double most_points = kMostPoints;
};

// The axes of a `sweep` mapping, without paths that `fixed` sets.
std::vector<Axis> parse_sweep(const Node& sweep, const Node& root,
                              const std::vector<Assignment>& fixed, base::Diagnostics& diagnostics,
                              const AxisRules& rules = {});

// The cartesian product of the axes, the first the slowest; one empty point where there is none.
std::vector<std::vector<Assignment>> points_of(const std::vector<Axis>& axes);

// The axes as a `sweep` mapping again.
Node sweep_node(const std::vector<Axis>& axes);

}  // namespace windtunnel::scenarios
