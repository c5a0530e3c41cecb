// Published tables of MoE layers (experts only, router left out).
//
// aiconfigurator (moe_perf): `latency` in ms; num_tokens of the whole expert group, inter_size and
// num_experts of the whole model, moe_tp_size and moe_ep_size the layout; the rank measured is the
// one loaded most. `distribution`: balanced (or uniform), or power_law_A with exponent A (how it is
// drawn: models/kernels/moe_form.hpp). kernel_source with "nongated": two matrices an expert.
// wideep_*: the same with num_slots places for experts; "_eplb" has their copies spread until ranks
// are even: read as balanced over num_slots.
// InferSim (grouped_gemm): up_proj_us + down_proj_us, DeepGEMM fp8_block, balanced;
// batch_size_per_gpu or seq_len_per_gpu tokens on each of num_gpus.
// Frontier (moe.csv): time_stats.moe_grouped_gemm.median in ms, plus moe_shuffling where it is there.
// LLMServingSim (tokens, activated_experts, time_us): a balanced layer of the activated experts alone
// (those never chosen cost nothing); the model is told by its folder.
// Rows faster than moe_least_time by more than kDeviceTolerance are dropped, counted.
#pragma once

#include <filesystem>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"

namespace windtunnel::calibration {

bool is_aiconfigurator_moe(const NativeTable& table);
void read_aiconfigurator_moe(const NativeTable& table, const std::filesystem::path& path,
                             KernelRows& rows);
bool is_infersim_grouped_gemm(const NativeTable& table);
void read_infersim_grouped_gemm(const NativeTable& table, const std::filesystem::path& path,
                                KernelRows& rows);
bool is_frontier_moe(const NativeTable& table);
void read_frontier_moe(const NativeTable& table, const std::filesystem::path& path,
                       KernelRows& rows);
bool is_expert_table(const NativeTable& table);
void read_expert_table(const NativeTable& table, const std::filesystem::path& path,
                       KernelRows& rows);

}  // namespace windtunnel::calibration
