#include "calibration/kernels/held_out.hpp"
#include "sim/base/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace windtunnel::calibration {

HeldOutError held_out_error(const std::string& split, const std::vector<HeldOutPoint>& points) {
  HeldOutError out;
  out.split = split;
  out.rows = static_cast<std::int64_t>(points.size());
  if (points.empty()) return out;
  std::vector<double> errors, widths;
  for (const HeldOutPoint& point : points) {
    const double predicted = point.predicted.time.value();
    const double error = predicted / point.measured - 1;
    errors.push_back(std::abs(error));
    widths.push_back((point.predicted.high.value() - point.predicted.low.value()) / predicted);
    out.mean += std::abs(error);
    out.bias += error;
    if (point.measured >= point.predicted.low.value() &&
        point.measured <= point.predicted.high.value())
      out.inside_band += 1;
  }
  const auto n = static_cast<double>(points.size());
  out.mean /= n;
  out.bias /= n;
  out.inside_band /= n;
  out.median = base::quantile(errors, 0.5);
  out.p90 = base::quantile(errors, 0.9);
  out.band_width_median = base::quantile(widths, 0.5);
  return out;
}

double log_error_quantile(const std::vector<HeldOutPoint>& points, double level, double otherwise) {
  constexpr std::size_t kEnough = 8;
  if (points.size() < kEnough) return otherwise;
  std::vector<double> errors;
  for (const HeldOutPoint& point : points)
    errors.push_back(std::abs(std::log(point.predicted.time.value() / point.measured)));
  return base::quantile(errors, level);
}

}  // namespace windtunnel::calibration
