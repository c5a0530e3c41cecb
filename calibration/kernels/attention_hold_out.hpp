// The errors of attention fits on families of shapes that were left out, with what a plain look-up
// and the bare form make of the same rows: the table that calibration/README.md quotes.
//
// Splits: whole head counts, ratios of heads to kv heads, batch sizes, lengths; and whole head sizes
// and windows, which no surface of their own then covers.
#pragma once

#include "calibration/kernels/family_fit.hpp"
#include "calibration/kernels/kernel_rows.hpp"
#include "sim/platform/gpu.hpp"

namespace windtunnel::calibration {

struct AttentionComponentFit {
  Component component;
  std::vector<FamilyHoldOut> held_out;
  double form_median = 0.0;
};

std::vector<AttentionComponentFit> fit_attention_families(const KernelRows& rows,
                                                          const sim::Gpu& gpu, HoldOuts hold_outs);

}  // namespace windtunnel::calibration
