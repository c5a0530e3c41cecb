// What one kernel (or one fused group of kernels) is asked to do: shapes, number formats, nothing
// about a device. Networks are lowered to these; kernel time models answer them.
//
// Every query knows its work: `flops(q)` counts a multiply-add as 2, `bytes(q)` the least traffic to
// and from device memory (each operand once). Counts are int64 and at least 1 unless a comment says
// otherwise; a query with a count below that is a bug (expects). They are the x axes of every
// roofline in the reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "models/kernels/number_format.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::models {

// C[batch][m x n] = A[m x k] * B[k x n]. m is the token dimension of a linear layer, n its outputs,
// k its inputs. `groups` > 1: a grouped GEMM of `groups` problems of that m, n, k (their m may
// differ; then m is the mean).
struct GemmQuery {
  std::int64_t m = 1, n = 1, k = 1;
  std::int64_t batch = 1;
  std::int64_t groups = 1;
  NumberFormat format = NumberFormat::bf16;
};

enum class AttentionPhase { context, decode, backward };
enum class AttentionMask { causal, full };
enum class AttentionKernel { fused, unfused };  // flash-like; or GEMM, softmax, GEMM

// Softmax attention of `batch` sequences. context: q_len new tokens against kv_len >= q_len keys
// (prefix included); decode: q_len new tokens a sequence (1, or a few with speculation) against
// kv_len keys in a KV cache; backward: gradients of the context phase. Heads and kv_heads are those
// on this device. MLA: `value_dim` differs from head_dim (absorbed decode: head_dim 576, value_dim
// 512, kv_heads 1). `window` 0: none.
struct AttentionQuery {
  AttentionPhase phase = AttentionPhase::context;
  AttentionKernel kernel = AttentionKernel::fused;
  AttentionMask mask = AttentionMask::causal;
  std::int64_t batch = 1;
  std::int64_t heads = 1, kv_heads = 1;
  std::int64_t head_dim = 128;
  std::int64_t value_dim = 0;  // 0: head_dim
  std::int64_t q_len = 1, kv_len = 1;
  std::int64_t window = 0;
  NumberFormat format = NumberFormat::bf16;
  NumberFormat kv_format = NumberFormat::bf16;
};

// The experts of one MoE layer on one device, router left out: `tokens` tokens enter the layer in
// the whole expert group, each goes to `top_k` of `experts`; the device holds experts / expert_ranks
// experts, each of width intermediate / tensor_ranks. `skew`: exponent of the power law of expert
// popularity, 0 balanced. `gated`: up, gate and down matrices, else up and down.
enum class ExpertMlp { gated, plain };
struct MoeQuery {
  std::int64_t tokens = 1;
  std::int64_t hidden = 1, intermediate = 1;
  std::int64_t top_k = 1, experts = 1;
  std::int64_t tensor_ranks = 1, expert_ranks = 1;
  double skew = 0.0;
  ExpertMlp mlp = ExpertMlp::gated;
  NumberFormat format = NumberFormat::bf16;
};

// A kernel bound by memory traffic (or, when small, by its launch). `bytes`: all it reads and
// writes. `rows`: independent rows a reduction runs over (tokens), 0 where there is none.
enum class MemoryOp {
  copy,
  fill,
  layer_norm,
  rms_norm,
  softmax,
  gelu,
  swiglu,
  residual_dropout,
  add,
  rotary,
  embedding,
  cross_entropy,
  optimizer,
  cast,
  sampling,
  kv_write,
};
struct MemoryQuery {
  MemoryOp op = MemoryOp::copy;
  base::Bytes bytes{1};
  std::int64_t rows = 0;
};

enum class LaunchKind { kernel, graph_node, graph, event, stream_sync, device_sync, thread, fork };
struct LaunchQuery {
  LaunchKind kind = LaunchKind::kernel;
};

enum class CopyDirection {
  host_to_device,
  device_to_host,
  host_to_device_pageable,
  device_to_host_pageable,
  device_to_device,
  peer,
  peer_both_ways,
};
struct CopyQuery {
  CopyDirection direction = CopyDirection::host_to_device;
  base::Bytes bytes{1};
};

// All-reduce by an inference engine's own kernel over the GPUs of one NVLink (or PCIe) domain.
enum class DispatchMode { graph, eager };
struct FusedAllReduceQuery {
  std::int64_t gpus = 2;
  base::Bytes bytes{1};
  DispatchMode dispatch = DispatchMode::graph;
};

// How much slower a kernel runs while something else uses the device: the query of the slowed
// kernel's kind against a background. Answered as a factor >= 1.
enum class Background { none, host_copy, peer_copy, collective };
enum class KernelClass { gemm, attention, memory };
struct InterferenceQuery {
  KernelClass kernel = KernelClass::gemm;
  Background background = Background::none;
};

using KernelQuery = std::variant<GemmQuery, AttentionQuery, MoeQuery, MemoryQuery, LaunchQuery,
                                 CopyQuery, FusedAllReduceQuery>;

base::Flops flops(const GemmQuery& query);
base::Bytes bytes(const GemmQuery& query);
// Causal and window masks counted as the pairs that remain; backward 2.5 times the forward (five
// products for two, Dao 2023, arXiv 2307.08691, section 3.1).
base::Flops flops(const AttentionQuery& query);
base::Bytes bytes(const AttentionQuery& query);
// Of the device's share of a balanced layer.
base::Flops flops(const MoeQuery& query);
base::Bytes bytes(const MoeQuery& query);  // weights of the experts that are hit, and activations

std::string_view to_text(AttentionPhase phase);
std::string_view to_text(MemoryOp op);
std::optional<MemoryOp> memory_op_from(std::string_view text);
std::string_view to_text(LaunchKind kind);
std::optional<LaunchKind> launch_kind_from(std::string_view text);
std::string_view to_text(CopyDirection direction);
std::optional<CopyDirection> copy_direction_from(std::string_view text);

}  // namespace windtunnel::models
