#include "strategies/serve/step/rank_times.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <variant>

#include "models/kernels/power_limit.hpp"

namespace windtunnel::strategies {
namespace {

using models::BatchShape;
using models::Mode;
using models::Op;

constexpr double kSparseRate = 1.21;  // time of a 2:4 product over a dense one of half the depth

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_causal_attention(const Op& op) {
  const auto* work = std::get_if<models::AttentionWork>(&op.work);
  return work != nullptr && work->source == models::AttentionSource::self &&
         work->mask == models::AttentionMask::causal && work->fixed_keys == 0;
}

bool is_absorbed(const Op& op) {
  const auto* work = std::get_if<models::LinearWork>(&op.work);
  return work != nullptr && work->absorbed;
}

// The query of an attention op among its kernels.
models::AttentionQuery attention_of(const models::Kernels& kernels) {
  for (const models::Kernel& kernel : kernels) {
    if (const auto* query = std::get_if<models::AttentionQuery>(&kernel.query)) return *query;
  }
  return {};
}

bool same_shape(const models::AttentionQuery& a, const models::AttentionQuery& b) {
  return a.heads == b.heads && a.kv_heads == b.kv_heads && a.head_dim == b.head_dim &&
         a.value_dim == b.value_dim && a.window == b.window;
}

BatchShape tokens_batch(std::int64_t tokens) {
  return {.sequences = 1, .query_tokens = tokens, .kv_tokens = tokens};
}

}  // namespace

RankTimes::RankTimes(const models::Network& network, const EngineLayout& layout,
                     const StageBlocks& stage, const RankOptions& options, const RankSite& site)
    : layout_(layout), options_(options), site_(site) {
  inverse_rate_ = 1.0 / models::sustained_rate(site.gpu, options.formats.attention).value();
  for (const BlockCount& use : stage.blocks) {
    const models::Block& block = network.blocks[use.block];
    if (block.role == models::BlockRole::layer) layers_ += static_cast<double>(use.count);
    sort_block(block, static_cast<double>(use.count));
  }
}

void RankTimes::sort_block(const models::Block& block, double count) {
  bool experts = false;
  const Op* absorbed = nullptr;
  for (const Op& op : block.ops) {
    experts = experts || std::holds_alternative<models::MoeWork>(op.work);
    if (is_absorbed(op)) absorbed = &op;
  }
  for (const Op& op : block.ops) {
    if (is_absorbed(op)) continue;
    const bool moved = op.split == models::TensorSplit::experts &&
                       std::holds_alternative<models::MemoryWork>(op.work);
    if (moved) continue;  // the experts' kernel permutes
    if (ends_with(op.name, "residual")) continue;
    // One all-reduce for the sum of shared and routed experts.
    const bool joined = experts && layout_.data == 1 && op.name == "moe.shared.down";
    const OpUse use{.op = &op, .count = count, .reduces = !joined};
    if (is_causal_attention(op)) {
      add_attention(op, absorbed, count);
      dense_ops_.push_back(use);  // its KV writes
    } else if (std::holds_alternative<models::MoeWork>(op.work)) {
      expert_ops_.push_back(use);
    } else if (std::holds_alternative<models::ScanWork>(op.work)) {
      scan_ops_.push_back(use);
    } else if (op.rows.basis == models::RowBasis::loss_token) {
      head_ops_.push_back(use);
    } else {
      dense_ops_.push_back(use);
    }
  }
}

void RankTimes::add_attention(const Op& op, const Op* absorbed, double count) {
  models::Kernels kernels;
  models::lower(op, {.sequences = 2, .query_tokens = 2, .kv_tokens = 4}, lowering(Mode::prefill),
                models::Pass::forward, kernels);
  Attention one{.op = &op, .absorbed = absorbed, .count = count, .context = attention_of(kernels)};
  kernels.clear();
  models::lower(op, {.sequences = 2, .query_tokens = 1, .kv_tokens = 4}, lowering(Mode::decode),
                models::Pass::forward, kernels);
  one.decode = attention_of(kernels);
  one.latent = std::get<models::AttentionWork>(op.work).kv_lora > 0;
  for (Attention& known : attention_) {
    if (same_shape(known.context, one.context) && same_shape(known.decode, one.decode)) {
      known.count += count;
      return;
    }
  }
  attention_.push_back(one);
}

models::LoweringOptions RankTimes::lowering(Mode mode) const {
  return {.mode = mode,
          .formats = options_.formats,
          .layout = layout_.ranks,
          .expert_skew = options_.expert_skew};
}

void RankTimes::add_kernel(const models::Kernel& kernel, double count, PartTime& out) const {
  add_kernel_time(kernel.query, count * static_cast<double>(kernel.count), site_.kernels, site_.gpu,
                  out);
}

void RankTimes::add_op(const OpUse& use, const BatchShape& batch, PartTime& out) const {
  models::Kernels kernels;
  const models::LoweringOptions options = lowering(Mode::prefill);
  models::lower(*use.op, batch, options, models::Pass::forward, kernels);
  const auto* linear = std::get_if<models::LinearWork>(&use.op->work);
  const bool sparse = options_.sparsity == Sparsity::two_four && linear != nullptr && !linear->head;
  const bool norm = ends_with(use.op->name, "norm") &&
                    std::holds_alternative<models::MemoryWork>(use.op->work) &&
                    use.op->split != models::TensorSplit::heads;
  for (models::Kernel& kernel : kernels) {
    if (std::holds_alternative<models::AttentionQuery>(kernel.query)) continue;
    double count = use.count;
    if (auto* product = std::get_if<models::GemmQuery>(&kernel.query); product && sparse) {
      product->k = std::max<std::int64_t>(1, product->k / 2);
      count *= kSparseRate;
    }
    // A norm adds the residual on its way: two more elements read and written.
    if (auto* pass = std::get_if<models::MemoryQuery>(&kernel.query); pass && norm) {
      pass->bytes = pass->bytes * 2.0;
    }
    add_kernel(kernel, count, out);
  }
  if (!use.reduces) return;
  std::vector<models::Exchange> exchanges;
  models::exchanges(*use.op, batch, options, models::Pass::forward, exchanges);
  for (const models::Exchange& exchange : exchanges) add_exchange(exchange, use.count, out);
}

void RankTimes::add_exchange(const models::Exchange& exchange, double count, PartTime& out) const {
  using models::ExchangeKind;
  const collectives::Op op =
      exchange.kind == ExchangeKind::all_reduce       ? collectives::Op::all_reduce
      : exchange.kind == ExchangeKind::all_gather     ? collectives::Op::all_gather
      : exchange.kind == ExchangeKind::reduce_scatter ? collectives::Op::reduce_scatter
                                                      : collectives::Op::all_to_all;
  add_collective(op, exchange.bytes, layout_.tensor, count * static_cast<double>(exchange.count),
                 out);
}

void RankTimes::add_collective(collectives::Op op, base::Bytes bytes, const GroupShape& group,
                               double count, PartTime& out) const {
  if (group.ranks <= 1 || bytes.value() <= 0) return;
  out.kernels += count;
  const bool one_domain = site_.clock.folded(group).nodes == 1;
  const bool meshed = site_.gpu.nvlink_bandwidth.value() > 0 || group.ranks == 2;
  const bool own = meshed && bytes <= site_.stack.custom_all_reduce;
  if (op == collectives::Op::all_reduce && one_domain && (own || site_.links == nullptr)) {
    const models::FusedAllReduceQuery query{.gpus = group.ranks, .bytes = bytes};
    out.add(PartKind::exchange, bounded(site_.kernels.time(query), bytes, group), count);
    return;
  }
  const CommunicationTime time = site_.clock.collective(op, bytes, group);
  if (time.far.value() > 0) {
    out.far_bytes += time.far.value() * count;
    out.far_time += time.time.value() * count;
  }
  out.add(PartKind::exchange, {time.time.value(), time.low.value(), time.high.value()}, count);
}

// The engine's kernel was measured on links of its own: no faster than those of the cluster. Some
// kernels have NVLink's switches add up.
models::KernelTime RankTimes::bounded(models::KernelTime time, base::Bytes bytes,
                                      const GroupShape& group) const {
  const CommunicationTime on_links = site_.clock.bounded(
      {.time = time.time, .low = time.low, .high = time.high, .extrapolated = time.extrapolated},
      {collectives::Op::all_reduce, collectives::Algorithm::in_network, bytes}, group);
  time.time = on_links.time;
  time.low = on_links.low;
  time.high = on_links.high;
  time.extrapolated = on_links.extrapolated;
  return time;
}

PartTime RankTimes::dense_part(std::int64_t tokens) const {
  PartTime out;
  for (const OpUse& use : dense_ops_) add_op(use, tokens_batch(tokens), out);
  return out;
}

PartTime RankTimes::head_part(std::int64_t sequences) const {
  PartTime out;
  const BatchShape batch{.sequences = sequences, .query_tokens = 1, .kv_tokens = 1};
  for (const OpUse& use : head_ops_) {
    const auto* pass = std::get_if<models::MemoryWork>(&use.op->work);
    if (pass != nullptr && pass->op == models::MemoryOp::cross_entropy) {
      const double bytes = static_cast<double>(sequences) * pass->width * site_.stack.sampler_bytes;
      add_kernel(
          {models::MemoryQuery{
               .op = models::MemoryOp::sampling, .bytes = base::Bytes(bytes), .rows = sequences},
           1},
          use.count, out);
      continue;
    }
    add_op(use, batch, out);
    const auto* linear = std::get_if<models::LinearWork>(&use.op->work);
    if (linear == nullptr || use.op->split != models::TensorSplit::vocabulary) continue;
    const double logits = static_cast<double>(sequences) * static_cast<double>(linear->outputs);
    add_collective(collectives::Op::all_gather,
                   base::Bytes(logits * models::element_bytes(options_.formats)), layout_.tensor,
                   use.count, out);
  }
  return out;
}

PartTime RankTimes::experts_part(std::int64_t tokens) const {
  PartTime out;
  for (const OpUse& use : expert_ops_) {
    const auto& work = std::get<models::MoeWork>(use.op->work);
    const models::MoeQuery query{.tokens = tokens,
                                 .hidden = work.hidden,
                                 .intermediate = work.intermediate,
                                 .top_k = work.top_k,
                                 .experts = work.experts,
                                 .tensor_ranks = layout_.ranks.expert_tensor,
                                 .expert_ranks = layout_.ranks.expert,
                                 .skew = options_.expert_skew,
                                 .mlp = work.mlp,
                                 .format = options_.formats.experts};
    add_kernel({query, 1}, use.count, out);
    out.kernels += 5.0 * use.count;  // top-k, sort, two products, activation, sum
    add_expert_exchange(work, tokens, use.count, out);
  }
  return out;
}

// Ranks of one tensor group hold the same tokens and add up their experts' sums; between groups
// tokens travel.
void RankTimes::add_expert_exchange(const models::MoeWork& work, std::int64_t tokens, double count,
                                    PartTime& out) const {
  const double element = models::element_bytes(options_.formats);
  const double row = static_cast<double>(work.hidden) * element;
  const double all = static_cast<double>(tokens) * row;
  if (layout_.data == 1) {
    add_collective(collectives::Op::all_reduce, base::Bytes(all), layout_.tensor, count, out);
    return;
  }
  if (site_.stack.experts == ExpertExchange::gather_scatter || layout_.ranks.expert == 1) {
    add_collective(collectives::Op::all_gather, base::Bytes(all), layout_.experts, count, out);
    add_collective(collectives::Op::reduce_scatter, base::Bytes(all), layout_.experts, count, out);
    return;
  }
  const double ranks = static_cast<double>(layout_.experts.ranks);
  const double routed = all / ranks * std::min(static_cast<double>(work.top_k), ranks);
  const double narrow = models::activation_bytes(options_.formats.experts) / element;
  add_collective(collectives::Op::all_to_all, base::Bytes(routed * std::min(1.0, narrow)),
                 layout_.experts, count, out);
  add_collective(collectives::Op::all_to_all, base::Bytes(routed), layout_.experts, count, out);
}

std::vector<models::KernelQuery> RankTimes::sample_queries() const {
  models::Kernels kernels;
  for (const auto* list : {&dense_ops_, &head_ops_}) {
    for (const OpUse& use : *list) {
      models::lower(*use.op, tokens_batch(64), lowering(Mode::prefill), models::Pass::forward,
                    kernels);
    }
  }
  std::vector<models::KernelQuery> queries;
  for (const models::Kernel& kernel : kernels) queries.push_back(kernel.query);
  for (const Attention& one : attention_) {
    queries.emplace_back(context_query(one, 512, 512));
    queries.emplace_back(decode_query(one, 16, 1024.0, 1));
  }
  return queries;
}

double RankTimes::dense(std::int64_t tokens) {
  return dense_.at(tokens, [this](std::int64_t t) { return dense_part(t); });
}

double RankTimes::experts(std::int64_t tokens) {
  if (expert_ops_.empty()) return 0.0;
  return experts_.at(tokens, [this](std::int64_t t) { return experts_part(t); });
}

double RankTimes::head(std::int64_t sequences) {
  if (head_ops_.empty()) return 0.0;
  return head_.at(sequences, [this](std::int64_t s) { return head_part(s); });
}

FarExchange RankTimes::far(std::int64_t tokens, std::int64_t expert_tokens,
                           std::int64_t sequences) {
  const auto remembered = [](auto& known, std::int64_t count, const auto& part) {
    if (count < 1) return FarExchange{};
    const auto found = known.find(count);
    if (found != known.end()) return found->second;
    const PartTime time = part(count);
    return known
        .emplace(count, FarExchange{base::Bytes(time.far_bytes), base::Seconds(time.far_time)})
        .first->second;
  };
  FarExchange sum = remembered(far_dense_, tokens, [this](auto n) { return dense_part(n); });
  for (const FarExchange& more :
       {remembered(far_experts_, expert_tokens, [this](auto n) { return experts_part(n); }),
        remembered(far_head_, sequences, [this](auto n) { return head_part(n); })}) {
    sum.bytes += more.bytes;
    sum.time += more.time;
  }
  return sum;
}

}  // namespace windtunnel::strategies
