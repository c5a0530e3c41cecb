// One GEMM component fitted to some of its points: form by Levenberg-Marquardt, surface on top.
// The same steps serve the shipped fit, the trials on rows left out and the look-ups beside them.
#pragma once

#include <vector>

#include "calibration/kernels/gemm_fit.hpp"
#include "calibration/kernels/gemm_points.hpp"
#include "calibration/kernels/residual_surface.hpp"

namespace windtunnel::calibration {

using PointIndices = std::vector<std::size_t>;

// What a look-up interpolates: ln time itself, or ln(time / roofline).
enum class LookUpBase { time, roofline };

// A fit of one component to some of its points.
struct GemmFit {
  models::GemmParameters parameters;
  std::vector<double> standard_errors;
  ResidualGrid grid;
};

class GemmFitter {
 public:
  // `group` and `gpu` outlive the fitter.
  GemmFitter(const GemmGroup& group, const sim::Gpu& gpu, const MeasuringLoop& loop);

  GemmFit fit(const PointIndices& rows) const;
  // ln(predicted) of `rows` by a surface on another base, fitted to `kept`.
  std::vector<double> look_up(LookUpBase base, const PointIndices& kept,
                              const PointIndices& rows) const;

  const sim::Gpu& gpu() const { return gpu_; }
  // The form before the fit: of the GPU's relatives.
  models::GemmForm prior_form() const { return {gpu_, group_.format, prior_}; }

 private:
  void fit_form(const PointIndices& rows, GemmFit& fit) const;
  ResidualGrid fit_surface(const PointIndices& rows, const std::vector<double>& log_base) const;

  const GemmGroup& group_;
  const sim::Gpu& gpu_;
  models::GemmParameters prior_;
  models::DispatchMode dispatch_;
};

}  // namespace windtunnel::calibration
