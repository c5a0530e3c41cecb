// Double binary tree: two trees with half of the data each, a rank that is inside one being a leaf
// of the other, so that no port carries more than 2 S in all_reduce (that of a ring) and S in
// broadcast and reduce. Source: Sanders, Speck and Traeff 2009; NCCL 2.4.
#include "collectives/algorithms/algorithms.hpp"
#include "collectives/tree_shape.hpp"

namespace windtunnel::collectives {

void write_double_binary_tree(const ScheduleRequest& request, Schedule& schedule) {
  const std::int32_t channels = channels_used(request);
  for (std::int32_t c = 0; c < channels; ++c) {
    const Range slice = part({0, request.bytes}, channels, c, unit_of(request));
    const std::vector<RankTree> trees = double_tree(request, c);
    for (std::int64_t half = 0; half < 2; ++half) {
      write_tree_slice(request, trees[static_cast<std::size_t>(half)],
                       part(slice, 2, half, unit_of(request)), static_cast<std::uint8_t>(c),
                       schedule);
    }
  }
}

}  // namespace windtunnel::collectives
