#include "reports/views/mix_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/views/lookup.hpp"

namespace windtunnel::reports {
namespace {

constexpr std::size_t kMostLinks = 16;

// "iteration time" of train.iteration_time_s, whose own title names the job.
std::string plain_title(const std::string& fact, const Result& result) {
  const std::string title = title_of(fact, result.fact_info);
  const std::size_t colon = title.find(": ");
  return colon == std::string::npos ? title : title.substr(colon + 2);
}

}  // namespace

std::string times_text(double slowdown) {
  return fmt::format("{:.3f} x", slowdown);
}

// Rows of facts, each in the unit of its own.
ViewTable jobs_table(const base::Table& table, const Result& result) {
  ViewTable view;
  view.columns = {{"job", "", Align::left},
                  {"kind", "", Align::left},
                  {"GPUs", ""},
                  {"fact", "", Align::left},
                  {"alone", ""},
                  {"with the others", ""},
                  {"ratio", ""}};
  const TableReader rows(table);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows.word(i, "job") + "." + rows.word(i, "fact");
    const Unit unit = unit_of(name, result.fact_info);
    const double ratio = rows.number(i, "ratio");
    view.rows.push_back({{rows.word(i, "job")},
                         {rows.word(i, "kind")},
                         {rows.word(i, "gpus")},
                         {plain_title(name, result)},
                         {value_text(rows.number(i, "alone"), unit)},
                         {value_text(rows.number(i, "with_the_others"), unit)},
                         {std::isfinite(ratio) ? times_text(ratio) : ""}});
  }
  view.key_columns = 1;
  return view;
}

ViewTable links_table(const base::Table& links, const std::vector<std::string>& jobs) {
  ViewTable view;
  view.columns = {{"link", "", Align::left},
                  {"kind", "", Align::left},
                  {"bandwidth", ""},
                  {"use", ""},
                  {"busy", ""},
                  {"shared", ""}};
  for (const std::string& job : jobs) view.columns.push_back({job, "bytes"});
  const TableReader rows(links);
  const std::size_t shown = std::min(rows.size(), kMostLinks);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto share = [&](const char* column) {
      return value_text(rows.number(i, column), Unit::fraction);
    };
    std::vector<ViewCell> row{
        {rows.word(i, "link")},
        {rows.word(i, "kind")},
        {value_text(rows.number(i, "bandwidth_bytes_per_s"), Unit::bytes_per_second)},
        {share("use")},
        {share("busy_share")},
        {share("shared_share")}};
    for (const std::string& job : jobs)
      row.push_back({value_text(rows.number(i, job + "_bytes"), Unit::bytes)});
    view.rows.push_back(std::move(row));
  }
  if (shown < rows.size())
    view.notes.push_back(fmt::format("{} of {} shared links.", shown, rows.size()));
  return view;
}

// What each job puts on the busiest shared links, of what they could carry.
BarChart links_chart(const base::Table& links, const std::vector<std::string>& jobs,
                     double makespan) {
  BarChart chart;
  chart.id = "shared-links";
  chart.title = "Use of the busiest shared links";
  chart.x = {"of what the link could carry", Unit::fraction};
  const TableReader rows(links);
  const std::size_t shown = std::min(rows.size(), kMostLinks);
  for (std::size_t i = 0; i < shown; ++i) chart.bars.push_back(rows.word(i, "link"));
  int color = 0;
  for (const std::string& job : jobs) {
    BarPart part{.name = job, .color = color++, .values = {}};
    for (std::size_t i = 0; i < shown; ++i) {
      const double could = rows.number(i, "bandwidth_bytes_per_s") * makespan;
      part.values.push_back(rows.number(i, job + "_bytes") / could);
    }
    chart.parts.push_back(std::move(part));
  }
  return chart;
}

XyChart iterations_chart(const base::Table& iterations) {
  XyChart chart;
  chart.id = "iterations";
  chart.title = "Iterations";
  chart.x = {"start", Unit::seconds};
  chart.y = {"iteration time", Unit::seconds};
  const TableReader rows(iterations);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string job = rows.word(i, "job");
    if (chart.series.empty() || chart.series.back().name != job) {
      chart.series.push_back({.name = job,
                              .style = SeriesStyle::line,
                              .color = static_cast<int>(chart.series.size()),
                              .points = {}});
    }
    ChartPoint& point = chart.series.back().points.emplace_back();
    point.x = rows.number(i, "start_s");
    point.y = rows.number(i, "time_s");
    point.label = fmt::format("iteration {}", rows.word(i, "iteration"));
  }
  return chart;
}

}  // namespace windtunnel::reports
