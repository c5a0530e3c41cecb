#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "scenarios/study_tables.hpp"

namespace windtunnel::scenarios {

namespace {

// Cases that are compared with each other: everything alike but algorithm and size.
struct Series {
  std::string scenario;
  std::string op;
  std::string sweep;  // "cluster.nodes=4", empty where nothing is swept
  auto operator<=>(const Series&) const = default;
};

using TimeByAlgorithm = std::map<std::string, double>;

struct SeriesTimes {
  std::int64_t ranks = 0;
  std::map<double, TimeByAlgorithm> by_size;
};

std::string text_of(const base::Cell& cell) {
  if (const auto* word = std::get_if<std::string>(&cell)) return *word;
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return std::to_string(*count);
  if (const auto* number = std::get_if<double>(&cell)) return std::to_string(*number);
  return "";
}

std::optional<double> fact(const reports::ResultCase& result, const std::string& name) {
  const auto found = result.outcome.facts.find(name);
  if (found == result.outcome.facts.end()) return std::nullopt;
  return found->second;
}

void add_case(const reports::ResultCase& result, std::map<Series, SeriesTimes>& all) {
  const std::optional<double> time = fact(result, "time_s");
  const std::optional<double> bytes = fact(result, "bytes");
  if (result.outcome.status != base::Status::ok || !time || !bytes || *time <= 0) return;
  Series series{.scenario = result.scenario, .op = "", .sweep = ""};
  std::string algorithm;
  for (const auto& [path, value] : result.parameters) {
    if (path == "workload.size" || path == "workload.sizes") continue;
    if (path == "workload.op") {
      series.op = text_of(value);
    } else if (path == "workload.algorithm") {
      algorithm = text_of(value);
    } else {
      series.sweep += (series.sweep.empty() ? "" : " ") + path + "=" + text_of(value);
    }
  }
  if (algorithm.empty() || algorithm == "auto") return;
  SeriesTimes& times = all[series];
  times.ranks = static_cast<std::int64_t>(fact(result, "ranks").value_or(0));
  times.by_size[*bytes][algorithm] = *time;
}

// The fastest; the first by name where two are equal to rounding.
std::string fastest(const TimeByAlgorithm& times) {
  constexpr double kEqual = 1e-9;
  const std::string* best = nullptr;
  double best_time = 0;
  for (const auto& [algorithm, time] : times) {
    if (best == nullptr || time < best_time * (1 - kEqual)) {
      best = &algorithm;
      best_time = time;
    }
  }
  return *best;
}

// Where the straight lines (log size, log time) of the two algorithms meet between two sizes.
double meeting_size(double low, double high, double from_to_at_low, double from_to_at_high) {
  const double gap_low = std::log(from_to_at_low);    // log(time of `from` / time of `to`), below 0
  const double gap_high = std::log(from_to_at_high);  // above 0
  const double share = gap_high > gap_low ? -gap_low / (gap_high - gap_low) : 1.0;
  return low * std::pow(high / low, std::min(1.0, std::max(0.0, share)));
}

void add_crossovers(const Series& series, const SeriesTimes& times, base::Table& table) {
  auto previous = times.by_size.end();
  for (auto at = times.by_size.begin(); at != times.by_size.end(); previous = at++) {
    if (previous == times.by_size.end()) continue;
    const TimeByAlgorithm& before = previous->second;
    const TimeByAlgorithm& after = at->second;
    const std::string from = fastest(before);
    const std::string to = fastest(after);
    // An algorithm without a time at one of the two sizes did not overtake: it was not there.
    if (from == to || !before.contains(to) || !after.contains(from)) continue;
    const double bytes = meeting_size(previous->first, at->first, before.at(from) / before.at(to),
                                      after.at(from) / after.at(to));
    table.rows.push_back({series.scenario, series.op, times.ranks, series.sweep, from, to,
                          std::round(bytes), static_cast<std::int64_t>(previous->first),
                          static_cast<std::int64_t>(at->first)});
  }
}

}  // namespace

base::Table find_crossovers(std::span<const reports::ResultCase> cases) {
  std::map<Series, SeriesTimes> all;
  for (const reports::ResultCase& result : cases) add_case(result, all);
  base::Table table{.columns = {"scenario", "op", "ranks", "sweep", "from", "to", "bytes",
                                "below_bytes", "above_bytes"},
                    .rows = {}};
  for (const auto& [series, times] : all) add_crossovers(series, times, table);
  return table;
}

}  // namespace windtunnel::scenarios
