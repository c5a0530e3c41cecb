#include "calibration/kernels/residual_surface.hpp"

#include <algorithm>
#include <cmath>

#include "calibration/kernels/grid_cell.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::calibration {

ResidualSurface::ResidualSurface(const ResidualGrid& grid)
    : ResidualSurface(grid.axes, grid.values.data()) {}

ResidualSurface::ResidualSurface(const std::vector<GridAxis>& axes, const std::int16_t* values)
    : axis_count_(static_cast<int>(axes.size())), values_(values) {
  base::expects(!axes.empty() && axes.size() <= kMaxAxes, "1 to kMaxAxes axes");
  std::size_t stride = 1;
  for (std::size_t a = axes.size(); a-- > 0;) {
    Axis& axis = axis_[a];
    axis.knots = axes[a].knots;
    base::expects(!axis.knots.empty() && axis.knots.size() <= 255, "1 to 255 knots");
    axis.stride = stride;
    stride *= axis.knots.size();
    axis.origin = axis.knots.front();
    for (std::size_t i = 0; i + 1 < axis.knots.size(); ++i) {
      base::expects(axis.knots[i] < axis.knots[i + 1], "knots rise");
      axis.inverse_gap.push_back(1.0 / (axis.knots[i + 1] - axis.knots[i]));
    }
    const double range = axis.knots.back() - axis.knots.front();
    const std::size_t slots = 4 * axis.knots.size();
    axis.slots_per = range > 0.0 ? static_cast<double>(slots) / range : 0.0;
    for (std::size_t s = 0; s <= slots; ++s) {
      const double x = axis.origin + range * static_cast<double>(s) / static_cast<double>(slots);
      axis.start.push_back(static_cast<unsigned char>(grid_cell(axis.knots, x).index));
    }
  }
}

ResidualSurface::Reading ResidualSurface::at(std::span<const double> x) const {
  Reading reading;
  if (values_ == nullptr) return reading;
  std::array<double, kMaxAxes> fraction{};
  std::array<std::size_t, kMaxAxes> upper{};
  std::size_t base_index = 0;
  const auto count = static_cast<std::size_t>(axis_count_);
  for (std::size_t a = 0; a < count; ++a) {
    const Axis& axis = axis_[a];
    const double low = axis.knots.front(), high = axis.knots.back();
    const double inside = std::min(high, std::max(low, x[a]));
    reading.outside += std::abs(x[a] - inside);
    if (axis.inverse_gap.empty()) continue;
    std::size_t cell = axis.start[static_cast<std::size_t>((inside - low) * axis.slots_per)];
    while (cell > 0 && inside < axis.knots[cell]) --cell;
    while (cell + 1 < axis.inverse_gap.size() && inside >= axis.knots[cell + 1]) ++cell;
    fraction[a] = (inside - axis.knots[cell]) * axis.inverse_gap[cell];
    base_index += cell * axis.stride;
    upper[a] = axis.stride;
    reading.to_knot = std::max(reading.to_knot, 2.0 * std::min(fraction[a], 1.0 - fraction[a]));
  }
  // Fold the axes one by one: 2^axes loads, then halving.
  std::array<double, std::size_t{1} << kMaxAxes> corner{};
  const std::size_t corners = std::size_t{1} << count;
  for (std::size_t c = 0; c < corners; ++c) {
    std::size_t index = base_index;
    for (std::size_t a = 0; a < count; ++a) index += (c >> a & 1U) != 0 ? upper[a] : 0;
    const std::int16_t knot = values_[index];
    corner[c] = knot == kNoKnot ? 0.0 : static_cast<double>(knot);
  }
  for (std::size_t a = count; a-- > 0;) {
    const std::size_t half = std::size_t{1} << a;
    for (std::size_t c = 0; c < half; ++c)
      corner[c] += fraction[a] * (corner[c + half] - corner[c]);
  }
  reading.value = corner[0] * kGridStep;
  return reading;
}

}  // namespace windtunnel::calibration
