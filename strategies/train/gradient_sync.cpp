#include "strategies/train/gradient_sync.hpp"

#include <algorithm>
#include <cmath>

#include "strategies/train/optimizer_cost.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;
using collectives::Op;

// Who shares gradients: one block of shards, and those that hold copies of a shard.
struct Groups {
  GroupShape dense, expert, dense_copies, expert_copies;
};

Groups groups_of(const TrainPlan& plan, const LinkShares& links) {
  const RankLayout& layout = plan.layout;
  const TrainStrategy& s = plan.job.strategy;
  const auto dense = layout.gradient_group(0), expert = layout.expert_data_group(0);
  Groups out{layout.shape(dense), layout.shape(expert), {}, {}};
  if (s.zero != ZeroLevel::none) {
    out = {layout.shape(RankLayout::shard_block(dense, s.dense_shards())),
           layout.shape(RankLayout::shard_block(expert, s.expert_shards())),
           layout.shape(RankLayout::shard_copies(dense, s.dense_shards())),
           layout.shape(RankLayout::shard_copies(expert, s.expert_shards()))};
  }
  for (GroupShape* one : {&out.dense, &out.expert, &out.dense_copies, &out.expert_copies}) {
    one->links = links;
  }
  return out;
}

// What one op moves, in messages of at most `bucket`, but for a tensor at the end that is larger.
struct Cut {
  Bytes bytes, bucket, tail;
  Cut operator*(double share) const { return {bytes * share, bucket * share, tail * share}; }
};
Bucketed bucketed(Op op, const Cut& cut, const GroupShape& group, GroupClock& clock) {
  if (group.ranks <= 1 || cut.bytes.value() <= 0) return {};
  const Bytes tail = cut.tail > cut.bucket ? base::min(cut.tail, cut.bytes) : Bytes(0);
  const Bytes rest = cut.bytes - tail;
  const double buckets =
      rest.value() > 0 ? std::max(1.0, std::ceil(rest.value() / cut.bucket.value())) : 0.0;
  const Bytes each = buckets > 0 ? rest / buckets : Bytes(0);
  const CommunicationTime one = clock.collective(op, each, group);
  const CommunicationTime last = tail.value() > 0 ? clock.collective(op, tail, group) : one;
  if (last.time.value() <= 0) return {};
  const double equal = tail.value() > 0 ? buckets : buckets - 1.0;
  return {.total = one.time * equal + last.time,
          .last = last.time,
          .bytes = cut.bytes,
          .message = base::max(each, tail),
          .far = one.far * equal + last.far,
          .low = last.low / last.time,
          .high = last.high / last.time};
}

// No faster than what the node's GPUs together send through so many of its NICs; 0: all of them.
void bound_by_nics(double nics, const SyncSite& site, Bucketed& sent) {
  if (nics <= 0.0 || sent.far.value() <= 0) return;
  const Seconds least =
      sent.far * static_cast<double>(site.node.gpus) / (site.clock.nic_rate() * nics);
  if (least <= sent.total) return;
  sent.last *= least / sent.total;
  sent.total = least;
}

// Hybrid sharding: after the block of shards, those who hold copies of a shard add theirs up.
struct Sharing {
  const GroupShape& block;
  const GroupShape& copies;
};
Bucketed reduced(Op op, const Cut& cut, const Sharing& among, GroupClock& clock) {
  Bucketed shards = bucketed(op, cut, among.block, clock);
  const auto part = 1.0 / static_cast<double>(among.block.ranks);
  const Bucketed more = bucketed(Op::all_reduce, cut * part, among.copies, clock);
  if (shards.total.value() <= 0) return more;
  if (more.total.value() <= 0) return shards;
  shards.total += more.total;
  shards.last += more.last;
  shards.far += more.far;
  shards.low = std::min(shards.low, more.low);
  shards.high = std::max(shards.high, more.high);
  return shards;
}

// Of a node, all GPUs together: two sockets of DDR5-4800 with eight channels,
// and four drives of PCIe generation 4.
constexpr double kHostMemory = 500e9;
constexpr double kDrives = 24e9;

ReduceWhen when_reduced(const TrainStrategy& s) {
  if (s.zero == ZeroLevel::gradients) return ReduceWhen::every_pass;
  return s.overlap.data ? ReduceWhen::beside_passes : ReduceWhen::after_passes;
}

// From the beginning of a pass that fills the buckets: what is left of sending
// them after its end.
Seconds left_after(const ChunkReduction& sent, const PassSpan& pass) {
  return base::max(sent.last(), sent.early() + sent.last() - (pass.end - pass.begin));
}

Seconds exposed_reduction(const GradientPlan& plan, const DeviceTimes& times) {
  Seconds exposed{0};
  if (plan.when == ReduceWhen::every_pass) {
    for (const PassSpan& pass : times.spans) {
      if (!adds_gradients(pass.step.pass)) continue;
      exposed += left_after(plan.chunks[static_cast<std::size_t>(gradient_chunk(pass.step))], pass);
    }
    return exposed;
  }
  std::vector<const PassSpan*> last(plan.chunks.size(), nullptr);
  std::size_t open = last.size();
  for (auto pass = times.spans.rbegin(); open > 0 && pass != times.spans.rend(); ++pass) {
    if (!adds_gradients(pass->step.pass)) continue;
    const PassSpan*& of_chunk = last[static_cast<std::size_t>(gradient_chunk(pass->step))];
    if (of_chunk != nullptr) continue;
    of_chunk = &*pass;
    --open;
  }
  std::sort(last.begin(), last.end(),
            [](const PassSpan* a, const PassSpan* b) { return a->end < b->end; });
  Seconds free{0};
  for (const PassSpan* pass : last) {
    const ChunkReduction& sent = plan.chunks[static_cast<std::size_t>(gradient_chunk(pass->step))];
    const bool beside = plan.when == ReduceWhen::beside_passes;
    free = base::max(free, beside ? pass->begin : times.last_end) + sent.early();
    free = base::max(free, beside ? pass->end : times.last_end) + sent.last();
  }
  return base::max(free - times.last_end, Seconds(0));
}

// Rounds: how often the gradients of a chunk are reduced in an iteration.
double rounds_of(const GradientPlan& plan, const DeviceTimes& times) {
  if (plan.when != ReduceWhen::every_pass) return 1.0;
  const auto passes = std::count_if(times.spans.begin(), times.spans.end(),
                                    [](const PassSpan& s) { return adds_gradients(s.step.pass); });
  return static_cast<double>(passes) / static_cast<double>(plan.chunks.size());
}

}  // namespace

ChunkParameters SyncDevice::sum() const {
  ChunkParameters all;
  for (const ChunkParameters& one : chunks) {
    all.dense += one.dense;
    all.expert += one.expert;
    all.table += one.table;
  }
  return all;
}

std::vector<std::size_t> last_gradient_passes(const std::vector<PipelineStep>& order,
                                              std::int32_t chunks) {
  std::vector<std::size_t> last(static_cast<std::size_t>(chunks), 0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (adds_gradients(order[i].pass)) {
      last[static_cast<std::size_t>(gradient_chunk(order[i]))] = i;
    }
  }
  return last;
}

GradientPlan gradient_plan(const SyncDevice& device, const SyncSite& site) {
  const TrainStrategy& s = site.plan.job.strategy;
  GradientPlan out;
  if (s.zero == ZeroLevel::weights) return out;
  const Groups groups = groups_of(site.plan, device.links);
  const BytesPerParameter each = bytes_per_parameter(
      site.plan.job.workload.optimizer, site.plan.job.workload.precision, s.gradient_precision);
  const bool sharded = s.zero != ZeroLevel::none;
  const Op op = sharded ? Op::reduce_scatter : Op::all_reduce;
  const Bytes bucket = site.plan.bucket;
  out.when = when_reduced(s);
  for (const ChunkParameters& chunk : device.chunks) {
    const Cut dense{Bytes(chunk.dense * each.gradient), bucket, Bytes(chunk.table * each.gradient)};
    const Cut expert{Bytes(chunk.expert * each.gradient), bucket, Bytes(0)};
    out.chunks.push_back({reduced(op, dense, {groups.dense, groups.dense_copies}, site.clock),
                          reduced(op, expert, {groups.expert, groups.expert_copies}, site.clock)});
  }
  if (sharded) {
    const double nics = site.plan.stack.sharded_nics;
    for (ChunkReduction& chunk : out.chunks) {
      bound_by_nics(nics, site, chunk.dense);
      bound_by_nics(nics, site, chunk.expert);
    }
    const ChunkParameters all = device.sum();
    // The same weights as the gradients' messages.
    const Bytes gathered = bucket * (each.weight / each.gradient);
    out.weights_dense = bucketed(
        Op::all_gather, {Bytes(all.dense * each.weight), gathered, Bytes(all.table * each.weight)},
        groups.dense, site.clock);
    out.weights_expert =
        bucketed(Op::all_gather, {Bytes(all.expert * each.weight), gathered, Bytes(0)},
                 groups.expert, site.clock);
    bound_by_nics(nics, site, out.weights_dense);
    bound_by_nics(nics, site, out.weights_expert);
    const Seconds total = out.weights_dense.total + out.weights_expert.total;
    const Seconds last = out.weights_dense.last + out.weights_expert.last;
    const bool hidden = s.overlap.data && site.plan.stack.gather == WeightGather::overlapped;
    if (hidden && total.value() > 0) {
      out.gather_exposed = base::max(last, total - device.forward) / total;
    }
  }
  out.slowdown = site.kernels.slowdown({models::KernelClass::gemm, models::Background::collective});
  return out;
}

GradientSync gradient_sync(const GradientPlan& plan, const DeviceTimes& times) {
  GradientSync out;
  if (plan.chunks.empty()) return out;
  out.low = plan.chunks.front().dense.low;
  out.high = plan.chunks.front().dense.high;
  for (const ChunkReduction& chunk : plan.chunks) {
    out.total += chunk.early() + chunk.last();
    out.bytes += chunk.dense.bytes + chunk.expert.bytes;
    out.low = std::min({out.low, chunk.dense.low, chunk.expert.low});
    out.high = std::max({out.high, chunk.dense.high, chunk.expert.high});
  }
  out.total *= rounds_of(plan, times);
  out.bytes *= rounds_of(plan, times);
  out.reduce = exposed_reduction(plan, times);
  out.gather = plan.gather();
  out.total += plan.weights_dense.total + plan.weights_expert.total;
  const Seconds beside = base::max(out.total - out.reduce - out.gather, Seconds(0));
  out.slowed = beside * (plan.slowdown - 1.0);
  return out;
}

OptimizerTime optimizer_time(const SyncDevice& device, const SyncSite& site) {
  const TrainStrategy& s = site.plan.job.strategy;
  const auto dense_ranks = static_cast<double>(s.dense_shards());
  const auto expert_ranks = static_cast<double>(s.expert_shards());
  const bool sharded = s.zero != ZeroLevel::none;
  const ChunkParameters all = device.sum();
  const double held =
      sharded ? all.dense / dense_ranks + all.expert / expert_ranks : all.dense + all.expert;
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
  OptimizerTime out;
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
