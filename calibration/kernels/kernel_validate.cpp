#include "calibration/kernels/kernel_validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "calibration/kernels/device_sheet.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "calibration/kernels/kernel_words.hpp"
#include "models/gpu_library.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

std::string framework(const std::string& stack) {
  return stack.substr(0, stack.find(' '));
}

// Of the shipped profiles of a GPU the one that speaks of this stack best.
std::optional<std::string> shipped_for(const std::string& gpu, const std::string& stack) {
  const std::vector<std::string> names = shipped_kernel_profiles_of(gpu);
  const std::string exact = kernel_profile_name(gpu, stack);
  for (const std::string& name : names)
    if (name == exact) return name;
  const std::string near = kernel_profile_name(gpu, framework(stack)) + "-";
  for (const std::string& name : names)
    if (!stack.empty() && (name + "-").starts_with(near)) return name;
  if (names.empty()) return std::nullopt;
  return names.front();
}

// A kind's measure of work for the null model: FLOPs, bytes or calls.
double work_of(const ScoredKernel& row) {
  if (row.kind == "gemm" || row.kind == "moe" || row.kind.starts_with("attention"))
    return row.flops;
  return row.kind == "launch" ? 1.0 : row.bytes;
}

void score_null(std::vector<ScoredKernel>& rows) {
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < rows.size(); ++i)
    groups[{rows[i].gpu, rows[i].kind, rows[i].precision}].push_back(i);
  for (const auto& [key, members] : groups) {
    if (members.size() < 2) continue;
    std::vector<double> rates;
    for (const std::size_t i : members) rates.push_back(work_of(rows[i]) / rows[i].measured);
    std::vector<double> sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t n = sorted.size() - 1;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto at = static_cast<std::size_t>(
          std::lower_bound(sorted.begin(), sorted.end(), rates[i]) - sorted.begin());
      const auto without = [&](std::size_t j) { return sorted[j < at ? j : j + 1]; };
      const double median =
          n % 2 == 1 ? without(n / 2) : 0.5 * (without(n / 2 - 1) + without(n / 2));
      rows[members[i]].null_error = std::abs(rates[i] / median - 1.0);
    }
  }
}

class Scorer {
 public:
  Scorer(ModelShelf& shelf, const KernelRows& rows, KernelValidation& out)
      : shelf_(shelf), rows_(rows), out_(out) {
    for (const RowSource& source : rows.sources)
      models_.push_back(shelf.model_for(source.gpu, source.stack));
  }

  template <class Query>
  void score(const std::vector<KernelRow<Query>>& rows) {
    for (const KernelRow<Query>& row : rows) {
      const auto source = static_cast<std::size_t>(row.source);
      const RowSource& from = rows_.sources[source];
      if (models_[source] == nullptr) {
        out_.skipped.push_back({{from.file, row.line}, reason(from)});
        continue;
      }
      ScoredKernel made;
      made.origin = {from.file, row.line};
      made.gpu = from.gpu;
      made.stack = from.stack;
      made.kernel = from.kernel;
      describe(row.query, made);
      made.measured = row.time.value();
      made.predicted = models_[source]->time(row.query);
      made.error = made.predicted.time / row.time - 1.0;
      made.inside_band = row.time >= made.predicted.low && row.time <= made.predicted.high;
      if (made.predicted.basis == models::Basis::roofline || noted_.empty())
        note(models_[source]->note(row.query));
      out_.rows.push_back(std::move(made));
    }
  }

 private:
  static std::string reason(const RowSource& from) {
    if (from.gpu.empty()) return "no GPU is named (pass --gpu)";
    return fmt::format("'{}' has neither a data sheet nor a profile", from.gpu);
  }
  void note(const std::string& text) {
    if (!text.empty() && noted_.insert(text).second) out_.notes.push_back(text);
  }

  ModelShelf& shelf_;
  const KernelRows& rows_;
  KernelValidation& out_;
  std::vector<std::shared_ptr<const models::KernelTimeModel>> models_;
  std::set<std::string> noted_;
};

struct Group {
  std::vector<double> errors, widths, null_errors;
  double bias = 0.0, inside = 0.0;

  void add(const ScoredKernel& row) {
    errors.push_back(std::abs(row.error));
    widths.push_back((row.predicted.high - row.predicted.low) / row.predicted.time);
    bias += row.error;
    inside += row.inside_band ? 1.0 : 0.0;
    if (row.null_error) null_errors.push_back(*row.null_error);
  }
};

}  // namespace

ModelShelf::ModelShelf(KernelProfile own) : own_(std::move(own)) {}

std::shared_ptr<const models::KernelTimeModel> ModelShelf::make(const std::string& gpu,
                                                                const std::string& stack) const {
  std::vector<KernelProfile> profiles;
  std::optional<sim::Gpu> sheet = models::gpu_named(gpu);
  if (own_ && (own_->gpu == gpu || gpu.empty())) {
    sheet = sheet_of(*own_);
    profiles.push_back(*own_);
  }
  if (!sheet) return nullptr;
  const auto first = shipped_for(sheet->name, stack);
  if (first) profiles.push_back(*shipped_kernel_profile(*first));
  for (const std::string& name : shipped_kernel_profiles_of(sheet->name))
    if (name != first) profiles.push_back(*shipped_kernel_profile(name));
  if (profiles.empty()) return std::make_shared<models::RooflineModel>(*sheet);
  return std::make_shared<DeviceModel>(std::move(profiles), *sheet);
}

std::shared_ptr<const models::KernelTimeModel> ModelShelf::model_for(const std::string& gpu,
                                                                     const std::string& stack) {
  const auto [at, is_new] = models_.emplace(std::pair(gpu, stack), nullptr);
  if (is_new) at->second = make(gpu, stack);
  return at->second;
}

std::vector<std::string> ModelShelf::names() const {
  std::set<std::string> names;
  for (const auto& [key, model] : models_)
    if (model != nullptr) names.insert(model->name());
  return {names.begin(), names.end()};
}

KernelValidation validate_kernels(ModelShelf& shelf, const KernelRows& rows) {
  KernelValidation out;
  out.skipped = rows.skipped;
  Scorer scorer(shelf, rows, out);
  for_each_kind(rows, [&](const auto& kind) { scorer.score(kind); });
  score_null(out.rows);
  out.profiles = shelf.names();
  return out;
}

base::Table KernelValidation::rows_table() const {
  base::Table table{{"file", "line", "gpu", "stack", "kernel", "kind", "precision", "shape",
                     "flops", "bytes", "measured_s", "predicted_s", "error", "band_low_s",
                     "band_high_s", "inside_band", "rests_on"},
                    {}};
  for (const ScoredKernel& r : rows)
    table.rows.push_back({r.origin.file, std::int64_t{r.origin.line}, r.gpu, r.stack, r.kernel,
                          r.kind, r.precision, r.shape, r.flops, r.bytes, r.measured,
                          r.predicted.time.value(), r.error, r.predicted.low.value(),
                          r.predicted.high.value(), std::int64_t{r.inside_band ? 1 : 0},
                          fmt::format("{}{}", to_text(r.predicted.basis),
                                      r.predicted.extrapolated ? "+extrapolated" : "")});
  return table;
}

base::Table KernelValidation::groups_table() const {
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const ScoredKernel& row : rows) {
    groups[{"gpu", row.gpu}].add(row);
    groups[{"kind", row.kind}].add(row);
    groups[{"precision", fmt::format("{} {}", row.kind, row.precision)}].add(row);
    groups[{"stack", row.stack}].add(row);
    if (!row.kernel.empty())
      groups[{"kernel", fmt::format("{} {}", row.kind, row.kernel)}].add(row);
  }
  base::Table table{{"by", "group", "rows", "mean_abs_error", "median_abs_error", "p90_abs_error",
                     "bias", "inside_band", "band_width_median", "null_mean_abs_error"},
                    {}};
  for (const auto& [key, group] : groups) {
    const auto n = static_cast<double>(group.errors.size());
    table.rows.push_back(
        {key.first, key.second, static_cast<std::int64_t>(group.errors.size()),
         base::mean(group.errors), base::quantile(group.errors, 0.5),
         base::quantile(group.errors, 0.9), group.bias / n, group.inside / n,
         base::quantile(group.widths, 0.5),
         group.null_errors.empty() ? base::Cell{} : base::mean(group.null_errors)});
  }
  return table;
}

base::Table KernelValidation::roofline_table() const {
  std::set<std::pair<std::string, std::string>> seen;
  for (const ScoredKernel& row : rows)
    if (row.flops > 0.0) seen.insert({row.gpu, row.precision.substr(0, row.precision.find('/'))});
  base::Table table{{"gpu", "precision", "peak_flops_per_s", "bandwidth_bytes_per_s"}, {}};
  for (const auto& [gpu, precision] : seen) {
    const auto sheet = models::gpu_named(gpu);
    const auto format = models::number_format_from(precision);
    if (!sheet || !format) continue;
    table.rows.push_back({gpu, precision,
                          models::peak_of(*sheet, models::math_peak(*format)).value(),
                          sheet->memory_bandwidth.value()});
  }
  return table;
}

std::map<std::string, double> validation_facts(const Validation& collectives,
                                               const KernelValidation& kernels) {
  Group all;
  for (const ValidatedRow& row : collectives.rows) {
    const auto& p = row.prediction;
    all.errors.push_back(std::abs(row.error));
    all.widths.push_back((p.band.high - p.band.low) / p.time.value());
    all.bias += row.error;
    all.inside += row.inside_band ? 1.0 : 0.0;
  }
  all.null_errors = collectives.null_errors;
  for (const ScoredKernel& row : kernels.rows) all.add(row);
  std::map<std::string, double> facts{
      {"rows", static_cast<double>(all.errors.size())},
      {"skipped", static_cast<double>(collectives.skipped.size() + kernels.skipped.size())}};
  if (all.errors.empty()) return facts;
  const auto n = static_cast<double>(all.errors.size());
  facts["mean_abs_error"] = base::mean(all.errors);
  facts["median_abs_error"] = base::quantile(all.errors, 0.5);
  facts["p90_abs_error"] = base::quantile(all.errors, 0.9);
  facts["max_abs_error"] = base::quantile(all.errors, 1.0);
  facts["bias"] = all.bias / n;
  facts["inside_band"] = all.inside / n;
  facts["band_width_median"] = base::quantile(all.widths, 0.5);
  if (!all.null_errors.empty()) facts["null_mean_abs_error"] = base::mean(all.null_errors);
  return facts;
}

}  // namespace windtunnel::calibration
