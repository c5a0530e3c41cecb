#include "scenarios/measured_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <filesystem>
#include <numeric>
#include <set>
#include <utility>

#include "calibration/measurement.hpp"
#include "collectives/collective.hpp"
#include "collectives/nccl/topology.hpp"

namespace windtunnel::scenarios {
namespace {

// What a group of a sweep point runs. A group with unequal nodes has no GPUs per node: no row can be
// of its shape.
struct Shape {
  collectives::Op op;
  int nodes;
  int gpus_per_node;
  std::string gpu;
  auto operator<=>(const Shape&) const = default;
};

std::vector<collectives::nccl::RankLayout> layouts_of(const Scenario& scenario) {
  std::vector<collectives::nccl::RankLayout> layouts;
  const auto* work = std::get_if<strategies::CollectiveWorkload>(&scenario.workload);
  if (work == nullptr) return layouts;
  for (const std::vector<int>& group : work->groups) {
    layouts.push_back(collectives::nccl::layout_of(scenario.cluster, group));
  }
  if (layouts.empty()) {
    std::vector<int> all(static_cast<std::size_t>(scenario.cluster->gpu_count()));
    std::iota(all.begin(), all.end(), 0);
    layouts.push_back(collectives::nccl::layout_of(scenario.cluster, all));
  }
  return layouts;
}

void add_shapes(const Scenario& scenario, std::set<Shape>& shapes) {
  const auto* work = std::get_if<strategies::CollectiveWorkload>(&scenario.workload);
  if (work == nullptr) return;
  const std::string gpu = scenario.cluster.node_at(0).gpu.name;
  for (const collectives::nccl::RankLayout& layout : layouts_of(scenario)) {
    if (layout.ranks % layout.nodes != 0) continue;
    for (const collectives::Op op : work->ops) {
      shapes.insert({op, layout.nodes, layout.ranks / layout.nodes, gpu});
    }
  }
}

std::set<Shape> shapes_of(std::span<const LoadedScenario> scenarios) {
  std::set<Shape> shapes;
  for (const LoadedScenario& loaded : scenarios) {
    for (const SweepPoint& point : loaded.points) add_shapes(point.scenario, shapes);
  }
  return shapes;
}

bool matches(const calibration::CollectiveMeasurement& row, const std::set<Shape>& shapes) {
  return std::any_of(shapes.begin(), shapes.end(), [&row](const Shape& shape) {
    return shape.op == row.op && shape.nodes == row.nodes &&
           shape.gpus_per_node == row.gpus_per_node && (row.gpu.empty() || row.gpu == shape.gpu);
  });
}

calibration::LogHints hints_of(const Scenario& scenario) {
  calibration::LogHints hints;
  const auto* work = std::get_if<strategies::CollectiveWorkload>(&scenario.workload);
  if (work != nullptr && work->ops.size() == 1) hints.op = work->ops.front();
  const auto layouts = layouts_of(scenario);
  if (!layouts.empty() && layouts.front().ranks % layouts.front().nodes == 0) {
    hints.nodes = layouts.front().nodes;
    hints.gpus_per_node = layouts.front().ranks / layouts.front().nodes;
  }
  return hints;
}

std::string base_name(const std::string& file) {
  return std::filesystem::path(file).filename().string();
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

void warn_of_unmatched(std::size_t count, reports::Result& result) {
  if (count == 0) return;
  result.warnings.push_back(
      fmt::format("{} measured {} no case of this run by op, nodes, GPUs per node and GPU", count,
                  count == 1 ? "row matches" : "rows match"));
}

void warn_of_skipped(const std::vector<calibration::SkippedRow>& skipped, reports::Result& result) {
  if (skipped.empty()) return;
  const calibration::SkippedRow& first = skipped.front();
  result.warnings.push_back(fmt::format("{} measured row{} skipped; the first, {}:{}: {}",
                                        skipped.size(), skipped.size() == 1 ? "" : "s",
                                        base_name(first.origin.file), first.origin.line,
                                        first.reason));
}

}  // namespace

void add_measured_points(const std::vector<std::string>& files,
                         std::span<const LoadedScenario> scenarios, reports::Result& result) {
  if (files.empty() || scenarios.empty()) return;
  const calibration::LogHints hints = hints_of(scenarios.front().points.front().scenario);
  calibration::Measurements all;
  for (const std::string& file : files) {
    all.append(calibration::read_measurement_file(file, hints));
  }
  if (all.diagnostics.has_errors()) throw base::InputError(all.diagnostics);
  for (const base::Diagnostic& one : all.diagnostics.all()) {
    result.warnings.push_back(fmt::format("{}:{}:{}: {}", base_name(one.where.file), one.where.line,
                                          one.where.column, one.message));
  }
  const std::set<Shape> shapes = shapes_of(scenarios);
  base::Table table = empty_table();
  std::size_t unmatched = all.other.size();
  for (const calibration::CollectiveMeasurement& row : all.collectives) {
    if (matches(row, shapes)) {
      table.rows.push_back(row_of(row, base_name(row.origin.file)));
    } else {
      ++unmatched;
    }
  }
  warn_of_unmatched(unmatched, result);
  warn_of_skipped(all.skipped, result);
  result.tables["measured"] = std::move(table);
}

}  // namespace windtunnel::scenarios
