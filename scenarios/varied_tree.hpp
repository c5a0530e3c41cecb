// An expanded scenario tree that is bound at one point after another: what sweeps and searches vary.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/bind_scenario.hpp"
#include "scenarios/expand.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/traces/read_trace.hpp"

namespace windtunnel::scenarios {

class VariedTree {
 public:
  // `file`: the scenario's own, relative to which it names others.
  explicit VariedTree(const std::string& file) : expander_(file, found_) {}
  VariedTree(const VariedTree&) = delete;
  VariedTree& operator=(const VariedTree&) = delete;

  // Takes the tree and expands it.
  void take(Node root);
  const Node& root() const { return root_; }
  // By --set and other flags: stand at every point, over what the point says.
  std::vector<Assignment>& fixed() { return fixed_; }

  // The tree with these values put in, outer paths before inner ones, so that `cluster` may be
  // replaced and `cluster.nodes` set in the replacement.
  Node varied(const std::vector<Assignment>& point);
  // The scenario there; nothing, with errors in found(), where it is none.
  std::optional<BoundScenario> bind(const std::vector<Assignment>& point);

  // What was found wrong since the last forget().
  base::Diagnostics& found() { return found_; }
  void forget() { found_ = base::Diagnostics{}; }

 private:
  Assignment rebased(Assignment assignment) const;

  base::Diagnostics found_;
  Expander expander_;
  Node written_;  // as taken
  Node root_;     // expanded
  std::vector<Assignment> fixed_;
  TraceShelf traces_;
};

}  // namespace windtunnel::scenarios
