#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "scenarios/study_tables.hpp"
#include "strategies/collective/crossover.hpp"

namespace windtunnel::scenarios {

namespace {

// Cases that are compared with each other: everything alike but algorithm and size.
struct Series {
  std::string scenario;
  std::string op;
  std::string sweep;  // "cluster.nodes=4", empty where nothing is swept
  auto operator<=>(const Series&) const = default;
};

struct SeriesTimes {
  std::int64_t ranks = 0;
  std::vector<strategies::TimedCase> calibrated;
  std::vector<strategies::TimedCase> data_sheet;
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

// Data-sheet links know no start-up costs and no protocols; a calibrated time does.
bool on_data_sheet_links(const reports::ResultCase& result) {
  const auto grounds = result.outcome.rests_on.find("time_s");
  if (grounds == result.outcome.rests_on.end()) return false;
  return std::find(grounds->second.begin(), grounds->second.end(), "roofline") !=
         grounds->second.end();
}

void add_case(const reports::ResultCase& result, std::map<Series, SeriesTimes>& all) {
  const std::optional<double> time = fact(result, "time_s");
  const std::optional<double> bytes = fact(result, "bytes");
  if (result.outcome.status != base::Status::ok || !time || !bytes) return;
  Series series{.scenario = result.scenario, .op = "", .sweep = ""};
  std::string algorithm_name;
  for (const auto& [path, value] : result.parameters) {
    if (path == "workload.op") {
      series.op = text_of(value);
    } else if (path == "workload.algorithm") {
      algorithm_name = text_of(value);
    } else if (path != "workload.size") {
      series.sweep += (series.sweep.empty() ? "" : " ") + path + "=" + text_of(value);
    }
  }
  const auto op = collectives::op_from_text(series.op);
  const auto algorithm = collectives::algorithm_from_text(algorithm_name);
  if (!op || !algorithm) return;
  SeriesTimes& times = all[series];
  times.ranks = static_cast<std::int64_t>(fact(result, "ranks").value_or(0));
  auto& cases = on_data_sheet_links(result) ? times.data_sheet : times.calibrated;
  cases.push_back({*op, *algorithm, base::Bytes(*bytes), base::Seconds(*time)});
}

// Between each two algorithms, the crossovers that are not among the `leading` ones.
std::vector<strategies::Crossover> behind_the_leader(
    const std::vector<strategies::TimedCase>& cases,
    const std::vector<strategies::Crossover>& leading) {
  std::set<collectives::Algorithm> algorithms;
  for (const strategies::TimedCase& one : cases) algorithms.insert(one.algorithm);
  std::vector<strategies::Crossover> out;
  for (auto a = algorithms.begin(); a != algorithms.end(); ++a) {
    for (auto b = std::next(a); b != algorithms.end(); ++b) {
      std::vector<strategies::TimedCase> pair;
      std::copy_if(cases.begin(), cases.end(), std::back_inserter(pair),
                   [&](const auto& one) { return one.algorithm == *a || one.algorithm == *b; });
      for (const strategies::Crossover& one : strategies::find_crossovers(pair)) {
        const bool leads = std::any_of(leading.begin(), leading.end(), [&](const auto& other) {
          return other.from == one.from && other.to == one.to && other.below == one.below;
        });
        if (!leads) out.push_back(one);
      }
    }
  }
  return out;
}

void add_crossovers(const Series& series, const SeriesTimes& times, Crossovers& out) {
  const bool mixed = !times.calibrated.empty() && !times.data_sheet.empty();
  const auto& cases = times.calibrated.empty() ? times.data_sheet : times.calibrated;
  const auto add = [&](const strategies::Crossover& one, const char* place) {
    out.table.rows.push_back(
        {series.scenario, series.op, times.ranks, series.sweep,
         std::string(collectives::to_text(one.from)), std::string(collectives::to_text(one.to)),
         std::round(one.bytes.value()), static_cast<std::int64_t>(one.below.value()),
         static_cast<std::int64_t>(one.above.value()), std::string(place)});
  };
  const auto leading = strategies::find_crossovers(cases);
  for (const strategies::Crossover& one : leading) add(one, "lead");
  for (const strategies::Crossover& one : behind_the_leader(cases, leading)) add(one, "pair");
  if (!mixed) return;
  std::set<std::string> names;
  for (const strategies::TimedCase& one : times.data_sheet) {
    names.emplace(collectives::to_text(one.algorithm));
  }
  out.left_out.merge(names);
}

}  // namespace

Crossovers find_crossovers(std::span<const reports::ResultCase> cases) {
  std::map<Series, SeriesTimes> all;
  for (const reports::ResultCase& result : cases) add_case(result, all);
  Crossovers out;
  out.table.columns = {"scenario", "op",    "ranks",       "sweep",       "from",
                       "to",       "bytes", "below_bytes", "above_bytes", "place"};
  for (const auto& [series, times] : all) add_crossovers(series, times, out);
  return out;
}

}  // namespace windtunnel::scenarios
