// Custom all-reduce: AllReduceForm with a correction over size and GPU count, one component a
// dispatch mode. Held out twice: sizes between measured ones, and whole GPU counts.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/component_model.hpp"
#include "calibration/kernels/form_fit.hpp"
#include "calibration/kernels/kernel_fit.hpp"
#include "models/kernels/all_reduce_form.hpp"

namespace windtunnel::calibration {
namespace {

using AllReduceRow = KernelRow<models::FusedAllReduceQuery>;
using models::AllReduceParameters;
using models::DispatchMode;

constexpr double kLeastSwitch = 1e5, kMostSwitch = 3e8;

std::string_view text_of(DispatchMode mode) {
  return mode == DispatchMode::eager ? "eager" : "graph";
}

struct Field {
  const char* name;
  const char* unit;
  double AllReduceParameters::*member;
  double least, most;
};
const std::vector<Field>& fields() {
  using P = AllReduceParameters;
  static const std::vector<Field> kFields{
      {"start", "s", &P::start, 5e-7, 2e-4},
      {"hop", "s", &P::hop, 1e-8, 2e-5},
      {"two_shot_start", "s", &P::two_shot_start, 1e-8, 1e-4},
      {"nccl_start", "s", &P::nccl_start, 1e-8, 2e-4},
      {"one_shot_rate", "of link", &P::one_shot_rate, 0.02, 1.2},
      {"two_shot_rate", "of link", &P::two_shot_rate, 0.02, 1.2},
      {"nccl_rate", "of link", &P::nccl_rate, 0.02, 1.5},
      {"growth", "a doubling", &P::growth, 0.1, 1.5},
      {"nccl_growth", "a doubling", &P::nccl_growth, 0.1, 1.5},
      {"hand_over", "bytes", &P::hand_over, kLeastSwitch, kMostSwitch},
      {"launch", "s", &P::launch, 1e-9, 5e-4}};
  return kFields;
}

AllReduceParameters parameters_of(std::span<const double> values) {
  AllReduceParameters out;
  for (std::size_t j = 0; j < fields().size(); ++j) out.*fields()[j].member = values[j];
  return out;
}

// Size enters the correction per octave, GPUs per doubling.
std::array<double, kMaxAxes> at(const models::FusedAllReduceQuery& query) {
  return {std::log2(std::max(1.0, query.bytes.value())),
          std::log2(static_cast<double>(query.gpus))};
}

FormProblem problem_of(const std::vector<AllReduceRow>& rows, const sim::Gpu& gpu,
                       AllReduceParameters start) {
  FormProblem problem;
  for (const Field& field : fields())
    problem.parameters.push_back(
        {field.name,
         field.unit,
         {std::clamp(start.*field.member, field.least, field.most), field.least, field.most}});
  for (const AllReduceRow& row : rows) {
    problem.measured.push_back(row.time.value());
    problem.at.push_back(at(row.query));
  }
  // The switch size has no slope to follow (it only matters which rows lie on which side of it).
  for (double size = 1.5 * 262144; size < kMostSwitch; size *= 2) {
    start.hand_over = size;
    std::vector<double> values;
    for (const Field& field : fields()) values.push_back(start.*field.member);
    problem.other_starts.push_back(std::move(values));
  }
  constexpr std::size_t kSizes = 32, kCounts = 8;
  problem.axes = {"log2 bytes", "log2 gpus"};
  problem.most_knots = {kSizes, kCounts};
  problem.surface.smoothness = 0.05;
  problem.surface.pull = 0.02;
  problem.surface.stiffness = {1.0, 0.1};
  problem.evaluate = [&rows, &gpu](std::span<const double> values, std::span<double> seconds) {
    const models::AllReduceForm form(gpu, parameters_of(values));
    for (std::size_t i = 0; i < rows.size(); ++i)
      seconds[i] = form.time(static_cast<double>(rows[i].query.gpus), rows[i].query.bytes.value());
  };
  return problem;
}

Component fit_mode(const std::vector<AllReduceRow>& rows, const sim::Gpu& gpu, DispatchMode mode) {
  Component out;
  out.kind = "all_reduce";
  out.format = std::string(text_of(mode));
  const FormProblem problem =
      problem_of(rows, gpu, models::default_all_reduce_parameters(gpu, mode));
  std::vector<double> size, gpus;
  std::vector<std::size_t> all;
  for (const AllReduceRow& row : rows) {
    all.push_back(all.size());
    size.push_back(row.query.bytes.value());
    gpus.push_back(static_cast<double>(row.query.gpus));
  }
  const FormHoldOut by_size = hold_out_form(problem, size, "by size");
  fill_component(out, problem, fit_form(problem, all), by_size);
  const FormHoldOut by_gpus = hold_out_form(problem, gpus, "by GPU count");
  if (by_gpus.error.rows > 0) out.held_out.push_back(by_gpus.error);
  out.parameters.push_back({"band_other_gpus", by_gpus.band, 0.0, "ln"});
  const auto [least, most] = std::minmax_element(size.begin(), size.end());
  const auto [fewest, largest] = std::minmax_element(gpus.begin(), gpus.end());
  out.ranges = {{"bytes", {*least, *most}}, {"gpus", {*fewest, *largest}}};
  return out;
}

class AllReduceModel final : public ComponentModel<models::FusedAllReduceQuery> {
 public:
  AllReduceModel(const Component& component, const sim::Gpu& gpu)
      : form_(gpu, read(component)),
        band_(parameter_or(component, "band", 0.3)),
        other_gpus_(parameter_or(component, "band_other_gpus", 0.4)) {
    if (component.grids.empty()) return;
    surface_ = ResidualSurface(component.grids[0]);
    if (component.grids[0].axes.size() == 2) counts_ = component.grids[0].axes[1].knots;
    for (const auto& [name, range] : component.ranges)
      if (name == "bytes") range_ = {std::log2(range.first), std::log2(range.second)};
  }

  models::KernelTime time(const models::FusedAllReduceQuery& query) const override {
    const std::array<double, kMaxAxes> x = at(query);
    double seconds = form_.time(static_cast<double>(query.gpus), std::exp2(x[0]));
    const double outside = std::max({0.0, range_.first - x[0], x[0] - range_.second});
    bool seen = false;
    double away = counts_.empty() ? 1.0 : 10.0;
    for (const double count : counts_) {
      seen = seen || std::abs(count - x[1]) < 1e-9;
      away = std::min(away, std::abs(count - x[1]));
    }
    if (!surface_.empty())
      seconds *= std::exp(surface_.at(std::span(x.data(), 2)).value * std::exp2(-outside));
    const double band = std::hypot(
        seen ? band_ : std::max(band_, other_gpus_) * std::max(1.0, away), kBandAnOctave * outside);
    return with_band(seconds, band,
                     seen && outside == 0 ? models::Basis::interpolated : models::Basis::model,
                     !seen || outside > 0);
  }

 private:
  static constexpr double kBandAnOctave = 0.05;

  static AllReduceParameters read(const Component& component) {
    AllReduceParameters out;
    for (const Field& field : fields())
      out.*field.member = parameter_or(component, field.name, out.*field.member);
    return out;
  }

  models::AllReduceForm form_;
  ResidualSurface surface_;
  std::vector<double> counts_;
  double band_, other_gpus_;
  std::pair<double, double> range_{0, 64};
};

}  // namespace

std::vector<Component> fit_all_reduce(const KernelRows& rows, const sim::Gpu& gpu) {
  std::map<DispatchMode, std::vector<AllReduceRow>> modes;
  for (const AllReduceRow& row : rows.all_reduce) modes[row.query.dispatch].push_back(row);
  constexpr std::size_t kFewest = 8;
  std::vector<Component> out;
  for (const auto& [mode, mine] : modes)
    if (mine.size() >= kFewest) out.push_back(fit_mode(mine, gpu, mode));
  return out;
}

BoundComponent<models::FusedAllReduceQuery> bind_all_reduce(const Component& component,
                                                            const sim::Gpu& gpu) {
  if (component.kind != "all_reduce") return nullptr;
  return std::make_unique<AllReduceModel>(component, gpu);
}

}  // namespace windtunnel::calibration
