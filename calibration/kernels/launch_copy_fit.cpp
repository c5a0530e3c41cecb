// Launches (a median a kind), interference (a median factor a pair) and copies (CopyForm, one component a direction, held out by size).
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/component_model.hpp"
#include "calibration/kernels/form_fit.hpp"
#include "calibration/kernels/kernel_fit.hpp"
#include "models/kernels/copy_form.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

using CopyRow = KernelRow<models::CopyQuery>;

Component fit_launch(const std::vector<double>& times, models::LaunchKind kind) {
  Component out;
  out.kind = "launch";
  out.format = std::string(to_text(kind));
  const double median = base::quantile(times, 0.5);
  std::vector<double> misses;
  for (const double time : times) misses.push_back(std::abs(std::log(time / median)));
  const double spread = 1.4826 * base::quantile(misses, 0.5);
  const double error = 1.2533 * median * spread / std::sqrt(static_cast<double>(times.size()));
  constexpr double kAloneBand = 0.3;
  const double band = times.size() < 8 ? kAloneBand : std::max(0.03, base::quantile(misses, 0.9));
  out.parameters = {{"time", median, error, "s"}, {"band", band, 0.0, "ln"}};
  out.rows_used = static_cast<std::int64_t>(times.size());
  return out;
}

FormProblem problem_of(const std::vector<CopyRow>& rows, const sim::Gpu& gpu,
                       models::CopyDirection direction) {
  const models::CopyParameters start = models::default_copy_parameters(direction);
  FormProblem problem;
  problem.parameters = {{"latency", "s", {start.latency, 3e-7, 1e-3}},
                        {"efficiency", "of link", {start.efficiency, 0.005, 1.3}},
                        {"sharpness", "1", {start.sharpness, 0.6, 6}}};
  for (const CopyRow& row : rows) {
    problem.measured.push_back(row.time.value());
    problem.at.push_back({std::log2(row.query.bytes.value())});
  }
  constexpr std::size_t kKnots = 16;
  problem.axes = {"log2 bytes"};
  problem.most_knots = {kKnots};
  problem.surface.smoothness = 1.0;
  problem.surface.pull = 0.05;
  problem.evaluate = [&rows, &gpu, direction](std::span<const double> v, std::span<double> out) {
    const models::CopyForm form(gpu, direction,
                                {.latency = v[0], .efficiency = v[1], .sharpness = v[2]});
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = form.time(rows[i].query.bytes.value());
  };
  return problem;
}

Component fit_direction(const std::vector<CopyRow>& rows, const sim::Gpu& gpu,
                        models::CopyDirection direction) {
  Component out;
  out.kind = "copy";
  out.format = std::string(to_text(direction));
  const FormProblem problem = problem_of(rows, gpu, direction);
  std::vector<double> size;
  std::vector<std::size_t> all;
  for (const CopyRow& row : rows) {
    all.push_back(all.size());
    size.push_back(row.query.bytes.value());
  }
  fill_component(out, problem, fit_form(problem, all), hold_out_form(problem, size, "by size"));
  const auto [least, most] = std::minmax_element(size.begin(), size.end());
  out.ranges.push_back({"bytes", {*least, *most}});
  return out;
}

// Median factor of a kernel class beside a background.
Component fit_interference(const std::vector<double>& factors, const std::string& format) {
  Component out;
  out.kind = "interference";
  out.format = format;
  const double median = std::max(1.0, base::quantile(factors, 0.5));
  std::vector<double> misses;
  for (const double factor : factors) misses.push_back(std::abs(std::log(factor / median)));
  const double error = 1.2533 * 1.4826 * base::quantile(misses, 0.5) * median /
                       std::sqrt(static_cast<double>(factors.size()));
  out.parameters = {{"factor", median, error, "1"},
                    {"band", std::max(0.03, base::quantile(misses, 0.9)), 0.0, "ln"}};
  out.rows_used = static_cast<std::int64_t>(factors.size());
  return out;
}

std::string interference_format(const models::InterferenceQuery& query) {
  static constexpr std::array<const char*, 3> kKernels{"gemm", "attention", "memory"};
  static constexpr std::array<const char*, 4> kBackgrounds{"none", "host_copy", "peer_copy",
                                                           "collective"};
  return std::string(kKernels[static_cast<std::size_t>(query.kernel)]) + "/" +
         kBackgrounds[static_cast<std::size_t>(query.background)];
}

class LaunchModel final : public ComponentModel<models::LaunchQuery> {
 public:
  explicit LaunchModel(const Component& component)
      : time_(with_band(parameter_or(component, "time", 4e-6), parameter_or(component, "band", 0.3),
                        models::Basis::measured, false)) {}
  models::KernelTime time(const models::LaunchQuery&) const override { return time_; }

 private:
  models::KernelTime time_;
};

class CopyModel final : public ComponentModel<models::CopyQuery> {
 public:
  CopyModel(const Component& component, const sim::Gpu& gpu, models::CopyDirection direction)
      : form_(gpu, direction,
              {.latency = parameter_or(component, "latency", 8e-6),
               .efficiency = parameter_or(component, "efficiency", 0.8),
               .sharpness = parameter_or(component, "sharpness", 1.0)}),
        band_(parameter_or(component, "band", 0.3)) {
    if (!component.grids.empty()) surface_ = ResidualSurface(component.grids[0]);
    for (const auto& [name, range] : component.ranges)
      if (name == "bytes") range_ = {std::log2(range.first), std::log2(range.second)};
  }

  models::KernelTime time(const models::CopyQuery& query) const override {
    const double bytes = std::max(1.0, query.bytes.value());
    const double at = std::log2(bytes);
    const double outside = std::max({0.0, range_.first - at, at - range_.second});
    double seconds = form_.time(bytes);
    if (!surface_.empty())
      seconds *= std::exp(surface_.at(std::span(&at, 1)).value * std::exp2(-outside));
    return with_band(seconds, std::hypot(band_, kBandAnOctave * outside),
                     outside > 0 ? models::Basis::model : models::Basis::interpolated, outside > 0);
  }

 private:
  static constexpr double kBandAnOctave = 0.04;
  models::CopyForm form_;
  ResidualSurface surface_;
  double band_;
  std::pair<double, double> range_{0, 64};
};

}  // namespace

std::vector<Component> fit_launch_and_copy(const KernelRows& rows, const sim::Gpu& gpu) {
  std::map<models::LaunchKind, std::vector<double>> launches;
  for (const auto& row : rows.launch) launches[row.query.kind].push_back(row.time.value());
  std::map<models::CopyDirection, std::vector<CopyRow>> copies;
  for (const CopyRow& row : rows.copy) copies[row.query.direction].push_back(row);
  std::map<std::string, std::vector<double>> factors;
  for (const InterferenceRow& row : rows.interference)
    factors[interference_format(row.query)].push_back(row.factor);
  std::vector<Component> out;
  for (const auto& [format, mine] : factors) out.push_back(fit_interference(mine, format));
  for (const auto& [kind, times] : launches) out.push_back(fit_launch(times, kind));
  constexpr std::size_t kFewest = 3;
  for (const auto& [direction, mine] : copies)
    if (mine.size() >= kFewest) out.push_back(fit_direction(mine, gpu, direction));
  return out;
}

BoundComponent<models::LaunchQuery> bind_launch(const Component& component, const sim::Gpu&) {
  if (component.kind != "launch") return nullptr;
  return std::make_unique<LaunchModel>(component);
}

BoundComponent<models::CopyQuery> bind_copy(const Component& component, const sim::Gpu& gpu) {
  const auto direction = models::copy_direction_from(component.format);
  if (component.kind != "copy" || !direction) return nullptr;
  return std::make_unique<CopyModel>(component, gpu, *direction);
}

}  // namespace windtunnel::calibration
