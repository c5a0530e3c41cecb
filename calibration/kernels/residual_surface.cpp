#include "calibration/kernels/residual_surface.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

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
    axis.last = axis.knots.back();
    for (std::size_t i = 0; i + 1 < axis.knots.size(); ++i) {
      base::expects(axis.knots[i] < axis.knots[i + 1], "knots rise");
      axis.inverse_gap.push_back(1.0 / (axis.knots[i + 1] - axis.knots[i]));
    }
    axis.last_cell = axis.knots.size() < 2 ? 0 : axis.knots.size() - 2;
    axis.step = axis.knots.size() < 2 ? 0 : axis.stride;
    const double range = axis.last - axis.origin;
    const std::size_t slots = 4 * axis.knots.size();
    axis.slots_per = range > 0.0 ? static_cast<double>(slots) / range : 0.0;
    // A slot begins at or behind the cell's lower knot, rounding of the slot's number included.
    for (std::size_t s = 0; s <= slots; ++s) {
      const double x =
          axis.origin + range * (static_cast<double>(s) - 1e-9) / static_cast<double>(slots);
      axis.start.push_back(static_cast<unsigned char>(grid_cell(axis.knots, x).index));
    }
    if (axis.knots.size() < 2) {  // one knot: a cell without width
      axis.knots.push_back(axis.last);
      axis.inverse_gap.push_back(0.0);
    }
  }
}

namespace {

// 2^(Count - A) loads, folded axis by axis; unrolled by the compiler.
template <std::size_t A, std::size_t Count>
double fold(const std::int16_t* values, const double* fraction, const std::size_t* upper) {
  if constexpr (A == Count) {
    return *values == kNoKnot ? 0.0 : static_cast<double>(*values);
  } else {
    const double low = fold<A + 1, Count>(values, fraction, upper);
    const double high = fold<A + 1, Count>(values + upper[A], fraction, upper);
    return low + fraction[A] * (high - low);
  }
}

}  // namespace

template <std::size_t Count>
ResidualSurface::Reading ResidualSurface::read(const double* x) const {
  Reading reading;
  std::array<double, Count> fraction;
  std::array<std::size_t, Count> upper;
  const std::int16_t* values = values_;
  const auto locate = [&](std::size_t a) {
    const Axis& axis = axis_[a];
    const double inside = std::min(axis.last, std::max(axis.origin, x[a]));
    reading.outside += std::abs(x[a] - inside);
    const double* const knots = axis.knots.data();
    std::size_t cell =
        axis.start[static_cast<std::size_t>((inside - axis.origin) * axis.slots_per)];
    while (inside >= knots[cell + 1] && cell < axis.last_cell) ++cell;
    const double f = (inside - knots[cell]) * axis.inverse_gap[cell];
    fraction[a] = f;
    values += cell * axis.stride;
    upper[a] = axis.step;
    reading.to_knot = std::max(reading.to_knot, 2.0 * std::min(f, 1.0 - f));
  };
  [&]<std::size_t... A>(std::index_sequence<A...>) {
    (locate(A), ...);
  }
  (std::make_index_sequence<Count>());
  reading.value = fold<0, Count>(values, fraction.data(), upper.data()) * kGridStep;
  return reading;
}

ResidualSurface::Reading ResidualSurface::at(std::span<const double> x) const {
  if (values_ == nullptr) return {};
  switch (axis_count_) {
    case 1:
      return read<1>(x.data());
    case 2:
      return read<2>(x.data());
    case 3:
      return read<3>(x.data());
    case 4:
      return read<4>(x.data());
    default:
      return read<5>(x.data());
  }
}

}  // namespace windtunnel::calibration
