// Errors on rows held out, and the band that they justify.
#pragma once

#include <string>
#include <vector>

#include "calibration/kernels/kernel_profile.hpp"
#include "models/kernels/kernel_time_model.hpp"

namespace windtunnel::calibration {

struct HeldOutPoint {
  double measured = 0.0;  // s
  models::KernelTime predicted;
};
HeldOutError held_out_error(const std::string& split, const std::vector<HeldOutPoint>& points);

// The share `level` of |ln(predicted / measured)| lies within this; `otherwise` for under 8 points.
double log_error_quantile(const std::vector<HeldOutPoint>& points, double level, double otherwise);

}  // namespace windtunnel::calibration
