// Memory-bound ops: one component an op and kernel, MemoryForm with a correction over size and row
// width. Held out by width of a row (a hidden size nobody measured), or by size where there are
// fewer than four widths.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/component_model.hpp"
#include "calibration/kernels/form_fit.hpp"
#include "calibration/kernels/kernel_fit.hpp"
#include "models/kernels/memory_form.hpp"

namespace windtunnel::calibration {
namespace {

using models::MemoryParameters;
using MemoryRow = KernelRow<models::MemoryQuery>;

MemoryParameters parameters_of(std::span<const double> v) {
  return {
      .floor = v[0], .dram_efficiency = v[1], .l2_ratio = v[2], .knee = v[3], .sharpness = v[4]};
}

double width_of(const models::MemoryQuery& query) {
  return query.rows > 0 ? query.bytes.value() / static_cast<double>(query.rows) : 0.0;
}

FormProblem problem_of(const std::vector<MemoryRow>& rows, const sim::Gpu& gpu,
                       models::MemoryOp op) {
  const MemoryParameters start = models::default_memory_parameters(gpu, op).parameters;
  FormProblem problem;
  problem.parameters = {{"floor", "s", {start.floor, 2e-7, 3e-4}},
                        {"dram_efficiency", "of bandwidth", {start.dram_efficiency, 0.01, 1.05}},
                        {"l2_ratio", "of bandwidth", {start.l2_ratio, 0.02, 8}},
                        {"knee", "of L2", {start.knee, 0.01, 3}},
                        {"sharpness", "1", {start.sharpness, 0.8, 6}}};
  std::set<double> widths;
  for (const MemoryRow& row : rows) {
    problem.measured.push_back(row.time.value());
    problem.at.push_back({std::log2(row.query.bytes.value())});
    widths.insert(width_of(row.query));
  }
  constexpr std::size_t kKnots = 24;
  problem.axes = {"log2 bytes"};
  problem.most_knots = {kKnots};
  problem.surface.smoothness = 1.0;
  problem.surface.pull = 0.05;
  problem.evaluate = [&rows, &gpu](std::span<const double> values, std::span<double> seconds) {
    const models::MemoryForm form(gpu, parameters_of(values));
    for (std::size_t i = 0; i < rows.size(); ++i)
      seconds[i] = form.time(rows[i].query.bytes.value());
  };
  return problem;
}

Component fit_op(const std::vector<MemoryRow>& rows, const sim::Gpu& gpu, models::MemoryOp op) {
  Component out;
  out.kind = "memory";
  out.format = std::string(to_text(op));
  const FormProblem problem = problem_of(rows, gpu, op);
  std::vector<double> width, size;
  for (const MemoryRow& row : rows) {
    width.push_back(width_of(row.query));
    size.push_back(row.query.bytes.value());
  }
  constexpr std::size_t kEnoughWidths = 4;
  const bool by_width = std::set<double>(width.begin(), width.end()).size() >= kEnoughWidths;
  const FormHoldOut held = by_width ? hold_out_form(problem, width, "by row width")
                                    : hold_out_form(problem, size, "by size");
  std::vector<std::size_t> all(rows.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  fill_component(out, problem, fit_form(problem, all), held);
  const auto [least, most] = std::minmax_element(size.begin(), size.end());
  out.ranges.push_back({"bytes", {*least, *most}});
  return out;
}

class MemoryModel final : public ComponentModel<models::MemoryQuery> {
 public:
  MemoryModel(const Component& component, const sim::Gpu& gpu)
      : form_(gpu, {.floor = parameter_or(component, "floor", 3e-6),
                    .dram_efficiency = parameter_or(component, "dram_efficiency", 0.7),
                    .l2_ratio = parameter_or(component, "l2_ratio", 2.0),
                    .knee = parameter_or(component, "knee", 0.6),
                    .sharpness = parameter_or(component, "sharpness", 2.0)}),
        band_(parameter_or(component, "band", 0.3)) {
    if (!component.grids.empty()) surface_ = ResidualSurface(component.grids[0]);
    for (const auto& [name, range] : component.ranges)
      if (name == "bytes") range_ = {std::log2(range.first), std::log2(range.second)};
  }

  models::KernelTime time(const models::MemoryQuery& query) const override {
    const double bytes = std::max(1.0, query.bytes.value());
    const double at = std::log2(bytes);
    const double outside = std::max({0.0, range_.first - at, at - range_.second});
    double seconds = form_.time(bytes);
    if (!surface_.empty())
      seconds *= std::exp(surface_.at(std::span(&at, 1)).value * fade(outside));
    return with_band(seconds, std::hypot(band_, kBandAnOctave * outside),
                     outside > 0 ? models::Basis::model : models::Basis::interpolated, outside > 0);
  }

 private:
  static constexpr double kBandAnOctave = 0.06;
  static double fade(double outside) { return std::exp2(-outside); }

  models::MemoryForm form_;
  ResidualSurface surface_;
  double band_;
  std::pair<double, double> range_{0, 64};
};

}  // namespace

std::vector<Component> fit_memory(const KernelRows& rows, const sim::Gpu& gpu) {
  std::map<std::pair<models::MemoryOp, std::string>, std::vector<MemoryRow>> groups;
  for (const MemoryRow& row : rows.memory)
    groups[{row.query.op, rows.sources[static_cast<std::size_t>(row.source)].kernel}].push_back(
        row);
  constexpr std::size_t kFewest = 4;
  std::vector<Component> out;
  for (const auto& [key, mine] : groups) {
    if (mine.size() < kFewest) continue;
    out.push_back(fit_op(mine, gpu, key.first));
    out.back().kernel = key.second;
  }
  return out;
}

BoundComponent<models::MemoryQuery> bind_memory(const Component& component, const sim::Gpu& gpu) {
  if (component.kind != "memory") return nullptr;
  return std::make_unique<MemoryModel>(component, gpu);
}

}  // namespace windtunnel::calibration
