#include "strategies/train/pass_cost.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>
#include <variant>

#include "models/gpu_library.hpp"
#include "models/kernels/gemm_alignment.hpp"
#include "models/kernels/power_limit.hpp"
#include "models/networks/exchanges.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using models::ExchangeGroup;
using models::ExchangeKind;

template <class Query>
constexpr std::optional<KernelKind> kKindOf = std::nullopt;
template <>
constexpr std::optional<KernelKind> kKindOf<models::GemmQuery> = KernelKind::gemm;
template <>
constexpr std::optional<KernelKind> kKindOf<models::AttentionQuery> = KernelKind::attention;
template <>
constexpr std::optional<KernelKind> kKindOf<models::MoeQuery> = KernelKind::moe;
template <>
constexpr std::optional<KernelKind> kKindOf<models::MemoryQuery> = KernelKind::memory;

// What the stack's attention kernels take at least.
Seconds least_attention(const models::AttentionQuery& query, const PassSite& site) {
  const base::FlopsPerSecond peak = models::peak_of(site.gpu, "fp16");
  if (query.kernel != models::AttentionKernel::fused || peak.value() <= 0) return Seconds(0);
  const auto direction = query.phase == models::AttentionPhase::backward
                             ? AttentionDirection::backward
                             : AttentionDirection::forward;
  return models::flops(query) /
         (peak * attention_ceiling(site.stack.attention, direction, site.gpu.architecture));
}

// The least time of a kernel's products: within the power limit, and where they lie badly.
template <class Query>
Seconds least_time(const Query& query, const PassSite& site, Seconds alone) {
  Seconds least{0};
  if constexpr (requires { query.format; }) {
    least = models::sustained_time(site.gpu, query.format, models::flops(query), alone);
  }
  if constexpr (std::is_same_v<Query, models::AttentionQuery>) {
    least = base::max(least, least_attention(query, site));
  }
  if constexpr (std::is_same_v<Query, models::GemmQuery>) {
    least = base::max(least, models::unaligned_time(site.gpu, query));
  }
  return least;
}

Seconds sums_time(const models::GemmQuery& query, models::Pass pass, const PassSite& site) {
  if (pass != models::Pass::weight_gradient) return Seconds(0);
  const double weights = static_cast<double>(query.m) * static_cast<double>(query.n) *
                         static_cast<double>(query.groups);
  constexpr double kShare = 0.85;
  return base::Bytes(weights * site.stack.accumulated_bytes) / (site.gpu.memory_bandwidth * kShare);
}

// What the stack adds to a product: sums of gradients, kernels of single experts.
double stack_factor(const models::GemmQuery& query, models::Pass pass, Seconds product,
                    const PassSite& site) {
  constexpr double kBlend = 1.5;
  const double share = sums_time(query, pass, site) / product;
  const double summed = std::pow(1.0 + std::pow(share, kBlend), 1.0 / kBlend);
  const double kernels = query.format == models::NumberFormat::nvfp4    ? 4.0
                         : models::activation_bytes(query.format) < 2.0 ? 2.0
                                                                        : 1.0;
  const double starts = query.groups > 1 ? kernels * static_cast<double>(query.groups) : 0.0;
  return summed + site.stack.expert_start * starts / product;
}

// How far a rate that power allows may be off, 90 %.
constexpr double kPowerBand = 0.1;
// The same as a factor where the kernels are stand-ins: the least band of their data sheet's model.
constexpr double kStandInBand = 1.35;

models::KernelTime scaled(models::KernelTime time, double factor) {
  time.time *= factor;
  time.low *= factor;
  time.high *= factor;
  return time;
}

// A kernel that takes at least `least`: of products what power allows, which is known better than what
// the kernel could do where the GPU is no stranger; of attention what its generation reaches.
template <class Query>
models::KernelTime at_least(models::KernelTime time, Seconds least) {
  if (time.time >= least) return time;
  const bool foreign = time.high > time.time * kForeignBand;
  if (foreign || !std::is_same_v<Query, models::GemmQuery>) return scaled(time, least / time.time);
  const bool measured = time.basis != models::Basis::roofline;
  time.time = least;
  time.low = base::max(time.low, least * (measured ? 1.0 - kPowerBand : 1.0 / kStandInBand));
  time.high = base::max(time.high, least * (measured ? 1.0 + kPowerBand : kStandInBand));
  return time;
}

// How much longer a permutation of rows takes than a copy of as many bytes.
constexpr double kPermutation = 0.88 / 0.5;

// Permutations are the memory-bound ops that experts divide.
bool permutes(const models::Op& op) {
  return op.split == models::TensorSplit::experts &&
         std::holds_alternative<models::MemoryWork>(op.work);
}

void add_kernel(const models::Kernel& kernel, models::Pass pass, const PassSite& site,
                std::optional<KernelKind> kind_of_op, PassCost& out) {
  const auto count = static_cast<double>(kernel.count);
  std::visit(
      [&](const auto& query) {
        using Query = std::decay_t<decltype(query)>;
        const models::KernelTime alone = site.kernels.time(query);
        models::KernelTime time = at_least<Query>(alone, least_time(query, site, alone.time));
        if constexpr (std::is_same_v<Query, models::GemmQuery>) {
          time = scaled(time, stack_factor(query, pass, time.time, site));
        }
        const KernelKind kind = kind_of_op.value_or(kKindOf<Query>.value_or(KernelKind::memory));
        out.kernels[static_cast<std::size_t>(kind)].add(time.time, time.low, time.high, count);
        out.by_basis[static_cast<std::size_t>(time.basis)] += time.time * count;
        if (time.extrapolated) out.extrapolated += time.time * count;
      },
      kernel.query);
  out.launches += kernel.count;
}

collectives::Op op_of(ExchangeKind kind) {
  switch (kind) {
    case ExchangeKind::all_reduce:
      return collectives::Op::all_reduce;
    case ExchangeKind::all_gather:
      return collectives::Op::all_gather;
    case ExchangeKind::reduce_scatter:
      return collectives::Op::reduce_scatter;
    case ExchangeKind::all_to_all:
      return collectives::Op::all_to_all;
    case ExchangeKind::ring:
      return collectives::Op::send_recv;
  }
  return collectives::Op::send_recv;
}

void scale(Interval& interval, double factor) {
  interval.time *= factor;
  interval.low *= factor;
  interval.high *= factor;
  interval.far *= factor;
}

// What travels to experts: each token so often, in rows of so many bytes.
struct Routed {
  std::int64_t copies = 1;
  base::Bytes row{0};
};

Routed routed_of(const models::Op& op, const models::LoweringOptions& options) {
  const auto* experts = std::get_if<models::MoeWork>(&op.work);
  if (experts == nullptr) return {};
  const double elements = static_cast<double>(experts->hidden);
  return {.copies = experts->top_k,
          .row = base::Bytes(elements * models::element_bytes(options.formats))};
}

// A dispatcher handles tokens one by one: within an NVLink domain a shorter row takes as long as one of
// 4 KiB (3 to 5; a benchmark is published for rows of 14 KiB alone). Nemotron 3 Super sends 22 rows of
// 2 KiB a token; Qwen3's rows of 4 KiB still move at the full rate.
constexpr base::Bytes kLeastRow{4096};

base::Bytes dispatched_bytes(base::Bytes bytes, const Routed& routed, const GroupShape& group,
                             GroupClock& clock) {
  const bool near = group.nodes <= clock.nodes_of_domain();
  if (!near || routed.row.value() <= 0 || routed.row >= kLeastRow) return bytes;
  return bytes * (kLeastRow / routed.row);
}

void add_sort(base::Bytes routed, double count, const PassSite& site, PassCost& out) {
  const models::MemoryQuery copy{.op = models::MemoryOp::copy, .bytes = routed * 2.0};
  const models::KernelTime time = scaled(site.kernels.time(copy), kPermutation);
  out.kernels[static_cast<std::size_t>(KernelKind::moe)].add(time.time, time.low, time.high, count);
  out.by_basis[static_cast<std::size_t>(time.basis)] += time.time * count;
  out.launches += static_cast<std::int64_t>(count);
  out.bytes += copy.bytes * count;
}

void add_exchange(const models::Exchange& exchange, const Routed& routed, const PassSite& site,
                  PassCost& out) {
  const GroupShape& group = exchange.group == ExchangeGroup::tensor    ? site.groups.tensor
                            : exchange.group == ExchangeGroup::context ? site.groups.context
                                                                       : site.groups.expert;
  if (group.ranks <= 1) return;
  const bool to_experts =
      exchange.group == ExchangeGroup::expert && exchange.kind == ExchangeKind::all_to_all;
  const bool dispatched = to_experts && site.stack.experts == ExpertSends::per_node;
  if (to_experts && !dispatched)
    add_sort(exchange.bytes, static_cast<double>(exchange.count), site, out);
  const CommunicationTime time =
      dispatched ? site.clock.dispatch(dispatched_bytes(exchange.bytes, routed, group, site.clock),
                                       routed.copies, group)
                 : site.clock.collective(op_of(exchange.kind), exchange.bytes, group);
  Interval& to = exchange.group == ExchangeGroup::tensor    ? out.tensor
                 : exchange.group == ExchangeGroup::context ? out.context
                                                            : out.expert;
  const Interval once{.time = time.time, .low = time.low, .high = time.high, .far = time.far};
  to.add(once, static_cast<double>(exchange.count));
  out.launches += exchange.count;
  if (exchange.group == ExchangeGroup::tensor) out.tensor_launches += exchange.count;
}

// Of a ring of keys and values: a step hides behind the attention of the step
// before. Gathered keys and exchanged heads are waited for.
void hide_context(models::ContextScheme scheme, const PassSite& site, PassCost& cost) {
  const double ranks = static_cast<double>(site.groups.context.ranks);
  if (scheme != models::ContextScheme::ring || ranks <= 1 || cost.context.time.value() <= 0) return;
  const Seconds attention = cost.kernels[static_cast<std::size_t>(KernelKind::attention)].time;
  const Seconds hidden = base::min(cost.context.time, attention * ((ranks - 1) / ranks));
  scale(cost.context, 1.0 - hidden / cost.context.time);
}

void hide_tensor(const PassSite& site, PassCost& cost) {
  const double ranks = static_cast<double>(site.groups.tensor.ranks);
  if (site.overlap != ExchangeOverlap::tensor || cost.tensor.time.value() <= 0) return;
  const Seconds products = cost.kernels[static_cast<std::size_t>(KernelKind::gemm)].time;
  const double covered = site.stack.tensor_hidden * (ranks - 1) / ranks;
  const Seconds hidden = base::min(cost.tensor.time * covered, products * covered);
  scale(cost.tensor, 1.0 - hidden / cost.tensor.time);
}

}  // namespace

void Interval::add(Seconds t, Seconds l, Seconds h, double count) {
  time += t * count;
  low += l * count;
  high += h * count;
}

void Interval::add(const Interval& other, double count) {
  add(other.time, other.low, other.high, count);
  far += other.far * count;
}

Seconds PassCost::compute() const {
  Seconds sum{0};
  for (const Interval& kind : kernels) sum += kind.time;
  return sum;
}

void PassCost::add(const PassCost& other, double count) {
  for (std::size_t i = 0; i < kKernelKinds; ++i) {
    kernels[i].add(other.kernels[i], count);
  }
  tensor.add(other.tensor, count);
  context.add(other.context, count);
  expert.add(other.expert, count);
  launches += static_cast<std::int64_t>(static_cast<double>(other.launches) * count);
  tensor_launches += static_cast<std::int64_t>(static_cast<double>(other.tensor_launches) * count);
  flops += other.flops * count;
  bytes += other.bytes * count;
  for (std::size_t i = 0; i < by_basis.size(); ++i) by_basis[i] += other.by_basis[i] * count;
  extrapolated += other.extrapolated * count;
}

namespace {

void add_permutation(const models::Kernel& kernel, const PassSite& site, PassCost& out) {
  PassCost copy;
  add_kernel(kernel, models::Pass::forward, site, std::nullopt, copy);
  for (Interval& kind : copy.kernels) scale(kind, kPermutation);
  for (Seconds& basis : copy.by_basis) basis *= kPermutation;
  copy.extrapolated *= kPermutation;
  out.add(copy);
}

// The plain all-to-all of a layer waits for the host once, forward: it knows the counts backward.
void add_counting(models::Pass pass, const PassSite& site, PassCost& out) {
  const bool counted = site.stack.experts == ExpertSends::per_expert;
  if (pass != models::Pass::forward || !counted || site.groups.expert.ranks <= 1) return;
  const Seconds time = site.stack.expert_counts;
  out.expert.add(time, time * 0.5, time * 2.0, 1.0);
}

}  // namespace

PassCost pass_cost(const models::Op& op, const models::BatchShape& batch,
                   const models::LoweringOptions& options, models::Pass pass,
                   const PassSite& site) {
  PassCost out;
  models::Kernels kernels;
  models::lower(op, batch, options, pass, kernels);
  const auto* experts = std::get_if<models::MoeWork>(&op.work);
  const auto kind = experts ? std::optional(KernelKind::moe) : std::nullopt;
  PassSite on = site;
  if (experts && models::fuses_experts(*experts, options)) on.stack.expert_start = Seconds(0);
  for (const models::Kernel& kernel : kernels) {
    permutes(op) ? add_permutation(kernel, on, out) : add_kernel(kernel, pass, on, kind, out);
  }
  if (experts) add_counting(pass, site, out);
  out.flops = models::flops(kernels);
  out.bytes = models::bytes(kernels);
  std::vector<models::Exchange> exchanges;
  models::exchanges(op, batch, options, pass, exchanges);
  for (const models::Exchange& exchange : exchanges)
    add_exchange(exchange, routed_of(op, options), site, out);
  return out;
}

PassCost pass_cost(const models::Block& block, const models::BatchShape& batch,
                   const models::LoweringOptions& options, models::Pass pass,
                   const PassSite& site) {
  PassCost out;
  if (pass != models::Pass::forward && block.gradients == models::GradientFlow::none) return out;
  for (const models::Op& op : block.ops) out.add(pass_cost(op, batch, options, pass, site));
  hide_tensor(site, out);
  hide_context(options.layout.context_scheme, site, out);
  return out;
}

PassCost recomputation_cost(const models::Block& block, const models::BatchShape& batch,
                            const models::LoweringOptions& options, models::Recompute recompute,
                            const PassSite& site) {
  PassCost out;
  const std::vector<double> shares = models::recomputed_shares(block, options, recompute);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (models::activation_runs_again(block.ops[i], options, recompute)) {
      for (const models::Kernel& kernel :
           models::lower_expert_activation(block.ops[i], batch, options)) {
        add_kernel(kernel, models::Pass::forward, site, KernelKind::moe, out);
      }
    }
    if (shares[i] <= 0.0) continue;
    out.add(pass_cost(block.ops[i], batch, options, models::Pass::forward, site), shares[i]);
  }
  hide_tensor(site, out);
  hide_context(options.layout.context_scheme, site, out);
  return out;
}

}  // namespace windtunnel::strategies
