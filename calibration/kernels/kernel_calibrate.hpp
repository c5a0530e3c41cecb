// From kernel rows to profiles: what `windtunnel calibrate` does with gemm, attention, moe, memory,
// copy, launch and all-reduce rows.
//
// Rows are parted by (GPU, stack); a blank stack joins the only named one of its GPU, else it is a
// stack of its own. Each part becomes one profile with the components that the fits of kernel_fit.hpp
// make; the errors in them are of rows held out by families of shapes, the parameters from all rows.
// `update` refines an old profile where its rows are not at hand any more: a component that the new
// rows cover (at least half as many rows, over its ranges) is replaced by its new fit; else the old
// one is kept and gets a `scale`: the median of measured / predicted on the new rows, drawn towards 1
// as if eight rows had said 1. Components that are new are added.
// Contract: deterministic; a GPU without sheet gets one from its rows (device_sheet.hpp).
#pragma once

#include <string>
#include <vector>

#include "calibration/kernels/kernel_profile.hpp"
#include "calibration/kernels/kernel_rows.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::calibration {

struct KernelCalibrateOptions {
  std::string name{};  // of the profile where there is one; blank: GPU and stack
  std::string date{};  // YYYY-MM-DD
  std::string tool_version{};
  std::string source{};
};

struct RowPart {
  std::string gpu, stack;
  KernelRows rows;
};
std::vector<RowPart> part_rows(const KernelRows& rows);

struct KernelCalibration {
  std::vector<KernelProfile> profiles;
  base::Diagnostics diagnostics;
};
KernelCalibration calibrate_kernels(const KernelRows& rows, const KernelCalibrateOptions& options);
KernelCalibration update_kernels(const KernelProfile& old, const KernelRows& rows,
                                 const KernelCalibrateOptions& options);

// gpu stack kind format kernel split rows median p90 mean bias inside_band band_width_median, a line
// a component and split.
base::Table held_out_table(const std::vector<KernelProfile>& profiles);
// A line a kind: of its first split, means over formats weighted by rows; and its hardest split.
base::Table held_out_summary(const std::vector<KernelProfile>& profiles);
// gpu stack kind format kernel parameter value standard_error unit.
base::Table kernel_parameters_table(const std::vector<KernelProfile>& profiles);

}  // namespace windtunnel::calibration
