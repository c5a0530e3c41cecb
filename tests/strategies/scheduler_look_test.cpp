// Laws of when an engine sees what has come in, and of beam search: engines
// whose steps take 10 ms.
#include <gtest/gtest.h>

#include <memory>

#include "strategies/serve/engine/serve_simulation.hpp"

namespace windtunnel::strategies {
namespace {

constexpr double kStep = 0.01;

class ConstantSteps final : public StepTimeModel {
 public:
  StepTime time(const StepBatch& batch) override {
    most_decodes = std::max(most_decodes, batch.decodes);
    const base::Seconds t(kStep);
    return {.total = t, .latency = t, .device = t};
  }
  std::int64_t most_decodes = 0;
};

EngineFleet fleet_of(const std::shared_ptr<ConstantSteps>& steps, std::int64_t blocks = 1000) {
  EngineFleet fleet;
  EnginePlan plan;
  plan.steps = steps;
  plan.memory.blocks = blocks;
  plan.memory.kv_token = base::Bytes(1e5);
  plan.kv_request_token = base::Bytes(1e5);
  fleet.plans.push_back(plan);
  fleet.link_rates.push_back(1e10);
  return fleet;
}

// One request that decodes for long from 0 on, and one that comes in the middle
// of its 31st step.
ServeJob late_comer() {
  std::vector<Request> requests(2);
  requests[0] = {.id = 0, .input_tokens = 100, .output_tokens = 200};
  requests[1] = {
      .id = 1, .arrival = base::Seconds(30.5 * kStep), .input_tokens = 100, .output_tokens = 2};
  ServeJob job;
  job.workload.trace = std::make_shared<const std::vector<Request>>(requests);
  job.strategy.kv.prefix_caching = false;
  return job;
}

double first_token_of_late_comer(const ServeJob& job, const EngineFleet& fleet) {
  const ServedRun served = simulate(job, fleet, make_traffic(job.workload, 1), {.seed = 1});
  const RequestRecord& late = served.records.at(1);
  return (late.first_token - late.arrival).value() / kStep;
}

TEST(SchedulerLook, AnEngineThatPlansAheadTakesANewcomerOneStepLater) {
  const auto steps = std::make_shared<ConstantSteps>();
  EngineFleet fleet = fleet_of(steps);
  EXPECT_NEAR(first_token_of_late_comer(late_comer(), fleet), 0.5 + 1, 1e-9);
  fleet.plans[0].plans_ahead = true;
  EXPECT_NEAR(first_token_of_late_comer(late_comer(), fleet), 0.5 + 1 + 1, 1e-9);
}

TEST(SchedulerLook, AnIdleEngineSeesANewcomerAtOnce) {
  EngineFleet fleet = fleet_of(std::make_shared<ConstantSteps>());
  fleet.plans[0].plans_ahead = true;
  ServeJob job = late_comer();
  std::vector<Request> alone{job.workload.trace->at(1), job.workload.trace->at(1)};
  alone[1].id = 1;
  alone[0].id = 0;
  alone[1].arrival = base::Seconds(1.0);
  job.workload.trace = std::make_shared<const std::vector<Request>>(alone);
  job.strategy.batching.poll_steps = 30;
  EXPECT_NEAR(first_token_of_late_comer(job, fleet), 1.0, 1e-9);
}

// SGLang with scheduler-recv-interval 10: it looks after the step of the prompt
// and then after every tenth step of decodes, so the wait is what remains of
// ten steps.
TEST(SchedulerLook, RequestsAreSeenAtPollsAlone) {
  const EngineFleet fleet = fleet_of(std::make_shared<ConstantSteps>());
  ServeJob job = late_comer();
  double least = 1e9, most = 0;
  for (int offset = 0; offset < 10; ++offset) {
    std::vector<Request> requests = *late_comer().workload.trace;
    requests[1].arrival = base::Seconds((30.5 + offset) * kStep);
    job.workload.trace = std::make_shared<const std::vector<Request>>(requests);
    job.strategy.batching.poll_steps = 10;
    const double waited = first_token_of_late_comer(job, fleet);
    least = std::min(least, waited);
    most = std::max(most, waited);
  }
  EXPECT_NEAR(least, 0.5 + 1, 1e-9);
  EXPECT_NEAR(most, 9.5 + 1, 1e-9);
}

TEST(BeamSearch, RunsAsManyDecodesAndKeepsTheirKeysButSharesThePrompt) {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::all_at_once, .requests = 2};
  job.workload.input = ConstantLength{160};
  job.workload.output = ConstantLength{160};
  job.strategy.beams = 4;
  const auto steps = std::make_shared<ConstantSteps>();
  // A request ends with 160 + 4 x 160 tokens, 50 blocks of 16: two fit into 100
  // blocks, not into 90.
  const Traffic traffic = make_traffic(job.workload, 1);
  const ServedRun both = simulate(job, fleet_of(steps, 100), traffic, {.seed = 1});
  EXPECT_EQ(steps->most_decodes, 8);
  EXPECT_EQ(both.records[0].output_tokens, 160);
  EXPECT_EQ(both.replicas[0].preemptions, 0);
  const ServedRun tight = simulate(job, fleet_of(steps, 90), traffic, {.seed = 1});
  EXPECT_GT(tight.replicas[0].preemptions, 0);
  const ServedRun none = simulate(job, fleet_of(steps, 49), traffic, {.seed = 1});
  EXPECT_EQ(none.records[0].fate, Fate::rejected);
}

}  // namespace
}  // namespace windtunnel::strategies
