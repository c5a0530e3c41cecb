#include "reports/views/plan_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace windtunnel::reports {
namespace {

// Beyond this ratio a linear axis crowds one end.
constexpr double kWide = 20.0;
// Points of a cloud that a page draws; the best of them come first.
constexpr std::size_t kMostPoints = 2000;

constexpr int kFrontColor = 0;
constexpr int kChosenColor = 1;

AxisScale scale_of(const TableReader& rows, const std::string& column) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double value = rows.number(i, column);
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return low > 0 && high / low > kWide ? AxisScale::log : AxisScale::linear;
}

Axis axis_of(const Result& result, const TableReader& rows, const std::string& fact) {
  return {.title = title_of(fact, result.fact_info),
          .unit = unit_of(fact, result.fact_info),
          .scale = scale_of(rows, fact)};
}

class ParetoWriter {
 public:
  ParetoWriter(const Result& result, const base::Table& candidates, const base::Table& front)
      : result_(result),
        candidates_(candidates),
        front_(front),
        up_(result.plan->goals[0]),
        right_(result.plan->goals[1]) {}

  XyChart write() const {
    XyChart chart;
    chart.id = "pareto";
    chart.title = fmt::format("{} against {}", title_of(up_, result_.fact_info),
                              title_of(right_, result_.fact_info));
    chart.x = axis_of(result_, candidates_, right_);
    chart.y = axis_of(result_, candidates_, up_);
    add(chart, {.name = "front", .color = kFrontColor, .points = front_points()});
    add(chart, {.name = "chosen",
                .style = SeriesStyle::points,
                .color = kChosenColor,
                .points = chosen()});
    add(chart, {.name = "kept",
                .style = SeriesStyle::points,
                .color = 5,
                .points = cloud([](const std::string& verdict) { return verdict == "kept"; })});
    add(chart, {.name = "ruled out",
                .style = SeriesStyle::points,
                .color = 6,
                .points = cloud([](const std::string& verdict) { return verdict != "kept"; })});
    return chart;
  }

 private:
  static void add(XyChart& chart, Series series) {
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }

  ChartPoint point(const TableReader& rows, std::size_t i) const {
    return {.x = rows.number(i, right_),
            .y = rows.number(i, up_),
            .low = {},
            .high = {},
            .label = varied_text(result_, rows, i)};
  }

  std::vector<ChartPoint> front_points() const {
    std::vector<ChartPoint> out;
    for (std::size_t i = 0; i < front_.size(); ++i) out.push_back(point(front_, i));
    std::stable_sort(out.begin(), out.end(),
                     [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
    return out;
  }

  // The best by the objective, wherever it lies.
  std::vector<ChartPoint> chosen() const {
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (candidates_.word(i, "verdict") == "kept") return {point(candidates_, i)};
    }
    return {};
  }

  template <class Wanted>
  std::vector<ChartPoint> cloud(Wanted wanted) const {
    std::vector<ChartPoint> out;
    for (std::size_t i = 0; i < candidates_.size() && out.size() < kMostPoints; ++i) {
      if (!wanted(candidates_.word(i, "verdict")) || candidates_.number(i, "front") > 0) continue;
      ChartPoint one = point(candidates_, i);
      if (std::isfinite(one.x) && std::isfinite(one.y)) out.push_back(std::move(one));
    }
    return out;
  }

  const Result& result_;
  TableReader candidates_, front_;
  std::string up_, right_;
};

}  // namespace

std::string varied_text(const Result& result, const TableReader& rows, std::size_t row) {
  std::string out;
  for (const std::string& path : result.plan->varied) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", path.substr(path.rfind('.') + 1),
                       rows.word(row, path));
  }
  return out;
}

std::optional<XyChart> search_front_chart(const Result& result) {
  const PlanRecord& plan = *result.plan;
  const auto candidates = plan.tables.find("candidates");
  const auto front = plan.tables.find("pareto");
  if (plan.goals.size() < 2 || candidates == plan.tables.end() || front == plan.tables.end()) {
    return std::nullopt;
  }
  return ParetoWriter(result, candidates->second, front->second).write();
}

}  // namespace windtunnel::reports
