// Host memory that offloading takes: of every rank the optimizer states it owns with the gradients
// they wait for, and the activations of its offloaded layers, at most at a time; of a node the sum over
// its ranks. What goes on to drives counts nothing.
// Room of a node: strategy.host_memory; where that is open 256 GiB a GPU, the 2 TiB that DGX H100 and
// the larger DGX A100 have for eight (data sheets).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/quantity.hpp"
#include "strategies/train/train_memory.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

struct NodeHostMemory {
  HostShare taken{};        // of the node that takes most
  base::Bytes capacity{0};  // of a node
  bool fits() const { return taken.total() <= capacity; }
};
// Nothing where a plan offloads nothing to the host. Pre: `stages` is stage_memory(plan, ...).
std::optional<NodeHostMemory> node_host_memory(const TrainPlan& plan,
                                               const std::vector<StageMemory>& stages);
// Why it does not fit.
std::string host_sentence(const NodeHostMemory& node);

}  // namespace windtunnel::strategies
