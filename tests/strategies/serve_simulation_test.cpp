// Laws of a serving system, with engines whose steps take a constant or linear time.
#include "strategies/serve/engine/serve_simulation.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "strategies/serve/engine/serve_metrics.hpp"

namespace windtunnel::strategies {
namespace {

// base + a token's time for each token of the step.
class LinearSteps final : public StepTimeModel {
 public:
  LinearSteps(double base, double token) : base_(base), token_(token) {}
  StepTime time(const StepBatch& batch) override {
    const base::Seconds t(base_ + token_ * static_cast<double>(batch.tokens()));
    return {.total = t, .latency = t, .device = t};
  }

 private:
  double base_, token_;
};

EngineFleet fleet_of(std::int64_t replicas, std::int64_t blocks, double base = 0.01,
                     double token = 1e-5) {
  EngineFleet fleet;
  for (std::int64_t i = 0; i < replicas; ++i) {
    EnginePlan plan;
    plan.steps = std::make_shared<LinearSteps>(base, token);
    plan.memory.blocks = blocks;
    plan.memory.kv_token = base::Bytes(1e5);
    plan.kv_request_token = base::Bytes(1e5);
    fleet.plans.push_back(plan);
    fleet.link_rates.push_back(1e10);
  }
  return fleet;
}

ServeJob poisson_job(double rate, std::int64_t requests, std::int64_t input, std::int64_t output) {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::poisson, .rate = rate, .requests = requests};
  job.workload.input = LognormalLength{static_cast<double>(input), 0.6};
  job.workload.output = LognormalLength{static_cast<double>(output), 0.6};
  job.strategy.batching.max_batch = 64;
  job.strategy.batching.max_tokens = 2048;
  return job;
}

ServedRun run(const ServeJob& job, const EngineFleet& fleet, std::uint64_t seed = 1) {
  return simulate(job, fleet, make_traffic(job.workload, seed), {.seed = seed});
}

std::int64_t count(const ServedRun& run, Fate fate) {
  return std::count_if(run.records.begin(), run.records.end(),
                       [&](const RequestRecord& record) { return record.fate == fate; });
}

void expect_sound(const ServedRun& served) {
  for (const RequestRecord& r : served.records) {
    if (r.fate != Fate::completed) continue;
    EXPECT_GE(r.start, r.arrival);
    EXPECT_GT(r.first_token, r.start);  // no token before its request was worked on
    EXPECT_GE(r.finish, r.first_token);
    EXPECT_GT(r.output_tokens, 0);
  }
}

TEST(ServeSimulation, ConservesRequestsAndTokensUnderEveryOrder) {
  for (const ContinuousOrder order :
       {ContinuousOrder::unified, ContinuousOrder::prefill_first, ContinuousOrder::orca,
        ContinuousOrder::sarathi, ContinuousOrder::no_evict}) {
    ServeJob job = poisson_job(8, 400, 300, 60);
    job.strategy.batching.order = order;
    const Traffic traffic = make_traffic(job.workload, 3);
    const ServedRun served = simulate(job, fleet_of(2, 600), traffic, {.seed = 3});
    EXPECT_EQ(count(served, Fate::completed) + count(served, Fate::rejected), 400)
        << static_cast<int>(order);
    for (std::size_t i = 0; i < served.records.size(); ++i) {
      if (served.records[i].fate != Fate::completed) continue;
      EXPECT_EQ(served.records[i].output_tokens, traffic.requests[i].output_tokens);
    }
    expect_sound(served);
  }
}

TEST(ServeSimulation, ObeysLittlesLaw) {
  const ServeJob job = poisson_job(10, 2000, 200, 50);
  const ServedRun served = run(job, fleet_of(1, 4000));
  double stayed = 0;
  for (const RequestRecord& r : served.records) stayed += (r.finish - r.arrival).value();
  // Counted as requests come and go, and from each request's own times.
  EXPECT_NEAR(served.in_system / stayed, 1.0, 1e-9);
}

TEST(ServeSimulation, OneRequestAloneTakesItsPromptAndOneStepAToken) {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::all_at_once, .requests = 1};
  job.workload.input = ConstantLength{1000};
  job.workload.output = ConstantLength{11};
  job.strategy.batching.max_tokens = 400;  // 400, 400, 200
  const ServedRun served = run(job, fleet_of(1, 1000, 0.01, 1e-5));
  const RequestRecord& r = served.records.at(0);
  EXPECT_NEAR((r.first_token - r.arrival).value(), 3 * 0.01 + 1000 * 1e-5, 1e-12);
  EXPECT_NEAR((r.finish - r.first_token).value(), 10 * (0.01 + 1e-5), 1e-12);
}

// vLLM v1 by hand: budget 8, blocks of 4, prompts of 6 and 5 tokens. Step 1: 6 of A and 2 of B.
// Step 2: A decodes, B's other 3. Step 3: both decode.
TEST(ServeSimulation, GivesTheBudgetToRunningSequencesFirstAndCutsPrompts) {
  ServeJob job;
  auto trace = std::make_shared<std::vector<Request>>(2);
  (*trace)[0] = {.id = 0, .input_tokens = 6, .output_tokens = 3};
  (*trace)[1] = {.id = 1, .input_tokens = 5, .output_tokens = 2};
  job.workload.trace = trace;
  job.strategy.batching = {.max_batch = 4, .max_tokens = 8};
  job.strategy.kv.block = 4;
  const ServedRun served = run(job, fleet_of(1, 100, 1.0, 0.0));
  EXPECT_DOUBLE_EQ(served.records[0].first_token.value(), 1.0);
  EXPECT_DOUBLE_EQ(served.records[1].start.value(), 0.0);
  EXPECT_DOUBLE_EQ(served.records[1].first_token.value(), 2.0);
  EXPECT_DOUBLE_EQ(served.records[0].finish.value(), 3.0);
  EXPECT_DOUBLE_EQ(served.records[1].finish.value(), 3.0);
}

TEST(ServeSimulation, UnderKvPressurePreemptsTheLastAndEnds) {
  ServeJob job = poisson_job(50, 300, 200, 200);
  const ServedRun served = run(job, fleet_of(1, 120));  // 1,920 tokens: a handful of sequences
  EXPECT_GT(served.replicas[0].preemptions, 0);
  EXPECT_EQ(count(served, Fate::in_flight), 0);
  EXPECT_LE(served.replicas[0].kv_peak, 1.0);
  expect_sound(served);
}

TEST(ServeSimulation, SwappingMovesKeysInsteadOfComputingThemAgain) {
  ServeJob job = poisson_job(50, 200, 200, 200);
  EngineFleet fleet = fleet_of(1, 120);
  fleet.plans[0].host_bandwidth = base::BytesPerSecond(25e9);
  const ServedRun again = run(job, fleet);
  job.strategy.kv.preemption = Preemption::swap;
  job.strategy.kv.host_memory = base::Bytes(10e9);
  const ServedRun swapped = run(job, fleet);
  EXPECT_EQ(count(swapped, Fate::in_flight), 0);
  EXPECT_LT(swapped.replicas[0].prompt_tokens, again.replicas[0].prompt_tokens);
}

TEST(ServeSimulation, ARequestLongerThanTheCacheIsRejectedAndTheOthersServed) {
  ServeJob job;
  auto trace = std::make_shared<std::vector<Request>>(3);
  (*trace)[0] = {.id = 0, .input_tokens = 10, .output_tokens = 5};
  (*trace)[1] = {.id = 1, .input_tokens = 100'000, .output_tokens = 5};
  (*trace)[2] = {.id = 2, .input_tokens = 10, .output_tokens = 5};
  job.workload.trace = trace;
  const ServedRun served = run(job, fleet_of(1, 100));
  EXPECT_EQ(served.records[1].fate, Fate::rejected);
  EXPECT_EQ(count(served, Fate::completed), 2);
}

TEST(ServeSimulation, OverloadAtTwiceTheSaturationRateEnds) {
  const ServedRun served = run(poisson_job(400, 3000, 100, 50), fleet_of(1, 500));
  EXPECT_EQ(count(served, Fate::completed), 3000);
}

TEST(ServeSimulation, NoRequestsAreAnEmptyRun) {
  const ServedRun served = run(poisson_job(1, 0, 10, 10), fleet_of(1, 10));
  EXPECT_TRUE(served.records.empty());
  base::Outcome out;
  add_serve_facts(poisson_job(1, 0, 10, 10), served, {.gpus = 1}, out);
  EXPECT_EQ(out.facts.at("requests"), 0.0);
  for (const auto& [name, value] : out.facts) EXPECT_TRUE(std::isfinite(value)) << name;
}

TEST(ServeSimulation, TheSameSeedGivesTheSameRecords) {
  ServeJob job = poisson_job(20, 500, 150, 40);
  job.strategy.router.policy = RouterPolicy::power_of_two;
  const ServedRun a = run(job, fleet_of(4, 500), 7), b = run(job, fleet_of(4, 500), 7);
  for (std::size_t i = 0; i < a.records.size(); ++i)
    EXPECT_EQ(a.records[i].finish.value(), b.records[i].finish.value());
}

TEST(ServeSimulation, ASharedPrefixIsComputedOnce) {
  ServeJob job = poisson_job(5, 200, 40, 20);
  job.workload.input = ConstantLength{1040};
  job.workload.shared_prefix = {.tokens = 1024, .groups = 1};
  const ServedRun cached = run(job, fleet_of(1, 5000));
  job.strategy.kv.prefix_caching = false;
  const ServedRun all = run(job, fleet_of(1, 5000));
  EXPECT_EQ(all.replicas[0].prompt_tokens, 200 * 1040);
  EXPECT_LT(cached.replicas[0].prompt_tokens, 200 * 1040 / 5);
  EXPECT_EQ(cached.replicas[0].prompt_tokens + cached.replicas[0].cached_tokens, 200 * 1040);
}

TEST(ServeSimulation, ALaterTurnFindsItsConversationInTheCache) {
  ServeJob job = poisson_job(2, 60, 100, 50);
  job.workload.conversations = {.turns = 3, .think = base::Seconds(1)};
  const ServedRun served = run(job, fleet_of(1, 20'000));
  EXPECT_EQ(count(served, Fate::completed), 60);
  EXPECT_GT(served.replicas[0].cached_tokens, served.replicas[0].prompt_tokens / 4);
}

TEST(ServeSimulation, RoutersThatSeeLoadsWaitLessThanChance) {
  ServeJob job = poisson_job(60, 3000, 200, 60);
  const auto queue = [&](RouterPolicy policy) {
    job.strategy.router.policy = policy;
    const ServedRun served = run(job, fleet_of(8, 400, 0.02, 1e-5));
    double sum = 0;
    for (const RequestRecord& r : served.records) sum += (r.finish - r.arrival).value();
    return sum;
  };
  const double chance = queue(RouterPolicy::random);
  EXPECT_LT(queue(RouterPolicy::least_loaded), chance);
  EXPECT_LT(queue(RouterPolicy::power_of_two), chance);
}

TEST(ServeSimulation, DisaggregatedKeysTravelOnSharedLinks) {
  ServeJob job = poisson_job(5, 200, 500, 30);
  job.strategy.disaggregate = {.prefill = 1, .decode = 1};
  EngineFleet fleet = fleet_of(2, 4000);
  fleet.plans[0].role = EngineRole::prefill;
  fleet.plans[1].role = EngineRole::decode;
  const ServedRun fast = run(job, fleet);
  EXPECT_EQ(count(fast, Fate::completed), 200);
  EXPECT_EQ(fast.transfers, 200);
  fleet.link_rates = {2e8, 2e8};
  const ServedRun slow = run(job, fleet);
  EXPECT_GT(slow.transfer_slowdown, 1.0);
  double a = 0, b = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    a += (fast.records[i].finish - fast.records[i].arrival).value();
    b += (slow.records[i].finish - slow.records[i].arrival).value();
  }
  EXPECT_GT(b, a + 200 * 0.2);  // 500 tokens of 100 kB at 0.2 GB/s are a quarter second
}

TEST(ServeSimulation, DraftedTokensShortenAnswersByTheAcceptanceChain) {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::all_at_once, .requests = 50};
  job.workload.input = ConstantLength{10};
  job.workload.output = ConstantLength{400};
  const EngineFleet fleet = fleet_of(1, 10'000, 0.01, 0.0);
  const double plain = run(job, fleet).end;
  job.strategy.speculative = {.tokens = 3, .acceptance = 0.7};
  const double drafted = run(job, fleet).end;
  // Mean tokens a step: 1 + 0.7 + 0.49 + 0.343; the slowest of 50 chains needs a few more.
  EXPECT_NEAR(plain / drafted, 2.533, 0.25);
}

TEST(ServeSimulation, AutoscalingAddsReplicasAfterProvisioning) {
  ServeJob job = poisson_job(30, 2000, 200, 60);
  job.strategy.autoscale = {.min = 1,
                            .max = 6,
                            .target = 10,
                            .interval = base::Seconds(2),
                            .provisioning = base::Seconds(5),
                            .cooldown = base::Seconds(20)};
  const ServedRun served = run(job, fleet_of(6, 2000, 0.03, 1e-5));
  EXPECT_EQ(count(served, Fate::completed), 2000);
  EXPECT_GT(served.most_replicas, 1);
  EXPECT_LE(served.most_replicas, 6);
}

TEST(ServeSimulation, RequestsOfAFailedReplicaAreServedElsewhere) {
  ServeJob job = poisson_job(20, 1500, 200, 60);
  job.strategy.failures = {.mtbf = base::Seconds(15), .repair = base::Seconds(5)};
  const ServedRun served = run(job, fleet_of(3, 2000));
  EXPECT_GT(served.failures, 0);
  EXPECT_EQ(count(served, Fate::completed), 1500);
}

TEST(ServeSimulation, ABusyClosedLoopHasItsConcurrencyInTheSystem) {
  ServeJob job = poisson_job(1, 500, 100, 30);
  job.workload.arrivals = {
      .process = ArrivalProcess::closed_loop, .requests = 500, .concurrency = 16};
  const ServedRun served = run(job, fleet_of(1, 4000));
  EXPECT_LE(served.in_system / served.end, 16.0 + 1e-9);
  EXPECT_GT(served.in_system / served.end, 12.0);  // clients whose chains end early leave
}

}  // namespace
}  // namespace windtunnel::strategies
