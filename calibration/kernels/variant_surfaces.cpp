#include "calibration/kernels/variant_surfaces.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kAnotherKernel = 4.5;  // distance of variants with nothing in common
constexpr double kMostWeight = 4.0;     // rows of one shape are repeats, not new evidence

// Rows that share all coordinates become one point.
std::vector<SurfacePoint> merged(const std::vector<const VariantPoint*>& points) {
  std::map<std::array<double, kShapeAxes>, std::pair<double, double>> sums;
  for (const VariantPoint* point : points) {
    auto& [sum, rows] = sums[point->at];
    sum += point->residual;
    rows += 1;
  }
  std::vector<SurfacePoint> result;
  result.reserve(sums.size());
  for (const auto& [at, total] : sums) {
    SurfacePoint point;
    std::copy(at.begin(), at.end(), point.at.begin());
    point.residual = total.first / total.second;
    point.weight = std::min(total.second, kMostWeight);
    result.push_back(point);
  }
  return result;
}

// The candidates that lie within the points' range, and the range's ends where none is near.
std::vector<double> knots_within(const std::vector<double>& candidates, double low, double high) {
  constexpr double kNear = 0.3;
  std::vector<double> knots;
  for (const double knot : candidates) {
    if (knot > low - kNear && knot < high + kNear) knots.push_back(knot);
  }
  if (knots.empty()) knots.push_back((low + high) / 2);
  return knots;
}

}  // namespace

std::vector<ResidualGrid> fit_variant_surfaces(std::span<const VariantPoint> points,
                                               const VariantLayout& layout,
                                               const VariantFitOptions& options) {
  std::map<std::array<double, 2>, std::vector<const VariantPoint*>> variants;
  for (const VariantPoint& point : points) variants[point.variant].push_back(&point);
  std::vector<ResidualGrid> grids;
  for (const auto& [key, members] : variants) {
    std::vector<SurfacePoint> surface_points = merged(members);
    std::vector<GridAxis> axes;
    for (std::size_t a = 0; a < kShapeAxes; ++a) {
      double low = std::numeric_limits<double>::infinity(), high = -low;
      for (const SurfacePoint& point : surface_points) {
        low = std::min(low, point.at[a]);
        high = std::max(high, point.at[a]);
      }
      axes.push_back({layout.axis_names[a], knots_within(layout.knots[a], low, high)});
    }
    ResidualGrid grid = fit_residual_surface(std::move(axes), surface_points,
                                             {.smoothness = options.smoothness,
                                              .pull = options.pull,
                                              .stiffness = {},
                                              .robust_passes = options.robust_passes,
                                              .solver_iterations = options.solver_iterations});
    grid.axes.insert(grid.axes.begin(), {GridAxis{layout.variant_names[0], {key[0]}},
                                         GridAxis{layout.variant_names[1], {key[1]}}});
    grids.push_back(std::move(grid));
  }
  return grids;
}

VariantSurfaces::VariantSurfaces(const std::vector<ResidualGrid>& grids, double second_weight)
    : second_weight_(second_weight) {
  for (const ResidualGrid& grid : grids) {
    base::expects(grid.axes.size() == 2 + kShapeAxes, "two axes of the variant, then the shape's");
    Variant variant;
    variant.key = {grid.axes[0].knots[0], grid.axes[1].knots[0]};
    std::vector<GridAxis> axes;
    for (std::size_t a = 0; a < kShapeAxes; ++a) {
      const GridAxis& axis = grid.axes[2 + a];
      variant.span[a] = {axis.knots.front(), axis.knots.back()};
      if (axis.knots.size() < 2) continue;
      variant.axis[variant.axes++] = a;
      axes.push_back(axis);
    }
    if (axes.empty()) axes.push_back(grid.axes[2]);
    variant.surface = ResidualSurface(axes, grid.values.data());
    variants_.push_back(std::move(variant));
  }
}

ResidualSurface::Reading VariantSurfaces::read(const Variant& variant,
                                               const std::array<double, kShapeAxes>& shape) {
  std::array<double, kShapeAxes> x{};
  for (std::size_t i = 0; i < variant.axes; ++i) x[i] = shape[variant.axis[i]];
  if (variant.axes == 0) x[0] = shape[0];
  ResidualSurface::Reading reading =
      variant.surface.at({x.data(), std::max<std::size_t>(variant.axes, 1)});
  reading.outside = 0;
  for (std::size_t a = 0; a < kShapeAxes; ++a) {
    const auto& [low, high] = variant.span[a];
    reading.outside += std::max(0.0, std::max(low - shape[a], shape[a] - high));
  }
  return reading;
}

VariantSurfaces::Reading VariantSurfaces::at(const std::array<double, 2>& variant,
                                             const std::array<double, kShapeAxes>& shape) const {
  Reading result;
  if (variants_.empty()) {
    result.empty = true;
    return result;
  }
  constexpr double kFar = std::numeric_limits<double>::infinity();
  const Variant *nearest = nullptr, *second = nullptr;
  double near = kFar, next = kFar;
  for (const Variant& candidate : variants_) {
    const double distance = std::abs(candidate.key[0] - variant[0]) +
                            second_weight_ * std::abs(candidate.key[1] - variant[1]);
    if (distance < near) {
      second = nearest;
      next = near;
      nearest = &candidate;
      near = distance;
    } else if (distance < next) {
      second = &candidate;
      next = distance;
    }
  }
  if (near > kAnotherKernel) return {0.0, 0.0, 1.0, near, true};
  const ResidualSurface::Reading first = read(*nearest, shape);
  result = {first.value, first.outside, first.to_knot, near, false};
  // A far second variant (another kernel altogether) has no say.
  if (near > 1e-9 && second != nullptr && next < 2.0) {
    const ResidualSurface::Reading other = read(*second, shape);
    const double share = near / (near + next);
    result.value += share * (other.value - first.value);
    result.outside += share * (other.outside - first.outside);
  }
  return result;
}

}  // namespace windtunnel::calibration
