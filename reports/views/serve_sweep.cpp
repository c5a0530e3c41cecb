#include "reports/views/serve_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "reports/views/lookup.hpp"
#include "reports/views/train_charts.hpp"
#include "sim/base/unit_text.hpp"

namespace windtunnel::reports {
namespace {

constexpr std::array kTokenColumns{"max_rate_per_s",
                                   "request_throughput_per_s",
                                   "output_tokens_per_s_per_gpu",
                                   "ttft_p50_s",
                                   "ttft_p99_s",
                                   "tpot_p50_s",
                                   "tpot_p99_s",
                                   "batch_mean",
                                   "preemptions",
                                   "prefix_hit_rate",
                                   "slo_attainment"};
// Models that answer at once have no tokens to speak of.
constexpr std::array kAnswerColumns{"max_rate_per_s", "request_throughput_per_s",
                                    "e2e_p50_s",      "e2e_p90_s",
                                    "e2e_p99_s",      "queue_p50_s",
                                    "batch_mean",     "gpu_busy_fraction",
                                    "rejected",       "slo_attainment"};

bool is_ok(const ResultCase& one) {
  return one.outcome.status == base::Status::ok && fact(one, "requests").has_value();
}

bool is_saturated(const ResultCase& one) {
  return fact(one, "saturated").value_or(0.0) > 0.0;
}

std::string short_name(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

// "rate 4/s, router random": what varied says which case it is; else its name does.
std::string name_of(const ResultCase& one, const std::vector<std::string>& varying,
                    const std::string& but = "") {
  std::string name;
  for (const std::string& path : varying) {
    if (path == but) continue;
    name += fmt::format("{}{} {}", name.empty() ? "" : ", ", short_name(path),
                        parameter_text(one, path));
  }
  return name;
}

// A load as a number: "16/s", 16.
double load_in(const ResultCase& one, const std::string& path) {
  const base::Cell* cell = parameter(one, path);
  if (cell == nullptr) return NAN;
  const double number = number_in(*cell);
  if (std::isfinite(number)) return number;
  const auto parsed = base::parse_quantity(parameter_text(one, path), base::Dimension::rate);
  const double* rate = std::get_if<double>(&parsed);
  return rate == nullptr ? NAN : *rate;
}

std::string load_path(const std::vector<std::string>& varying) {
  for (const char* path : {"workload.arrivals.rate", "workload.arrivals.concurrency"}) {
    if (std::find(varying.begin(), varying.end(), path) != varying.end()) return path;
  }
  return "";
}

bool makes_tokens(const Result& result) {
  return std::any_of(result.cases.begin(), result.cases.end(),
                     [](const auto& one) { return fact(one, "tpot_p50_s").value_or(0.0) > 0.0; });
}

bool meets(const ResultCase& one) {
  return !is_saturated(one) && fact(one, "slo_attainment").value_or(1.0) >= 0.99;
}

// The knee of each line is named where there are few lines.
void add_knee(const std::vector<const ResultCase*>& line, const std::string& path,
              const std::string& name, XyChart& chart) {
  double knee = NAN;
  bool beyond = false;
  for (const ResultCase* one : line) {
    if (meets(*one)) knee = load_in(*one, path);
    beyond = beyond || !meets(*one);
  }
  if (!beyond || !std::isfinite(knee)) return;
  const std::string text = fmt::format("knee {:.4g}{}", knee, path.ends_with("rate") ? "/s" : "");
  chart.markers.push_back({knee, name.empty() ? text : name + ": " + text, text});
}

std::vector<ChartPoint> points_of(const std::vector<const ResultCase*>& line,
                                  const std::string& path, const std::string& key) {
  std::vector<ChartPoint> points;
  for (const ResultCase* one : line) {
    const auto y = fact(*one, key);
    if (!y || !(*y > 0.0)) continue;
    ChartPoint point{load_in(*one, path), *y, std::nullopt, std::nullopt,
                     is_saturated(*one) ? one->name + " (saturated)" : one->name};
    points.push_back(std::move(point));
  }
  return points;
}

using Lines = std::vector<std::pair<std::string, std::vector<const ResultCase*>>>;

// Cases that differ in nothing but the load, in order of it.
Lines lines_over(const Result& result, const std::string& path) {
  const auto varying = varying_parameters(result);
  Lines lines;
  for (const ResultCase& one : result.cases) {
    if (!is_ok(one) || !std::isfinite(load_in(one, path))) continue;
    const std::string name = name_of(one, varying, path);
    auto found = std::find_if(lines.begin(), lines.end(),
                              [&](const auto& line) { return line.first == name; });
    if (found == lines.end()) found = lines.insert(lines.end(), {name, {}});
    found->second.push_back(&one);
  }
  for (auto& [name, line] : lines) {
    std::stable_sort(line.begin(), line.end(), [&](const auto* a, const auto* b) {
      return load_in(*a, path) < load_in(*b, path);
    });
  }
  return lines;
}

// Those that any case has something in.
std::vector<const char*> columns_of(const Result& result) {
  std::vector<const char*> facts;
  const auto add = [&](const char* name) {
    const bool any = std::any_of(result.cases.begin(), result.cases.end(), [&](const auto& one) {
      return fact(one, name).value_or(0.0) != 0.0;
    });
    if (any) facts.push_back(name);
  };
  if (makes_tokens(result)) {
    for (const char* name : kTokenColumns) add(name);
  } else {
    for (const char* name : kAnswerColumns) add(name);
  }
  return facts;
}

ViewCell value_cell(const ResultCase& one, const char* name, const Result& result) {
  const auto number = fact(one, name);
  if (!number) return {""};
  const Mark mark = is_saturated(one) ? Mark::muted : Mark::none;
  return {value_text(*number, unit_of(name, result.fact_info)), mark};
}

// One row a case: what varied, how it went, the main facts; in the order of the scenario.
ViewTable case_table(const Result& result) {
  const auto varying = varying_parameters(result);
  ViewTable view;
  if (varying.empty()) view.columns.push_back({"case", "", Align::left});
  for (const std::string& path : varying) view.columns.push_back({short_name(path), ""});
  view.key_columns = view.columns.size();
  view.columns.push_back({"status", "", Align::left});
  const std::vector<const char*> facts = columns_of(result);
  for (const char* name : facts) view.columns.push_back({title_of(name, result.fact_info), ""});
  for (const ResultCase& one : result.cases) {
    std::vector<ViewCell> row;
    if (varying.empty()) row.push_back({one.name});
    for (const std::string& path : varying) row.push_back({parameter_text(one, path)});
    const bool ok = one.outcome.status == base::Status::ok;
    row.push_back({is_saturated(one) ? "saturated" : std::string(base::to_text(one.outcome.status)),
                   ok && !is_saturated(one) ? Mark::muted : Mark::bad});
    for (const char* name : facts) row.push_back(value_cell(one, name, result));
    view.rows.push_back(std::move(row));
  }
  for (const ResultCase& one : result.cases) {
    if (one.outcome.status == base::Status::ok || view.notes.size() >= 12) continue;
    const std::string name = name_of(one, varying);
    view.notes.push_back(fmt::format("{}: {}", name.empty() ? one.name : name, one.outcome.reason));
  }
  return view;
}

void add_summary(const Result& result, View& view) {
  const ResultCase* best = nullptr;
  std::size_t ok = 0, saturated = 0;
  const std::string key =
      makes_tokens(result) ? "output_tokens_per_s_per_gpu" : "request_throughput_per_s";
  for (const ResultCase& one : result.cases) {
    if (!is_ok(one)) continue;
    ++ok;
    saturated += is_saturated(one) ? 1 : 0;
    if (!meets(one)) continue;
    if (best == nullptr || fact(one, key).value_or(0.0) > fact(*best, key).value_or(0.0)) {
      best = &one;
    }
  }
  if (best != nullptr) {
    const std::string name = name_of(*best, varying_parameters(result));
    view.summary.push_back(fmt::format(
        "Most {} without saturation{}: {} with {}.", title_of(key, result.fact_info),
        fact(*best, "slo_attainment") ? " and within the SLO" : "",
        name.empty() ? best->name : name, value_text(*fact(*best, key), Unit::per_second)));
  }
  if (saturated > 0) {
    view.summary.push_back(
        fmt::format("{} of {} saturated: their latencies grow with the length "
                    "of the run.",
                    saturated, counted(ok, "case")));
  }
  if (ok < result.cases.size()) {
    view.summary.push_back(fmt::format("{} of {} cannot run.", result.cases.size() - ok,
                                       counted(result.cases.size(), "case")));
  }
}

}  // namespace

std::optional<XyChart> latency_over_load_chart(const Result& result) {
  constexpr std::size_t kMostLines = 6;
  const std::string path = load_path(varying_parameters(result));
  if (path.empty()) return std::nullopt;
  const Lines lines = lines_over(result, path);
  if (lines.empty() || lines.size() > kMostLines) return std::nullopt;
  const std::string key = makes_tokens(result) ? "ttft" : "e2e";
  const bool rate = path.ends_with("rate");
  XyChart chart{"latency-over-load",
                fmt::format("Latency against load ({})", key == "ttft" ? "TTFT" : "end to end"),
                {rate ? "requests a second" : "clients", rate ? Unit::per_second : Unit::plain},
                {"latency", Unit::seconds, AxisScale::log},
                {},
                {}};
  for (const auto& [name, line] : lines) {
    const int color = static_cast<int>(chart.series.size() / 2);
    const std::string before = name.empty() ? "" : name + " ";
    chart.series.push_back(
        {before + "p50", SeriesStyle::line, color, points_of(line, path, key + "_p50_s")});
    chart.series.push_back({before + "p99", SeriesStyle::line,
                            lines.size() == 1 ? color + 1 : color,
                            points_of(line, path, key + "_p99_s")});
    if (lines.size() <= 3) add_knee(line, path, name, chart);
  }
  std::set<double> loads;
  for (const Series& series : chart.series) {
    for (const ChartPoint& point : series.points) loads.insert(point.x);
  }
  if (loads.size() < 2) return std::nullopt;
  return chart;
}

std::optional<XyChart> pareto_chart(const Result& result) {
  XyChart chart{"pareto",
                "Throughput against interactivity",
                {"tokens a second and user", Unit::per_second},
                {"output tokens a second and GPU", Unit::per_second},
                {},
                {}};
  Series all{"cases", SeriesStyle::points, 0, {}};
  Series saturated{"saturated", SeriesStyle::points, 1, {}};
  const auto varying = varying_parameters(result);
  for (const ResultCase& one : result.cases) {
    const auto x = fact(one, "output_tokens_per_s_per_user");
    const auto y = fact(one, "output_tokens_per_s_per_gpu");
    if (!is_ok(one) || !x || !y || !(*x > 0.0)) continue;
    const std::string name = name_of(one, varying);
    ChartPoint point{*x, *y, std::nullopt, std::nullopt, name.empty() ? one.name : name};
    (is_saturated(one) ? saturated : all).points.push_back(std::move(point));
  }
  std::vector<ChartPoint> points = all.points;
  points.insert(points.end(), saturated.points.begin(), saturated.points.end());
  if (points.size() < 3) return std::nullopt;
  std::stable_sort(points.begin(), points.end(),
                   [](const ChartPoint& a, const ChartPoint& b) { return a.x > b.x; });
  Series front{"Pareto front", SeriesStyle::guide, 2, {}};
  double highest = -1.0;
  for (const ChartPoint& point : points) {
    if (point.y <= highest) continue;
    highest = point.y;
    front.points.push_back(point);
  }
  if (front.points.size() > 1) chart.series.push_back(std::move(front));
  if (!all.points.empty()) chart.series.push_back(std::move(all));
  if (!saturated.points.empty()) chart.series.push_back(std::move(saturated));
  return chart;
}

void add_serving_sweep(const Result& result, View& view) {
  add_summary(result, view);
  Section section{"cases", "Cases", {}, {}, {}};
  if (auto chart = latency_over_load_chart(result)) section.charts.emplace_back(std::move(*chart));
  if (auto chart = pareto_chart(result)) section.charts.emplace_back(std::move(*chart));
  section.tables.push_back(case_table(result));
  view.sections.push_back(std::move(section));
}

}  // namespace windtunnel::reports
