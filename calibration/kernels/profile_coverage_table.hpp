// What a kernel profile covers and what it does not, for `doctor --profile`.
//
// One line a kind and format: rows, ranges seen, median and p90 error on rows held out; then one line
// for each kind and common format (those the GPU has a peak for) that no component covers, with what
// answers in its place.
#pragma once

#include "calibration/kernels/kernel_profile.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::calibration {

enum class Detail { brief, full };  // full: ranges of every axis, every split, every kernel
base::Table kernel_coverage(const KernelProfile& profile, Detail detail);

}  // namespace windtunnel::calibration
