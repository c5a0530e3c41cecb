#include "reports/views/accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

// Columns of the table `rows` of validate, in whichever of their spellings the table has them.
struct RowColumns {
  std::string predicted;
  std::string measured;
  std::string error;
  std::string low;
  std::string high;
  std::string size;
  std::string group;
};

RowColumns columns_of(const TableReader& rows) {
  return {rows.first_of({"predicted_s", "predicted_time_s", "predicted"}),
          rows.first_of({"measured_s", "measured_time_s", "measured", "time_s"}),
          rows.first_of({"error", "relative_error"}),
          rows.first_of({"low_s", "band_low_s", "low", "band_low"}),
          rows.first_of({"high_s", "band_high_s", "high", "band_high"}),
          rows.first_of({"bytes", "size_bytes"}),
          rows.first_of({"group", "op", "kind", "gpu", "fabric"})};
}

std::string row_label(const TableReader& rows, std::size_t row) {
  std::string out;
  for (const char* column : {"kind", "shape", "op", "algorithm", "gpu", "fabric", "bytes", "ranks",
                             "nodes", "precision", "rests_on"}) {
    if (!rows.has(column)) continue;
    const std::string text = cell_text(rows.cell(row, column), unit_of(column));
    if (!text.empty())
      out += (out.empty() ? "" : " · ") +
             (unit_of(column) == Unit::plain && std::isfinite(rows.number(row, column))
                  ? text + " " + column
                  : text);
  }
  return out;
}

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
  if (most > 0.0) {
    chart.series.push_back({"predicted = measured",
                            SeriesStyle::guide,
                            0,
                            {{least, least, std::nullopt, std::nullopt, ""},
                             {most, most, std::nullopt, std::nullopt, ""}}});
  }
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
    double error = rows.number(i, columns.error);
    if (columns.error.empty())
      error = rows.number(i, columns.predicted) / rows.number(i, columns.measured) - 1.0;
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

// A page with more points than this is slow, and shows no more: every n-th row stands for all.
base::Table thinned(const base::Table& table) {
  constexpr std::size_t kMost = 4000;
  const std::size_t stride = table.rows.size() / kMost + 1;
  base::Table out{table.columns, {}};
  for (std::size_t i = 0; i < table.rows.size(); i += stride) out.rows.push_back(table.rows[i]);
  return out;
}

// Rate against intensity on log axes: measured kernels under the roofs of the data sheet.
std::optional<XyChart> roofline_chart(const base::Table& table, const base::Table& roofs,
                                      const std::string& id) {
  const TableReader rows(table), sheet(roofs);
  if (!rows.has("flops") || !rows.has("bytes") || !rows.has("measured_s")) return std::nullopt;
  XyChart chart;
  chart.id = id;
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

std::vector<Chart> accuracy_charts(const base::Table& all, const std::string& prefix) {
  const base::Table table = thinned(all);
  const TableReader rows(table);
  const RowColumns columns = columns_of(rows);
  std::vector<Chart> charts;
  if (columns.predicted.empty() || columns.measured.empty()) return charts;
  for (XyChart chart :
       {predicted_against_measured(rows, columns), error_against_size(rows, columns)}) {
    chart.id = prefix + "-" + chart.id;
    if (chart.series.size() > 1) charts.emplace_back(std::move(chart));
  }
  return charts;
}

constexpr std::array kValidationFacts{
    "rows",          "skipped", "median_abs_error",    "mean_abs_error", "p90_abs_error",
    "max_abs_error", "bias",    "null_mean_abs_error", "inside_band",    "band_width_median",
    "pair_order",    "regret"};

// The numbers that say how good the predictions are: one row a number, one column a file, so that
// many numbers need no width.
ViewTable summary_table(const Result& result) {
  ViewTable view;
  view.columns.push_back({"", "", Align::left});
  for (const ResultCase& one : result.cases) view.columns.push_back({one.name, ""});
  for (const char* name : kValidationFacts) {
    std::vector<ViewCell> row{{title_of(name, result.fact_info)}};
    bool any = false;
    for (const ResultCase& one : result.cases) {
      const auto number = fact(one, name);
      any = any || number.has_value();
      row.push_back({number ? value_text(*number, unit_of(name, result.fact_info)) : ""});
    }
    if (any) view.rows.push_back(std::move(row));
  }
  for (const ResultCase& one : result.cases) {
    if (one.outcome.status == base::Status::ok) continue;
    view.notes.push_back(
        fmt::format("{}: {}: {}", one.name, base::to_text(one.outcome.status), one.outcome.reason));
  }
  return view;
}

void add_table(const Result& result, const ResultCase& one, const std::string& name,
               const std::string& title, Detail detail, Section& section) {
  constexpr std::size_t kMostRows = 300;
  const base::Table* rows = table(one, name);
  if (rows == nullptr || rows->rows.empty()) return;
  ViewTable view = table_view(*rows, result, kMostRows);
  if (name == "groups") view.key_columns = 2;  // by what, and which
  view.title = title;
  view.detail = detail;
  section.tables.push_back(std::move(view));
}

std::string validation_sentence(const ResultCase& one) {
  const auto rows = fact(one, "rows");
  const auto median = fact(one, "median_abs_error");
  if (!rows || !median) return "";
  std::string out =
      fmt::format("{}: {} rows predicted with a median absolute error of {}", one.name,
                  value_text(*rows, Unit::plain), value_text(*median, Unit::fraction));
  if (const auto p90 = fact(one, "p90_abs_error"))
    out += fmt::format(" (nine in ten within {})", value_text(*p90, Unit::fraction));
  if (const auto null = fact(one, "null_mean_abs_error")) {
    const auto mean = fact(one, "mean_abs_error");
    if (mean)
      out += fmt::format("; mean {} against {} of the null model",
                         value_text(*mean, Unit::fraction), value_text(*null, Unit::fraction));
  }
  out += ".";
  const auto skipped = fact(one, "skipped");
  if (skipped && *skipped > 0)
    out += fmt::format(" {} skipped.", counted(static_cast<std::size_t>(*skipped), "row"));
  return out;
}

// Charts and tables of rows of kernels: `name` is their table, `groups` that of their groups.
void add_kernel_rows(const Result& result, const ResultCase& one, const std::string& name,
                     const std::string& title, Section& section) {
  const base::Table* rows = table(one, name);
  if (rows == nullptr || rows->rows.empty()) return;
  for (Chart& chart : accuracy_charts(*rows, section.id + "-" + name))
    section.charts.push_back(std::move(chart));
  if (const base::Table* roofs = table(one, "roofline"))
    if (auto chart = roofline_chart(thinned(*rows), *roofs, section.id + "-roofline"))
      section.charts.emplace_back(std::move(*chart));
  add_table(result, one, name, title, Detail::full, section);
}

}  // namespace

bool is_validation(const Result& result) {
  return !result.cases.empty() &&
         std::all_of(result.cases.begin(), result.cases.end(), [](const ResultCase& one) {
           return fact(one, "mean_abs_error").has_value() ||
                  (table(one, "rows") != nullptr && fact(one, "rows").has_value());
         });
}

void add_validation(const Result& result, View& view) {
  ViewTable summary = summary_table(result);
  if (result.cases.size() == 1) {
    for (const char* name : {"rows", "median_abs_error", "p90_abs_error", "bias", "inside_band"}) {
      const auto number = fact(result.cases.front(), name);
      if (number)
        view.headline.push_back({title_of(name, result.fact_info),
                                 value_text(*number, unit_of(name, result.fact_info)), ""});
    }
  }
  view.sections.push_back({"accuracy", "Accuracy", {}, {}, {std::move(summary)}});
  for (std::size_t i = 0; i < result.cases.size(); ++i) {
    const ResultCase& one = result.cases[i];
    std::string sentence = validation_sentence(one);
    if (!sentence.empty()) view.summary.push_back(std::move(sentence));
    const base::Table* rows = table(one, "rows");
    Section section{fmt::format("file-{}", i + 1), one.name, {}, {}, {}};
    if (rows != nullptr) section.charts = accuracy_charts(*rows, section.id);
    if (const base::Table* roofs = table(one, "roofline"); roofs != nullptr && rows != nullptr)
      if (auto chart = roofline_chart(thinned(*rows), *roofs, section.id + "-roofline"))
        section.charts.emplace_back(std::move(*chart));
    add_table(result, one, "groups", "Error by group", Detail::headline, section);
    add_table(result, one, "kernel_groups", "Error of kernels by group", Detail::headline, section);
    add_table(result, one, "skipped", "Rows that were skipped", Detail::headline, section);
    add_table(result, one, "rows", "Rows", Detail::full, section);
    add_kernel_rows(result, one, "kernel_rows", "Rows of kernels", section);
    view.sections.push_back(std::move(section));
  }
}

bool is_calibration(const Result& result) {
  return !result.cases.empty() &&
         std::all_of(result.cases.begin(), result.cases.end(),
                     [](const ResultCase& one) { return table(one, "parameters") != nullptr; });
}

void add_calibration(const Result& result, View& view) {
  for (std::size_t i = 0; i < result.cases.size(); ++i) {
    const ResultCase& one = result.cases[i];
    std::string sentence = validation_sentence(one);
    if (!sentence.empty()) view.summary.push_back(std::move(sentence));
    Section section{fmt::format("fit-{}", i + 1), one.name, {}, {}, {}};
    for (const auto& [name, number] : one.outcome.facts) {
      if (result.cases.size() == 1) {
        view.headline.push_back({title_of(name, result.fact_info),
                                 value_text(number, unit_of(name, result.fact_info)), ""});
      }
    }
    add_table(result, one, "held_out", "Errors on rows that the fit had not seen", Detail::headline,
              section);
    // Kernels have too many parameters for a terminal; the page and the JSON have them.
    const bool kernels = table(one, "held_out") != nullptr;
    add_table(result, one, "parameters", "Fitted parameters",
              kernels ? Detail::full : Detail::headline, section);
    add_kernel_rows(result, one, "fitted_rows", "Rows that were fitted (a sample)", section);
    if (const base::Table* residuals = table(one, "residuals")) {
      section.charts = accuracy_charts(*residuals, section.id);
      add_table(result, one, "residuals", "Residuals", Detail::full, section);
    }
    add_table(result, one, "groups", "Error by group", Detail::headline, section);
    add_table(result, one, "skipped", "Rows that were skipped", Detail::headline, section);
    view.sections.push_back(std::move(section));
  }
}

}  // namespace windtunnel::reports
