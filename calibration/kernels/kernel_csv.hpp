// Rows of the measurement CSV (contract.md section 5) as kernel rows.
//
//   kind       columns (those in brackets may be blank)
//   gemm       m, n, k, precision, time_s [batch, groups]
//   attention  batch, heads, kv_heads, head_dim, q_len, kv_len, causal, precision, time_s
//              [phase: context | decode | backward; blank: decode where q_len is 1 and kv_len is
//              not; implementation: fused | unfused; value_dim, window, kv_precision]
//   moe        tokens, hidden, intermediate, top_k, experts, precision, time_s [tensor_ranks,
//              expert_ranks, skew, mlp: gated | plain]
//   memory     op, bytes, time_s [rows]
//   copy       direction, bytes, time_s
//   launch     time_s [op: kernel | graph_node | graph | event | stream_sync | device_sync |
//              thread | fork]
//   interference  op: gemm | attention | memory (or a memory-bound op), background: host_copy |
//              peer_copy | collective, time_s beside it, alone_s without
//   every kind gpu, stack, source [kernel]
// Contract: a row that cannot be used (no time, a NaN or negative time, an unknown word, a count
// below 1) is in `skipped` with its line and the reason; a blank precision is read as bf16, with a
// warning. Kinds that are no kernels stay where they are.
#pragma once

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/measurement.hpp"

namespace windtunnel::calibration {

// Moves the rows of kernel kinds out of `measurements.other` into `rows`.
void take_kernel_rows(Measurements& measurements, KernelRows& rows);

// A row's GPU as `list gpus` names it: one of those names, or a product ("NVIDIA H100 80GB HBM3").
std::string canonical_gpu(const std::string& text);

}  // namespace windtunnel::calibration
