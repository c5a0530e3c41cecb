// Communication tables of aiconfigurator: nccl_perf and custom_allreduce_perf.
//
// nccl_perf: NCCL inside one NVLink (or PCIe) domain, one process a GPU; `message_size` counts
// ELEMENTS of nccl_dtype, `latency` is ms. A row becomes a CollectiveMeasurement of one node with
// num_gpus GPUs. The size is that of nccl-tests (the larger buffer). custom_allreduce_perf: the
// inference engine's own kernel, the same units; "eager" in kernel_source or backend marks rows with
// the launch on the path, all others were replayed from a CUDA graph. The software version is the
// column `version`, not the folder. Old tables without `device` leave the GPU blank.
#pragma once

#include <filesystem>

#include "calibration/kernels/kernel_rows.hpp"
#include "calibration/kernels/native_table.hpp"

namespace windtunnel::calibration {

bool is_nccl_table(const NativeTable& table);
void read_nccl_table(const NativeTable& table, const std::filesystem::path& path, KernelRows& rows);
bool is_custom_all_reduce_table(const NativeTable& table);
void read_custom_all_reduce_table(const NativeTable& table, const std::filesystem::path& path,
                                  KernelRows& rows);

}  // namespace windtunnel::calibration
