#include "scenarios/measured_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "calibration/measurement.hpp"
#include "collectives/collective.hpp"

namespace windtunnel::scenarios {
namespace {

using Predicted = std::set<std::pair<std::string, int>>;  // op, ranks

Predicted predicted_by(const reports::Result& result) {
  Predicted out;
  for (const reports::ResultCase& one : result.cases) {
    const auto ranks = one.outcome.facts.find("ranks");
    if (ranks == one.outcome.facts.end()) continue;
    for (const auto& [path, value] : one.parameters) {
      const auto* op = std::get_if<std::string>(&value);
      if (path == "workload.op" && op != nullptr) {
        out.emplace(*op, static_cast<int>(ranks->second));
      }
    }
  }
  return out;
}

calibration::LogHints hints_of(const LoadedScenario& loaded) {
  const Scenario& scenario = loaded.points.front().scenario;
  calibration::LogHints hints;
  hints.nodes = scenario.cluster->nodes;
  hints.gpus_per_node = scenario.cluster->node.gpus;
  if (const auto* work = std::get_if<strategies::CollectiveWorkload>(&scenario.workload)) {
    if (work->ops.size() == 1) hints.op = work->ops.front();
  }
  return hints;
}

std::set<std::string> gpus_of(std::span<const LoadedScenario> scenarios) {
  std::set<std::string> names;
  for (const LoadedScenario& loaded : scenarios) {
    for (const SweepPoint& point : loaded.points)
      names.insert(point.scenario.cluster->node.gpu.name);
  }
  return names;
}

base::Table empty_table() {
  return {.columns = {"op", "algorithm", "ranks", "bytes", "time_s", "busbw_bytes_per_s", "source"},
          .rows = {}};
}

std::vector<base::Cell> row_of(const calibration::CollectiveMeasurement& row,
                               const std::string& source) {
  const bool named = row.algorithm != collectives::Algorithm::automatic;
  return {std::string(collectives::to_text(row.op)),
          named ? std::string(collectives::to_text(row.algorithm)) : std::string(),
          static_cast<std::int64_t>(row.ranks()),
          row.bytes.value(),
          row.time.value(),
          collectives::bus_bandwidth(row.op, row.ranks(), row.bytes, row.time).value(),
          source};
}

}  // namespace

void add_measured_points(const std::vector<std::string>& files,
                         std::span<const LoadedScenario> scenarios, reports::Result& result) {
  if (files.empty() || scenarios.empty()) return;
  const Predicted predicted = predicted_by(result);
  const std::set<std::string> gpus = gpus_of(scenarios);
  base::Table table = empty_table();
  std::size_t others = 0;
  for (const std::string& file : files) {
    const auto read = calibration::read_measurement_file(file, hints_of(scenarios.front()));
    if (read.diagnostics.has_errors()) throw base::InputError(read.diagnostics);
    for (const calibration::CollectiveMeasurement& row : read.collectives) {
      const bool same_gpu = row.gpu.empty() || gpus.contains(row.gpu);
      if (!same_gpu ||
          !predicted.contains({std::string(collectives::to_text(row.op)), row.ranks()})) {
        ++others;
        continue;
      }
      table.rows.push_back(row_of(row, read.files.empty() ? file : read.files.front().name));
    }
    others += read.other.size() + read.skipped.size();
  }
  if (others > 0) {
    result.warnings.push_back(
        fmt::format("{} measured rows match no case of this run by op, ranks and GPU", others));
  }
  result.tables["measured"] = std::move(table);
}

}  // namespace windtunnel::scenarios
