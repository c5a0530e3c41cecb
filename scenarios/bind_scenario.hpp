// From an expanded tree to a scenario of values: the last stages of loading, for one point of a
// sweep.
#pragma once

#include <optional>

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serve_inert.hpp"
#include "scenarios/traces/read_trace.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

struct BoundScenario {
  Scenario scenario;
  Node resolved;  // canonical, with every default
  std::vector<InertKey> inert{};
};

// Resolves, binds and checks. Nothing, with errors in `diagnostics`, where the tree is no scenario;
// throws NotBuilt for what this version cannot run.
std::optional<BoundScenario> bind_scenario(const Node& tree, TraceShelf& traces,
                                           base::Diagnostics& diagnostics);

// Throws NotBuilt where the workload's kind is one of the contract that is not built yet.
void refuse_unbuilt(const Node& root);

}  // namespace windtunnel::scenarios
