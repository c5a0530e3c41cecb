// GEMMs out of published layer profiles, which hold memory-bound ops beside them (memory_tables).
//
// For T tokens, hidden size H, head size d, intermediate size I, vocabulary V, R tensor ranks, as
// (m, n, k):
//   qkv (T, (heads + 2 kv heads) d / R, H)   q, k, v by themselves: their part of it
//   o (T, H, heads d / R)                    up (T, 2 I / R or I / R, H), gated or plain
//   down (T, H, I / R)                       lm_head (T, V / R, H)
// Vidur and Frontier (mlp.csv, linear_op.csv): attn_pre_proj, attn_post_proj, mlp_up_proj,
// mlp_down_proj: time_stats.<op>.median in ms; precision from profiling_precision and
// quant_signature where there are such columns, else fp16. LLMServingSim: dense.csv and
// per_sequence.csv (layer, tokens or sequences, time_us) and layers.csv (layer_name, input,
// tp_size, latency(ns)); shapes are those of the public model whose name is in the path, precision
// bf16. A layer runs between others: its weights come from DRAM.
#pragma once

#include <filesystem>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"

namespace windtunnel::calibration {

bool is_projection_table(const NativeTable& table);  // Vidur, Frontier
void read_projection_table(const NativeTable& table, const std::filesystem::path& path,
                           KernelRows& rows);
bool is_layer_gemm_table(const NativeTable& table);  // LLMServingSim
void read_layer_gemm_table(const NativeTable& table, const std::filesystem::path& path,
                           KernelRows& rows);

}  // namespace windtunnel::calibration
