#include "reports/views/accuracy_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "reports/views/accuracy_rows.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

Series& series_of(std::vector<Series>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Series& series) { return series.name == name; });
  if (found != all.end()) return *found;
  all.push_back({name, SeriesStyle::points, static_cast<int>(all.size()), {}});
  return all.back();
}

// More groups than colours make a chart nobody can read: the small ones become "other".
std::string group_name(const TableReader& rows, std::size_t row, const RowColumns& columns,
                       const std::vector<std::string>& large) {
  const std::string name = columns.group.empty() ? "rows" : rows.word(row, columns.group);
  return std::find(large.begin(), large.end(), name) != large.end() ? name : "other";
}

std::vector<std::string> largest_groups(const TableReader& rows, const RowColumns& columns) {
  constexpr std::size_t kMost = 6;
  std::map<std::string, std::size_t> count;
  for (std::size_t i = 0; i < rows.size(); ++i)
    ++count[columns.group.empty() ? "rows" : rows.word(i, columns.group)];
  std::vector<std::pair<std::string, std::size_t>> sorted(count.begin(), count.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(kMost, sorted.size()); ++i) names.push_back(sorted[i].first);
  return names;
}

bool is_drawable(double x) {
  return std::isfinite(x) && x > 0.0;
}

// Where right predictions lie, and how far from it nine rows in ten do.
Series diagonal(double least, double most, double within) {
  Series line{"predicted = measured", SeriesStyle::guide, 0, {}};
  const bool band = std::isfinite(within) && within > 0.0;
  if (band)
    line.name += fmt::format(" (grey: ±{}, nine rows in ten)", value_text(within, Unit::fraction));
  for (const double at : {least, most}) {
    ChartPoint point{at, at, std::nullopt, std::nullopt, ""};
    if (band) point.low = at * std::max(0.05, 1.0 - within), point.high = at * (1.0 + within);
    line.points.push_back(std::move(point));
  }
  return line;
}

XyChart predicted_against_measured(const TableReader& rows, const RowColumns& columns) {
  XyChart chart;
  chart.id = "predicted";
  chart.title = "Predicted against measured";
  const Unit unit =
      unit_of(columns.predicted) == Unit::plain ? Unit::seconds : unit_of(columns.predicted);
  chart.x = {"measured", unit, AxisScale::log};
  chart.y = {"predicted", unit, AxisScale::log};
  const auto large = largest_groups(rows, columns);
  double least = HUGE_VAL;
  double most = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double x = rows.number(i, columns.measured);
    const double y = rows.number(i, columns.predicted);
    if (!is_drawable(x) || !is_drawable(y)) continue;
    ChartPoint point{x, y, std::nullopt, std::nullopt, row_label(rows, i)};
    const double low = rows.number(i, columns.low);
    const double high = rows.number(i, columns.high);
    if (is_drawable(low) && is_drawable(high)) point.low = low, point.high = high;
    series_of(chart.series, group_name(rows, i, columns, large)).points.push_back(std::move(point));
    least = std::min({least, x, y});
    most = std::max({most, x, y});
  }
  if (most > 0.0) chart.series.push_back(diagonal(least, most, ninth_decile(rows, columns)));
  return chart;
}

XyChart error_against_size(const TableReader& rows, const RowColumns& columns) {
  XyChart chart;
  chart.id = "error";
  const bool sizes = !columns.size.empty();
  chart.title = sizes ? "Error against size" : "Error against the measured value";
  chart.x = sizes ? Axis{"size", Unit::bytes, AxisScale::log}
                  : Axis{"measured", Unit::seconds, AxisScale::log};
  chart.y = {"error (above 0: predicted too slow)", Unit::fraction, AxisScale::linear};
  const auto large = largest_groups(rows, columns);
  double least = HUGE_VAL;
  double most = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double x = rows.number(i, sizes ? columns.size : columns.measured);
    const double error = error_of(rows, i, columns);
    if (!is_drawable(x) || !std::isfinite(error)) continue;
    series_of(chart.series, group_name(rows, i, columns, large))
        .points.push_back({x, error, std::nullopt, std::nullopt, row_label(rows, i)});
    least = std::min(least, x);
    most = std::max(most, x);
  }
  if (most > least) {
    chart.series.push_back({"no error",
                            SeriesStyle::guide,
                            0,
                            {{least, 0.0, std::nullopt, std::nullopt, ""},
                             {most, 0.0, std::nullopt, std::nullopt, ""}}});
  }
  return chart;
}

// Rate against intensity on log axes: measured kernels under the roofs of the data sheet.
std::optional<XyChart> roofline_chart(const base::Table& table, const base::Table& roofs) {
  const TableReader rows(table), sheet(roofs);
  if (!rows.has("flops") || !rows.has("bytes") || !rows.has("measured_s")) return std::nullopt;
  XyChart chart;
  chart.id = "roofline";
  chart.title = "Roofline";
  chart.x = {"FLOP a byte of least traffic", Unit::plain, AxisScale::log};
  chart.y = {"rate", Unit::flops_per_second, AxisScale::log};
  const RowColumns columns = columns_of(rows);
  const auto large = largest_groups(rows, columns);
  double least = HUGE_VAL, most = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double flops = rows.number(i, "flops"), bytes = rows.number(i, "bytes");
    const double x = flops / bytes, y = flops / rows.number(i, "measured_s");
    if (!is_drawable(x) || !is_drawable(y)) continue;
    series_of(chart.series, group_name(rows, i, columns, large))
        .points.push_back({x, y, std::nullopt, std::nullopt, row_label(rows, i)});
    least = std::min(least, x);
    most = std::max(most, x);
  }
  if (most == 0.0) return std::nullopt;
  for (std::size_t i = 0; i < sheet.size(); ++i) {
    const double peak = sheet.number(i, "peak_flops_per_s");
    const double bandwidth = sheet.number(i, "bandwidth_bytes_per_s");
    if (!is_drawable(peak) || !is_drawable(bandwidth)) continue;
    Series roof{sheet.word(i, "gpu") + " " + sheet.word(i, "precision"), SeriesStyle::guide, 0, {}};
    const double ridge = peak / bandwidth;
    for (const double x : {least, std::clamp(ridge, least, std::max(least, most)), most})
      roof.points.push_back(
          {x, std::min(peak, x * bandwidth), std::nullopt, std::nullopt, roof.name});
    chart.series.push_back(std::move(roof));
  }
  return chart;
}

}  // namespace

std::vector<Chart> accuracy_charts(const base::Table& all, const base::Table* roofs,
                                   const std::string& prefix) {
  const base::Table table = thinned(all);
  const TableReader rows(table);
  const RowColumns columns = columns_of(rows);
  std::vector<Chart> charts;
  if (columns.predicted.empty() || columns.measured.empty()) return charts;
  std::vector<XyChart> further;
  XyChart predicted = predicted_against_measured(rows, columns);
  // The share of all rows, not of those drawn.
  if (predicted.series.size() > 1 && table.rows.size() < all.rows.size()) {
    const Series& old = predicted.series.back();
    predicted.series.back() = diagonal(old.points.front().x, old.points.back().x,
                                       ninth_decile(TableReader(all), columns));
  }
  if (roofs != nullptr) {
    if (auto roofline = roofline_chart(table, *roofs)) further.push_back(std::move(*roofline));
  }
  for (XyChart chart : {std::move(predicted), error_against_size(rows, columns)}) {
    if (chart.series.size() > 1) charts.emplace_back(std::move(chart));
  }
  for (XyChart& chart : further) charts.emplace_back(std::move(chart));
  for (Chart& chart : charts) {
    auto& xy = std::get<XyChart>(chart);
    xy.id = prefix + "-" + xy.id;
  }
  return charts;
}

std::vector<Chart> memory_charts(const base::Table& memory, const std::string& prefix) {
  const TableReader rows(memory);
  std::vector<Chart> charts;
  const auto add = [&](const std::string& unit, const char* id, const char* title) {
    XyChart chart = predicted_against_measured(
        rows, {"predicted_" + unit, "measured_" + unit, "", "", "", "", "memory_of"});
    chart.id = fmt::format("{}-{}", prefix, id);
    chart.title = title;
    if (chart.series.size() > 1) charts.emplace_back(std::move(chart));
  };
  add("bytes", "memory", "Memory predicted against measured");
  add("fraction", "memory-share", "Activations as a share of the baseline's");
  return charts;
}

std::string thinning_note(const base::Table& rows) {
  if (rows.rows.size() <= kMostPoints) return "";
  return fmt::format(
      "The charts show {} of {} rows: every n-th, and those "
      "that err most. result.json has all.",
      thinned(rows).rows.size(), rows.rows.size());
}

}  // namespace windtunnel::reports
