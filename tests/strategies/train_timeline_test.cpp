// The timeline of an iteration: complete where it is short, both ends of it where it is long.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

struct Row {
  std::string stage, channel, kind, label, peer;
  double start = 0.0, end = 0.0;
};

std::vector<Row> timeline_of(PipelineSchedule schedule, std::int64_t batch, std::int64_t rows) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = batch;
  job.strategy.sizes.tensor = 8;
  job.strategy.sizes.pipeline = 4;
  job.strategy.schedule = schedule;
  const test::Subject gpt("gpt3-13b");
  const auto cluster = test::valid(test::h100_cluster(4));
  const test::FixedRates kernels(600e12, 2.5e12);
  const base::Outcome out = run_train(job, {gpt.model, gpt.network}, {cluster, kernels, nullptr},
                                      {.timeline_rows = rows});
  std::vector<Row> all;
  for (const auto& row : out.tables.at("timeline").rows) {
    const auto word = [&](std::size_t i) { return std::get<std::string>(row[i]); };
    all.push_back({word(0), word(1), word(2), word(3), word(4), std::get<double>(row[6]),
                   std::get<double>(row[7])});
  }
  return all;
}

std::size_t count(const std::vector<Row>& rows, const std::string& kind) {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const Row& row) { return row.kind == kind; }));
}

TEST(TrainTimeline, OfAShortIterationHasEveryPassAndEverySend) {
  const auto rows = timeline_of(PipelineSchedule::one_f_one_b, 16, 5000);
  EXPECT_EQ(count(rows, "forward"), 4U * 16U);
  EXPECT_EQ(count(rows, "backward"), 4U * 16U);
  EXPECT_EQ(count(rows, "send"), 2U * 3U * 16U) << "over three boundaries, both ways";
  EXPECT_EQ(count(rows, "left_out"), 0U);
}

TEST(TrainTimeline, PassesOfAStageNeverOverlap) {
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    std::map<std::string, double> last;
    for (const Row& row : timeline_of(schedule, 32, 200)) {
      if (row.channel != "compute") continue;
      EXPECT_GE(row.start, last[row.stage] - 1e-9) << to_text(schedule) << " " << row.label;
      last[row.stage] = row.end;
    }
  }
}

TEST(TrainTimeline, OfALongIterationHasBothEndsAtTheSameTimesOnEveryStage) {
  const auto all = timeline_of(PipelineSchedule::one_f_one_b, 256, 100'000);
  const auto few = timeline_of(PipelineSchedule::one_f_one_b, 256, 400);
  EXPECT_EQ(count(all, "left_out"), 0U);
  EXPECT_EQ(count(few, "left_out"), 4U) << "once a stage";
  EXPECT_LE(few.size(), 420U);
  // What is left out is as long on every stage, but for a pass at each end.
  double longest_pass = 0.0;
  std::pair<double, double> from{1e9, 0.0}, to{1e9, 0.0};
  for (const Row& row : few) {
    if (row.kind == "backward") longest_pass = std::max(longest_pass, row.end - row.start);
    if (row.kind != "left_out") continue;
    from = {std::min(from.first, row.start), std::max(from.second, row.start)};
    to = {std::min(to.first, row.end), std::max(to.second, row.end)};
  }
  EXPECT_LE(from.second - from.first, 3 * longest_pass);
  EXPECT_LE(to.second - to.first, 3 * longest_pass);
  const auto end_of = [](const std::vector<Row>& rows) {
    double end = 0.0;
    for (const Row& row : rows) end = std::max(end, row.end);
    return end;
  };
  EXPECT_DOUBLE_EQ(end_of(all), end_of(few));
}

TEST(TrainTimeline, SendsNameTheStageTheyGoTo) {
  for (const Row& row : timeline_of(PipelineSchedule::zb_v, 16, 5000)) {
    if (row.kind != "send") continue;
    EXPECT_FALSE(row.peer.empty());
    EXPECT_NE(row.peer, row.stage) << row.label;
  }
}

}  // namespace
}  // namespace windtunnel::strategies
