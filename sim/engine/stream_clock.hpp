// When each stream of each endpoint is next free: work on a stream is served in the order it is
// asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "sim/platform/network.hpp"

namespace windtunnel::sim {

class StreamClock {
 public:
  // Appends `duration` (s) of work that is ready at `now` (s); returns when it ends.
  double append(EndpointId device, int stream, double now, double duration) {
    const auto key =
        (static_cast<std::uint64_t>(static_cast<std::uint32_t>(device.index())) << 32) |
        static_cast<std::uint32_t>(stream);
    double& free_at = free_at_[key];
    free_at = std::max(free_at, now) + duration;
    return free_at;
  }

 private:
  std::unordered_map<std::uint64_t, double> free_at_;
};

}  // namespace windtunnel::sim
