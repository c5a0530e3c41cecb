// The view of training: what a reader sees of one iteration and of a sweep.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "reports/html.hpp"
#include "reports/table.hpp"
#include "reports/trace.hpp"
#include "reports/view.hpp"
#include "reports/views/train_charts.hpp"
#include "reports/views/train_timeline.hpp"
#include "tests/reports/train_sample.hpp"

namespace windtunnel::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <class Kind>
const Kind* find_chart(const View& view) {
  for (const Section& section : view.sections) {
    for (const Chart& chart : section.charts) {
      if (const auto* found = std::get_if<Kind>(&chart)) return found;
    }
  }
  return nullptr;
}

std::string text_of(const Result& result) {
  return to_text(result, {.width = 120});
}

double sum_of(const BarChart& chart, std::size_t bar) {
  double sum = 0.0;
  for (const BarPart& part : chart.parts) sum += part.values[bar];
  return sum;
}

TEST(TrainingView, LeadsWithTimeRateUseOfThePeakAndMemory) {
  const View view = make_view(sample::training_case());
  std::vector<std::string> labels;
  for (const HeadlineFact& fact : view.headline) labels.push_back(fact.label);
  EXPECT_THAT(labels, testing::ElementsAre("iteration time", "tokens", "MFU", "memory"));
  EXPECT_EQ(view.headline[3].value, "40.0 GiB");
  EXPECT_THAT(view.headline[3].note, HasSubstr("of 80.0 GiB"));
}

TEST(TrainingView, LosesNoFactThatItDoesNotKnow) {
  const std::string text = text_of(sample::training_case());
  EXPECT_THAT(text, HasSubstr("a new fact"));
  EXPECT_THAT(text, HasSubstr("125.0 ms"));
  EXPECT_THAT(text, HasSubstr("70.55 billion"));
  EXPECT_THAT(text, HasSubstr("1f1b"));
}

TEST(TrainingView, PartsOfNoTimeAreNamedInOneSentence) {
  const std::string text = text_of(sample::training_case());
  EXPECT_THAT(text, HasSubstr("No time goes into expert communication."));
  EXPECT_THAT(text, HasSubstr("100.0 %"));
}

TEST(TrainingView, EachBarOfTheWaterfallStartsWhereTheLastEnded) {
  const Result result = sample::training_case();
  const auto chart = waterfall_chart(result.cases[0]);
  ASSERT_TRUE(chart);
  ASSERT_EQ(chart->bars.size(), 5U) << "four parts with time, and the iteration";
  double at = 0.0;
  for (std::size_t i = 0; i + 1 < chart->bars.size(); ++i) {
    EXPECT_NEAR(chart->starts[i], at, 1e-12);
    at += sum_of(*chart, i);
  }
  EXPECT_NEAR(at, sum_of(*chart, 4), 1e-12) << "the parts are the iteration";
}

TEST(TrainingView, BarsOfStagesAreTheirMemoryAgainstTheCapacity) {
  const Result result = sample::training_case();
  const auto chart = stage_memory_chart(result.cases[0]);
  ASSERT_TRUE(chart);
  ASSERT_EQ(chart->bars.size(), 4U);
  constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
  EXPECT_NEAR(sum_of(*chart, 0), 40 * kGiB, 1.0);
  EXPECT_NEAR(sum_of(*chart, 3), 22 * kGiB, 1.0);
  ASSERT_EQ(chart->limits.size(), 1U);
  EXPECT_EQ(chart->limits[0].x, 80 * kGiB);
}

TEST(TrainingView, TellsWhichCaseIsFastestAndWhyOthersCannotRun) {
  const std::string text = text_of(sample::training_sweep());
  EXPECT_THAT(text, HasSubstr("Fastest: tensor 2, pipeline 2 with 714286 tokens a second"));
  EXPECT_THAT(text, HasSubstr("6 of 12 cases cannot run."));
  EXPECT_THAT(text, HasSubstr("tensor 4, pipeline 8: 32 does not divide the 24 GPUs"));
}

TEST(TrainingView, DrawsNoTimeOfACaseThatCannotRun) {
  const View view = make_view(sample::training_sweep());
  const auto* lines = find_chart<XyChart>(view);
  ASSERT_NE(lines, nullptr);
  std::size_t points = 0;
  for (const Series& series : lines->series) {
    EXPECT_NE(series.name, "tensor 1");
    points += series.points.size();
  }
  EXPECT_EQ(points, 6U);
}

// A stage is drawn busy or idle at every time, never both and never neither.
TEST(TrainingTimeline, PassesAndIdleTimeFillEachStageExactly) {
  base::Table table{{"participant", "channel", "kind", "label", "start_s", "end_s"}, {}};
  const auto row = [&](const char* who, const char* kind, double from, double to) {
    table.rows.push_back(
        {std::string(who), std::string("compute"), std::string(kind), std::string(), from, to});
  };
  row("stage 0", "forward", 0.0, 1.0), row("stage 0", "backward", 4.0, 6.0);
  row("stage 1", "forward", 1.0, 2.0), row("stage 1", "backward_input", 2.0, 3.0);
  row("stage 1", "backward_weight", 3.5, 5.0), row("stage 1", "optimizer", 5.0, 5.5);
  const Timeline drawn = training_timeline("x", lay_out(table));
  ASSERT_EQ(drawn.lanes.size(), 2U);
  std::map<int, double> filled;
  std::map<int, double> last;
  for (const Span& span : drawn.spans) {
    EXPECT_NEAR(span.start_s, last[span.lane], 1e-9);
    last[span.lane] = span.end_s;
    filled[span.lane] += span.end_s - span.start_s;
  }
  EXPECT_NEAR(filled[0], 6.0, 1e-9);
  EXPECT_NEAR(filled[1], 6.0, 1e-9);
}

TEST(TrainingTimeline, SendsBesidePassesHaveRowsOfTheirOwn) {
  const Timeline drawn = training_timeline("x", lay_out(sample::pipeline_timeline(2, 4)));
  EXPECT_THAT(drawn.lanes, testing::ElementsAre("stage 0", "stage 1", "stage 0 · communication",
                                                "stage 1 · communication"));
}

TEST(TrainingTimeline, SendsThatStopThePassesAreDrawnBetweenThem) {
  base::Table table{{"participant", "channel", "kind", "label", "peer", "start_s", "end_s"}, {}};
  const auto row = [&](const char* channel, const char* kind, const char* peer, double from,
                       double to) {
    table.rows.push_back({std::string("stage 0"), std::string(channel), std::string(kind),
                          std::string("m"), std::string(peer), from, to});
  };
  row("compute", "forward", "", 0.0, 1.0), row("p2p", "send", "stage 1", 1.0, 1.5);
  row("compute", "forward", "", 1.5, 2.5);
  const Timeline drawn = training_timeline("x", lay_out(table));
  EXPECT_THAT(drawn.lanes, testing::ElementsAre("stage 0"));
}

TEST(TrainingTimeline, SaysWhatIsLeftOut) {
  base::Table table = sample::pipeline_timeline(2, 4);
  table.rows.push_back({std::string("stage 0"), std::string("compute"), std::string("left_out"),
                        std::string("90 passes left out"), std::string(), base::Cell{}, 1.0, 2.0});
  EXPECT_THAT(training_timeline("x", lay_out(table)).note, HasSubstr("near its beginning"));
  EXPECT_THAT(training_timeline("x", lay_out(sample::pipeline_timeline(2, 4))).note,
              testing::IsEmpty());
}

TEST(TrainingTimeline, AreNotDrawnForEveryCaseOfALargeSweep) {
  Result result = sample::training_sweep();
  for (ResultCase& one : result.cases)
    one.outcome.tables["timeline"] = sample::pipeline_timeline(8, 1000);
  const View view = make_view(result);
  const auto* chart = find_chart<TimelineChart>(view);
  ASSERT_NE(chart, nullptr);
  EXPECT_LT(chart->timelines.size(), result.cases.size());
  EXPECT_LT(to_html(view).size(), 12'000'000U);
  const auto section = std::find_if(view.sections.begin(), view.sections.end(),
                                    [](const Section& one) { return one.id == "timeline"; });
  ASSERT_FALSE(section->paragraphs.empty());
  EXPECT_THAT(section->paragraphs[0], HasSubstr("trace.json has the timelines of"));
}

TEST(TrainingTrace, HasATrackForEachStageAndStreamAndAnArrowForEachSend) {
  const std::string trace = to_trace(sample::training_case());
  for (const char* track :
       {"stage 0 · compute", "stage 0 · p2p · send", "stage 1 · p2p · receive", "stage 3 · data"}) {
    EXPECT_THAT(trace, HasSubstr(track));
  }
  EXPECT_THAT(trace, HasSubstr("\"cat\": \"backward\""));
  std::size_t arrows = 0;
  const std::string start = "\"ph\": \"s\"";
  for (std::size_t at = trace.find(start); at != std::string::npos; at = trace.find(start, at + 1))
    ++arrows;
  EXPECT_EQ(arrows, 3U * 8U) << "three stages send eight micro-batches on";
}

TEST(TrainingPage, WithScriptsOffHasBarsAndLegendOfTheTimeline) {
  const std::string page = to_html(sample::training_case());
  const std::string markup = page.substr(0, page.find("<script"));
  EXPECT_THAT(markup, HasSubstr("capacity 80.0 GiB"));
  EXPECT_THAT(markup, HasSubstr("idle (bubble)"));
  EXPECT_THAT(markup, Not(HasSubstr("nan")));
}

TEST(TrainingView, SaysWhatABandHolds) {
  Result result = sample::training_case();
  const double time = result.cases[0].outcome.facts.at("iteration_time_s");
  result.cases[0].outcome.bands["iteration_time_s"] = {0.9 * time, 1.1 * time, 0.9};
  EXPECT_THAT(text_of(result), HasSubstr("band: holds the real time with 90 % probability"));
}

TEST(TrainingView, ABandOfADifferenceIsItsEnds) {
  Result result = sample::training_case();
  result.cases[0].outcome.tables.erase("stages");
  result.cases[0].outcome.facts["memory_headroom_bytes"] = 4.0 * 1073741824.0;
  result.cases[0].outcome.bands["memory_headroom_bytes"] = {-1073741824.0, 9.0 * 1073741824.0, 0.9};
  EXPECT_THAT(text_of(result), HasSubstr("-1.0 GiB to 9.0 GiB"));
}

TEST(TrainingSweepView, ShowsBandsAndALeadThatIsSmallerThanThem) {
  Result result = sample::training_sweep();
  for (ResultCase& one : result.cases) {
    const auto time = one.outcome.facts.find("iteration_time_s");
    if (time == one.outcome.facts.end()) continue;
    one.outcome.bands["iteration_time_s"] = {0.5 * time->second, 2.0 * time->second, 0.9};
  }
  const std::string text = text_of(result);
  EXPECT_THAT(text, HasSubstr("-50/+100%"));
  EXPECT_THAT(text, HasSubstr("is smaller than the error band"));
  EXPECT_THAT(text, HasSubstr("band: holds the real time with 90 % probability"));
}

}  // namespace
}  // namespace windtunnel::reports
