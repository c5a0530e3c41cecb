// The charts of predictions held against measurements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "reports/html.hpp"
#include "reports/html/axis.hpp"
#include "reports/table.hpp"
#include "reports/views/accuracy_charts.hpp"
#include "reports/views/accuracy_rows.hpp"

namespace windtunnel::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Steps of two models; the error of row i is i / rows.
base::Table steps(std::size_t rows) {
  base::Table table{{"row", "model", "gpu", "measured_s", "predicted_s", "error", "status"}, {}};
  for (std::size_t i = 0; i < rows; ++i) {
    const double error = static_cast<double>(i) / static_cast<double>(rows);
    const double measured = 2.0 + static_cast<double>(i % 7);
    table.rows.push_back({std::string("row-") + std::to_string(i),
                          std::string(i % 2 == 0 ? "small" : "large"), std::string("h100-sxm"),
                          measured, measured * (1.0 + error), error, std::string()});
  }
  return table;
}

const XyChart& chart_at(const std::vector<Chart>& charts, std::size_t at) {
  return std::get<XyChart>(charts.at(at));
}

TEST(AccuracyCharts, AreColouredByWhatTellsTheRowsApart) {
  const auto charts = accuracy_charts(steps(10), nullptr, "a");
  ASSERT_EQ(charts.size(), 2U) << "times, errors";
  EXPECT_EQ(chart_at(charts, 0).series[0].name, "small");
  EXPECT_EQ(chart_at(charts, 0).series[1].name, "large") << "there is one GPU but two models";
}

TEST(AccuracyCharts, TheBandAroundTheDiagonalHoldsNineRowsInTen) {
  const auto charts = accuracy_charts(steps(101), nullptr, "a");
  const XyChart& chart = chart_at(charts, 0);
  const Series& diagonal = chart.series.back();
  ASSERT_EQ(diagonal.style, SeriesStyle::guide);
  const double slope = *diagonal.points[0].high / diagonal.points[0].x;
  std::size_t inside = 0;
  for (const Series& series : chart.series) {
    if (series.style != SeriesStyle::points) continue;
    for (const ChartPoint& point : series.points)
      inside += point.y <= point.x * slope * (1 + 1e-9) ? 1 : 0;
  }
  EXPECT_EQ(inside, 91U) << "errors 0, 1/101, ..., 90/101 are the lower nine tenths";
  EXPECT_THAT(diagonal.name, HasSubstr("nine rows in ten"));
}

TEST(AccuracyCharts, OfAHundredThousandRowsShowFewAndAllTheWorst) {
  const base::Table all = steps(100'000);
  const base::Table few = thinned(all);
  EXPECT_LE(few.rows.size(), kMostPoints);
  EXPECT_GE(few.rows.size(), kMostPoints / 2);
  const TableReader reader(few);
  double least_of_worst = 1.0;
  for (std::size_t i = reader.size() - 200; i < reader.size(); ++i)
    least_of_worst = std::min(least_of_worst, reader.number(i, "error"));
  EXPECT_GE(least_of_worst, 0.9979) << "the 200 rows that err most are the last ones";
  EXPECT_THAT(thinning_note(all), HasSubstr("of 100000 rows"));
  EXPECT_EQ(thinning_note(steps(100)), "");
}

TEST(AccuracyCharts, ThinningKeepsTheBandOfAllRows) {
  const auto charts = accuracy_charts(steps(100'000), nullptr, "a");
  EXPECT_THAT(chart_at(charts, 0).series.back().name, HasSubstr("±90.0 %"));
}

TEST(AccuracyCharts, RowsWithoutNumbersAreNotDrawnAndDoNotCount) {
  base::Table table = steps(20);
  table.rows[3][4] = base::Cell{};
  table.rows[3][5] = base::Cell{};
  table.rows[4][4] = std::numeric_limits<double>::quiet_NaN();
  table.rows[4][5] = std::numeric_limits<double>::quiet_NaN();
  const auto charts = accuracy_charts(table, nullptr, "a");
  std::size_t points = 0;
  for (const Series& series : chart_at(charts, 0).series) {
    if (series.style == SeriesStyle::points) points += series.points.size();
  }
  EXPECT_EQ(points, 18U);
}

TEST(AccuracyCharts, ShortLogAxesEndNearTheData) {
  XyChart chart;
  chart.x = {"t", Unit::seconds, AxisScale::log};
  chart.series = {{"s", SeriesStyle::points, 0, {{93.0, 1, {}, {}, ""}, {230.0, 1, {}, {}, ""}}}};
  const AxisRange range = range_of(chart, AxisOf::x);
  EXPECT_NEAR(range.low, 50.0, 1e-9);
  EXPECT_NEAR(range.high, 500.0, 1e-9);
  const auto ticks = ticks_of(chart.x, range);
  ASSERT_EQ(ticks.size(), 4U);
  EXPECT_NEAR(ticks[1], 100.0, 1e-9);
  EXPECT_NEAR(ticks[2], 200.0, 1e-9);
}

TEST(AccuracyPage, ShowsWhatWasInferredAndRowsOutOfMemory) {
  Result result;
  result.scenarios.push_back({"steps.csv", "steps.csv", ""});
  ResultCase one;
  one.name = "steps.csv";
  one.outcome.facts = {{"rows", 10.0},
                       {"median_abs_error", 0.4},
                       {"mean_abs_error", 0.5},
                       {"out_of_memory_rows", 1.0},
                       {"out_of_memory_flagged", 1.0}};
  base::Table rows = steps(10);
  rows.rows[2].back() = std::string("ran out of memory, as predicted");
  one.outcome.tables["rows"] = rows;
  one.outcome.tables["inferred"] = {{"inferred", "rows"},
                                    {{std::string("micro_batch: 16"), std::int64_t{4}}}};
  result.cases.push_back(one);
  const std::string page = to_html(result);
  EXPECT_THAT(page, HasSubstr("What was inferred"));
  EXPECT_THAT(page, HasSubstr("Rows out of memory or at its limit, and false alarms (1 rows)"));
  EXPECT_THAT(to_text(result, {.width = 100}), HasSubstr("micro_batch: 16"));
}

// Rows of an analytic profile: bytes, a share of a baseline, and no time.
ResultCase memory_alone() {
  ResultCase one;
  one.name = "memory.csv";
  one.outcome.facts = {{"rows", 0.0},
                       {"skipped", 0.0},
                       {"memory_rows", 2.0},
                       {"memory_mean_abs_error", 0.01},
                       {"memory_bias", -0.005},
                       {"memory_inside_band", 1.0},
                       {"out_of_memory_rows", 0.0}};
  one.outcome.tables["rows"] = {{"row", "measured_s", "predicted_s"}, {}};
  one.outcome.tables["memory_rows"] = {
      {"row", "memory_of", "measured_bytes", "predicted_bytes", "measured_fraction",
       "predicted_fraction", "error", "whole_stage_bytes"},
      {{std::string("m-1"), std::string("activations of layers"), 4e10, 4e10, base::Cell(),
        base::Cell(), 0.0, 5e10},
       {std::string("m-2"), std::string("activations, share of baseline"), base::Cell(),
        base::Cell(), 0.5, 0.51, 0.02, 6e10}}};
  one.outcome.tables["memory_groups"] = {
      {"memory_of", "rows", "mean_abs_error"},
      {{std::string("activations of layers"), std::int64_t{1}, 0.0}}};
  return one;
}

TEST(AccuracyPage, OfRowsWithMemoryAloneSpeaksOfMemoryAndNotOfTimes) {
  Result result;
  result.scenarios.push_back({"memory.csv", "memory.csv", ""});
  result.cases.push_back(memory_alone());
  const std::string text = to_text(result, {.width = 200});
  EXPECT_THAT(text, HasSubstr("the memory that 2 rows state is predicted with a mean absolute "
                              "error of 1.0 % (bias -0.5 %); no row states a time."));
  EXPECT_THAT(text, HasSubstr("Memory by row"));
  EXPECT_THAT(text, HasSubstr("51.0 %")) << "shares stand beside bytes";
  EXPECT_THAT(text, Not(HasSubstr("rows  0")));
  const std::string page = to_html(result);
  EXPECT_THAT(page, HasSubstr("Memory predicted against measured"));
  EXPECT_THAT(page, HasSubstr("share of the baseline"));
}

Result validation_of(base::Table rows, base::Table skipped) {
  Result result;
  result.cases.resize(1);
  ResultCase& one = result.cases.front();
  one.name = "steps.csv";
  one.outcome.facts = {{"rows", static_cast<double>(rows.rows.size())},
                       {"median_abs_error", 0.1},
                       {"mean_abs_error", 0.1}};
  one.outcome.tables = {{"rows", std::move(rows)}, {"skipped", std::move(skipped)}};
  return result;
}

TEST(AccuracyView, OfFewRowsEachIsShownInATerminalToo) {
  const std::string few = to_text(validation_of(steps(40), {}), {.width = 120});
  EXPECT_THAT(few, HasSubstr("Predicted against measured"));
  EXPECT_THAT(few, HasSubstr("row-39"));
  EXPECT_THAT(to_text(validation_of(steps(41), {}), {.width = 120}), Not(HasSubstr("row-39")));
}

TEST(AccuracyView, AReasonThatManyRowsAreSkippedForIsSaidOnce) {
  base::Table skipped{{"line", "reason"}, {}};
  for (int line = 2; line < 8; ++line) {
    skipped.rows.push_back({std::string("a.csv:") + std::to_string(line), std::string("no kind")});
  }
  skipped.rows.push_back({std::string("a.csv:9"), std::string("no time")});
  const std::string text = to_text(validation_of(steps(3), skipped), {.width = 120});
  EXPECT_THAT(text, testing::ContainsRegex("6  a.csv:2  no kind"));
  EXPECT_THAT(text, testing::ContainsRegex("1  a.csv:9  no time"));
  EXPECT_THAT(text, Not(HasSubstr("a.csv:3")));
}

}  // namespace
}  // namespace windtunnel::reports
