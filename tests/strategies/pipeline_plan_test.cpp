// Pipeline schedules: every pass once, no deadlock, and the published bubbles and activation peaks.
#include "strategies/train/pipeline_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "strategies/train/pipeline_times.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

PipelineCosts equal_costs(const PipelinePlan& plan, double forward, double input, double weight) {
  return {.chunks = std::vector<PassCosts>(static_cast<std::size_t>(plan.positions),
                                           {.forward = Seconds(forward),
                                            .backward_input = Seconds(input),
                                            .backward_weight = Seconds(weight)}),
          .hops = {}};
}

double worst_bubble(const PipelineTimes& times) {
  double worst = 0.0;
  for (const DeviceTimes& device : times.devices) {
    worst = std::max(worst, device.bubble().value());
  }
  return worst;
}

std::vector<PipelineShape> feasible_shapes() {
  std::vector<PipelineShape> shapes;
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    for (const int p : {1, 2, 3, 4, 6, 8, 16}) {
      for (const int m : {1, 2, 3, 4, 8, 12, 16, 32, 48}) {
        for (const int v : {1, 2, 3, 4}) {
          const PipelineShape shape{
              .schedule = schedule, .stages = p, .virtual_stages = v, .micro_batches = m};
          if (!pipeline_infeasible(shape)) shapes.push_back(shape);
        }
      }
    }
  }
  return shapes;
}

TEST(PipelinePlan, EveryMicroBatchPassesEveryPositionOnceEachWay) {
  for (const PipelineShape& shape : feasible_shapes()) {
    const PipelinePlan plan = make_pipeline_plan(shape);
    std::map<std::tuple<int, int>, std::multiset<int>> passes;  // (micro-batch, position)
    for (int d = 0; d < shape.stages; ++d) {
      for (const PipelineStep& step : plan.devices[static_cast<std::size_t>(d)]) {
        const bool pair = step.pass == Pass::overlapped;
        const Pass first = pair ? Pass::forward : step.pass;
        passes[{step.micro_batch, plan.position(step.micro_batch, {d, step.chunk})}].insert(
            static_cast<int>(first));
        if (pair) {
          passes[{step.backward_micro_batch,
                  plan.position(step.backward_micro_batch, {d, step.backward_chunk})}]
              .insert(static_cast<int>(Pass::backward));
        }
      }
    }
    const auto name = [&] {
      return std::string(to_text(shape.schedule)) + " p " + std::to_string(shape.stages) + " m " +
             std::to_string(shape.micro_batches) + " v " + std::to_string(shape.virtual_stages);
    };
    ASSERT_EQ(passes.size(), static_cast<std::size_t>(shape.micro_batches * plan.positions))
        << name();
    const std::multiset<int> whole{static_cast<int>(Pass::forward),
                                   static_cast<int>(Pass::backward)};
    const std::multiset<int> split{static_cast<int>(Pass::forward),
                                   static_cast<int>(Pass::backward_input),
                                   static_cast<int>(Pass::backward_weight)};
    for (const auto& [key, got] : passes) ASSERT_TRUE(got == whole || got == split) << name();
  }
}

TEST(PipelinePlan, NoScheduleDeadlocksAndNoDeviceBeatsItsWork) {
  for (const PipelineShape& shape : feasible_shapes()) {
    const PipelinePlan plan = make_pipeline_plan(shape);
    PipelineCosts costs = equal_costs(plan, 1.0, 1.5, 0.5);
    costs.hops.assign(plan.devices.size(), Seconds(0.125));
    const PipelineTimes times = pipeline_times(plan, costs);  // throws where it deadlocks
    for (const DeviceTimes& device : times.devices) {
      EXPECT_NEAR(device.busy.value(),
                  3.0 * shape.micro_batches * plan.chunks /
                      (shape.schedule == PipelineSchedule::dualpipe ? 2 : 1),
                  1e-9);
      for (std::size_t i = 1; i < device.spans.size(); ++i) {
        EXPECT_GE(device.spans[i].begin, device.spans[i - 1].end);
      }
    }
  }
}

// Huang et al. 2019; Narayanan et al. 2021, section 2.2: (p - 1) / m, and (p - 1) / (m v).
TEST(PipelinePlan, BubbleOfGpipeAndOneFOneBIsStagesLessOneOverMicroBatches) {
  for (const PipelineSchedule schedule :
       {PipelineSchedule::gpipe, PipelineSchedule::one_f_one_b, PipelineSchedule::interleaved}) {
    for (const int p : {2, 4, 8}) {
      for (const int v : {1, 2, 4}) {
        for (const int rounds : {1, 2, 5}) {
          const PipelineShape shape{
              .schedule = schedule, .stages = p, .virtual_stages = v, .micro_batches = rounds * p};
          if (pipeline_infeasible(shape)) continue;
          const PipelinePlan plan = make_pipeline_plan(shape);
          // A chunk is 1/v of the device's layers.
          const PipelineTimes times =
              pipeline_times(plan, equal_costs(plan, 1.0 / v, 1.2 / v, 0.8 / v));
          const double ideal = 3.0 * shape.micro_batches;
          EXPECT_NEAR(worst_bubble(times) / ideal, (p - 1.0) / (shape.micro_batches * v), 1e-12)
              << to_text(schedule) << " p " << p << " v " << v << " m " << shape.micro_batches;
          EXPECT_NEAR(times.makespan.value(), ideal * (1 + (p - 1.0) / (shape.micro_batches * v)),
                      1e-9);
        }
      }
    }
  }
}

// Qi et al. 2023, section 2.2 and table 2: (p - 1)(F + B - W), at the activation peak of 1F1B.
TEST(PipelinePlan, BubbleOfZbH1IsStagesLessOneTimesForwardPlusInputLessWeight) {
  for (const int p : {2, 3, 4, 8, 16}) {
    for (const int m : {p, 2 * p, 5 * p}) {
      const PipelinePlan plan = make_pipeline_plan(
          {.schedule = PipelineSchedule::zb_h1, .stages = p, .micro_batches = m});
      for (const auto& [f, b, w] : {std::tuple{1.0, 1.0, 1.0}, std::tuple{1.0, 1.1, 0.9}}) {
        const PipelineTimes times = pipeline_times(plan, equal_costs(plan, f, b, w));
        EXPECT_NEAR(worst_bubble(times), (p - 1) * (f + b - w), 1e-9) << "p " << p << " m " << m;
      }
      for (const auto& device : plan.devices) {
        EXPECT_LE(peak_activations(device, 0.0), std::min(p, m)) << "p " << p << " m " << m;
      }
    }
  }
}

// Qi et al. 2024, section 3: no bubble where F = B = W, at the activation peak of 1F1B (2 p half
// chunks).
TEST(PipelinePlan, ZbVHasNoBubbleWhereThePassesAreEqual) {
  for (const int p : {2, 3, 4, 8}) {
    for (const int m : {2 * p, 3 * p, 5 * p}) {
      const PipelinePlan plan =
          make_pipeline_plan({.schedule = PipelineSchedule::zb_v, .stages = p, .micro_batches = m});
      const PipelineTimes times = pipeline_times(plan, equal_costs(plan, 0.5, 0.5, 0.5));
      EXPECT_NEAR(worst_bubble(times), 0.0, 1e-9) << "p " << p << " m " << m;
      for (const auto& device : plan.devices) {
        EXPECT_LE(peak_activations(device, 0.0), 2 * p);
      }
    }
  }
}

// DeepSeek-V3 report, table 2: (p/2 - 1)(F&B + B - 3 W), F&B the overlapped pair, B a whole
// backward; p + 1 activations.
TEST(PipelinePlan, BubbleOfDualPipeIsThePublishedOne) {
  for (const int p : {2, 4, 8, 16}) {
    for (const int m : {2 * p, 4 * p}) {
      const PipelinePlan plan = make_pipeline_plan(
          {.schedule = PipelineSchedule::dualpipe, .stages = p, .micro_batches = m});
      const double f = 1.0, b = 1.0, w = 1.0;
      const PipelineTimes times = pipeline_times(plan, equal_costs(plan, f, b, w));
      const double pair = f + b + w;
      EXPECT_NEAR(worst_bubble(times), (p / 2 - 1) * (pair + (b + w) - 3 * w), 1e-9)
          << "p " << p << " m " << m;
      for (const auto& device : plan.devices) EXPECT_LE(peak_activations(device, 0.0), p + 1);
      // With halves of a backward that differ the order's own bubble, no more than the published one.
      const PipelineTimes uneven = pipeline_times(plan, equal_costs(plan, 1.0, 1.1, 0.9));
      const double published = (p / 2 - 1) * (3.0 + 2.0 - 2.7);
      EXPECT_LE(worst_bubble(uneven), published + 1e-9);
      EXPECT_GE(worst_bubble(uneven), 0.9 * published);
    }
  }
}

TEST(PipelinePlan, WithOneStageBackwardPassesStayWhole) {
  for (const PipelineSchedule schedule : {PipelineSchedule::zb_h1, PipelineSchedule::zb_v}) {
    const PipelinePlan plan =
        make_pipeline_plan({.schedule = schedule, .stages = 1, .micro_batches = 4});
    for (const PipelineStep& step : plan.devices[0]) {
      EXPECT_TRUE(step.pass == Pass::forward || step.pass == Pass::backward);
    }
  }
}

TEST(PipelinePlan, OneFOneBHoldsAsManyActivationsAsThereAreStagesBehind) {
  const PipelinePlan plan = make_pipeline_plan({.stages = 8, .micro_batches = 32});
  for (int d = 0; d < 8; ++d) {
    EXPECT_EQ(peak_activations(plan.devices[static_cast<std::size_t>(d)], 0.0), 8 - d);
  }
  const PipelinePlan all =
      make_pipeline_plan({.schedule = PipelineSchedule::gpipe, .stages = 8, .micro_batches = 32});
  EXPECT_EQ(peak_activations(all.devices[0], 0.0), 32);
}

// Narayanan et al. 2021: the first device holds p (1 + (p - 1) / (p v)) micro-batches' worth.
TEST(PipelinePlan, InterleavingHoldsTheWarmUpOfAllChunks) {
  for (const int p : {4, 8}) {
    for (const int v : {2, 3}) {
      const PipelinePlan plan = make_pipeline_plan({.schedule = PipelineSchedule::interleaved,
                                                    .stages = p,
                                                    .virtual_stages = v,
                                                    .micro_batches = 4 * p});
      EXPECT_EQ(peak_activations(plan.devices[0], 0.0), 2 * (p - 1) + (v - 1) * p + 1);
    }
  }
}

TEST(PipelineTimes, BlockingSendsAreNeverFasterThanSendsBeside) {
  for (const PipelineShape& shape : feasible_shapes()) {
    const PipelinePlan plan = make_pipeline_plan(shape);
    PipelineCosts costs = equal_costs(plan, 1.0, 1.0, 1.0);
    costs.hops.assign(plan.devices.size(), Seconds(0.1));
    const Seconds beside = pipeline_times(plan, costs).makespan;
    costs.sends = SendMode::blocking;
    EXPECT_GE(pipeline_times(plan, costs).makespan, beside);
  }
}

TEST(PipelinePlan, InfeasibleShapesSayWhyWithTheNumbers) {
  const auto why = pipeline_infeasible({.schedule = PipelineSchedule::interleaved,
                                        .stages = 8,
                                        .virtual_stages = 2,
                                        .micro_batches = 12});
  ASSERT_TRUE(why.has_value());
  EXPECT_NE(why->find("8"), std::string::npos);
  EXPECT_NE(why->find("12"), std::string::npos);
  EXPECT_TRUE(pipeline_infeasible({.schedule = PipelineSchedule::dualpipe,
                                   .stages = 3,
                                   .virtual_stages = 1,
                                   .micro_batches = 12}));
  EXPECT_TRUE(pipeline_infeasible({.virtual_stages = 2}));
}

}  // namespace
}  // namespace windtunnel::strategies
