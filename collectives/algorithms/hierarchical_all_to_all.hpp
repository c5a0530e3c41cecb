// all_to_all over two levels: blocks for another domain first go to the owner of the destination's
// lane in one's own domain (over NVLink), cross between domains on that lane in one message a pair
// of owners, and are handed on where the owner is not the destination (rail-aligned, NCCL's PXN).
// Blocks inside a domain go directly. A NIC then carries messages n/N times larger, and never
// crosses rails.
#pragma once

#include "collectives/request.hpp"
#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

void write_hierarchical_all_to_all(const ScheduleRequest& request, Schedule& schedule);

}  // namespace windtunnel::collectives
