// The fit of GEMM components, and its trial on rows left out.
//
// Rows of one (GPU, stack) are grouped by format. Kernels of a format that time the same shapes get
// a component each; kernels that never do are the stack's own choice by shape and share one.
// Repeated shapes become their median. Then
//   1. the form's parameters (log_parameter_fit; at most kFormRows rows), priors at the values of
//      the GPU's relatives, narrower the fewer rows there are: a format with a handful of rows
//      borrows its physics from them,
//   2. the surface of what is left, over (log2 m, log2 n, log2 k) with knots at tile boundaries,
//   3. the band from the misses on rows held out.
// Trials leave out, a quarter at a time, all rows of whole (n, k) pairs, of whole n, of whole k, of
// whole m; form and surface are fitted without them. A split of one value only is left out.
// Every hyper-parameter is the same for all tables. Contract: deterministic.
#pragma once

#include <vector>

#include "calibration/kernels/gemm_model.hpp"
#include "calibration/kernels/kernel_fit.hpp"

namespace windtunnel::calibration {

// `RowSource::source` of rows that aiconfigurator's collectors measured.
inline constexpr std::string_view kAiconfigurator = "aiconfigurator";

// What else could be interpolated between rows, for comparison.
enum class GemmLookUps { none, all };

struct GemmTrial {
  HeldOutError error;
  double form_median = 0.0;        // the form alone
  double time_median = 0.0;        // trilinear in ln time
  double efficiency_median = 0.0;  // trilinear in ln(time / roofline)
  double nearest_median = 0.0;     // time of the nearest row, scaled by the rooflines
};

struct GemmComponentFit {
  Component component;
  std::vector<GemmTrial> trials;  // `component.held_out` has their errors
};

std::vector<GemmComponentFit> fit_gemm_components(const KernelRows& rows, const sim::Gpu& gpu,
                                                  GemmLookUps look_ups);

// How rows were measured. aiconfigurator's collectors as their source says: copies of the weights in
// turn, CUDA graphs but for vLLM's fp8_block. Every other source reads weights from DRAM and times
// the device.
struct MeasuringLoop {
  double copies = 1e6;
  double fill_l2 = 0.0;  // 1: no more copies than fill the L2
  models::DispatchMode dispatch = models::DispatchMode::graph;
};
MeasuringLoop measuring_loop_of(const RowSource& source, models::NumberFormat format);

}  // namespace windtunnel::calibration
