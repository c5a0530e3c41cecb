// Small readers of a Component for the models that bind one: a parameter by name, a range, a band.
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include "calibration/kernels/kernel_profile.hpp"
#include "models/kernels/kernel_time_model.hpp"

namespace windtunnel::calibration {

inline double parameter_or(const Component& component, std::string_view name, double otherwise) {
  for (const FittedParameter& p : component.parameters)
    if (p.name == name) return p.value;
  return otherwise;
}

// Octaves that `value` lies outside the range seen; 0 inside, or where no such range was kept.
inline double octaves_outside(const Component& component, std::string_view name, double value) {
  for (const auto& [key, range] : component.ranges) {
    if (key != name) continue;
    if (value < range.first) return std::log2(range.first / value);
    if (value > range.second) return std::log2(value / range.second);
  }
  return 0.0;
}

// What a range of ln time h makes of a time: low = t e^-h, high = t e^h.
inline models::KernelTime with_band(double seconds, double half_width, models::Basis basis,
                                    bool extrapolated) {
  const double factor = std::exp(half_width);
  return {base::Seconds(seconds), base::Seconds(seconds / factor), base::Seconds(seconds * factor),
          basis, extrapolated};
}

}  // namespace windtunnel::calibration
