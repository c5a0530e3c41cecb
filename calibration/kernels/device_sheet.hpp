// The data sheet that a profile's forms are bound to.
//
// A GPU of `list gpus` has a shipped sheet. Any other device (a CPU, a GPU nobody wrote a sheet for)
// gets one from its own rows: peak of a format = 1.05 times the 98th percentile of FLOP/s over its
// GEMM rows, memory bandwidth = the same of bytes/s over memory rows (else GEMM rows), copies
// likewise. Such a sheet travels in the profile as a component of kind `sheet`, so that the fit and
// every later prediction use the same figures.
#pragma once

#include <optional>
#include <string>

#include "calibration/kernels/kernel_profile.hpp"
#include "calibration/kernels/kernel_rows.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::calibration {

// Nothing where there is no GEMM or memory row to take it from.
std::optional<sim::Gpu> sheet_from_rows(const KernelRows& rows, const std::string& name);
Component sheet_component(const sim::Gpu& gpu);
// The sheet of a profile's GPU: the one it carries, else the shipped one of that name.
std::optional<sim::Gpu> sheet_of(const KernelProfile& profile);

}  // namespace windtunnel::calibration
