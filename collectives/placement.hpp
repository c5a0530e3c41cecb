// A group of ranks on a network: its scale-up domains and the reducing switches above it, as
// algorithms want them in a ScheduleRequest.
#pragma once

#include <span>
#include <vector>

#include "collectives/request.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::collectives {

struct Placement {
  std::vector<std::int32_t> domain;        // by rank
  std::vector<ReducingNode> switches;      // those with a rank below them
  std::vector<sim::EndpointId> endpoints;  // by participant: ranks, then switches
};

// Ranks are in one domain where the route between them passes no NIC and no fabric: GPUs of a node,
// or of an NVLink domain that is larger or smaller than a node.
Placement place(const sim::Network& network, std::span<const sim::EndpointId> ranks);

// `request` with this layout and these switches.
ScheduleRequest placed(ScheduleRequest request, const Placement& placement);

}  // namespace windtunnel::collectives
