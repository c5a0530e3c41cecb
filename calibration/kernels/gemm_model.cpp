#include "calibration/kernels/gemm_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/quick_math.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kLeastBand = 0.01;
constexpr double kBandWithoutTrial = 0.35;
constexpr double kOnKnot = 1e-6;
constexpr double kColder = 1.1;  // answers that leave the rows by more are the model's
constexpr double kMostLeft = 0.5;

}  // namespace

std::array<double, 3> gemm_coordinates(const models::GemmQuery& query) {
  return {std::log2(static_cast<double>(query.m * query.batch * query.groups)),
          std::log2(static_cast<double>(query.n)), std::log2(static_cast<double>(query.k))};
}

models::GemmParameters gemm_parameters_of(const Component& component) {
  models::GemmParameters parameters;
  for (const auto& spec : models::gemm_parameter_specs()) {
    parameters.*spec.member = parameter_or(component, spec.name, parameters.*spec.member);
  }
  parameters.copies = parameter_or(component, "copies", parameters.copies);
  parameters.copies_fill_l2 = parameter_or(component, "copies_fill_l2", parameters.copies_fill_l2);
  parameters.misalignment = parameter_or(component, "misalignment", parameters.misalignment);
  return parameters;
}

GemmModel::GemmModel(const Component& component, const sim::Gpu& gpu, models::NumberFormat format,
                     models::Cache cache)
    : form_(gpu, format, gemm_parameters_of(component)), cache_(cache) {
  if (!component.grids.empty() && component.grids[0].axes.size() == 3) {
    grid_ = component.grids[0];
    surface_ = ResidualSurface(grid_);
    most_rows_ = grid_.axes[0].knots.back();
  }
  if (component.grids.size() > 1 && component.grids[1].axes.size() == 3) {
    band_grid_ = component.grids[1];
    band_ = ResidualSurface(band_grid_);
  }
}

models::KernelTime GemmModel::time(const models::GemmQuery& query) const {
  const auto form = form_.times(query);
  const double measured = models::GemmForm::eager(form.warm, form.host).value();
  double seconds = cache_ == models::Cache::warm ? measured : form.cold.value();
  if (surface_.empty() && band_.empty()) {
    return with_band(seconds, kBandWithoutTrial, models::Basis::model, true);
  }
  const bool single = query.batch * query.groups == 1;
  std::array<double, 3> x{quick_log2(static_cast<double>(query.m)),
                          quick_log2(static_cast<double>(query.n)),
                          quick_log2(static_cast<double>(query.k))};
  if (!single) {
    const double all = x[0] + quick_log2(static_cast<double>(query.batch * query.groups));
    x[0] = std::max(x[0], std::min(all, most_rows_));
  }
  const auto reading = surface_.at(x);
  const bool inside = reading.outside < kOnKnot;
  double half = std::max(kLeastBand, band_.empty() ? kBandWithoutTrial : band_.at(x).value) +
                kBandAnOctave * reading.outside + (single ? 0.0 : kBatchBand);
  // How far the answer leaves what was measured: weights that were in the L2, a host waited for.
  const double left = cache_ == models::Cache::warm ? 1.0
                                                    : std::max(form.cold.value(), measured) /
                                                          std::min(form.warm.value(), measured);
  double correction = inside ? reading.value : reading.value / (1.0 + 0.25 * reading.outside);
  if (left > 1.0) {
    half += std::min(kMostLeft, 0.5 * std::numbers::ln2 * quick_log2(left));
    // Where the host set the pace, the surface says little about the device.
    correction *= form.warm.value() / measured;
  }
  seconds *= quick_exp(correction);
  const auto basis = !single || left > kColder             ? models::Basis::model
                     : inside && reading.to_knot < kOnKnot ? models::Basis::measured
                                                           : models::Basis::interpolated;
  const double factor = quick_exp(half);
  return {base::Seconds(seconds), base::Seconds(seconds / factor), base::Seconds(seconds * factor),
          basis, !inside};
}

std::unique_ptr<const GemmModel> gemm_model(const Component& component, const sim::Gpu& gpu,
                                            models::Cache cache) {
  const auto format = models::number_format_from(component.format);
  if (component.kind != kGemmKind || !format) return nullptr;
  return std::make_unique<const GemmModel>(component, gpu, *format, cache);
}

BoundComponent<models::GemmQuery> bind_gemm(const Component& component, const sim::Gpu& gpu) {
  return gemm_model(component, gpu, models::Cache::cold);
}

}  // namespace windtunnel::calibration
