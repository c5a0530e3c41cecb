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

// "cluster.fabric.oversubscription" -> "oversubscription".
std::string_view last_part(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

// Swept paths beside operation, algorithm and size: "nodes = 4, oversubscription = 2". Where ranks
// are the rows, the paths that make them vary are left out.
std::string variant_of(const CollectivePoint& point, const std::vector<std::string>& varying,
                       GridAxis axis) {
  std::string out;
  for (const std::string& path : varying) {
    if (path == kOp || path == kAlgorithm || path == kSize) continue;
    if (axis == GridAxis::ranks && (path == "cluster.nodes" || path == "cluster.node.gpus"))
      continue;
    out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", last_part(path),
                       parameter_text(*point.one, path));
  }
  return out;
}

// How the cases of a result are laid out.
struct Layout {
  GridAxis axis = GridAxis::size;
  GridColumns across = GridColumns::algorithms;
  bool ranks_vary = false;
};

Layout layout_of(const std::vector<CollectivePoint>& points,
                 const std::vector<std::string>& varying) {
  std::set<double> sizes;
  std::set<double> ranks;
  std::set<std::string> algorithms;
  std::set<std::string> variants;
  for (const CollectivePoint& point : points) {
    if (std::isfinite(point.bytes)) sizes.insert(point.bytes);
    if (std::isfinite(point.ranks)) ranks.insert(point.ranks);
    algorithms.insert(point.algorithm);
    variants.insert(variant_of(point, varying, GridAxis::size));
  }
  Layout layout;
  layout.ranks_vary = ranks.size() > 1;
  if (sizes.size() <= 1 && variants.size() > 1) {
    layout.axis = layout.ranks_vary ? GridAxis::ranks : GridAxis::variant;
  } else if (algorithms.size() == 1 && variants.size() > 1) {
    layout.across = GridColumns::variants;
  }
  return layout;
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

std::string ranks_text(const CollectivePoint& point) {
  return std::isfinite(point.ranks)
             ? fmt::format(", {} ranks", value_text(point.ranks, Unit::plain))
             : "";
}

std::string grid_title(const CollectivePoint& point, const std::string& variant,
                       const Layout& layout) {
  if (layout.across == GridColumns::variants) {
    return fmt::format("{}, {}{}", point.op, point.algorithm,
                       layout.ranks_vary ? "" : ranks_text(point));
  }
  const std::string comma = variant.empty() ? "" : ", ";
  switch (layout.axis) {
    case GridAxis::size:
      return point.op + ranks_text(point) + comma + variant;
    case GridAxis::ranks:
      return fmt::format("{} of {}{}{}", point.op, size_text(point.bytes), comma, variant);
    case GridAxis::variant:
      return fmt::format("{} of {}{}", point.op, size_text(point.bytes), ranks_text(point));
  }
  return point.op;
}

// Gives a point its row and column, and the grid both where they are new.
void place(CollectivePoint point, const std::string& variant, const Layout& layout,
           CollectiveGrid& grid) {
  point.column = point.algorithm;
  if (layout.across == GridColumns::variants) {
    point.column = variant + (layout.ranks_vary ? ranks_text(point) : "");
  }
  point.row = layout.axis == GridAxis::ranks ? point.ranks : point.bytes;
  if (layout.axis == GridAxis::variant) {
    auto label = std::find(grid.row_labels.begin(), grid.row_labels.end(), variant);
    if (label == grid.row_labels.end()) label = grid.row_labels.insert(label, variant);
    point.row = static_cast<double>(label - grid.row_labels.begin());
  }
  if (std::find(grid.columns.begin(), grid.columns.end(), point.column) == grid.columns.end()) {
    grid.columns.push_back(point.column);
  }
  if (std::isfinite(point.row)) grid.rows.push_back(point.row);
  grid.points.push_back(std::move(point));
}

}  // namespace

const CollectivePoint* CollectiveGrid::at(double row, const std::string& column) const {
  for (const CollectivePoint& point : points) {
    if (point.row == row && point.column == column) return &point;
  }
  return nullptr;
}

std::vector<const CollectivePoint*> CollectiveGrid::fastest(double row) const {
  std::vector<const CollectivePoint*> running;
  if (across == GridColumns::variants) return running;
  const CollectivePoint* chosen = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const std::string& algorithm : columns) {
    const CollectivePoint* point = at(row, algorithm);
    if (point == nullptr || !point->ok() || !std::isfinite(point->time_s)) continue;
    if (algorithm == "auto") {
      chosen = point;
      continue;
    }
    running.push_back(point);
    least = std::min(least, point->time_s);
  }
  // `auto` is one of the others by another name, unless it is clearly faster than all that were asked.
  constexpr double kClearly = 0.99;
  if (chosen != nullptr && chosen->time_s < least * kClearly) return {chosen};
  std::erase_if(running,
                [&](const CollectivePoint* point) { return point->time_s > least * (1 + 1e-9); });
  return running;
}

bool CollectiveGrid::uncertain(double row) const {
  const auto winners = fastest(row);
  if (winners.empty()) return false;
  // A time without a band is taken as it is: it may still lie inside the band of a rival.
  const CollectivePoint& winner = *winners.front();
  const double latest = winner.time_band ? winner.time_band->high : winner.time_s;
  return std::any_of(columns.begin(), columns.end(), [&](const std::string& column) {
    const CollectivePoint* point = at(row, column);
    const bool rival = point != nullptr && point->ok() && column != "auto" &&
                       std::isfinite(point->time_s) &&
                       std::find(winners.begin(), winners.end(), point) == winners.end();
    if (!rival || (!winner.time_band && !point->time_band)) return false;
    return (point->time_band ? point->time_band->low : point->time_s) < latest;
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
  const auto varying = varying_parameters(result);
  const Layout layout = layout_of(points, varying);
  std::vector<CollectiveGrid> grids;
  for (CollectivePoint& point : points) {
    const std::string variant = variant_of(point, varying, layout.axis);
    std::string title = grid_title(point, variant, layout);
    if (several_scenarios(result)) title = fmt::format("{}: {}", point.one->scenario, title);
    auto grid = std::find_if(grids.begin(), grids.end(),
                             [&](const CollectiveGrid& g) { return g.title == title; });
    if (grid == grids.end()) {
      CollectiveGrid fresh;
      fresh.title = title;
      fresh.scenario = point.one->scenario;
      fresh.op = point.op;
      fresh.sweep = sweep_text(point);
      fresh.ranks = layout.ranks_vary && (layout.axis == GridAxis::ranks ||
                                          layout.across == GridColumns::variants)
                        ? kNone
                        : point.ranks;
      fresh.axis = layout.axis;
      fresh.across = layout.across;
      grid = grids.insert(grids.end(), std::move(fresh));
    }
    place(std::move(point), variant, layout, *grid);
  }
  for (CollectiveGrid& grid : grids) {
    std::sort(grid.rows.begin(), grid.rows.end());
    grid.rows.erase(std::unique(grid.rows.begin(), grid.rows.end()), grid.rows.end());
  }
  return grids;
}

std::string row_text(const CollectiveGrid& grid, double row) {
  switch (grid.axis) {
    case GridAxis::size:
      return size_text(row);
    case GridAxis::ranks:
      return value_text(row, Unit::plain);
    case GridAxis::variant:
      return grid.row_labels.at(static_cast<std::size_t>(row));
  }
  return "";
}

std::string_view row_noun(const CollectiveGrid& grid) {
  switch (grid.axis) {
    case GridAxis::size:
      return "size";
    case GridAxis::ranks:
      return "rank count";
    case GridAxis::variant:
      return "variant";
  }
  return "row";
}

}  // namespace windtunnel::reports
