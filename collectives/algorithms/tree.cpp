// One binary tree (see tree_shape.hpp), pipelined in chunks.
//
// all_reduce reduces up and broadcasts down at the same time on different chunks. An inner rank
// takes in two children's data and the result, so that a port carries 3 S: three halves of a ring's
// bytes, for 2 log2(n) messages of latency. broadcast and reduce move S, and 2 S through a port
// with two children.
#include "collectives/algorithms/algorithms.hpp"
#include "collectives/tree_shape.hpp"

namespace windtunnel::collectives {

void write_tree(const ScheduleRequest& request, Schedule& schedule) {
  const std::int32_t channels = channels_used(request);
  for (std::int32_t c = 0; c < channels; ++c) {
    const Range slice = part({0, request.bytes}, channels, c, unit_of(request));
    write_tree_slice(request, single_tree(request, c), slice, static_cast<std::uint8_t>(c),
                     schedule);
  }
}

}  // namespace windtunnel::collectives
