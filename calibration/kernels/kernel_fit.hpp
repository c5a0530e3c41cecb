// The fits of kernel cost models, one function a kind, each in its own file: rows of one (GPU,
// stack) in, components out. Common contract: rows may be in any order; robust against outliers;
// deterministic; the held-out errors of a component come from fits that had not seen those rows,
// split by families of shapes (`HeldOutError::split`), the shipped parameters from all rows.
#pragma once

#include <vector>

#include "calibration/kernels/kernel_profile.hpp"
#include "calibration/kernels/kernel_rows.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::calibration {

std::vector<Component> fit_gemm(const KernelRows& rows, const sim::Gpu& gpu);
std::vector<Component> fit_attention(const KernelRows& rows, const sim::Gpu& gpu);
std::vector<Component> fit_moe(const KernelRows& rows, const sim::Gpu& gpu);
std::vector<Component> fit_memory(const KernelRows& rows, const sim::Gpu& gpu);
std::vector<Component> fit_launch_and_copy(const KernelRows& rows, const sim::Gpu& gpu);
std::vector<Component> fit_all_reduce(const KernelRows& rows, const sim::Gpu& gpu);

}  // namespace windtunnel::calibration
