#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "models/kernels/attention_form.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {
namespace {

MemoryQuery pass(MemoryOp op, double bytes, std::int64_t rows) {
  return {.op = op, .bytes = base::Bytes(bytes), .rows = rows};
}

}  // namespace

UnfusedAttention expand_unfused(const AttentionQuery& q, AttentionDropout dropout) {
  const std::int64_t keys = std::max(q.kv_len, q.q_len);
  const std::int64_t batch = q.batch * q.heads;
  const std::int64_t values = q.value_dim > 0 ? q.value_dim : q.head_dim;
  const double element = activation_bytes(q.format);
  const std::int64_t rows = batch * q.q_len;
  const double scores = static_cast<double>(rows) * static_cast<double>(keys);
  const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t k) {
    return GemmQuery{.m = m, .n = n, .k = k, .batch = batch, .groups = 1, .format = q.format};
  };
  UnfusedAttention result;
  if (q.phase == AttentionPhase::backward) {
    result.products = {product(q.q_len, keys, values),       // dP = dO V^T
                       product(keys, values, q.q_len),       // dV = P^T dO
                       product(q.q_len, q.head_dim, keys),   // dQ = dS K
                       product(keys, q.head_dim, q.q_len)};  // dK = dS^T Q
    // Reads P and dP, writes dS.
    result.passes.push_back(pass(MemoryOp::softmax, 3 * scores * element, rows));
  } else {
    result.products = {product(q.q_len, keys, q.head_dim), product(q.q_len, values, keys)};
    if (q.kv_heads < q.heads) {
      // Keys and values are repeated for the heads that share them.
      const double repeated = static_cast<double>(batch) * static_cast<double>(keys) *
                              static_cast<double>(q.head_dim + values) * element;
      result.passes.push_back(pass(MemoryOp::copy, 2 * repeated, 0));
    }
    result.passes.push_back(pass(MemoryOp::softmax, 2 * scores * element, rows));
  }
  if (dropout == AttentionDropout::applied) {
    // Reads and writes the scores, and the mask of one byte each.
    result.passes.push_back(pass(MemoryOp::residual_dropout, scores * (2 * element + 1), 0));
  }
  return result;
}

AttentionQuery fold_decode_batch(const AttentionQuery& shape,
                                 std::span<const std::int64_t> kv_lens) {
  base::expects(!kv_lens.empty(), "a batch has a sequence");
  AttentionQuery folded = shape;
  folded.phase = AttentionPhase::decode;
  folded.batch = static_cast<std::int64_t>(kv_lens.size());
  std::int64_t sum = 0;
  for (const std::int64_t keys : kv_lens) {
    sum += shape.window > 0 ? std::min(keys, shape.window) : keys;
  }
  // Rounded up, so that a folded batch never has fewer keys than its parts.
  folded.kv_len = std::max<std::int64_t>(1, (sum + folded.batch - 1) / folded.batch);
  return folded;
}

MixedBatch fold_mixed_batch(const AttentionQuery& shape, std::span<const ChunkLengths> sequences) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> chunks;
  std::vector<std::int64_t> decodes;
  for (const ChunkLengths& sequence : sequences) {
    if (sequence.q_len == 1 && sequence.kv_len > 1) {
      decodes.push_back(sequence.kv_len);
    } else {
      ++chunks[{sequence.q_len, sequence.kv_len}];
    }
  }
  MixedBatch result;
  for (const auto& [lengths, batch] : chunks) {
    AttentionQuery chunk = shape;
    chunk.phase = AttentionPhase::context;
    chunk.batch = batch;
    chunk.q_len = lengths.first;
    chunk.kv_len = std::max(lengths.first, lengths.second);
    result.context.push_back(chunk);
  }
  if (!decodes.empty()) {
    AttentionQuery decode = fold_decode_batch(shape, decodes);
    decode.q_len = 1;
    result.decode.push_back(decode);
  }
  return result;
}

AttentionDefaults default_attention_parameters(const sim::Gpu& gpu, NumberFormat format) {
  AttentionDefaults result;
  const bool narrow = math_peak(format) != "bf16" && math_peak(format) != "fp16";
  if (gpu.architecture == "blackwell") {
    result.context = {12e-6, 0.55, 0.35, 2e-6, 1.3, 2.0, 4.0, 2.0};
    result.decode = {9e-6, 2e-6, 0.90, 0.8e-6, 0.35, 2.0, 1.5e-6, 1.0, 1024, 1.3e-6};
    result.from = "b200-sxm, vllm 0.24.0";
  } else if (gpu.architecture == "hopper" || gpu.architecture == "ada") {
    result.context = {11e-6, 0.70, 0.40, 0.35e-6, 3.0, 0.5, 2.0, 5.0};
    result.decode = {10e-6, 5e-6, 0.90, 0.8e-6, 0.35, 2.0, 1.5e-6, 1.0, 1024, 1.3e-6};
    result.from = "h100-sxm, vllm 0.24.0";
  } else {
    result.context = {7e-6, 0.75, 0.40, 0.2e-6, 1.5, 0.9, 1.5, 4.0};
    result.decode = {9e-6, 5e-6, 0.85, 0.8e-6, 0.35, 2.0, 1.5e-6, 1.0, 1024, 1.3e-6};
    result.from = "a100-sxm-80gb, vllm 0.14.0";
  }
  if (narrow) result.context.tensor_efficiency *= 0.6;
  return result;
}

}  // namespace windtunnel::models
