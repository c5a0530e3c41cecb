// Points of steps from their preparation to their rows, as a sweep takes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "real/steps/device/step_benchmarks.hpp"
#include "sim/base/diagnostics.hpp"
#include "tests/real/step_case.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

namespace windtunnel::real {
namespace {

class StepPoints : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    ::setenv("WINDTUNNEL_NCCL", "", 1);
    fake::reset(3, GetParam());
    use_device(0);
    site.devices = {0, 1, 2};
    site.peers = [this]() -> Peers& { return peers; };
  }
  NoPeers peers;
  CollectiveSite site;
};

TEST_P(StepPoints, AStepOnOneGpuIsTimedCheckedAndBringsARowForEveryOp) {
  for (const Execution execution : {Execution::eager, Execution::cuda_graph}) {
    const Prepared prepared = prepare_step({.shape = tiny_step(), .execution = execution}, site);
    EXPECT_GT(prepared.stopwatch->time(prepared.run, 0, 1).value(), 0.0);
    EXPECT_EQ(prepared.check(), "");
    EXPECT_GT(prepared.stopwatch->time(prepared.run, 1, 3).value(), 0.0);
    EXPECT_EQ(field(prepared.more_fields(), "outcome"), "ok");
    ASSERT_EQ(prepared.more_rows != nullptr, execution == Execution::eager);
    if (!prepared.more_rows) continue;
    const std::vector<Fields> rows = prepared.more_rows();
    EXPECT_EQ(rows.size(), 37U);
    for (const Fields& row : rows) {
      EXPECT_EQ(field(row, "kind"), "step_op");
      EXPECT_NE(field(row, "time_s"), "");
      for (const auto& [name, value] : row)
        EXPECT_EQ(std::count(columns().begin(), columns().end(), name), 1) << name;
    }
  }
}

TEST_P(StepPoints, ReplicasAreComparedAfterAStepOfAllGpus) {
  for (const GradientExchange exchange :
       {GradientExchange::after_backward, GradientExchange::overlapped}) {
    const Prepared prepared =
        prepare_step({.shape = gpt_like_step(), .exchange = exchange, .bucket_bytes = 20000}, site);
    EXPECT_GT(prepared.stopwatch->time(prepared.run, 0, 1).value(), 0.0);
    EXPECT_EQ(prepared.check(), "");
    EXPECT_GT(prepared.stopwatch->time(prepared.run, 1, 2).value(), 0.0);
    EXPECT_EQ(field(prepared.more_fields(), "nccl"), "2.28.9");
  }
}

TEST_P(StepPoints, AShapeBeyondTheKernelsIsLeftOutWithTheReason) {
  StepShape shape = tiny_step();
  shape.head_dim = 512;
  EXPECT_THROW(prepare_step({.shape = shape}, site), PointRefused);
}

TEST_P(StepPoints, SeveralGpusAreListedWithBothExchangesAndOneWithNone) {
  Selection selection;
  selection.effort = Effort::quick;
  const auto shared = step_benchmarks(selection, site);
  ASSERT_EQ(shared.size(), 2U);
  EXPECT_EQ(shared[1].points.size(), 2U);
  for (const Point& point : shared[1].points) {
    EXPECT_EQ(field(point.fields, "gpus"), "3");
    EXPECT_EQ(field(point.fields, "bucket_bytes"), "26214400");
  }
  site.devices = {0};
  EXPECT_EQ(step_benchmarks(selection, site).size(), 1U);
}

TEST_P(StepPoints, AModelThatIsNoStepIsAnInputError) {
  Selection selection;
  selection.model = TransformerShape{};
  selection.model->name = "mixtral-8x7b";
  EXPECT_THROW(step_benchmarks(selection, site), base::InputError);
}

INSTANTIATE_TEST_SUITE_P(Schedules, StepPoints, testing::Values(1U, 2U));

}  // namespace
}  // namespace windtunnel::real
