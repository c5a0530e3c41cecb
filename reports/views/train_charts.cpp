#include "reports/views/train_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "reports/palette.hpp"
#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

struct Part {
  std::string_view key;  // column or fact
  std::string_view name;
  int color;
};
constexpr std::array<Part, 5> kMemory{{{"memory_weights_bytes", "weights", 0},
                                       {"memory_gradients_bytes", "gradients", 1},
                                       {"memory_optimizer_bytes", "optimizer states", 2},
                                       {"memory_activations_bytes", "activations", 4},
                                       {"memory_workspace_bytes", "workspace", 3}}};
constexpr std::array<Part, 10> kTimes{{{"time_compute_s", "compute", 0},
                                       {"time_bubble_s", "bubble", kIdleColor},
                                       {"time_tensor_comm_s", "tensor communication", 1},
                                       {"time_expert_comm_s", "expert communication", 3},
                                       {"time_context_comm_s", "context communication", 5},
                                       {"time_pipeline_comm_s", "pipeline communication", 4},
                                       {"time_data_comm_s", "data communication", 6},
                                       {"time_optimizer_s", "optimizer", 2},
                                       {"time_data_loading_s", "data loading", 3},
                                       {"time_other_s", "other", kGreyColor}}};

// Parts that are nothing in every bar only make the legend longer.
void drop_empty_parts(BarChart& chart) {
  std::erase_if(chart.parts, [](const BarPart& part) {
    return std::none_of(part.values.begin(), part.values.end(),
                        [](double value) { return value > 0.0; });
  });
}

template <class Parts>
BarChart bars_of_cases(const std::vector<NamedCase>& cases, const Parts& parts) {
  BarChart chart;
  for (const Part& part : parts) chart.parts.push_back({std::string(part.name), part.color, {}});
  for (const NamedCase& named : cases) {
    if (chart.bars.size() == kMostBars) break;
    chart.bars.push_back(named.name);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto number = fact(*named.one, std::string(parts[i].key));
      chart.parts[i].values.push_back(number && *number > 0.0 ? *number : 0.0);
    }
  }
  drop_empty_parts(chart);
  return chart;
}

Marker capacity_line(double bytes) {
  const std::string text = "capacity " + memory_text(bytes);
  return {bytes, text, text};
}

}  // namespace

std::string memory_text(double bytes) {
  if (!std::isfinite(bytes)) return "-";
  constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
  const double gib = bytes / kGiB;
  return bytes > 0.0 && gib < 0.1 ? size_text(bytes) : fmt::format("{:.1f} GiB", gib);
}

std::string count_text(double value) {
  if (std::abs(value) >= 1e12) return fmt::format("{:.4g} trillion", value / 1e12);
  if (std::abs(value) >= 1e9) return fmt::format("{:.4g} billion", value / 1e9);
  if (std::abs(value) >= 1e6) return fmt::format("{:.4g} million", value / 1e6);
  if (std::abs(value) >= 1e4) return fmt::format("{:.0f}", value);
  return value_text(value, Unit::plain);
}

std::optional<BarChart> waterfall_chart(const ResultCase& one) {
  const base::Table* parts = table(one, "waterfall");
  const auto whole = fact(one, "iteration_time_s");
  if (parts == nullptr || parts->rows.empty() || !whole) return std::nullopt;
  const TableReader rows(*parts);
  BarChart chart{
      "waterfall",
      "Where the iteration's time goes",
      {},
      {"time, part after part", Unit::seconds, AxisScale::linear},
      {{"model FLOPs at the peak rate", 0, {}}, {"lost", 1, {}}, {"iteration", kGreyColor, {}}},
      {},
      {},
      {}};
  const auto add = [&](const std::string& name, double start, double time, std::size_t part) {
    chart.bars.push_back(name);
    chart.starts.push_back(start);
    for (std::size_t p = 0; p < chart.parts.size(); ++p)
      chart.parts[p].values.push_back(p == part ? time : 0.0);
    chart.endings.push_back(fmt::format("{} ({})", value_text(time, Unit::seconds),
                                        value_text(time / *whole, Unit::fraction)));
  };
  double at = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double time = rows.number(i, "time_s");
    if (!std::isfinite(time) || std::abs(time) <= *whole * 1e-6) continue;
    // A part below zero takes away from what stands before it.
    add(rows.word(i, "part"), std::max(0.0, at + std::min(time, 0.0)), std::abs(time),
        i == 0 ? 0 : 1);
    if (time < 0.0) chart.endings.back().insert(0, "less ");
    at += time;
  }
  add("iteration", 0.0, *whole, 2);
  return chart;
}

std::optional<BarChart> stage_memory_chart(const ResultCase& one) {
  const base::Table* stages = table(one, "stages");
  if (stages == nullptr || stages->rows.empty()) return std::nullopt;
  const TableReader rows(*stages);
  if (!rows.has("memory_total_bytes")) return std::nullopt;
  BarChart chart{"memory", "Memory by stage", {}, {"memory of a GPU", Unit::bytes}, {}, {}, {}, {}};
  for (const Part& part : kMemory) chart.parts.push_back({std::string(part.name), part.color, {}});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    chart.bars.push_back("stage " + rows.word(i, "stage"));
    for (std::size_t p = 0; p < kMemory.size(); ++p) {
      const double bytes = rows.number(i, kMemory[p].key);
      chart.parts[p].values.push_back(bytes > 0.0 ? bytes : 0.0);
    }
    chart.endings.push_back(memory_text(rows.number(i, "memory_total_bytes")));
  }
  drop_empty_parts(chart);
  const double capacity = rows.number(0, "capacity_bytes");
  if (capacity > 0.0) chart.limits.push_back(capacity_line(capacity));
  return chart;
}

std::optional<BarChart> case_times_chart(const std::vector<NamedCase>& cases) {
  if (cases.size() < 2) return std::nullopt;
  BarChart chart = bars_of_cases(cases, kTimes);
  if (chart.parts.empty()) return std::nullopt;
  chart.id = "case-times";
  chart.title = "Where the time goes, by case";
  chart.x = {"iteration time", Unit::seconds, AxisScale::linear};
  for (std::size_t i = 0; i < chart.bars.size(); ++i)
    chart.endings.push_back(
        value_text(fact(*cases[i].one, "iteration_time_s").value_or(NAN), Unit::seconds));
  return chart;
}

std::optional<BarChart> case_memory_chart(const std::vector<NamedCase>& cases) {
  if (cases.size() < 2) return std::nullopt;
  BarChart chart = bars_of_cases(cases, kMemory);
  if (chart.parts.empty()) return std::nullopt;
  chart.id = "case-memory";
  chart.title = "Memory of the fullest stage, by case";
  chart.x = {"memory of a GPU", Unit::bytes, AxisScale::linear};
  std::set<double> capacities;
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    chart.endings.push_back(memory_text(fact(*cases[i].one, "memory_total_bytes").value_or(NAN)));
    if (const auto capacity = fact(*cases[i].one, "memory_capacity_bytes"))
      capacities.insert(*capacity);
  }
  if (capacities.size() <= 3) {
    for (const double capacity : capacities) chart.limits.push_back(capacity_line(capacity));
  }
  return chart;
}

namespace {

// The parameter that varies, is a number in every case, and takes the most values.
std::string swept_number(const Result& result, const std::vector<std::string>& varying) {
  std::string best;
  std::size_t most = 1;
  for (const std::string& path : varying) {
    std::set<double> values;
    const bool numbers =
        std::all_of(result.cases.begin(), result.cases.end(), [&](const ResultCase& one) {
          const base::Cell* cell = parameter(one, path);
          const double number = cell == nullptr ? NAN : number_in(*cell);
          values.insert(number);
          return std::isfinite(number);
        });
    if (numbers && values.size() > most) best = path, most = values.size();
  }
  return best;
}

}  // namespace

std::optional<XyChart> sweep_chart(const Result& result, const std::string& fact_name) {
  constexpr std::size_t kMostLines = 7;
  const auto varying = varying_parameters(result);
  const std::string swept = swept_number(result, varying);
  if (swept.empty()) return std::nullopt;
  std::map<std::string, std::vector<ChartPoint>> lines;
  std::vector<std::string> order;
  std::set<double> xs;
  for (const ResultCase& one : result.cases) {
    const auto y = fact(one, fact_name);
    if (!y || one.outcome.status != base::Status::ok) continue;
    std::string name;
    for (const std::string& path : varying) {
      if (path == swept) continue;
      const std::string text = parameter_text(one, path);
      name +=
          fmt::format("{}{} {}", name.empty() ? "" : ", ", path.substr(path.rfind('.') + 1), text);
    }
    if (name.empty()) name = title_of(fact_name, result.fact_info);
    if (lines.find(name) == lines.end()) order.push_back(name);
    ChartPoint point{number_in(*parameter(one, swept)), *y, std::nullopt, std::nullopt, one.name};
    const auto band = one.outcome.bands.find(fact_name);
    if (band != one.outcome.bands.end())
      point.low = band->second.low, point.high = band->second.high;
    xs.insert(point.x);
    lines[name].push_back(std::move(point));
  }
  if (xs.size() < 2 || order.size() > kMostLines) return std::nullopt;
  const bool wide = *xs.begin() > 0.0 && *xs.rbegin() >= *xs.begin() * 8.0;
  XyChart chart{"sweep",
                fmt::format("{} over {}", title_of(fact_name, result.fact_info), swept),
                {swept, unit_of(swept), wide ? AxisScale::log : AxisScale::linear, 2.0},
                {title_of(fact_name, result.fact_info), unit_of(fact_name, result.fact_info),
                 AxisScale::linear},
                {},
                {}};
  for (const std::string& name : order) {
    auto& points = lines[name];
    std::stable_sort(points.begin(), points.end(),
                     [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
    chart.series.push_back(
        {name, SeriesStyle::line, static_cast<int>(chart.series.size()), std::move(points)});
  }
  return chart;
}

}  // namespace windtunnel::reports
