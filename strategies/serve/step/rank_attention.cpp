// Attention of a rank, and the products and scans beside its kernels.
#include <algorithm>
#include <cmath>
#include <variant>

#include "strategies/serve/step/rank_times.hpp"

namespace windtunnel::strategies {
namespace {

using models::BatchShape;
using models::Mode;
using models::Op;

// A scan in chunks, with its convolution, gates and norms: cumulated decays, products of keys, solve,
// states, outputs.
constexpr double kScanKernels = 10.0;

BatchShape tokens_batch(std::int64_t tokens) {
  return {.sequences = 1, .query_tokens = tokens, .kv_tokens = tokens};
}

}  // namespace

models::AttentionQuery RankTimes::context_query(const Attention& one, std::int64_t queries,
                                                std::int64_t keys) const {
  models::AttentionQuery query = one.context;
  query.batch = 1;
  query.q_len = queries;
  query.kv_len = std::max(keys, queries);
  return query;
}

models::AttentionQuery RankTimes::decode_query(const Attention& one, std::int64_t sequences,
                                               double mean_keys, std::int64_t tokens_each) const {
  models::AttentionQuery query = one.decode;
  query.batch = sequences;
  query.q_len = tokens_each;
  query.kv_len = std::max<std::int64_t>(tokens_each, std::llround(mean_keys));
  return query;
}

// Products beside the kernels of attention: scans over a prompt chunk.
PartTime RankTimes::beside_context(std::int64_t queries) const {
  PartTime out;
  for (const OpUse& use : scan_ops_) {
    add_op(use, tokens_batch(queries), out);
    out.kernels += (kScanKernels - 1.0) * use.count;
  }
  return out;
}

// Latent attention's absorbed products, and scans' states, of decodes.
PartTime RankTimes::beside_decode(std::int64_t sequences, std::int64_t tokens_each) const {
  PartTime out;
  const BatchShape batch{
      .sequences = sequences, .query_tokens = tokens_each, .kv_tokens = tokens_each};
  const auto lowered = [&](const Op& op, double count) {
    models::Kernels kernels;
    models::lower(op, batch, lowering(Mode::decode), models::Pass::forward, kernels);
    for (const models::Kernel& kernel : kernels) {
      const auto* pass = std::get_if<models::MemoryQuery>(&kernel.query);
      const bool written = pass != nullptr && pass->op == models::MemoryOp::kv_write;
      if (written || std::holds_alternative<models::AttentionQuery>(kernel.query)) continue;
      add_kernel(kernel, count, out);
    }
  };
  for (const Attention& one : attention_) {
    if (one.latent) lowered(*one.op, one.count);
  }
  for (const OpUse& use : scan_ops_) lowered(*use.op, use.count);
  return out;
}

PartTime RankTimes::context_part(std::int64_t queries, std::int64_t keys) const {
  PartTime out = beside_context(queries);
  for (const Attention& one : attention_) {
    add_kernel({context_query(one, queries, keys), 1}, one.count, out);
    if (one.absorbed == nullptr) continue;
    add_op({.op = one.absorbed, .count = one.count, .reduces = false},
           {.sequences = 1, .query_tokens = queries, .kv_tokens = std::max(keys, queries)}, out);
  }
  return out;
}

PartTime RankTimes::decode_part(std::int64_t sequences, double mean_keys,
                                std::int64_t tokens_each) const {
  PartTime out = beside_decode(sequences, tokens_each);
  for (const Attention& one : attention_) {
    add_kernel({decode_query(one, sequences, mean_keys, tokens_each), 1}, one.count, out);
  }
  return out;
}

double RankTimes::attention_time(const models::AttentionQuery& query) const {
  const double time = site_.kernels.time(query).time.value();
  if (query.phase == models::AttentionPhase::decode) return time;
  return std::max(time, models::flops(query).value() * inverse_rate_);
}

double RankTimes::context(std::int64_t queries, std::int64_t keys) {
  double time = 0;
  if (!scan_ops_.empty()) {
    time += beside_context_.at(queries, [this](std::int64_t q) { return beside_context(q); });
  }
  for (const Attention& one : attention_) {
    time += one.count * attention_time(context_query(one, queries, keys));
    if (one.absorbed == nullptr) continue;
    PartTime part;
    add_op({.op = one.absorbed, .count = one.count, .reduces = false},
           {.sequences = 1, .query_tokens = queries, .kv_tokens = std::max(keys, queries)}, part);
    time += part.time();
  }
  return time;
}

double RankTimes::decode(std::int64_t sequences, double mean_keys, std::int64_t tokens_each) {
  double time = 0;
  const bool beside =
      !scan_ops_.empty() || std::any_of(attention_.begin(), attention_.end(),
                                        [](const Attention& one) { return one.latent; });
  if (beside) {
    // Products see all tokens alike, however they are shared out over sequences.
    time += beside_decode_.at(sequences * tokens_each,
                              [this](std::int64_t n) { return beside_decode(n, 1); });
  }
  for (const Attention& one : attention_) {
    time += one.count * attention_time(decode_query(one, sequences, mean_keys, tokens_each));
  }
  return time;
}

}  // namespace windtunnel::strategies
