// The resolved form of a pipeline schedule: its times are those of the orders
// worked off naively, and plans that were made before are the same plans.
#include "strategies/train/pipeline_program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "strategies/train/pipeline_plans.hpp"
#include "strategies/train/pipeline_times.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

std::vector<PipelineShape> shapes() {
  std::vector<PipelineShape> all;
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    for (const std::int32_t p : {1, 2, 3, 4, 6}) {
      for (const std::int32_t v : {1, 2, 3}) {
        for (const std::int32_t m : {1, 4, 6, 12}) {
          const PipelineShape shape{schedule, p, v, m};
          if (!pipeline_infeasible(shape)) all.push_back(shape);
        }
      }
    }
  }
  return all;
}

PipelineCosts random_costs(const PipelinePlan& plan, SendMode sends, std::mt19937& random) {
  std::uniform_real_distribution<double> some(0.1, 2.0);
  PipelineCosts costs;
  costs.sends = sends;
  for (std::int32_t i = 0; i < plan.positions; ++i) {
    costs.chunks.push_back({Seconds(some(random)), Seconds(some(random)), Seconds(some(random)),
                            Seconds(0.05 * some(random))});
  }
  if (plan.devices.size() > 1) {
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
      costs.hops.emplace_back(0.2 * some(random));
    }
    for (std::int32_t i = 0; i < plan.shape.micro_batches; ++i) {
      costs.message_scale.push_back(some(random));
    }
  }
  return costs;
}

// Over and over again over all devices, whoever has what it waits for; as the
// header of pipeline_times.hpp states the model.
class Naive {
 public:
  Naive(const PipelinePlan& plan, const PipelineCosts& costs) : plan_(plan), costs_(costs) {
    for (std::int32_t i = 0; i < plan.shape.micro_batches; ++i) forward_[{i, 0}] = 0.0;
    ends_.resize(plan.devices.size());
    std::vector<double> free(plan.devices.size(), 0.0);
    for (bool any = true; any;) {
      any = false;
      for (std::size_t d = 0; d < plan.devices.size(); ++d) any = step(d, free[d]) || any;
    }
  }
  const std::vector<double>& ends(std::size_t device) const { return ends_[device]; }

 private:
  using Key = std::pair<std::int32_t, std::int32_t>;

  bool step(std::size_t d, double& free) {
    if (ends_[d].size() == plan_.devices[d].size()) return false;
    const PipelineStep& one = plan_.devices[d][ends_[d].size()];
    const auto device = static_cast<std::int32_t>(d);
    const bool both = one.pass == Pass::overlapped;
    const bool forward = both || one.pass == Pass::forward;
    const bool backward = both || one.pass == Pass::backward || one.pass == Pass::backward_input;
    const Key on{one.micro_batch, plan_.position(one.micro_batch, {device, one.chunk})};
    const Key back =
        both ? Key{one.backward_micro_batch,
                   plan_.position(one.backward_micro_batch, {device, one.backward_chunk})}
             : on;
    if (forward && !forward_.contains(on)) return false;
    if (backward && !backward_.contains(back)) return false;
    double begin = free;
    if (forward) begin = std::max(begin, forward_[on]);
    if (backward) begin = std::max(begin, backward_[back]);
    const double end =
        begin +
        step_duration(one.pass, costs_.chunks[place(on)], costs_.chunks[place(back)]).value();
    double held = 0.0;
    if (forward && on.second + 1 == plan_.positions) {
      backward_[on] = end;
    } else if (forward) {
      held = send(forward_, on, {on.first, on.second + 1}, end);
    }
    if (backward && back.second > 0) {
      held = std::max(held, send(backward_, back, {back.first, back.second - 1}, end));
    }
    free = end + (costs_.sends == SendMode::blocking ? held : 0.0);
    ends_[d].push_back(end);
    return true;
  }
  static std::size_t place(const Key& key) { return static_cast<std::size_t>(key.second); }
  double send(std::map<Key, double>& to, const Key& from, const Key& next, double end) const {
    const std::int32_t a = plan_.place(from.first, from.second).device;
    const std::int32_t b = plan_.place(next.first, next.second).device;
    double time = 0.0;
    if (a != b && !costs_.hops.empty()) {
      time = costs_.hops[hop_between(plan_.shape.stages, a, b)].value() *
             costs_.message_scale[static_cast<std::size_t>(next.first)];
    }
    to[next] = end + time;
    return time;
  }

  const PipelinePlan& plan_;
  const PipelineCosts& costs_;
  std::map<Key, double> forward_, backward_;
  std::vector<std::vector<double>> ends_;
};

TEST(PipelineProgram, TimesAreThoseOfTheOrdersWorkedOffNaivelyToTheLastBit) {
  std::mt19937 random(1);
  for (const PipelineShape& shape : shapes()) {
    const PipelinePlan plan = make_pipeline_plan(shape);
    for (const SendMode sends : {SendMode::beside, SendMode::blocking}) {
      const PipelineCosts costs = random_costs(plan, sends, random);
      const Naive naive(plan, costs);
      const PipelineTimes times = pipeline_times(plan, costs);
      for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        ASSERT_EQ(times.devices[d].spans.size(), naive.ends(d).size()) << to_text(shape.schedule);
        for (std::size_t i = 0; i < naive.ends(d).size(); ++i) {
          ASSERT_EQ(times.devices[d].spans[i].end.value(), naive.ends(d)[i])
              << to_text(shape.schedule) << " p " << shape.stages << " m " << shape.micro_batches;
        }
      }
    }
  }
}

TEST(PipelineProgram, FewerSpansChangeNoTimeAndKeepWhatClosesTheGradientsOfAChunk) {
  std::mt19937 random(2);
  for (const PipelineShape& shape : shapes()) {
    const PipelinePlan plan = make_pipeline_plan(shape);
    const PipelineCosts costs = random_costs(plan, SendMode::blocking, random);
    const PipelineTimes all = pipeline_times(plan, costs);
    const PipelineTimes few = pipeline_times(plan, costs, SpansKept::closing);
    const PipelineTimes none = pipeline_times(plan, costs, SpansKept::none);
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
      const DeviceTimes& one = all.devices[d];
      for (const DeviceTimes* other : {&few.devices[d], &none.devices[d]}) {
        EXPECT_EQ(std::tie(one.first_begin, one.last_end, one.busy, one.sending),
                  std::tie(other->first_begin, other->last_end, other->busy, other->sending));
      }
      EXPECT_TRUE(none.devices[d].spans.empty());
      std::map<std::int32_t, double> last;  // by chunk
      for (const PassSpan& span : one.spans) {
        if (adds_gradients(span.step.pass)) last[gradient_chunk(span.step)] = span.end.value();
      }
      ASSERT_EQ(few.devices[d].spans.size(), last.size());
      for (const PassSpan& span : few.devices[d].spans) {
        EXPECT_EQ(span.end.value(), last.at(gradient_chunk(span.step)));
      }
    }
  }
}

TEST(PipelinePlans, GiveThePlanOfAShapeAndMakeItOnce) {
  PipelinePlans plans;
  for (const PipelineShape& shape : shapes()) {
    const PipelinePlan known = plans.of(shape);
    EXPECT_EQ(known.shape, shape);
    EXPECT_EQ(known.positions, pipeline_positions(shape));
    EXPECT_EQ(known.devices.size(), static_cast<std::size_t>(shape.stages));
    EXPECT_EQ(known.program, plans.of(shape).program);
  }
}

TEST(PipelinePlans, KeepNoMoreStepsThanTheyMay) {
  PipelinePlans plans(300);
  const PipelineShape small{.stages = 4, .micro_batches = 16};   // 128 steps
  const PipelineShape other{.stages = 4, .micro_batches = 20};   // 160
  const PipelineShape large{.stages = 8, .micro_batches = 100};  // 1600
  const auto first = plans.of(small).program;
  EXPECT_EQ(plans.of(other).program, plans.of(other).program);
  EXPECT_EQ(plans.of(small).program, first);
  EXPECT_NE(plans.of(large).program, plans.of(large).program);
  EXPECT_EQ(plans.of(small).program, first);
  plans.of({.stages = 4, .micro_batches = 18});
  EXPECT_NE(plans.of(other).program, nullptr);
  EXPECT_NE(plans.of(small).program, first);
}

}  // namespace
}  // namespace windtunnel::strategies
