#include "calibration/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "calibration/fabric_model.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

double busbw(const CollectiveMeasurement& row) {
  return collectives::bus_bandwidth(row.op, row.ranks(), row.bytes, row.time).value();
}

std::string size_group(double bytes) {
  if (bytes < 1.0) return "0 B";
  const int decade = static_cast<int>(std::floor(std::log10(bytes)));
  return fmt::format("1e{:02}-1e{:02} B", decade, decade + 1);
}

std::string choice_text(const collectives::TimePrediction& prediction) {
  return fmt::format("{}/{}", to_text(prediction.algorithm), to_text(prediction.protocol));
}

}  // namespace

ErrorSummary summarise(const std::vector<const ValidatedRow*>& rows) {
  ErrorSummary out;
  out.rows = static_cast<int>(rows.size());
  if (rows.empty()) return out;
  std::vector<double> errors, widths;
  for (const ValidatedRow* row : rows) {
    errors.push_back(std::abs(row->error));
    const auto& p = row->prediction;
    widths.push_back((p.band.high - p.band.low) / p.time.value());
    out.bias += row->error;
    out.mean_abs += std::abs(row->error);
    out.inside_band += row->inside_band ? 1.0 : 0.0;
  }
  const double n = static_cast<double>(rows.size());
  out.bias /= n;
  out.mean_abs /= n;
  out.inside_band /= n;
  out.median_abs = base::quantile(errors, 0.5);
  out.p90_abs = base::quantile(errors, 0.9);
  out.max_abs = base::quantile(errors, 1.0);
  out.band_width_median = base::quantile(widths, 0.5);
  return out;
}

std::vector<double> null_model_errors(const std::vector<CollectiveMeasurement>& rows) {
  using Key = std::tuple<std::string, collectives::Op, int>;
  std::map<Key, std::vector<double>> groups;
  const auto key = [](const CollectiveMeasurement& row) { return Key{row.gpu, row.op, row.nodes}; };
  for (const auto& row : rows) {
    if (row.ranks() >= 2 && row.bytes.value() > 0.0) groups[key(row)].push_back(busbw(row));
  }
  for (auto& [name, values] : groups) std::sort(values.begin(), values.end());
  std::vector<double> errors;
  for (const auto& row : rows) {
    if (row.ranks() < 2 || row.bytes.value() <= 0.0) continue;
    const std::vector<double>& values = groups[key(row)];
    if (values.size() < 2) continue;
    const double own = busbw(row);
    const std::size_t at = static_cast<std::size_t>(
        std::lower_bound(values.begin(), values.end(), own) - values.begin());
    // The sorted values without this one.
    const auto without = [&](std::size_t i) { return values[i < at ? i : i + 1]; };
    const std::size_t n = values.size() - 1;
    const double median = n % 2 == 1 ? without(n / 2) : 0.5 * (without(n / 2 - 1) + without(n / 2));
    errors.push_back(std::abs(own / median - 1.0));  // predicted / measured = own / median busbw
  }
  return errors;
}

Validation validate(const FabricModel& model, const Measurements& measurements) {
  Validation out;
  out.skipped = measurements.skipped;
  for (const CollectiveMeasurement& row : measurements.collectives) {
    std::string reason;
    auto prediction = model.predict(row, &reason);
    if (!prediction) {
      out.skipped.push_back({row.origin, reason});
      continue;
    }
    ValidatedRow made{row, std::move(*prediction), 0.0, false};
    made.error = made.prediction.time / row.time - 1.0;
    const base::Band& band = made.prediction.band;
    made.inside_band = row.time.value() >= band.low && row.time.value() <= band.high;
    out.rows.push_back(std::move(made));
  }
  out.null_errors = null_model_errors(measurements.collectives);
  return out;
}

std::map<std::string, double> Validation::facts() const {
  std::map<std::string, double> facts{{"rows", static_cast<double>(rows.size())},
                                      {"skipped", static_cast<double>(skipped.size())}};
  if (rows.empty()) return facts;
  std::vector<const ValidatedRow*> all;
  for (const auto& row : rows) all.push_back(&row);
  const ErrorSummary s = summarise(all);
  facts["mean_abs_error"] = s.mean_abs;
  facts["median_abs_error"] = s.median_abs;
  facts["p90_abs_error"] = s.p90_abs;
  facts["max_abs_error"] = s.max_abs;
  facts["bias"] = s.bias;
  facts["inside_band"] = s.inside_band;
  facts["band_width_median"] = s.band_width_median;
  if (!null_errors.empty()) {
    double sum = 0.0;
    for (const double error : null_errors) sum += error;
    facts["null_mean_abs_error"] = sum / static_cast<double>(null_errors.size());
  }
  return facts;
}

base::Table Validation::rows_table() const {
  base::Table table{{"file", "line", "gpu", "fabric", "op", "bytes", "nodes", "gpus_per_node",
                     "measured_s", "predicted_s", "error", "band_low_s", "band_high_s",
                     "inside_band", "rests_on", "choice", "note"},
                    {}};
  for (const ValidatedRow& v : rows) {
    const auto& p = v.prediction;
    table.rows.push_back({v.row.origin.file, std::int64_t{v.row.origin.line}, v.row.gpu,
                          v.row.fabric, std::string(to_text(v.row.op)), v.row.bytes.value(),
                          std::int64_t{v.row.nodes}, std::int64_t{v.row.gpus_per_node},
                          v.row.time.value(), p.time.value(), v.error, p.band.low, p.band.high,
                          std::int64_t{v.inside_band ? 1 : 0},
                          fmt::format("{}", fmt::join(p.rests_on, "+")), choice_text(p), p.note});
  }
  return table;
}

base::Table Validation::groups_table() const {
  std::map<std::pair<std::string, std::string>, std::vector<const ValidatedRow*>> groups;
  for (const ValidatedRow& v : rows) {
    groups[{"gpu", v.row.gpu}].push_back(&v);
    groups[{"fabric", v.row.fabric}].push_back(&v);
    groups[{"op", std::string(to_text(v.row.op))}].push_back(&v);
    groups[{"size", size_group(v.row.bytes.value())}].push_back(&v);
    groups[{"stack", v.row.stack}].push_back(&v);
    groups[{"nodes", fmt::format("{:4}", v.row.nodes)}].push_back(&v);
  }
  base::Table table{{"by", "group", "rows", "mean_abs_error", "median_abs_error", "p90_abs_error",
                     "bias", "inside_band", "band_width_median"},
                    {}};
  for (const auto& [key, mine] : groups) {
    const ErrorSummary s = summarise(mine);
    table.rows.push_back({key.first, key.second, std::int64_t{s.rows}, s.mean_abs, s.median_abs,
                          s.p90_abs, s.bias, s.inside_band, s.band_width_median});
  }
  return table;
}

base::Table Validation::skipped_table() const {
  base::Table table{{"file", "line", "reason"}, {}};
  for (const SkippedRow& row : skipped)
    table.rows.push_back({row.origin.file, std::int64_t{row.origin.line}, row.reason});
  return table;
}

const std::vector<std::pair<std::string, base::FactInfo>>& validation_fact_info() {
  static const std::vector<std::pair<std::string, base::FactInfo>> kInfo{
      {"rows", {"rows", "", "measured rows that were predicted"}},
      {"mean_abs_error", {"mean error", "", "mean of |predicted / measured - 1|"}},
      {"median_abs_error", {"median error", "", "median of |predicted / measured - 1|"}},
      {"p90_abs_error", {"90th percentile error", "", "90 % of rows are within this"}},
      {"max_abs_error", {"greatest error", "", "greatest |predicted / measured - 1|"}},
      {"bias", {"bias", "", "mean of predicted / measured - 1; above 0 is too slow"}},
      {"null_mean_abs_error",
       {"null model's error", "",
        "the same for a leave-one-out median busbw by GPU, op and nodes"}},
      {"inside_band", {"inside band", "", "share of rows inside the 90 % band"}},
      {"band_width_median", {"band width", "", "median of (high - low) / predicted"}},
      {"skipped", {"skipped", "", "rows that could not be scored"}}};
  return kInfo;
}

}  // namespace windtunnel::calibration
