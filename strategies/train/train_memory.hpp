// Memory of each pipeline stage of a training job.
//
// Model, per device: weights, gradients and optimizer states of its parameters (bytes a parameter:
// optimizer_cost.hpp), each divided by the data ranks where ZeRO shards it; activations of the
// micro-batches that the schedule keeps in flight, plus, with full recomputation, those of one whole
// layer while it is computed again; workspace: weights gathered for the layer at work and the next
// (ZeRO-3), the library's scratch, buffers of communicators, the CUDA context; and what the caching
// allocator loses to fragmentation, a share of the activations.
// Sources: Rajbhandari et al. 2020 (arXiv 1910.02054); Korthikanti et al. 2022 (arXiv 2205.05198).
#pragma once

#include <vector>

#include "sim/base/quantity.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

struct StageMemory {
  base::Bytes weights{0}, gradients{0}, optimizer{0}, activations{0}, workspace{0};
  base::Bytes total() const { return weights + gradients + optimizer + activations + workspace; }
};

// What does not depend on the job; figures of the device and its libraries.
struct DeviceOverhead {
  base::Bytes context{0.6 * 1073741824.0};        // CUDA context and loaded kernels
  base::Bytes communicator{0.25 * 1073741824.0};  // NCCL's buffers of one communicator
  base::Bytes library{0.03 * 1073741824.0};       // cuBLAS workspace
  double fragmentation = 0.04;                    // of the activations
};

// By device of the pipeline.
std::vector<StageMemory> stage_memory(const TrainPlan& plan, const models::Network& network,
                                      const DeviceOverhead& overhead = {});

// Capacity less what is kept free: a device whose peak is above it runs out of memory sooner or
// later, because the peak moves from step to step.
base::Bytes usable_memory(const sim::Gpu& gpu);

}  // namespace windtunnel::strategies
