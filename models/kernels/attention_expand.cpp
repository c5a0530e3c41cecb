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
  // Fits of the tables named (calibration/README.md), rounded; order of the structs' members.
  const std::string_view peak = math_peak(format);
  const bool narrow = peak == "fp8" || peak == "int8" || peak == "nvfp4";
  const bool has_links = gpu.nvlink_bandwidth.value() > 0;
  AttentionDefaults result;
  if (gpu.architecture == "ada") {
    result.context = {5e-6, 0.98, 0.2, 1.4e-7, 7.0, 6.0, 0.1, 0.2, 1.6};
    result.decode = {11e-6, 3.1e-6, 0.90, 8e-7, 0.9, 6.0, 2.7e-6, 1.1, 1024, 1.3e-6, 0.5};
    result.from = "rtx-4090, vllm 0.19.0";
  } else if (gpu.architecture == "blackwell" && !has_links) {
    result.context = {5e-6, 0.64, 0.16, 1.1e-6, 2.7, 6.0, 0.03, 0.06, 1.8};
    result.decode = {11e-6, 3.3e-6, 0.80, 8e-7, 0.9, 2.7, 2.3e-6, 1.9, 1024, 1.3e-6, 0.5};
    result.from = "rtx-pro-6000, vllm 0.19.0";
  } else if (gpu.architecture == "blackwell") {
    result.context = {8e-6, 0.98, 0.74, 1.9e-6, 1.15, 0.84, 1.6, 6.9, 1.0};
    if (narrow) result.context = {12e-6, 0.98, 0.91, 1.5e-6, 1.15, 3.1, 7.0, 0.84, 1.0};
    result.decode = {8.4e-6, 1.3e-6, 0.90, 9e-7, 0.9, 10, 5.7e-7, 5.2, 1024, 1.3e-6, 0.5};
    result.from = narrow ? "b200-sxm, trtllm 1.3.0rc20" : "b200-sxm, vllm 0.24.0";
  } else if (gpu.architecture == "hopper") {
    result.context = {11e-6, 0.98, 0.90, 2.7e-7, 2.9, 0.26, 2.0, 5.8, 1.0};
    if (narrow) result.context = {10e-6, 0.72, 1.14, 5e-8, 4.7, 0.51, 4.1, 2.5, 1.0};
    result.decode = {11e-6, 1.3e-6, 0.95, 7e-7, 0.9, 1.9, 2.2e-6, 1.7, 1024, 1.3e-6, 0.68};
    result.from = narrow ? "h200-sxm, sglang 0.5.14" : "h100-sxm, vllm 0.24.0";
  } else if (gpu.architecture.starts_with("cdna")) {
    // Composable Kernel and AITER. Not fitted: near half of the sheet's peak forwards, as published
    // for MI300X and MI355X (HipKittens, arXiv 2511.08083); the rest as Hopper's.
    result.context = {10e-6, 0.6, 0.9, 1e-6, 2.9, 0.5, 2.0, 4.0, 1.0};
    result.decode = {12e-6, 3e-6, 0.8, 9e-7, 0.7, 3.0, 2.2e-6, 2.0, 1024, 1.3e-6, 0.5};
    result.from = "no table: published rates of Composable Kernel";
  } else {
    result.context = {6.5e-6, 0.64, 0.41, 1e-7, 1.5, 0.95, 1.5, 4.3, 1.0};
    result.decode = {12e-6, 9.7e-6, 0.83, 8e-7, 0.9, 2.3, 1.4e-6, 2.5, 1024, 1.3e-6, 0.5};
    result.from = "a100-sxm-80gb, vllm 0.14.0";
  }
  return result;
}

}  // namespace windtunnel::models
