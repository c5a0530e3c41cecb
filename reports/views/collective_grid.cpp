#include "reports/views/collective_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "reports/unit.hpp"
#include "reports/views/lookup.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::reports {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kOp = "workload.op";
constexpr std::string_view kAlgorithm = "workload.algorithm";
constexpr std::string_view kSize = "workload.size";

double size_of(const ResultCase& one) {
  if (const auto bytes = fact(one, "bytes")) return *bytes;
  const base::Cell* size = parameter(one, kSize);
  if (size == nullptr) return kNone;
  if (const auto* text = std::get_if<std::string>(size)) {
    const auto parsed = base::parse_quantity(*text, base::Dimension::bytes);
    const double* value = std::get_if<double>(&parsed);
    return value == nullptr ? kNone : *value;
  }
  return number_in(*size);
}

CollectivePoint point_of(const ResultCase& one) {
  CollectivePoint point;
  point.one = &one;
  point.op = parameter_text(one, kOp);
  point.algorithm = parameter_text(one, kAlgorithm);
  if (point.algorithm.empty()) point.algorithm = label(one, "algorithm");
  point.bytes = size_of(one);
  point.ranks = fact(one, "ranks").value_or(kNone);
  point.time_s = fact(one, "time_s").value_or(kNone);
  point.busbw = fact(one, "busbw_bytes_per_s").value_or(kNone);
  const auto band = one.outcome.bands.find("time_s");
  if (band != one.outcome.bands.end()) point.time_band = band->second;
  return point;
}

// A case that has no facts of its own takes the number of ranks from a sibling that differs in
// algorithm and size alone.
void fill_ranks(std::vector<CollectivePoint>& points) {
  const auto siblings = [](const CollectivePoint& point) {
    std::string key = point.one->scenario;
    for (const auto& [path, value] : point.one->parameters) {
      if (path != kAlgorithm && path != kSize && path != kOp)
        key += "\n" + path + "=" + cell_text(value, Unit::plain);
    }
    return key;
  };
  std::map<std::string, double> known;
  for (const CollectivePoint& point : points) {
    if (std::isfinite(point.ranks)) known.emplace(siblings(point), point.ranks);
  }
  for (CollectivePoint& point : points) {
    const auto found = known.find(siblings(point));
    if (!std::isfinite(point.ranks) && found != known.end()) point.ranks = found->second;
  }
}

bool ranks_are_the_axis(const std::vector<CollectivePoint>& points) {
  std::set<double> sizes;
  std::set<double> ranks;
  for (const CollectivePoint& point : points) {
    if (std::isfinite(point.bytes)) sizes.insert(point.bytes);
    if (std::isfinite(point.ranks)) ranks.insert(point.ranks);
  }
  return sizes.size() == 1 && ranks.size() > 1;
}

// What tells grids apart beside operation, ranks and scenario: swept paths that are neither shown
// as rows nor as columns. Where ranks are the axis, paths of the cluster are what makes them vary.
std::string other_parameters(const CollectivePoint& point, const std::vector<std::string>& varying,
                             GridAxis axis) {
  std::string out;
  for (const std::string& path : varying) {
    if (path == kOp || path == kAlgorithm || path == kSize) continue;
    if (axis == GridAxis::ranks && (path == "cluster.nodes" || path == "cluster.node.gpus"))
      continue;
    out += fmt::format(", {} = {}", path, parameter_text(*point.one, path));
  }
  return out;
}

// The parameters other than operation, algorithm and size: "cluster.nodes=4 cluster.gpu=h100-sxm".
std::string sweep_text(const CollectivePoint& point) {
  std::string out;
  for (const auto& [path, value] : point.one->parameters) {
    if (path == kOp || path == kAlgorithm || path == kSize) continue;
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", path, cell_text(value, Unit::plain));
  }
  return out;
}

std::string grid_title(const CollectivePoint& point, const std::string& others, GridAxis axis) {
  std::string out = point.op;
  if (axis == GridAxis::ranks) {
    out += fmt::format(" of {}", size_text(point.bytes));
  } else if (std::isfinite(point.ranks)) {
    out += fmt::format(", {} ranks", value_text(point.ranks, Unit::plain));
  }
  out += others;
  return out;
}

}  // namespace

const CollectivePoint* CollectiveGrid::at(double row, const std::string& algorithm) const {
  for (const CollectivePoint& point : points) {
    const double value = axis == GridAxis::size ? point.bytes : point.ranks;
    if (value == row && point.algorithm == algorithm) return &point;
  }
  return nullptr;
}

std::vector<const CollectivePoint*> CollectiveGrid::fastest(double row) const {
  std::vector<const CollectivePoint*> running;
  const bool others = algorithms.size() > 1;
  for (const std::string& algorithm : algorithms) {
    const CollectivePoint* point = at(row, algorithm);
    if (algorithm == "auto" && others) continue;
    if (point != nullptr && point->ok() && std::isfinite(point->time_s)) running.push_back(point);
  }
  double least = std::numeric_limits<double>::infinity();
  for (const CollectivePoint* point : running) least = std::min(least, point->time_s);
  std::erase_if(running,
                [&](const CollectivePoint* point) { return point->time_s > least * (1 + 1e-9); });
  return running;
}

bool CollectiveGrid::uncertain(double row) const {
  const auto winners = fastest(row);
  if (winners.empty() || !winners.front()->time_band) return false;
  return std::any_of(algorithms.begin(), algorithms.end(), [&](const std::string& algorithm) {
    const CollectivePoint* point = at(row, algorithm);
    const bool rival = point != nullptr && point->ok() && algorithm != "auto" && point->time_band &&
                       std::find(winners.begin(), winners.end(), point) == winners.end();
    return rival && point->time_band->low < winners.front()->time_band->high;
  });
}

bool CollectiveGrid::has_bands() const {
  return std::any_of(points.begin(), points.end(),
                     [](const CollectivePoint& point) { return point.time_band.has_value(); });
}

bool is_collective(const Result& result) {
  return !result.cases.empty() &&
         std::all_of(result.cases.begin(), result.cases.end(),
                     [](const ResultCase& one) { return parameter(one, kOp) != nullptr; });
}

std::vector<CollectiveGrid> collective_grids(const Result& result) {
  std::vector<CollectivePoint> points;
  for (const ResultCase& one : result.cases) points.push_back(point_of(one));
  fill_ranks(points);
  const GridAxis axis = ranks_are_the_axis(points) ? GridAxis::ranks : GridAxis::size;
  const auto varying = varying_parameters(result);
  std::vector<CollectiveGrid> grids;
  for (const CollectivePoint& point : points) {
    std::string title = grid_title(point, other_parameters(point, varying, axis), axis);
    if (several_scenarios(result)) title = fmt::format("{}: {}", point.one->scenario, title);
    auto grid = std::find_if(grids.begin(), grids.end(),
                             [&](const CollectiveGrid& g) { return g.title == title; });
    if (grid == grids.end()) {
      CollectiveGrid fresh;
      fresh.title = title;
      fresh.scenario = point.one->scenario;
      fresh.op = point.op;
      fresh.sweep = sweep_text(point);
      fresh.ranks = axis == GridAxis::ranks ? kNone : point.ranks;
      fresh.axis = axis;
      grid = grids.insert(grids.end(), fresh);
    }
    grid->points.push_back(point);
    if (std::find(grid->algorithms.begin(), grid->algorithms.end(), point.algorithm) ==
        grid->algorithms.end()) {
      grid->algorithms.push_back(point.algorithm);
    }
    const double row = axis == GridAxis::size ? point.bytes : point.ranks;
    if (std::isfinite(row)) grid->rows.push_back(row);
  }
  for (CollectiveGrid& grid : grids) {
    std::sort(grid.rows.begin(), grid.rows.end());
    grid.rows.erase(std::unique(grid.rows.begin(), grid.rows.end()), grid.rows.end());
  }
  return grids;
}

std::string row_text(const CollectiveGrid& grid, double row) {
  return grid.axis == GridAxis::size ? size_text(row) : value_text(row, Unit::plain);
}

}  // namespace windtunnel::reports
