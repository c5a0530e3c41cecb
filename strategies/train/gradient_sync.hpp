// What data parallelism adds to an iteration: reducing gradients, sharded
// optimizer steps, gathering weights.
//
// Model: gradients of a stage's dense weights are reduced over data x context,
// those of its experts over the ranks that hold the same experts. Without ZeRO
// an all-reduce; with ZeRO 1 a reduce-scatter, and an all-gather of the updated
// weights after the step. Gradients travel in buckets, chunk by chunk in the
// order in which the chunks' last backward passes end, one after the other on a
// stream of its own, of gradient_bucket.hpp's size, and updated weights in as
// many. With overlap a chunk's buckets but the last (of the dense and of the
// expert weights one each) may go while that last pass runs, the last ones after
// it; where the chunk has the embedding, its table has the last gradient, which
// is in no smaller a bucket than itself:
//   t = max(t, begin of the pass) + early;   t = max(t, end of the pass) + last
// and what is exposed is t - end of the stage's passes; without overlap
// everything follows the passes. The computation beside them runs slower by the
// model's interference factor. Software whose sharded exchanges keep only so
// many NICs of a node busy (SoftwareStack::sharded_nics, n) takes at least
//   t = bytes between nodes of all GPUs of a node / (n x NIC bandwidth)
// for each of them. ZeRO 2 reduces after every backward pass, and
// the next pass waits for that; ZeRO 3 inside the passes (chunk_cost.hpp).
#pragma once

#include <vector>

#include "models/kernels/kernel_time_model.hpp"
#include "strategies/train/chunk_cost.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

struct SyncSite {
  const TrainPlan& plan;
  GroupClock& clock;
  const models::KernelTimeModel& kernels;
  const sim::Node node;
};

// Parameters of a chunk on one rank.
struct ChunkParameters {
  double dense = 0, expert = 0;
  double table = 0;  // of the dense: the embedding's, whose gradient comes last
};
struct SyncDevice {
  std::vector<ChunkParameters> chunks;
  base::Seconds forward{0};  // of one micro-batch over all chunks
  LinkShares links{};        // of the nodes that its stage is on

  ChunkParameters sum() const;
};

// One collective over the buffers of one group, cut in buckets.
struct Bucketed {
  base::Seconds total{0}, last{0};
  base::Bytes bytes{0};
  base::Bytes message{0};  // the largest
  base::Bytes far{0};      // sent between nodes by a rank
  double low = 1.0, high = 1.0;

  base::Seconds early() const { return total - last; }
};
struct ChunkReduction {
  Bucketed dense, expert;
  base::Bytes message() const { return base::max(dense.message, expert.message); }
  base::Seconds early() const { return dense.early() + expert.early(); }
  base::Seconds last() const { return dense.last + expert.last; }
};

enum class ReduceWhen { beside_passes, after_passes, every_pass };

struct GradientPlan {
  std::vector<ChunkReduction> chunks;  // by chunk of the device; empty with ZeRO 3
  ReduceWhen when = ReduceWhen::beside_passes;
  Bucketed weights_dense, weights_expert;  // gathered after the step
  double gather_exposed = 1.0;             // share of that which the next forward does not hide
  double slowdown = 1.0;                   // of what computes beside them

  base::Seconds gather() const {
    return (weights_dense.total + weights_expert.total) * gather_exposed;
  }
};
GradientPlan gradient_plan(const SyncDevice& device, const SyncSite& site);

// By chunk: the last pass of a device's order that adds to its gradients.
std::vector<std::size_t> last_gradient_passes(const std::vector<PipelineStep>& order,
                                              std::int32_t chunks);

struct GradientSync {
  base::Seconds reduce{0};       // exposed
  base::Seconds gather{0};       // exposed
  base::Seconds total{0};        // on the wire, hidden part included
  base::Seconds slowed{0};       // what computing beside them lost
  base::Bytes bytes{0};          // reduced by a rank
  double low = 1.0, high = 1.0;  // band of the exposed time, as factors
};
// `times` of the device's passes.
GradientSync gradient_sync(const GradientPlan& plan, const DeviceTimes& times);

// Optimizer step of a device: update of what it holds, unscaling, norm.
struct OptimizerTime {
  base::Seconds time{0}, low{0}, high{0};
};
// With states kept elsewhere: gradients go there, the host makes the step,
// weights come back; host memory and drives are shared by the GPUs of a node
// (kHostMemory, kDrives).
OptimizerTime optimizer_time(const SyncDevice& device, const SyncSite& site);

// Of one GPU to where it offloads, per direction; 0 for none.
base::BytesPerSecond offload_rate(OffloadTarget target, const sim::Node& node);

}  // namespace windtunnel::strategies
