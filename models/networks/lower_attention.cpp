// Attention as fused kernels or as its chain of GEMMs and softmax, under context parallelism.
#include <algorithm>

#include "models/networks/lower_work.hpp"

namespace windtunnel::models {
namespace {

// Sequences of `queries` against `keys`, done `count` times.
struct Part {
  std::int64_t queries = 1, keys = 1;
  AttentionMask mask = AttentionMask::causal;
  std::int64_t count = 1;
};

struct Heads {
  std::int64_t query = 1, kv = 1;
};

Heads heads_on_rank(const AttentionWork& work, const Target& target) {
  const Layout& layout = target.options.layout;
  const bool split = target.op.split == TensorSplit::heads;
  Heads heads{work.heads, work.kv_heads};
  if (split) heads = {ceil_div(work.heads, layout.tensor), kv_heads_on_rank(work.kv_heads, layout)};
  if (layout.context > 1 && layout.context_scheme == ContextScheme::all_to_all &&
      work.fixed_query == 0) {
    heads.query = ceil_div(heads.query, layout.context);
    heads.kv = std::max<std::int64_t>(1, ceil_div(heads.kv, layout.context));
  }
  return heads;
}

Part whole(const AttentionWork& work, const BatchShape& batch) {
  Part part{.queries = batch.query_tokens, .keys = batch.keys(), .mask = work.mask};
  if (work.source == AttentionSource::encoder) part.queries = batch.encoder_tokens;
  if (work.source != AttentionSource::self) part.keys = batch.encoder_tokens;
  if (work.fixed_query > 0) part.queries = work.fixed_query;
  if (work.fixed_keys > 0) part.keys = work.fixed_keys;
  return part;
}

// Context parallelism. Ring with zigzag order: one causal step on the rank's own tokens, then
// steps of half the queries (or half the keys) without a mask, so that each rank does 1/c of the
// pairs. Gathered keys: the rank's two chunks see (s + s/c) / 2 keys on average.
std::vector<Part> parts(const AttentionWork& work, const Target& target) {
  const Layout& layout = target.options.layout;
  const Part all = whole(work, target.batch);
  const std::int64_t c = layout.context;
  if (c == 1 || work.fixed_query > 0 || layout.context_scheme == ContextScheme::all_to_all) {
    return {all};
  }
  if (target.options.mode == Mode::decode) {
    return {{all.queries, ceil_div(all.keys, c), all.mask, 1}};
  }
  const std::int64_t queries = ceil_div(all.queries, c);
  if (all.mask == AttentionMask::full) {
    if (layout.context_scheme == ContextScheme::all_gather) {
      return {{queries, all.keys, all.mask, 1}};
    }
    return {{queries, ceil_div(all.keys, c), all.mask, c}};
  }
  if (layout.context_scheme == ContextScheme::all_gather) {
    return {{queries, ceil_div(all.keys + ceil_div(all.keys, c), 2), all.mask, 1}};
  }
  const std::int64_t keys = ceil_div(all.keys, c);
  return {{queries, keys, AttentionMask::causal, 1},
          {std::max<std::int64_t>(1, queries / 2), keys, AttentionMask::full, c - 1}};
}

void fused(const AttentionWork& work, const Part& part, const Target& target) {
  const Heads heads = heads_on_rank(work, target);
  AttentionQuery query{.kernel = AttentionKernel::fused,
                       .mask = part.mask,
                       .batch = target.batch.sequences,
                       .heads = heads.query,
                       .kv_heads = heads.kv,
                       .head_dim = work.head_dim,
                       .value_dim = work.value_dim == work.head_dim ? 0 : work.value_dim,
                       .q_len = part.queries,
                       .kv_len = part.keys,
                       .window = work.window,
                       .format = target.options.formats.attention,
                       .kv_format = target.options.formats.attention};
  // A query's keys are at least as many as its tokens; cross attention with fewer is the same work
  // as that many more sequences.
  if (query.kv_len < query.q_len && part.mask == AttentionMask::full) {
    query.batch *= ceil_div(query.q_len, query.kv_len);
    query.q_len = query.kv_len;
  }
  if (target.pass == Pass::input_gradient) query.phase = AttentionPhase::backward;
  if (target.options.mode != Mode::training) query.kv_format = target.options.formats.kv_cache;
  if (target.options.mode == Mode::decode) query.phase = AttentionPhase::decode;
  target.out.push_back({query, part.count});
}

// Decode on the latent: queries are taken into its space, results out of it, head by head.
void latent_decode(const AttentionWork& work, const Part& part, const Target& target) {
  const Heads heads = heads_on_rank(work, target);
  const std::int64_t rows = target.rows();
  const NumberFormat format = target.options.formats.attention;
  target.gemm(
      {.m = rows, .n = work.kv_lora, .k = work.nope_dim, .batch = heads.query, .format = format});
  AttentionQuery query{.phase = AttentionPhase::decode,
                       .mask = part.mask,
                       .batch = target.batch.sequences,
                       .heads = heads.query,
                       .kv_heads = 1,
                       .head_dim = work.kv_lora + work.rope_dim,
                       .value_dim = work.kv_lora,
                       .q_len = part.queries,
                       .kv_len = part.keys,
                       .format = format,
                       .kv_format = target.options.formats.kv_cache};
  target.out.push_back({query, part.count});
  target.gemm(
      {.m = rows, .n = work.value_dim, .k = work.kv_lora, .batch = heads.query, .format = format});
}

bool softmax_is_fused(const Target& target, std::int64_t matrices, std::int64_t keys) {
  const Software& software = target.options.software;
  if (software.softmax != Form::fused) return false;
  if (software.softmax_group == 1) return true;
  return target.element() < 4.0 && matrices % software.softmax_group == 0 &&
         (software.softmax_keys == 0 || keys <= software.softmax_keys);
}

// Kernels and elements per pair of scale, mask and softmax. Fused: one kernel that reads and writes;
// backward it reads the gradient and the softmax. Under a causal mask it reads the lower half alone
// and writes zeros above (Megatron-LM, scaled_upper_triang_masked_softmax.h). Unfused: scale 2, mask
// 2, casts 3 and 3 around a softmax in FP32, 4; backward one more for the softmax's second operand.
// In FP32 Megatron needs no casts, and eager modules spend as much on what they do to the mask.
Traffic softmax_traffic(const Target& target, const Part& part, std::int64_t matrices) {
  const bool forward = target.pass == Pass::forward;
  if (!softmax_is_fused(target, matrices, part.keys)) {
    const bool no_casts = target.element() >= 4.0 && target.options.software.softmax_group > 1;
    if (no_casts) return forward ? Traffic{3, 6.0} : Traffic{3, 7.0};
    return forward ? Traffic{5, 14.0} : Traffic{4, 12.0};
  }
  const double read = part.mask == AttentionMask::causal ? 0.5 : 1.0;
  return {1, forward ? read + 1.0 : 2.0 * read + 1.0};
}

void unfused(const AttentionWork& work, const Part& part, const Target& target) {
  const Heads heads = heads_on_rank(work, target);
  const NumberFormat format = target.options.formats.attention;
  const std::int64_t batch = target.batch.sequences * heads.query;
  const std::int64_t rows = batch * part.queries;
  const double pairs = static_cast<double>(rows) * static_cast<double>(part.keys);
  const double outputs = static_cast<double>(rows) * static_cast<double>(work.value_dim);
  const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t k) {
    target.gemm({.m = m, .n = n, .k = k, .batch = batch, .format = format}, part.count);
  };
  const auto traffic = [&](MemoryOp op, double bytes, std::int64_t kernels) {
    const double times = static_cast<double>(part.count);
    target.memory(op, bytes * times, rows, kernels * part.count);
  };
  const Traffic softmax = softmax_traffic(target, part, batch);
  const double dropout = work.dropout > 0.0 && target.options.mode == Mode::training
                             ? pairs * (2.0 * target.element() + 1.0)
                             : 0.0;
  const std::int64_t q = part.queries, k = part.keys, d = work.head_dim, v = work.value_dim;
  if (target.pass == Pass::forward) {
    product(q, k, d);
    traffic(MemoryOp::softmax, softmax.elements * pairs * target.element(), softmax.kernels);
    traffic(MemoryOp::residual_dropout, dropout, 1);
    product(q, v, k);
  } else {
    product(q, k, v);  // gradient of the weights, of the values
    product(k, v, q);
    traffic(MemoryOp::residual_dropout, dropout, 1);
    traffic(MemoryOp::softmax, softmax.elements * pairs * target.element(), softmax.kernels);
    product(q, d, k);  // of the queries, of the keys
    product(k, d, q);
  }
  traffic(MemoryOp::copy, 2.0 * outputs * target.element(), 1);  // heads back beside each other
}

void write_cache(const AttentionWork& work, const Target& target) {
  const Heads heads = heads_on_rank(work, target);
  const std::int64_t width =
      work.kv_lora > 0 ? work.kv_lora + work.rope_dim : heads.kv * (work.head_dim + work.value_dim);
  const std::int64_t rows = target.rows();
  target.memory(MemoryOp::kv_write,
                static_cast<double>(rows * width) *
                    (target.element() + activation_bytes(target.options.formats.kv_cache)),
                rows);
}

}  // namespace

void lower_work(const AttentionWork& work, const Target& target) {
  if (target.pass != Pass::forward && target.pass != Pass::input_gradient) return;
  const bool cached = target.options.mode != Mode::training &&
                      work.source == AttentionSource::self && work.mask == AttentionMask::causal;
  if (cached) write_cache(work, target);
  for (const Part& part : parts(work, target)) {
    if (part.queries < 1 || part.keys < 1) continue;
    if (target.options.mode == Mode::decode && work.kv_lora > 0) {
      latent_decode(work, part, target);
    } else if (target.options.software.attention == AttentionKernel::fused) {
      fused(work, part, target);
    } else {
      unfused(work, part, target);
    }
  }
}

}  // namespace windtunnel::models
