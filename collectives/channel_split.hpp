// Channels for algorithms without rings or trees of their own: every message is carried by as many
// parallel connections, each a part of its bytes, and what waited for the message waits for all of
// them.
#pragma once

#include <cstdint>

#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

// Local messages stay whole; so do those with less than a unit a channel, on fewer channels.
Schedule split_over_channels(const Schedule& schedule, std::int32_t channels, std::int64_t unit);

}  // namespace windtunnel::collectives
