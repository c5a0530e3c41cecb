// Who follows whom: ranks in the order of a ring, and the ranks of each scale-up domain.
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/request.hpp"

namespace windtunnel::collectives {

// Ranks by domain, domains in the order of their first rank; without a layout each rank is its own
// domain.
std::vector<std::vector<std::int32_t>> domains_of(const ScheduleRequest& request);

// The ring of a channel. Domains follow each other; inside one the order is rotated by the channel,
// and where all domains have the same size every other domain is walked backwards, so that a ring
// leaves a node where it enters the next one (on the same rail), as NCCL's rings do.
std::vector<std::int32_t> ring_order(const ScheduleRequest& request, std::int32_t channel);

}  // namespace windtunnel::collectives
