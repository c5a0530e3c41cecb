#include "strategies/train/host_memory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/unit_text.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;

constexpr double kBytesPerGpu = 256.0 * 1073741824.0;

}  // namespace

std::optional<NodeHostMemory> node_host_memory(const TrainPlan& plan,
                                               const std::vector<StageMemory>& stages) {
  const TrainStrategy& s = plan.job.strategy;
  const bool offloads =
      s.offload_optimizer == OffloadTarget::host || s.offload_activations == OffloadTarget::host;
  if (!offloads) return std::nullopt;
  NodeHostMemory out;
  const std::int64_t gpus = plan.layout.gpus_per_node();
  out.capacity =
      s.host_memory.value() > 0 ? s.host_memory : Bytes(kBytesPerGpu * static_cast<double>(gpus));
  for (std::int64_t first = 0; first < plan.gpus; first += gpus) {
    HostShare node;
    for (std::int64_t rank = first; rank < std::min(first + gpus, plan.gpus); ++rank) {
      const std::int64_t stage = plan.layout.coordinate(rank, ParallelDimension::pipeline);
      const HostShare& one = stages[static_cast<std::size_t>(stage)].host;
      node.optimizer += one.optimizer;
      node.activations += one.activations;
    }
    if (node.total() > out.taken.total()) out.taken = node;
  }
  return out;
}

std::string host_sentence(const NodeHostMemory& node) {
  return fmt::format(
      "a node needs {} of its {} of host memory for what its GPUs offload ({} optimizer states and "
      "gradients, {} activations); strategy.host_memory states another size, offload to nvme takes "
      "none of it",
      base::to_text(node.taken.total()), base::to_text(node.capacity),
      base::to_text(node.taken.optimizer), base::to_text(node.taken.activations));
}

}  // namespace windtunnel::strategies
