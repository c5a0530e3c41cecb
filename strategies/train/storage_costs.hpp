// What a job's storage costs an iteration: samples that come in, checkpoints that go out.
//
// Model: a node reads and prepares its share of the batch, the slower of the two counts; a checkpoint is
// weights, master copy and optimizer states over the bandwidth of the storage. An asynchronous one stops
// the job only while every GPU copies its part to the host over PCIe.
#pragma once

#include "models/networks/network.hpp"
#include "sim/base/quantity.hpp"
#include "sim/platform/gpu.hpp"
#include "strategies/train/goodput.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

// Waiting for samples: `needed` before every step, or only what is longer than
// the step.
enum class LoadTiming { before_step, beside_step };
struct LoadingCost {
  base::Seconds needed{0};
  LoadTiming timing = LoadTiming::beside_step;
  // What a step that takes so long without it waits for samples.
  base::Seconds waited(base::Seconds step) const;
};

LoadingCost loading_cost(const TrainPlan& plan, const models::Network& network);

// Empty where the job writes none.
CheckpointCost checkpoint_cost(const TrainPlan& plan, const models::Network& network,
                               const sim::Gpu& gpu);

}  // namespace windtunnel::strategies
