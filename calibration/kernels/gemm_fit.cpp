#include "calibration/kernels/gemm_fit.hpp"

#include <algorithm>

#include "calibration/kernels/gemm_fitter.hpp"
#include "calibration/kernels/gemm_trial.hpp"

namespace windtunnel::calibration {
namespace {

void add_ranges(const GemmGroup& group, Component& component) {
  const auto add = [&](const char* name, auto value) {
    std::pair<double, double> range{1e300, 0.0};
    for (const GemmPoint& point : group.points) {
      const auto seen = static_cast<double>(value(point.query));
      range = {std::min(range.first, seen), std::max(range.second, seen)};
    }
    component.ranges.emplace_back(name, range);
  };
  add("m", [](const models::GemmQuery& q) { return q.m; });
  add("n", [](const models::GemmQuery& q) { return q.n; });
  add("k", [](const models::GemmQuery& q) { return q.k; });
}

Component component_of(const GemmGroup& group, const GemmFit& fit) {
  Component component;
  component.kind = kGemmKind;
  component.format = models::to_text(group.format);
  component.kernel = group.kernel;
  const auto& specs = models::gemm_parameter_specs();
  for (std::size_t j = 0; j < specs.size(); ++j) {
    component.parameters.push_back({std::string(specs[j].name), fit.parameters.*specs[j].member,
                                    fit.standard_errors[j], std::string(specs[j].unit)});
  }
  component.parameters.push_back({"copies", fit.parameters.copies, 0.0, "1"});
  component.parameters.push_back({"copies_fill_l2", fit.parameters.copies_fill_l2, 0.0, "1"});
  component.grids.push_back(fit.grid);
  component.rows_used = group.rows;
  add_ranges(group, component);
  return component;
}

}  // namespace

MeasuringLoop measuring_loop_of(const RowSource& source, models::NumberFormat format) {
  using models::DispatchMode, models::NumberFormat;
  if (!source.source.starts_with(kAiconfigurator)) return {};
  if (!source.stack.starts_with("vllm")) return {5.0, 1.0, DispatchMode::graph};
  if (format == NumberFormat::fp8_block) return {1.0, 0.0, DispatchMode::eager};
  return {format == NumberFormat::nvfp4 ? 1.0 : 6.0, 0.0, DispatchMode::graph};
}

std::vector<GemmComponentFit> fit_gemm_components(const KernelRows& rows, const sim::Gpu& gpu,
                                                  GemmLookUps look_ups) {
  std::vector<GemmComponentFit> result;
  for (const GemmGroup& group : gemm_groups(rows)) {
    const RowSource& source = rows.sources[static_cast<std::size_t>(group.source)];
    const GemmFitter fitter(group, gpu, measuring_loop_of(source, group.format));
    PointIndices all(group.points.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    GemmComponentFit made{component_of(group, fitter.fit(all)), {}};
    GemmTrials tried = try_gemm(group, fitter, look_ups);
    if (!tried.band.axes.empty()) made.component.grids.push_back(std::move(tried.band));
    made.trials = std::move(tried.trials);
    for (const GemmTrial& trial : made.trials) made.component.held_out.push_back(trial.error);
    result.push_back(std::move(made));
  }
  return result;
}

std::vector<Component> fit_gemm(const KernelRows& rows, const sim::Gpu& gpu) {
  std::vector<Component> components;
  for (GemmComponentFit& fit : fit_gemm_components(rows, gpu, GemmLookUps::none))
    components.push_back(std::move(fit.component));
  return components;
}

}  // namespace windtunnel::calibration
