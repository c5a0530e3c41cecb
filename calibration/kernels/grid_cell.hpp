// Where a coordinate lies on a sorted axis: for the fit and the reader of residual surfaces.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace windtunnel::calibration {

struct GridCell {
  std::size_t index = 0;  // of the cell's lower knot
  double fraction = 0.0;  // 0 at the lower knot, 1 at the upper
};

// The cell that holds x, clamped to the axis (one knot: cell 0).
inline GridCell grid_cell(const std::vector<double>& knots, double x) {
  if (knots.size() == 1 || x <= knots.front()) return {0, 0.0};
  const std::size_t last = knots.size() - 2;
  const auto above = std::upper_bound(knots.begin(), knots.end(), x);
  const auto index = std::min(static_cast<std::size_t>(above - knots.begin()) - 1, last);
  return {index, std::min(1.0, (x - knots[index]) / (knots[index + 1] - knots[index]))};
}

}  // namespace windtunnel::calibration
