#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/kernels/kernel_fit.hpp"
#include "calibration/kernels/moe_model.hpp"

namespace windtunnel::calibration {
namespace {

using models::MoeQuery;
using Row = KernelRow<MoeQuery>;

constexpr std::size_t kLeastRows = 40;

std::vector<LogParameter> start_of(const sim::Gpu& gpu, models::NumberFormat format) {
  const models::MoeParameters start = models::default_moe_parameters(gpu, format).parameters;
  std::vector<LogParameter> result;
  for (const auto& range : models::moe_parameter_ranges()) {
    result.push_back({std::clamp(start.*(range.member), range.least * 1.001, range.most * 0.999),
                      range.least, range.most});
  }
  return result;
}

// A number for each distinct value of `key`.
template <class Key>
std::vector<double> numbered(const std::vector<Row>& rows, Key key) {
  std::map<decltype(key(rows.front().query)), double> numbers;
  for (const Row& row : rows) numbers.emplace(key(row.query), 0.0);
  double next = 0;
  for (auto& [value, number] : numbers) number = next++;
  std::vector<double> result;
  for (const Row& row : rows) result.push_back(numbers[key(row.query)]);
  return result;
}

std::vector<FamilySplit> splits_of(const std::vector<Row>& rows) {
  std::vector<FamilySplit> splits{
      {"by model", numbered(rows,
                            [](const MoeQuery& q) {
                              return std::tuple(q.hidden, q.intermediate, q.top_k, q.experts);
                            })},
      {"by layout",
       numbered(rows, [](const MoeQuery& q) { return std::pair(q.tensor_ranks, q.expert_ranks); })},
      {"by tokens", numbered(rows, [](const MoeQuery& q) { return q.tokens; })},
      {"by skew", numbered(rows, [](const MoeQuery& q) { return q.skew; }), Leaves::variants}};
  std::erase_if(splits, [](const FamilySplit& split) {
    return std::all_of(split.keys.begin(), split.keys.end(),
                       [&](double key) { return key == split.keys.front(); });
  });
  return splits;
}

FamilyProblem problem_of(const std::vector<Row>& rows, const KernelRows& all, const sim::Gpu& gpu) {
  const models::NumberFormat format = rows.front().query.format;
  const models::MoeDevice device = models::moe_device(gpu, format);
  FamilyProblem problem;
  problem.parameters = start_of(gpu, format);
  std::vector<models::MoeLoad> loads;
  std::map<std::string, int> kernels;
  for (const Row& row : rows) {
    loads.push_back(models::rank_load(row.query));
    problem.places.push_back(moe_place(row.query, loads.back()));
    problem.log_times.push_back(std::log(row.time.value()));
    const std::string& kernel = all.sources[static_cast<std::size_t>(row.source)].kernel;
    const auto [at, is_new] = kernels.emplace(kernel, static_cast<int>(kernels.size()));
    if (is_new) problem.group_names.push_back(kernel);
    problem.groups.push_back(at->second);
  }
  problem.form = [&rows, loads = std::move(loads), device](std::size_t row,
                                                           std::span<const double> values) {
    models::MoeParameters parameters;
    const auto ranges = models::moe_parameter_ranges();
    for (std::size_t j = 0; j < ranges.size(); ++j) parameters.*(ranges[j].member) = values[j];
    return models::moe_time(rows[row].query, loads[row], parameters, device);
  };
  problem.splits = splits_of(rows);
  problem.layout = moe_layout();
  problem.band_an_octave = kMoeBandAnOctave;
  problem.surface.smoothness = 0.3;
  problem.surface.pull = 0.1;
  problem.surface.robust_passes = 4;  // autotuned kernels have many slow outliers
  return problem;
}

void append_ranges(const std::vector<Row>& rows, const std::string& prefix, Component& component) {
  const auto range = [&](const char* name, auto&& value) {
    double low = INFINITY, high = 0;
    for (const Row& row : rows) {
      low = std::min(low, static_cast<double>(value(row.query)));
      high = std::max(high, static_cast<double>(value(row.query)));
    }
    component.ranges.push_back({prefix + name, {low, high}});
  };
  range("tokens", [](const MoeQuery& q) { return q.tokens; });
  range("hidden", [](const MoeQuery& q) { return q.hidden; });
  range("intermediate", [](const MoeQuery& q) { return q.intermediate; });
  range("top_k", [](const MoeQuery& q) { return q.top_k; });
  range("experts", [](const MoeQuery& q) { return q.experts; });
  range("tensor_ranks", [](const MoeQuery& q) { return q.tensor_ranks; });
  range("expert_ranks", [](const MoeQuery& q) { return q.expert_ranks; });
  range("skew", [](const MoeQuery& q) { return q.skew; });
}

// Adds one fitted family to a component; the names of plain experts' parameters begin with "plain_".
void add_family(const std::vector<Row>& members, FamilyFit fit, MoeComponentFit& to) {
  const std::string prefix = moe_prefix(members.front().query.mlp);
  const auto ranges = models::moe_parameter_ranges();
  for (std::size_t j = 0; j < ranges.size(); ++j) {
    to.component.parameters.push_back({prefix + std::string(ranges[j].name), fit.form.values[j],
                                       fit.form.standard_errors[j], std::string(ranges[j].unit)});
  }
  append_bands(fit.bands, to.component, prefix);
  for (ResidualGrid& grid : fit.grids) to.component.grids.push_back(std::move(grid));
  append_ranges(members, prefix, to.component);
  to.component.rows_used += static_cast<std::int64_t>(members.size());
  for (FamilyHoldOut& held : fit.held_out) {
    if (!prefix.empty()) held.error.split += ", plain experts";
    to.component.held_out.push_back(held.error);
    to.held_out.push_back(held);
  }
  for (FamilyHoldOut& held : fit.by_group) to.by_kernel.push_back(std::move(held));
}

// Rows by format and kernel. A stack runs the kernel that has most rows of a class (experts spread
// over ranks or not; gated or plain): those of all classes make one family without a name, which
// answers queries; what else was measured is a family by its kernel's name.
using FamilyKey = std::tuple<models::NumberFormat, std::string, models::ExpertMlp>;
std::map<FamilyKey, std::vector<Row>> families_of(const KernelRows& rows) {
  using Class = std::tuple<models::NumberFormat, bool, models::ExpertMlp>;
  const auto class_of = [](const MoeQuery& q) {
    return Class(q.format, q.expert_ranks > 1, q.mlp);
  };
  const auto kernel_of = [&](const Row& row) -> const std::string& {
    return rows.sources[static_cast<std::size_t>(row.source)].kernel;
  };
  std::map<Class, std::map<std::string, std::int64_t>> counts;
  for (const Row& row : rows.moe) ++counts[class_of(row.query)][kernel_of(row)];
  std::map<Class, std::string> leading;
  for (const auto& [kind, kernels] : counts) {
    const auto most = std::max_element(
        kernels.begin(), kernels.end(),
        [](const auto& left, const auto& right) { return left.second < right.second; });
    leading[kind] = most->first;
  }
  std::map<FamilyKey, std::vector<Row>> families;
  for (const Row& row : rows.moe) {
    const std::string& kernel = kernel_of(row);
    const bool leads = leading[class_of(row.query)] == kernel;
    families[{row.query.format, leads ? "" : kernel, row.query.mlp}].push_back(row);
  }
  return families;
}

}  // namespace

std::vector<MoeComponentFit> fit_moe_families(const KernelRows& rows, const sim::Gpu& gpu,
                                              HoldOuts hold_outs) {
  std::vector<MoeComponentFit> result;
  for (const auto& [key, members] : families_of(rows)) {
    if (members.size() < kLeastRows) continue;
    const auto& [format, kernel, mlp] = key;
    FamilyFit fit = fit_family(problem_of(members, rows, gpu), hold_outs);
    // Gated experts come before plain ones of the same format and kernel.
    const bool joins = !result.empty() && result.back().component.kernel == kernel &&
                       result.back().component.format == models::to_text(format);
    if (!joins) {
      result.emplace_back();
      result.back().component.kind = "moe";
      result.back().component.format = std::string(models::to_text(format));
      result.back().component.kernel = kernel;
      result.back().form_median = fit.form_median;
    }
    add_family(members, std::move(fit), result.back());
  }
  return result;
}

std::vector<Component> fit_moe(const KernelRows& rows, const sim::Gpu& gpu) {
  std::vector<Component> components;
  for (MoeComponentFit& fit : fit_moe_families(rows, gpu, HoldOuts::all)) {
    components.push_back(std::move(fit.component));
  }
  return components;
}

}  // namespace windtunnel::calibration
