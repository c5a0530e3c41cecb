// Published tables of attention kernels.
//
// aiconfigurator (context_attention_perf, generation_attention_perf): `latency` in ms; num_heads and
// num_key_value_heads are those of one GPU. context: `isl` new tokens a sequence and no cached prefix
// (`step` is 0 in every row); the time rises with batch x heads x isl^2. generation: one new token
// against isl + step keys in the cache (isl is 1; the time rises with step, and doubles with it once
// the cache streams from memory). beam_width is 1 throughout. attn_dtype is the format of the
// products, kv_cache_dtype that of the cache; window_size 0 or absent: none.
// InferSim (mha, mla, dsa): `latency_us`; heads, kv heads and head size are in the file's name
// (128-8-128; mla 128-512-64: heads, latent, rotary), GPU and phase in its folders; its mfu counts
// half the square, so prefill is causal. MLA decode is absorbed (head_dim 576, value_dim 512, one kv
// head), its prefill expanded (192, 128). DSA attends to the 2048 keys that its indexer chose: a
// window of that many. The indexer's logits are no softmax attention: skipped, counted.
// Vidur, Frontier, LLMServingSim v0: time_stats.attn_{prefill,decode}.median in ms; n_embd, n_q_head
// and n_kv_head of the whole model over num_tensor_parallel_workers; prefill_chunk_size new tokens
// after kv_cache_size cached ones.
// LLMServingSim (prefill_chunk, kv_prefill, n_decode, kv_decode, time_us): a step with one prefill
// chunk and n_decode sequences; rows of only one sort are taken, mixed steps skipped, counted. The
// model is told by its folder.
// Known bad rows (A100 TensorRT-LLM 1.0.0 decode, H100 TensorRT-LLM context) are dropped by a law:
// faster than attention_least_time by more than the tolerance. Where more than a few decode rows of a
// source are that, its caches cannot have been as large as it says (sequences shared their pages),
// and every decode row with at least the smallest such cache goes too.
#pragma once

#include <filesystem>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"

namespace windtunnel::calibration {

// Boost clocks above the data sheet's, and a timer's rounding.
inline constexpr double kDeviceTolerance = 1.05;

bool is_aiconfigurator_attention(const NativeTable& table);
void read_aiconfigurator_attention(const NativeTable& table, const std::filesystem::path& path,
                                   KernelRows& rows);
bool is_infersim_attention(const NativeTable& table);
void read_infersim_attention(const NativeTable& table, const std::filesystem::path& path,
                             KernelRows& rows);
bool is_vidur_attention(const NativeTable& table);
void read_vidur_attention(const NativeTable& table, const std::filesystem::path& path,
                          KernelRows& rows);
bool is_step_attention(const NativeTable& table);
void read_step_attention(const NativeTable& table, const std::filesystem::path& path,
                         KernelRows& rows);

// Stack of a row of Vidur's schema: Frontier's kernels alone, its events around them, or Vidur's and
// LLMServingSim's profiles by backend.
std::string profiled_stack(const NativeTable& table, std::size_t row);
// What is wrong with a row's counts or its time; blank where nothing is.
std::string attention_fault(const models::AttentionQuery& query, double seconds);
// Drops the rows from `first` on that are faster than their GPU can be; the
// rest keep their order.
void drop_impossible_attention(std::size_t first, KernelRows& rows);

}  // namespace windtunnel::calibration
