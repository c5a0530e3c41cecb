// Memory-bound ops of published layer profiles, which hold GEMMs beside them (gemm_tables).
//
// Vidur and Frontier (mlp.csv, linear_op.csv): `time_stats.<op>.median` in ms; the tensors are those
// of a Llama-like layer with n_embd (H), n_head, n_kv_head, n_expanded_embd (I) in 16 bits, divided
// over num_tensor_parallel_workers where the op is. LLMServingSim (dense.csv): layer, tokens,
// time_us; the layer's shape is that of the public model whose name is in the path, the tensor ranks
// are the folder tpN. Traffic counted for T tokens, in elements: embedding 2 T H, norm 2 T H (vLLM's
// fused with the residual: 4 T H), rotary 2 T (heads + kv heads) d, gated activation 3 T I, plain
// 2 T I, add 3 T H. Kernel-only times (measurement_type) are a kernel of their own.
#pragma once

#include <filesystem>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"

namespace windtunnel::calibration {

bool is_layer_table(const NativeTable& table);
void read_layer_table(const NativeTable& table, const std::filesystem::path& path,
                      KernelRows& rows);
bool is_dense_table(const NativeTable& table);
void read_dense_table(const NativeTable& table, const std::filesystem::path& path,
                      KernelRows& rows);

}  // namespace windtunnel::calibration
