#include "models/kernels/kernel_query.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "models/kernels/kernel_time_model.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::models {

namespace {

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::pair<Enum, std::string_view>, N>& names,
                         Enum value) {
  for (const auto& [candidate, name] : names)
    if (candidate == value) return name;
  base::ensures(false, "every enumerator has a name");
  return "";
}

template <class Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<std::pair<Enum, std::string_view>, N>& names,
                             std::string_view text) {
  for (const auto& [candidate, name] : names)
    if (name == text) return candidate;
  return std::nullopt;
}

constexpr std::array<std::pair<MemoryOp, std::string_view>, 16> kMemoryOps{{
    {MemoryOp::copy, "copy"},
    {MemoryOp::fill, "fill"},
    {MemoryOp::layer_norm, "layer_norm"},
    {MemoryOp::rms_norm, "rms_norm"},
    {MemoryOp::softmax, "softmax"},
    {MemoryOp::gelu, "gelu"},
    {MemoryOp::swiglu, "swiglu"},
    {MemoryOp::residual_dropout, "residual_dropout"},
    {MemoryOp::add, "add"},
    {MemoryOp::rotary, "rotary"},
    {MemoryOp::embedding, "embedding"},
    {MemoryOp::cross_entropy, "cross_entropy"},
    {MemoryOp::optimizer, "optimizer"},
    {MemoryOp::cast, "cast"},
    {MemoryOp::sampling, "sampling"},
    {MemoryOp::kv_write, "kv_write"},
}};

constexpr std::array<std::pair<LaunchKind, std::string_view>, 8> kLaunchKinds{{
    {LaunchKind::kernel, "kernel"},
    {LaunchKind::graph_node, "graph_node"},
    {LaunchKind::graph, "graph"},
    {LaunchKind::event, "event"},
    {LaunchKind::stream_sync, "stream_sync"},
    {LaunchKind::device_sync, "device_sync"},
    {LaunchKind::thread, "thread"},
    {LaunchKind::fork, "fork"},
}};

constexpr std::array<std::pair<CopyDirection, std::string_view>, 7> kCopyDirections{{
    {CopyDirection::host_to_device, "host_to_device"},
    {CopyDirection::device_to_host, "device_to_host"},
    {CopyDirection::host_to_device_pageable, "host_to_device_pageable"},
    {CopyDirection::device_to_host_pageable, "device_to_host_pageable"},
    {CopyDirection::device_to_device, "device_to_device"},
    {CopyDirection::peer, "peer"},
    {CopyDirection::peer_both_ways, "peer_both_ways"},
}};

// Pairs (query, key) that remain of one sequence under its mask and window. Queries are the last
// q_len positions of kv_len.
double attended_pairs(const AttentionQuery& q) {
  const double queries = static_cast<double>(q.q_len);
  const double keys = static_cast<double>(std::max(q.kv_len, q.q_len));
  if (q.mask == AttentionMask::full) {
    return queries * (q.window > 0 ? std::min(keys, static_cast<double>(q.window)) : keys);
  }
  // Query i of 0..q_len-1 sees s + i + 1 keys, s = kv_len - q_len; at most `window` of them.
  const double before = keys - queries;
  if (q.window <= 0 || static_cast<double>(q.window) >= keys) {
    return queries * before + queries * (queries + 1) / 2;
  }
  const double window = static_cast<double>(q.window);
  const double growing = std::clamp(window - before, 0.0, queries);  // queries that see all before
  return growing * before + growing * (growing + 1) / 2 + (queries - growing) * window;
}

double value_dim(const AttentionQuery& q) {
  return static_cast<double>(q.value_dim > 0 ? q.value_dim : q.head_dim);
}

double keys_touched(const AttentionQuery& q) {
  const auto keys = static_cast<double>(std::max(q.kv_len, q.q_len));
  if (q.window <= 0) return keys;
  return std::min(keys, static_cast<double>(q.window) + static_cast<double>(q.q_len) - 1);
}

double matrices(const MoeQuery& q) {
  return q.mlp == ExpertMlp::gated ? 3.0 : 2.0;
}

double routed_tokens(const MoeQuery& q) {
  return static_cast<double>(q.tokens) * static_cast<double>(q.top_k) /
         static_cast<double>(q.expert_ranks);
}

double expert_width(const MoeQuery& q) {
  return static_cast<double>(q.intermediate) / static_cast<double>(q.tensor_ranks);
}

}  // namespace

base::Flops flops(const GemmQuery& q) {
  base::expects(q.m > 0 && q.n > 0 && q.k > 0 && q.batch > 0 && q.groups > 0,
                "a GEMM has positive sizes");
  return base::Flops(2.0 * static_cast<double>(q.m) * static_cast<double>(q.n) *
                     static_cast<double>(q.k) * static_cast<double>(q.batch) *
                     static_cast<double>(q.groups));
}

base::Bytes bytes(const GemmQuery& q) {
  const auto m = static_cast<double>(q.m), n = static_cast<double>(q.n);
  const auto k = static_cast<double>(q.k);
  const double one = m * k * activation_bytes(q.format) + k * n * weight_bytes(q.format) +
                     m * n * output_bytes(q.format);
  return base::Bytes(one * static_cast<double>(q.batch) * static_cast<double>(q.groups));
}

base::Flops flops(const AttentionQuery& q) {
  base::expects(
      q.batch > 0 && q.heads > 0 && q.kv_heads > 0 && q.head_dim > 0 && q.q_len > 0 && q.kv_len > 0,
      "attention has positive sizes");
  const double forward = 2.0 * static_cast<double>(q.batch) * static_cast<double>(q.heads) *
                         attended_pairs(q) * (static_cast<double>(q.head_dim) + value_dim(q));
  return base::Flops(q.phase == AttentionPhase::backward ? 2.5 * forward : forward);
}

base::Bytes bytes(const AttentionQuery& q) {
  const auto batch = static_cast<double>(q.batch), head_dim = static_cast<double>(q.head_dim);
  const double query_and_output =
      batch * static_cast<double>(q.heads) * static_cast<double>(q.q_len) *
      (head_dim * activation_bytes(q.format) + value_dim(q) * output_bytes(q.format));
  // Latent attention keeps one row a token: the values are part of the keys.
  const bool latent = q.value_dim > 0 && q.value_dim != q.head_dim && q.kv_heads == 1;
  const double cache_row = latent ? head_dim : head_dim + value_dim(q);
  const double cache = batch * static_cast<double>(q.kv_heads) * keys_touched(q) * cache_row *
                       activation_bytes(q.kv_format);
  // Backward reads q, k, v, o, do and writes dq, dk, dv: twice the operands, and once more o's.
  if (q.phase == AttentionPhase::backward) return base::Bytes(2.0 * (query_and_output + cache));
  return base::Bytes(query_and_output + cache);
}

base::Flops flops(const MoeQuery& q) {
  base::expects(q.tokens > 0 && q.hidden > 0 && q.intermediate > 0 && q.top_k > 0 &&
                    q.experts > 0 && q.tensor_ranks > 0 && q.expert_ranks > 0,
                "a MoE layer has positive sizes");
  return base::Flops(2.0 * routed_tokens(q) * matrices(q) * static_cast<double>(q.hidden) *
                     expert_width(q));
}

base::Bytes bytes(const MoeQuery& q) {
  const double held = static_cast<double>(q.experts) / static_cast<double>(q.expert_ranks);
  const double chance = static_cast<double>(q.top_k) / static_cast<double>(q.experts);
  // Balanced routing: an expert stays cold with probability (1 - top_k / experts)^tokens.
  const double hit = held * -std::expm1(static_cast<double>(q.tokens) *
                                        std::log1p(-std::min(chance, 1.0 - 1e-12)));
  const double weights =
      hit * matrices(q) * static_cast<double>(q.hidden) * expert_width(q) * weight_bytes(q.format);
  const double activations =
      routed_tokens(q) *
      (static_cast<double>(q.hidden) * (activation_bytes(q.format) + output_bytes(q.format)) +
       matrices(q) * expert_width(q) * output_bytes(q.format));
  return base::Bytes(weights + activations);
}

std::string_view to_text(AttentionPhase phase) {
  switch (phase) {
    case AttentionPhase::context:
      return "context";
    case AttentionPhase::decode:
      return "decode";
    case AttentionPhase::backward:
      return "backward";
  }
  return "";
}

std::string_view to_text(Basis basis) {
  switch (basis) {
    case Basis::measured:
      return "measured";
    case Basis::interpolated:
      return "interpolated";
    case Basis::model:
      return "model";
    case Basis::roofline:
      return "roofline";
  }
  return "";
}

std::string_view to_text(MemoryOp op) {
  return name_of(kMemoryOps, op);
}
std::optional<MemoryOp> memory_op_from(std::string_view text) {
  return value_of(kMemoryOps, text);
}
std::string_view to_text(LaunchKind kind) {
  return name_of(kLaunchKinds, kind);
}
std::optional<LaunchKind> launch_kind_from(std::string_view text) {
  return value_of(kLaunchKinds, text);
}
std::string_view to_text(CopyDirection direction) {
  return name_of(kCopyDirections, direction);
}
std::optional<CopyDirection> copy_direction_from(std::string_view text) {
  return value_of(kCopyDirections, text);
}

}  // namespace windtunnel::models
