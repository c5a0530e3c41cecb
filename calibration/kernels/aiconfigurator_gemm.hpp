// Published GEMM tables.
//
// aiconfigurator (gemm_perf): framework, version, device, kernel_source, gemm_dtype, m, n, k,
// latency in ms; m tokens, n outputs, k inputs. The first word of TensorRT plug-in paths is kept of
// kernel_source ("trt_flow"). Where activations are quantized inside the measured call
// ("torch_flow" fp8, nvfp4), that is part of the time.
// InferSim (gemm/<gpu>/data.csv): m, k, n, latency_us of DeepGEMM fp8 with blocks. LLMServingSim
// (dense.csv: layer, tokens, time_us; shapes from the public model whose name is in the path) and
// Vidur and Frontier (mlp.csv, linear_op.csv: time_stats.<op>.median in ms): the projections qkv,
// o, up (gate and up in one) and down, of one of num_tensor_parallel_workers ranks.
// Rows that are faster than the math units can be at their boost clock are dropped (law, not name).
#pragma once

#include <filesystem>
#include <string>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"

namespace windtunnel::calibration {

// Boost clocks lie above the clock of the data sheet's peak (H100 SXM: 1.98 over 1.83 GHz).
inline constexpr double kBoostOverPeak = 1.10;

bool is_aiconfigurator_gemm(const NativeTable& table);
void read_aiconfigurator_gemm(const NativeTable& table, const std::filesystem::path& path,
                              KernelRows& rows);
bool is_infersim_gemm(const NativeTable& table);
void read_infersim_gemm(const NativeTable& table, const std::filesystem::path& path,
                        KernelRows& rows);

// What is wrong with a row; blank where nothing is.
std::string gemm_fault(const models::GemmQuery& query, double seconds);
// Drops the GEMM rows from `first` on that are faster than their GPU can multiply.
void drop_impossible_gemm(std::size_t first, KernelRows& rows);

}  // namespace windtunnel::calibration
