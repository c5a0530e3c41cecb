#include "calibration/kernels/grid_cell.hpp"
#include "calibration/kernels/residual_surface.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

using Vector = std::vector<double>;

// The interpolation of one point: knots and their weights, 2^axes of them.
struct Stencil {
  std::vector<std::uint32_t> knot;  // points x corners
  std::vector<float> weight;
  std::size_t corners = 1;
};

// Least squares with smoothing on one tensor grid; products with the normal matrix, no matrix.
class SmoothingProblem {
 public:
  SmoothingProblem(const std::vector<GridAxis>& axes, std::span<const SurfacePoint> points,
                   const SurfaceOptions& options);

  std::size_t knots() const { return knots_; }
  Vector solve(const Vector& weights, const Vector& start) const;
  // Residuals r - L v.
  Vector misses(const Vector& values) const;

 private:
  void lay_out(const std::vector<GridAxis>& axes);
  void place(const std::vector<GridAxis>& axes);
  void scatter(const Vector& weights, const Vector& from, Vector& to) const;
  void smooth(const Vector& from, Vector& to) const;
  Vector diagonal(const Vector& weights) const;

  struct Line {  // one axis
    std::size_t size = 1, stride = 1;
    Vector left, right, strength;  // second difference v1 - left v0 - right v2 of inner knots
  };
  std::span<const SurfacePoint> points_;
  const SurfaceOptions& options_;
  std::vector<Line> lines_;
  Stencil stencil_;
  std::size_t knots_ = 1;
};

SmoothingProblem::SmoothingProblem(const std::vector<GridAxis>& axes,
                                   std::span<const SurfacePoint> points,
                                   const SurfaceOptions& options)
    : points_(points), options_(options) {
  lay_out(axes);
  place(axes);
}

void SmoothingProblem::lay_out(const std::vector<GridAxis>& axes) {
  lines_.resize(axes.size());
  for (std::size_t a = axes.size(); a-- > 0;) {
    Line& line = lines_[a];
    const auto& knots = axes[a].knots;
    line.size = knots.size();
    line.stride = knots_;
    knots_ *= knots.size();
    const double stiffness = options_.stiffness.empty() ? 1.0 : options_.stiffness[a];
    for (std::size_t i = 1; i + 1 < knots.size(); ++i) {
      const double before = knots[i] - knots[i - 1], after = knots[i + 1] - knots[i];
      line.left.push_back(after / (before + after));
      line.right.push_back(before / (before + after));
      // Variance of a random walk's deviation from its chord: before * after / (before + after).
      const double room = 2.0 * before * after / (before + after);
      line.strength.push_back(options_.smoothness * stiffness / std::clamp(room, 0.05, 5.0));
    }
  }
}

void SmoothingProblem::place(const std::vector<GridAxis>& axes) {
  stencil_.corners = std::size_t{1} << axes.size();
  stencil_.knot.resize(points_.size() * stencil_.corners);
  stencil_.weight.resize(stencil_.knot.size());
  for (std::size_t p = 0; p < points_.size(); ++p) {
    std::array<GridCell, kMaxAxes> cells{};
    for (std::size_t a = 0; a < axes.size(); ++a)
      cells[a] = grid_cell(axes[a].knots, points_[p].at[a]);
    for (std::size_t c = 0; c < stencil_.corners; ++c) {
      std::size_t index = 0;
      double weight = 1.0;
      for (std::size_t a = 0; a < axes.size(); ++a) {
        const bool upper = (c >> a & 1U) != 0 && lines_[a].size > 1;
        weight *= (c >> a & 1U) != 0 ? cells[a].fraction : 1.0 - cells[a].fraction;
        index += (cells[a].index + (upper ? 1 : 0)) * lines_[a].stride;
      }
      stencil_.knot[p * stencil_.corners + c] = static_cast<std::uint32_t>(index);
      stencil_.weight[p * stencil_.corners + c] = static_cast<float>(weight);
    }
  }
}

Vector SmoothingProblem::misses(const Vector& values) const {
  Vector result(points_.size());
  for (std::size_t p = 0; p < points_.size(); ++p) {
    double sum = 0.0;
    for (std::size_t c = p * stencil_.corners; c < (p + 1) * stencil_.corners; ++c) {
      sum += static_cast<double>(stencil_.weight[c]) * values[stencil_.knot[c]];
    }
    result[p] = points_[p].residual - sum;
  }
  return result;
}

// to += L' W L from
void SmoothingProblem::scatter(const Vector& weights, const Vector& from, Vector& to) const {
  for (std::size_t p = 0; p < points_.size(); ++p) {
    if (weights[p] == 0.0) continue;
    const std::size_t begin = p * stencil_.corners, end = begin + stencil_.corners;
    double sum = 0.0;
    for (std::size_t c = begin; c < end; ++c) {
      sum += static_cast<double>(stencil_.weight[c]) * from[stencil_.knot[c]];
    }
    sum *= weights[p];
    for (std::size_t c = begin; c < end; ++c) {
      to[stencil_.knot[c]] += static_cast<double>(stencil_.weight[c]) * sum;
    }
  }
}

// to += (lambda D' D) from, along every line of every axis
void SmoothingProblem::smooth(const Vector& from, Vector& to) const {
  for (const Line& line : lines_) {
    const std::size_t step = line.stride, block = line.stride * line.size;
    for (std::size_t begin = 0; begin < knots_; begin += block) {
      for (std::size_t i = 1; i + 1 < line.size; ++i) {
        const double left = line.left[i - 1], right = line.right[i - 1];
        const double strength = line.strength[i - 1];
        const std::size_t row = begin + i * step;
        for (std::size_t v = row; v < row + step; ++v) {
          const double bend = strength * (from[v] - left * from[v - step] - right * from[v + step]);
          to[v] += bend;
          to[v - step] -= left * bend;
          to[v + step] -= right * bend;
        }
      }
    }
  }
}

Vector SmoothingProblem::diagonal(const Vector& weights) const {
  Vector result(knots_, options_.pull);
  for (std::size_t c = 0; c < stencil_.knot.size(); ++c) {
    const double weight = static_cast<double>(stencil_.weight[c]);
    result[stencil_.knot[c]] += weights[c / stencil_.corners] * weight * weight;
  }
  for (const Line& line : lines_) {
    const std::size_t step = line.stride, block = line.stride * line.size;
    for (std::size_t v = 0; v < knots_; ++v) {
      const std::size_t i = v % block / step;
      if (i == 0 || i + 1 >= line.size) continue;
      const double left = line.left[i - 1], right = line.right[i - 1];
      result[v] += line.strength[i - 1];
      result[v - step] += line.strength[i - 1] * left * left;
      result[v + step] += line.strength[i - 1] * right * right;
    }
  }
  return result;
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector SmoothingProblem::solve(const Vector& weights, const Vector& start) const {
  const auto apply = [&](const Vector& v) {
    Vector result(knots_);
    for (std::size_t i = 0; i < knots_; ++i) result[i] = options_.pull * v[i];
    scatter(weights, v, result);
    smooth(v, result);
    return result;
  };
  Vector x = start, r = apply(x);
  for (double& value : r) value = -value;
  for (std::size_t p = 0; p < points_.size(); ++p) {
    for (std::size_t c = p * stencil_.corners; c < (p + 1) * stencil_.corners; ++c) {
      r[stencil_.knot[c]] +=
          static_cast<double>(stencil_.weight[c]) * weights[p] * points_[p].residual;
    }
  }
  const Vector scale = diagonal(weights);
  Vector z(knots_);
  for (std::size_t i = 0; i < knots_; ++i) z[i] = r[i] / scale[i];
  Vector direction = z;
  double rz = dot(r, z);
  const double goal = rz * 1e-8;
  for (int iteration = 0; iteration < options_.solver_iterations && rz > goal; ++iteration) {
    const Vector image = apply(direction);
    const double step = rz / dot(direction, image);
    for (std::size_t i = 0; i < knots_; ++i) {
      x[i] += step * direction[i];
      r[i] -= step * image[i];
      z[i] = r[i] / scale[i];
    }
    const double next = dot(r, z);
    for (std::size_t i = 0; i < knots_; ++i) direction[i] = z[i] + next / rz * direction[i];
    rz = next;
  }
  return x;
}

double median_size(Vector values) {
  if (values.empty()) return 0.0;
  for (double& value : values) value = std::abs(value);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

ResidualGrid fit_residual_surface(std::vector<GridAxis> axes, std::span<const SurfacePoint> points,
                                  const SurfaceOptions& options) {
  base::expects(!axes.empty() && axes.size() <= kMaxAxes, "1 to kMaxAxes axes");
  base::expects(options.stiffness.empty() || options.stiffness.size() == axes.size(),
                "a stiffness for each axis");
  base::expects(options.pull > 0.0, "a pull above 0");
  for (const GridAxis& axis : axes) base::expects(!axis.knots.empty(), "an axis has knots");
  const SmoothingProblem problem(axes, points, options);
  Vector values(problem.knots(), 0.0), weights(points.size());
  for (std::size_t p = 0; p < points.size(); ++p) weights[p] = points[p].weight;
  for (int pass = 0; pass < options.robust_passes; ++pass) {
    values = problem.solve(weights, values);
    if (pass + 1 == options.robust_passes) break;
    const Vector misses = problem.misses(values);
    const double scale = std::max(1e-3, options.turn * median_size(misses));
    for (std::size_t p = 0; p < points.size(); ++p) {
      weights[p] = points[p].weight / std::sqrt(1.0 + misses[p] * misses[p] / (scale * scale));
    }
  }
  ResidualGrid grid{std::move(axes), std::vector<std::int16_t>(values.size())};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double steps = std::clamp(values[i] / kGridStep, -32767.0, 32767.0);
    grid.values[i] = static_cast<std::int16_t>(std::lround(steps));
  }
  return grid;
}

std::vector<double> knots_from(std::vector<double> values, std::size_t at_most) {
  base::expects(at_most >= 1, "room for a knot");
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.empty()) return {0.0};
  if (values.size() <= at_most) return values;
  if (at_most == 1) return {values[values.size() / 2]};
  std::vector<double> knots;
  for (std::size_t i = 0; i < at_most; ++i) {
    const double wanted = values.front() + (values.back() - values.front()) *
                                               static_cast<double>(i) /
                                               static_cast<double>(at_most - 1);
    const auto above = std::lower_bound(values.begin(), values.end(), wanted);
    auto nearest = above == values.end() ? values.end() - 1 : above;
    if (nearest != values.begin() && wanted - *(nearest - 1) < *nearest - wanted) --nearest;
    if (knots.empty() || *nearest > knots.back()) knots.push_back(*nearest);
  }
  return knots;
}

}  // namespace windtunnel::calibration
