// A smooth correction on top of a physical form: a function on a tensor product of axes,
// multilinear between knots, fitted to scattered points.
//
// Model: points (x_p, r_p, w_p), x in the axes' coordinates, r the residual ln(measured / form), w
// a weight. Knots v minimise
//   sum_p w_p (L(x_p) . v - r_p)^2 + lambda sum_axes s_a |second difference of v along a|^2
//                                  + mu |v|^2,
// L(x) the multilinear weights of the cell that holds x; s_a the axis's stiffness; mu the pull to
// the bare form, which also fills cells without points. Robust: a few passes with the weights
// w / sqrt(1 + (e / (turn scale))^2) of the last pass's misses e, scale the median miss. Solved by
// preconditioned conjugate gradients on the normal equations (no matrix is formed).
// Contract: deterministic; O(points + knots) a sweep; values beyond +-15 (int16 * kGridStep) are
// cut. `at()` allocates nothing, is O(2^axes) and clamps to the edge: the caller decides how the
// correction fades outside.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "calibration/kernels/kernel_profile.hpp"

namespace windtunnel::calibration {

inline constexpr int kMaxAxes = 5;

struct SurfacePoint {
  std::array<double, kMaxAxes> at{};  // in the axes' coordinates
  double residual = 0.0;              // ln(measured / form)
  double weight = 1.0;
};

struct SurfaceOptions {
  double smoothness = 0.3;        // lambda
  double pull = 0.01;             // mu
  std::vector<double> stiffness;  // s_a; empty: 1 each
  int robust_passes = 3;
  double turn = 2.0;  // c of the robust weights, in median misses
  int solver_iterations = 120;
};

// The grid that fits `points`. A knot that no point's cell touches and that smoothness alone would
// have to invent far from any point still gets a value (the pull makes it small).
ResidualGrid fit_residual_surface(std::vector<GridAxis> axes, std::span<const SurfacePoint> points,
                                  const SurfaceOptions& options);

// Knots for an axis from the values the rows have: every distinct value where there are at most
// `at_most` of them, else those of them that split the range evenly. Sorted, distinct, at least
// one.
std::vector<double> knots_from(std::vector<double> values, std::size_t at_most);

// Fast reader of a ResidualGrid: axes with at most 64 knots each are found by a table of equal
// cells (one multiplication and at most a step or two), then 2^axes int16 loads. Views the grid's
// values: the grid outlives it.
class ResidualSurface {
 public:
  ResidualSurface() = default;
  explicit ResidualSurface(const ResidualGrid& grid);
  ResidualSurface(const std::vector<GridAxis>& axes, const std::int16_t* values);

  bool empty() const { return values_ == nullptr; }
  int axes() const { return axis_count_; }

  struct Reading {
    double value = 0.0;    // ln factor; 0 where there is no surface
    double outside = 0.0;  // distance beyond the axes, summed over them, in their coordinates
    double to_knot = 0.0;  // 0 on a knot .. 1 in the middle of a cell: largest over the axes
  };
  Reading at(std::span<const double> x) const;

 private:
  struct Axis {
    std::vector<double> knots, inverse_gap;
    std::vector<unsigned char> start;                  // cell of each slot of the table
    double origin = 0.0, last = 0.0, slots_per = 0.0;  // slot = (x - origin) * slots_per
    std::size_t stride = 1, step = 0, last_cell = 0;   // step: to the upper knot
  };
  template <std::size_t Count>
  Reading read(const double* x) const;

  std::array<Axis, kMaxAxes> axis_{};
  int axis_count_ = 0;
  const std::int16_t* values_ = nullptr;
};

}  // namespace windtunnel::calibration
