#include "reports/views/collective_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/views/collective_table.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

enum class Quantity { time, busbw };

double y_of(const CollectivePoint& point, Quantity quantity) {
  return quantity == Quantity::time ? point.time_s : point.busbw;
}

// The band of busbw is that of the time turned over: busbw = c / time.
void add_band(const CollectivePoint& point, Quantity quantity, ChartPoint& out) {
  if (!point.time_band || point.time_band->low <= 0.0) return;
  if (quantity == Quantity::time) {
    out.low = point.time_band->low;
    out.high = point.time_band->high;
  } else {
    out.low = point.busbw * point.time_s / point.time_band->high;
    out.high = point.busbw * point.time_s / point.time_band->low;
  }
}

// "±12% · ring / ll128 · measured, interpolated": what the tooltip adds to the number.
std::string tooltip(const CollectivePoint& point) {
  std::vector<std::string> parts;
  if (point.time_band) parts.push_back(band_text(point.time_s, *point.time_band));
  const std::string chosen = label(*point.one, "algorithm");
  const std::string protocol = label(*point.one, "protocol");
  if (!chosen.empty() && chosen != point.column) parts.push_back(chosen);
  if (!protocol.empty()) parts.push_back(protocol);
  const auto grounds = point.one->outcome.rests_on.find("time_s");
  if (grounds != point.one->outcome.rests_on.end()) parts.push_back(joined(grounds->second));
  std::string out;
  for (const std::string& part : parts) {
    if (!part.empty()) out += (out.empty() ? "" : " · ") + part;
  }
  return out;
}

Series line(const CollectiveGrid& grid, const std::string& algorithm, int color,
            Quantity quantity) {
  Series series{algorithm, SeriesStyle::line, color, {}};
  for (const double row : grid.rows) {
    const CollectivePoint* point = grid.at(row, algorithm);
    if (point == nullptr || !point->ok()) continue;
    const double y = y_of(*point, quantity);
    if (!std::isfinite(y) || y <= 0.0 || row <= 0.0) continue;  // log axes
    ChartPoint chart_point{row, y, std::nullopt, std::nullopt, tooltip(*point)};
    add_band(*point, quantity, chart_point);
    series.points.push_back(std::move(chart_point));
  }
  return series;
}

// The largest bound of any algorithm's case: what no algorithm can beat is the same for all of
// them.
Series lower_bound(const CollectiveGrid& grid) {
  Series series{"lower bound", SeriesStyle::guide, 0, {}};
  for (const double row : grid.rows) {
    double bound = 0.0;
    for (const std::string& algorithm : grid.columns) {
      const CollectivePoint* point = grid.at(row, algorithm);
      if (point != nullptr && point->ok())
        bound = std::max(bound, fact(*point->one, "lower_bound_s").value_or(0.0));
    }
    if (bound > 0.0 && row > 0.0)
      series.points.push_back({row, bound, std::nullopt, std::nullopt, ""});
  }
  return series;
}

std::vector<const base::Table*> measured_tables(const CollectiveGrid& grid, const Result& result) {
  std::vector<const base::Table*> tables;
  if (const auto found = result.tables.find("measured"); found != result.tables.end())
    tables.push_back(&found->second);
  for (const CollectivePoint& point : grid.points) {
    if (const base::Table* own = table(*point.one, "measured")) tables.push_back(own);
  }
  return tables;
}

// Points of one algorithm's colour; measurements whose algorithm is not on the chart are a series
// of their own.
void add_measured(const CollectiveGrid& grid, const Result& result, Quantity quantity,
                  std::vector<Series>& all) {
  std::vector<Series> measured;
  for (const base::Table* rows : measured_tables(grid, result)) {
    const TableReader reader(*rows);
    for (std::size_t i = 0; i < reader.size(); ++i) {
      const std::string op = reader.word(i, "op");
      const double ranks = reader.number(i, "ranks");
      const double x = grid.axis == GridAxis::size ? reader.number(i, "bytes") : ranks;
      const double y =
          reader.number(i, quantity == Quantity::time ? "time_s" : "busbw_bytes_per_s");
      if (!op.empty() && op != grid.op) continue;
      if (grid.axis == GridAxis::size && std::isfinite(ranks) && std::isfinite(grid.ranks) &&
          ranks != grid.ranks)
        continue;
      if (!(x > 0.0) || !(y > 0.0) || !std::isfinite(x) || !std::isfinite(y)) continue;
      const std::string algorithm = reader.word(i, "algorithm");
      const auto known = std::find(grid.columns.begin(), grid.columns.end(), algorithm);
      const int color = static_cast<int>(known - grid.columns.begin());
      const std::string name = algorithm.empty() ? "measured" : "measured: " + algorithm;
      auto series = std::find_if(measured.begin(), measured.end(),
                                 [&](const Series& s) { return s.name == name; });
      if (series == measured.end()) {
        series = measured.insert(measured.end(), {name, SeriesStyle::points, color, {}});
      }
      series->points.push_back({x, y, std::nullopt, std::nullopt, reader.word(i, "source")});
    }
  }
  for (Series& series : measured) all.push_back(std::move(series));
}

XyChart chart(const CollectiveGrid& grid, const Result& result, Quantity quantity) {
  XyChart out;
  const bool sizes = grid.axis == GridAxis::size;
  out.title = fmt::format("{} against {}", quantity == Quantity::time ? "Time" : "Bus bandwidth",
                          sizes ? "size" : "ranks");
  out.x = {sizes ? "size" : "ranks", sizes ? Unit::bytes : Unit::plain, AxisScale::log};
  out.y = quantity == Quantity::time ? Axis{"time", Unit::seconds, AxisScale::log}
                                     : Axis{"busbw", Unit::bytes_per_second, AxisScale::log};
  for (std::size_t i = 0; i < grid.columns.size(); ++i) {
    Series series = line(grid, grid.columns[i], static_cast<int>(i), quantity);
    // What `auto` chose runs along the lines of the algorithms: a halo, so that it does not hide
    // them.
    if (series.name == "auto" && grid.columns.size() > 1) {
      series.style = SeriesStyle::halo;
      for (ChartPoint& point : series.points) point.low = point.high = std::nullopt;
    }
    if (!series.points.empty()) out.series.push_back(std::move(series));
  }
  if (quantity == Quantity::time && grid.across == GridColumns::algorithms) {
    Series bound = lower_bound(grid);
    if (!bound.points.empty()) out.series.push_back(std::move(bound));
  }
  add_measured(grid, result, quantity, out.series);
  constexpr std::size_t kMostMarkers =
      4;  // beyond, those behind the leader stand in the table only
  const std::vector<Crossover> crossovers = crossovers_of(grid, result);
  for (const Crossover& crossover : crossovers) {
    if (!crossover.leads && crossovers.size() > kMostMarkers) continue;
    const bool inside = !grid.rows.empty() && crossover.bytes >= grid.rows.front() &&
                        crossover.bytes <= grid.rows.back();
    if (!inside) continue;
    const std::string size = size_text(crossover.bytes);
    out.markers.push_back(
        {crossover.bytes, fmt::format("{} → {} at {}", crossover.from, crossover.to, size), size});
  }
  return out;
}

}  // namespace

std::vector<Chart> grid_charts(const CollectiveGrid& grid, const Result& result,
                               const std::string& id) {
  std::vector<Chart> charts;
  if (grid.rows.size() < 2 || grid.axis == GridAxis::variant) return charts;
  for (const Quantity quantity : {Quantity::time, Quantity::busbw}) {
    XyChart one = chart(grid, result, quantity);
    one.id = id + (quantity == Quantity::time ? "-time" : "-busbw");
    if (!one.series.empty()) charts.emplace_back(std::move(one));
  }
  return charts;
}

}  // namespace windtunnel::reports
