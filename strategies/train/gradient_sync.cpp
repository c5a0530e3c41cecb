#include "strategies/train/gradient_sync.hpp"

#include <algorithm>
#include <cmath>

#include "strategies/train/optimizer_cost.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;
using collectives::Op;

struct Groups {
  GroupShape dense, expert;
};

Groups groups_of(const RankLayout& layout) {
  return {layout.shape(layout.gradient_group(0)), layout.shape(layout.expert_data_group(0))};
}

// One op over `bytes`, cut in buckets of at most `bucket`.
struct Bucketed {
  Seconds total{0}, last{0};
  double low = 1.0, high = 1.0;
};

Bucketed bucketed(Op op, Bytes bytes, Bytes bucket, const GroupShape& group, GroupClock& clock) {
  if (group.ranks <= 1 || bytes.value() <= 0) return {};
  const double buckets = bucket.value() > 0 ? std::max(1.0, std::ceil(bytes / bucket)) : 1.0;
  const CommunicationTime one = clock.collective(op, bytes / buckets, group);
  if (one.time.value() <= 0) return {};
  return {.total = one.time * buckets,
          .last = one.time,
          .low = one.low / one.time,
          .high = one.high / one.time};
}

// Of a node, all GPUs together: two sockets of DDR5-4800 with eight channels, and four drives of
// PCIe generation 4.
constexpr double kHostMemory = 500e9;
constexpr double kDrives = 24e9;

Seconds exposed(const Bucketed& sent, Seconds window) {
  return base::max(sent.last, sent.total - window);
}

}  // namespace

GradientSync gradient_sync(const SyncDevice& device, const SyncSite& site) {
  const TrainStrategy& s = site.plan.job.strategy;
  GradientSync out;
  if (s.zero == ZeroLevel::weights) return out;
  const Groups groups = groups_of(site.plan.layout);
  const BytesPerParameter each = bytes_per_parameter(
      site.plan.job.workload.optimizer, site.plan.job.workload.precision, s.gradient_precision);
  const bool sharded = s.zero != ZeroLevel::none;
  const Op op = sharded ? Op::reduce_scatter : Op::all_reduce;
  // Without overlap the whole buffer goes at once.
  const Bytes bucket = s.overlap.data ? s.bucket : Bytes(0);
  const double rounds =
      s.zero == ZeroLevel::gradients ? static_cast<double>(site.plan.micro_batches) : 1.0;
  const Bytes dense_bytes(device.dense * each.gradient),
      expert_bytes(device.expert * each.gradient);
  const Bucketed dense = bucketed(op, dense_bytes, bucket, groups.dense, site.clock);
  const Bucketed expert = bucketed(op, expert_bytes, bucket, groups.expert, site.clock);
  const Bucketed both{dense.total + expert.total, base::max(dense.last, expert.last),
                      std::min(dense.low, expert.low), std::max(dense.high, expert.high)};
  out.total = both.total * rounds;
  out.bytes = (dense_bytes + expert_bytes) * rounds;
  out.low = both.low;
  out.high = both.high;
  out.reduce = s.overlap.data ? exposed(both, device.backward) * rounds : out.total;
  if (sharded) {
    const Bucketed weights = bucketed(Op::all_gather, Bytes(device.dense * each.weight), bucket,
                                      groups.dense, site.clock);
    const Bucketed experts = bucketed(Op::all_gather, Bytes(device.expert * each.weight), bucket,
                                      groups.expert, site.clock);
    const Bucketed all{weights.total + experts.total, base::max(weights.last, experts.last)};
    const bool hidden = s.overlap.data && site.plan.stack.gather == WeightGather::overlapped;
    out.gather = hidden ? exposed(all, device.forward) : all.total;
    out.total += all.total;
  }
  const Seconds beside = base::max(out.total - out.reduce - out.gather, Seconds(0));
  const double slowdown =
      site.kernels.slowdown({models::KernelClass::gemm, models::Background::collective});
  out.slowed = beside * (slowdown - 1.0);
  return out;
}

StepTime optimizer_time(const SyncDevice& device, const SyncSite& site) {
  const TrainStrategy& s = site.plan.job.strategy;
  const auto dense_ranks = static_cast<double>(s.sizes.data * s.sizes.context);
  const double expert_ranks = static_cast<double>(s.sizes.tensor) * dense_ranks /
                              static_cast<double>(s.sizes.expert * s.sizes.expert_tensor);
  const bool sharded = s.zero != ZeroLevel::none;
  const double held = sharded ? device.dense / dense_ranks + device.expert / expert_ranks
                              : device.dense + device.expert;
  const OptimizerStep step = optimizer_step(held, site.plan.job.workload.optimizer,
                                            site.plan.job.workload.precision, s.gradient_precision);
  if (s.offload_optimizer != OffloadTarget::none) {
    const BytesPerParameter each = bytes_per_parameter(
        site.plan.job.workload.optimizer, site.plan.job.workload.precision, s.gradient_precision);
    const auto sharers = static_cast<double>(site.node.gpus);
    const base::BytesPerSecond rate = offload_rate(s.offload_optimizer, site.node);
    const Seconds moving = Bytes(held * (each.gradient + each.weight)) / rate;
    const double store = s.offload_optimizer == OffloadTarget::host ? kHostMemory : kDrives;
    const Seconds stepping = step.update / base::BytesPerSecond(store / sharers);
    const Seconds time = moving + stepping;
    return {.time = time, .low = time * 0.5, .high = time * 2.0};
  }
  StepTime out;
  for (const Bytes bytes : {step.update, step.scaling, step.norm}) {
    if (bytes.value() <= 0) continue;
    const models::KernelTime time =
        site.kernels.time(models::MemoryQuery{.op = models::MemoryOp::optimizer, .bytes = bytes});
    out.time += time.time;
    out.low += time.low;
    out.high += time.high;
  }
  return out;
}

base::BytesPerSecond offload_rate(OffloadTarget target, const sim::Node& node) {
  switch (target) {
    case OffloadTarget::none:
      return base::BytesPerSecond(0);
    case OffloadTarget::host:
      return node.gpu.pcie_bandwidth;
    case OffloadTarget::nvme:
      return base::min(node.gpu.pcie_bandwidth, base::BytesPerSecond(kDrives / node.gpus));
  }
  return base::BytesPerSecond(0);
}

}  // namespace windtunnel::strategies
