// What data parallelism adds to an iteration: reducing gradients, sharded optimizer steps, gathering
// weights.
//
// Model: gradients of a stage's dense weights are reduced over data x context, those of its experts
// over the ranks that hold the same experts. Without ZeRO an all-reduce; with ZeRO 1 a
// reduce-scatter, and an all-gather of the updated weights after the step. Gradients travel in
// buckets: with overlap the first ones start while the last micro-batch still runs backward, so
// that what is exposed is at least the last bucket and at least what exceeds that window; the
// computation beside them runs slower by the model's interference factor. ZeRO 2 and 3 reduce after
// every micro-batch (ZeRO 3 inside the passes, chunk_cost.hpp).
#pragma once

#include "models/kernels/kernel_time_model.hpp"
#include "strategies/train/chunk_cost.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

struct GradientSync {
  base::Seconds reduce{0};       // exposed
  base::Seconds gather{0};       // exposed
  base::Seconds total{0};        // on the wire, hidden part included
  base::Seconds slowed{0};       // what computing beside them lost
  base::Bytes bytes{0};          // reduced by a rank
  double low = 1.0, high = 1.0;  // band of the exposed time, as factors
};

struct SyncSite {
  const TrainPlan& plan;
  GroupClock& clock;
  const models::KernelTimeModel& kernels;
  const sim::Node node;
};

// `dense`, `expert`: parameters of the device; `backward`: its last micro-batch's backward time;
// `forward`: its first's forward.
struct SyncDevice {
  double dense = 0, expert = 0;
  base::Seconds backward{0}, forward{0};
};
GradientSync gradient_sync(const SyncDevice& device, const SyncSite& site);

// Optimizer step of a device: update of what it holds, unscaling, norm.
struct StepTime {
  base::Seconds time{0}, low{0}, high{0};
};
// With states kept elsewhere: gradients go there, the host makes the step, weights come back; host
// memory and drives are shared by the GPUs of a node (kHostMemory, kDrives).
StepTime optimizer_time(const SyncDevice& device, const SyncSite& site);

// Of one GPU to where it offloads, per direction; 0 for none.
base::BytesPerSecond offload_rate(OffloadTarget target, const sim::Node& node);

}  // namespace windtunnel::strategies
