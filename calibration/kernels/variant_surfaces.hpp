// Residual surfaces of a kernel family that comes in variants (a head size with a window, a model's
// width), one small surface a variant, and a blend of the nearest ones for a variant not seen.
//
// On disk each surface is a ResidualGrid whose first two axes have one knot, the variant's two
// coordinates, and whose other axes span the shape. A query of variant v takes
//   value = sum_i u_i surface_i(at), u over the two nearest variants by inverse distance,
// distance |v1 - w1| + `second_weight` |v2 - w2|; an exact match alone counts.
// Contract: `at` allocates nothing; fits are deterministic.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "calibration/kernels/residual_surface.hpp"

namespace windtunnel::calibration {

inline constexpr std::size_t kShapeAxes = 3;

struct VariantPoint {
  std::array<double, 2> variant{};
  std::array<double, kShapeAxes> at{};
  double residual = 0.0;  // ln(measured / form)
};

struct VariantLayout {
  std::array<std::string, 2> variant_names;
  std::array<std::string, kShapeAxes> axis_names;
  // Candidate knots, rising; a surface keeps those that its points span.
  std::array<std::vector<double>, kShapeAxes> knots;
};

struct VariantFitOptions {
  double smoothness = 0.05, pull = 0.02;
  int robust_passes = 2, solver_iterations = 60;
};

std::vector<ResidualGrid> fit_variant_surfaces(std::span<const VariantPoint> points,
                                               const VariantLayout& layout,
                                               const VariantFitOptions& options = {});

class VariantSurfaces {
 public:
  VariantSurfaces() = default;
  // Views the grids' values: they outlive this.
  VariantSurfaces(const std::vector<ResidualGrid>& grids, double second_weight);

  struct Reading {
    double value = 0.0;
    double outside = 0.0;  // as ResidualSurface
    double to_knot = 0.0;
    double variant_distance = 0.0;  // of the nearest variant; 0: this very one
    bool empty = false;             // no surface that is near enough
  };
  Reading at(const std::array<double, 2>& variant,
             const std::array<double, kShapeAxes>& shape) const;

 private:
  struct Variant {
    std::array<double, 2> key{};
    ResidualSurface surface;
    std::array<std::size_t, kShapeAxes> axis{};  // which shape coordinates the surface has
    std::size_t axes = 0;
    std::array<std::pair<double, double>, kShapeAxes> span{};
  };
  static ResidualSurface::Reading read(const Variant& variant,
                                       const std::array<double, kShapeAxes>& shape);
  std::vector<Variant> variants_;
  double second_weight_ = 1.0;
};

}  // namespace windtunnel::calibration
