// Memory of each pipeline stage of a training job.
//
// Model, per device, at its worst moment:
//   weights, gradients, optimizer states of its parameters (bytes a parameter: optimizer_cost.hpp),
//     each divided by the data ranks where ZeRO shards it, and the framework's copies of them
//   activations: of the micro-batches that the schedule keeps in flight; with full recomputation,
//     those of one whole layer besides while it is computed again
//   scratch: weights gathered for the layer at work and the next and the gradient on its way to its
//     owners (ZeRO-3), the loss, buckets, placeholders, gathered sequences, library workspaces
//   outside: the CUDA context, buffers of communicators
// What a framework keeps beside what the layers need: memory_conventions.hpp. Four totals of them:
//   allocated = all but `outside`: what the allocator has handed out (max_memory_allocated)
//   reserved  = and the free blocks it holds (max_memory_reserved), copies of the optimizer's step
//               among them; never above the device, as blocks are given back before it runs out
//   used      = reserved and `outside`: what the device reports (nvidia-smi)
//   total     = allocated, what is lost to fragmentation for good, and `outside`: decides whether
//               the job fits
//   wanted    = total and the free blocks: what the device would report if it had room for all of it;
//               decides whether the job is at the limit (memory_facts.hpp)
// Sources: Rajbhandari et al. 2020 (arXiv 1910.02054); Korthikanti et al. 2022 (arXiv 2205.05198).
#pragma once

#include <vector>

#include "sim/base/quantity.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

// Of a rank, offloaded to its node's memory.
struct HostShare {
  base::Bytes optimizer{0}, activations{0};
  base::Bytes total() const { return optimizer + activations; }
};

struct StageMemory {
  base::Bytes weights{0}, gradients{0}, optimizer{0}, activations{0};
  base::Bytes workspace{0};            // scratch, outside, and what fragmentation loses for good
  base::Bytes scratch{0}, outside{0};  // of the workspace
  base::Bytes held{0};                 // free blocks that the allocator keeps while there is room
  HostShare host{};                    // not of the device

  base::Bytes total() const { return weights + gradients + optimizer + activations + workspace; }
  base::Bytes allocated() const { return weights + gradients + optimizer + activations + scratch; }
  base::Bytes wanted() const { return total() + held; }
  base::Bytes used(base::Bytes capacity) const { return base::min(wanted(), capacity); }
  base::Bytes reserved(base::Bytes capacity) const {
    return base::max(used(capacity) - outside, base::Bytes(0));
  }
};

// By device of the pipeline.
std::vector<StageMemory> stage_memory(const TrainPlan& plan, const models::Network& network);

// What the layers of a device hold from pass to pass, embedding and head left out, as the formulas of
// Korthikanti et al. count it: bytes a parameter x 12 L h^2 / (t p), and of activations the formula
// of a layer (activation_memory.hpp) x L / p x the micro-batches in flight, which of an interleaved
// first stage are p (1 + (p - 1) / (p v)). What is held only while a layer is computed again is no
// part of it.
struct LayersMemory {
  base::Bytes states{0};       // weights, gradients, optimizer states
  base::Bytes activations{0};  // kept, at most
};
LayersMemory layers_memory(const TrainPlan& plan, const models::Network& network,
                           std::int32_t device);

// Capacity less what the driver keeps for itself.
base::Bytes usable_memory(const sim::Gpu& gpu);

}  // namespace windtunnel::strategies
