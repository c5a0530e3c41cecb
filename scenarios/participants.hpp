// Who takes part in a collective: `ranks` and `groups` of a workload as GPU indices of its cluster.
#pragma once

#include "scenarios/document/node.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/platform/cluster.hpp"
#include "strategies/collective/workload.hpp"

namespace windtunnel::scenarios {

// Sets `groups` of the workload from a resolved `workload` mapping, and checks what needs both the
// workload and the cluster: indices in range, no GPU twice, the root in every group, algorithms
// that the op has.
void place_participants(const Node& workload, const sim::Cluster& cluster,
                        strategies::CollectiveWorkload& out, base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
