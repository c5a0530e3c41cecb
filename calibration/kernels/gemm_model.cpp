#include "calibration/kernels/gemm_model.hpp"

#include <algorithm>
#include <cmath>

#include "calibration/kernels/component_access.hpp"

namespace windtunnel::calibration {
namespace {

constexpr double kLeastBand = 0.01;
constexpr double kBandWithoutTrial = 0.35;

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
  }
  if (component.grids.size() > 1 && component.grids[1].axes.size() == 3) {
    band_grid_ = component.grids[1];
    band_ = ResidualSurface(band_grid_);
  }
}

models::KernelTime GemmModel::time(const models::GemmQuery& query) const {
  double seconds = form_.time(query, models::Cache::warm).value();
  if (surface_.empty() && band_.empty()) {
    return with_band(seconds, kBandWithoutTrial, models::Basis::model, true);
  }
  const auto x = gemm_coordinates(query);
  const auto reading = surface_.at(x);
  seconds *= std::exp(reading.value / (1.0 + 0.25 * reading.outside));
  if (cache_ == models::Cache::cold) {
    seconds *= form_.time(query, models::Cache::cold).value() /
               form_.time(query, models::Cache::warm).value();
  }
  const bool single = query.batch * query.groups == 1;
  const double half = std::max(kLeastBand, band_.empty() ? kBandWithoutTrial : band_.at(x).value) +
                      kBandAnOctave * reading.outside + (single ? 0.0 : kBatchBand);
  const auto basis = !single ? models::Basis::model
                     : reading.to_knot == 0.0 && reading.outside == 0.0
                         ? models::Basis::measured
                         : models::Basis::interpolated;
  return with_band(seconds, half, basis, reading.outside > 0.0);
}

std::unique_ptr<const GemmModel> gemm_model(const Component& component, const sim::Gpu& gpu,
                                            models::Cache cache) {
  const auto format = models::number_format_from(component.format);
  if (component.kind != kGemmKind || !format) return nullptr;
  return std::make_unique<const GemmModel>(component, gpu, *format, cache);
}

BoundComponent<models::GemmQuery> bind_gemm(const Component& component, const sim::Gpu& gpu) {
  return gemm_model(component, gpu, models::Cache::warm);
}

}  // namespace windtunnel::calibration
