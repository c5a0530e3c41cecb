#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/html.hpp"

#include <cmath>

#include "reports/html/axis.hpp"
#include "reports/html/svg.hpp"
#include "tests/reports/sample.hpp"

namespace windtunnel::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

// The page up to its scripts: ECharts has markup of its own in its strings.
std::string markup(const std::string& page) {
  return page.substr(0, page.find("<script"));
}

TEST(HtmlPage, NamesNothingOutsideItself) {
  const std::string page = to_html(sample::collective_sweep());
  EXPECT_EQ(count(markup(page), " src="), 0U);
  EXPECT_EQ(count(markup(page), "<link"), 0U);
  EXPECT_EQ(count(markup(page), "@import"), 0U);
  EXPECT_EQ(count(page, "<script src"), 0U);
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(HtmlPage, IsOfReasonableSize) {
  EXPECT_LT(to_html(sample::collective_sweep()).size(), 1'600'000U);
  EXPECT_LT(to_html(sample::unknown_workload()).size(), 30'000U) << "no charts, so no ECharts";
}

TEST(HtmlPage, NoTextOfTheResultBecomesMarkup) {
  const std::string evil = "</script><script>alert(1)</script><img src=x onerror=y> & \"q\" 'q'";
  Result result = sample::collective_sweep();
  result.scenarios[0] = {evil, evil, evil};
  result.warnings = {evil};
  result.calibrations = {evil};
  result.tables["other " + evil] = {{evil}, {{evil}}};
  for (ResultCase& one : result.cases) {
    one.name += evil;
    one.outcome.reason += evil;
    one.outcome.warnings = {evil};
    if (one.outcome.tables.contains("timeline")) one.outcome.tables["timeline"].rows[0][3] = evil;
    if (one.outcome.tables.contains("links")) one.outcome.tables["links"].rows[0][0] = evil;
    for (auto& [path, value] : one.parameters) {
      if (path == "workload.algorithm") value = std::get<std::string>(value) + evil;
    }
  }
  const std::string page = to_html(result);
  const std::string harmless = to_html(sample::collective_sweep());
  EXPECT_EQ(count(page, "<script"), count(harmless, "<script"));
  EXPECT_EQ(count(page, "</script"), count(harmless, "</script"));
  EXPECT_EQ(count(page, "<img"), count(harmless, "<img"));
}

TEST(HtmlPage, ShowsEveryChartAsStaticSvgForReadersWithoutScripts) {
  const std::string page = to_html(sample::collective_sweep());
  EXPECT_EQ(count(page, "class=\"chart\""), 4U);  // time, busbw, timeline, links
  EXPECT_EQ(count(page, "<noscript><svg"), 4U);
}

TEST(HtmlPage, IsByteIdenticalForTheSameResult) {
  EXPECT_EQ(to_html(sample::collective_sweep()), to_html(sample::collective_sweep()));
}

TEST(HtmlPage, TimelinesOfManySpansAreDrawnWithFewerAndSayHowMany) {
  Result result = sample::single_case();
  result.cases[0].outcome.tables["timeline"] = sample::ring_timeline(64, 400);
  const View view = make_view(result);
  for (const Section& section : view.sections) {
    if (section.id != "timeline") continue;
    const auto& chart = std::get<TimelineChart>(section.charts.at(0));
    EXPECT_LE(chart.timelines.at(0).spans.size(), 20'000U);
    EXPECT_THAT(chart.timelines.at(0).note, HasSubstr("spans are drawn as"));
    return;
  }
  FAIL() << "no timeline";
}

TEST(StaticSvg, HasNoNumbersThatAreNone) {
  for (const Result& result :
       {sample::collective_sweep(), sample::validation(30), sample::calibration()}) {
    for (const Section& section : make_view(result).sections) {
      for (const Chart& chart : section.charts) {
        const std::string svg = to_svg(chart);
        EXPECT_THAT(svg, HasSubstr("<svg"));
        EXPECT_THAT(svg, Not(HasSubstr("nan")));
        EXPECT_THAT(svg, Not(HasSubstr("inf\"")));
      }
    }
  }
}

TEST(Axes, LogAxesEndAtPowersAndCarryAFewTicks) {
  XyChart chart;
  chart.x = {"size", Unit::bytes, AxisScale::log};
  chart.y = {"time", Unit::seconds, AxisScale::log};
  chart.series = {{"a",
                   SeriesStyle::line,
                   0,
                   {{1000, 3e-6, std::nullopt, std::nullopt, ""}, {8e9, 0.2, 0.1, 0.4, ""}}}};
  const AxisRange x = range_of(chart, AxisOf::x);
  EXPECT_EQ(x.low, 512);
  EXPECT_EQ(x.high, 8589934592.0);
  const AxisRange y = range_of(chart, AxisOf::y);
  EXPECT_NEAR(y.low, 1e-6, 1e-18);
  EXPECT_NEAR(y.high, 1, 1e-12);
  EXPECT_LE(ticks_of(chart.x, x).size(), 10U);
  EXPECT_GE(ticks_of(chart.y, y).size(), 6U);
}

TEST(Axes, ValuesThatDifferByRoundingAreDrawnFromZero) {
  XyChart chart;
  chart.y = {"iteration time", Unit::seconds, AxisScale::linear};
  const auto range = [&](double first, double second) {
    chart.series = {{"a",
                     SeriesStyle::line,
                     0,
                     {{0, first, std::nullopt, std::nullopt, ""},
                      {1, second, std::nullopt, std::nullopt, ""}}}};
    return range_of(chart, AxisOf::y);
  };
  EXPECT_EQ(range(1.25, 1.25 + 1e-12).low, 0.0);
  EXPECT_EQ(range(1.25, 1.25).low, 0.0);
  EXPECT_GE(range(1.25, 1.25 + 1e-12).high, 1.25);
  EXPECT_EQ(range(1.25, 1.30).low, 0.0);
  EXPECT_GT(range(1.25, 1.45).low, 1.0);
}

TEST(Axes, OfASinglePointOrNoneCanStillBeDrawn) {
  XyChart chart;
  chart.y = {"error", Unit::fraction, AxisScale::linear};
  for (const auto& points : {std::vector<ChartPoint>{},
                             std::vector<ChartPoint>{{5, 0.0, std::nullopt, std::nullopt, ""}}}) {
    chart.series = {{"a", SeriesStyle::points, 0, points}};
    const AxisRange range = range_of(chart, AxisOf::y);
    EXPECT_LT(range.low, range.high);
    EXPECT_TRUE(std::isfinite(range.low) && std::isfinite(range.high));
  }
}

}  // namespace
}  // namespace windtunnel::reports
