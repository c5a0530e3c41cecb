// A mix of jobs from its resolved tree: each job's values, its part of the cluster, and that no GPU
// belongs to two.
#pragma once

#include <optional>

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/traces/read_trace.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// The tree as it was given, to know what the user said, and as it was resolved.
struct MixTrees {
  const Node& given;
  const Node& resolved;
};

// Nothing, with errors at their places, where it is no scenario.
std::optional<MixScenario> bind_mix(const MixTrees& trees, const sim::ValidCluster& cluster,
                                    TraceShelf& traces, base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
