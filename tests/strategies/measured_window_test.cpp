// What is measured of a served run: the warm-up, the horizon, saturation.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "strategies/serve/engine/saturation.hpp"
#include "strategies/serve/engine/serve_metrics.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"

namespace windtunnel::strategies {
namespace {

// A step takes 10 ms, and 10 us a token: 64 sequences of 120 tokens, about 44 requests/s.
class Steps final : public StepTimeModel {
 public:
  StepTime time(const StepBatch& batch) override {
    const base::Seconds t(0.01 + 1e-5 * static_cast<double>(batch.tokens()));
    return {.total = t, .latency = t, .device = t};
  }
};

EngineFleet fleet() {
  EngineFleet out;
  EnginePlan plan;
  plan.steps = std::make_shared<Steps>();
  plan.memory.blocks = 8'000;
  plan.memory.kv_token = base::Bytes(1e5);
  out.plans.push_back(plan);
  out.link_rates.push_back(1e10);
  return out;
}

ServeJob job_at(double rate, std::int64_t requests) {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::poisson, .rate = rate, .requests = requests};
  job.workload.input = LognormalLength{200, 0.6};
  job.workload.output = LognormalLength{100, 0.6};
  job.workload.slo.ttft = base::Seconds(100);
  job.strategy.batching.max_batch = 64;
  job.strategy.batching.max_tokens = 2048;
  return job;
}

ServedRun run(const ServeJob& job, std::uint64_t seed = 1) {
  return simulate(job, fleet(), make_traffic(job.workload, seed), {.seed = seed});
}

base::Outcome facts_of(const ServeJob& job) {
  base::Outcome out;
  add_serve_facts(job, run(job), {.gpus = 1, .replicas = {{1, 700}}, .gpu_hour = 1 / 3600.0}, out);
  return out;
}

TEST(MeasuredWindow, WarmUpIsLeftOutOfEveryRateAlike) {
  const std::map<std::string, double> all = facts_of(job_at(8, 400)).facts;
  for (const std::int64_t warmup : {0, 1, 100, 300, 399}) {
    ServeJob job = job_at(8, 400);
    job.workload.warmup_requests = warmup;
    const std::map<std::string, double> facts = facts_of(job).facts;
    EXPECT_EQ(facts.at("requests"), 400);
    EXPECT_EQ(facts.at("completed"), 400);
    EXPECT_EQ(facts.at("makespan_s"), all.at("makespan_s"));
    EXPECT_EQ(facts.at("slo_attainment"), 1);
    EXPECT_NEAR(facts.at("goodput_per_s"),
                facts.at("slo_attainment") * facts.at("request_throughput_per_s"), 1e-9);
    if (warmup == 0) continue;
    EXPECT_EQ(facts.at("measured_completed"), static_cast<double>(400 - warmup));
    EXPECT_NEAR(facts.at("request_throughput_per_s") * facts.at("measured_time_s"),
                facts.at("measured_completed"), 1e-9);
  }
}

TEST(MeasuredWindow, RatesAreThoseOfTheRequestsThatAreLeft) {
  ServeJob job = job_at(8, 400);
  job.workload.warmup_requests = 300;
  const ServedRun served = run(job);
  const std::map<std::string, double> facts = facts_of(job).facts;
  double tokens = 0, first = kNever.value(), last = 0;
  for (std::size_t i = 300; i < 400; ++i) {
    tokens += static_cast<double>(served.records[i].output_tokens);
    first = std::min(first, served.records[i].arrival.value());
    last = std::max(last, served.records[i].finish.value());
  }
  EXPECT_NEAR(facts.at("request_throughput_per_s"), 100 / (last - first), 1e-9);
  EXPECT_NEAR(facts.at("output_tokens_per_s"), tokens / (last - first), 1e-6);
  std::int64_t gaps = 0;  // between the tokens of a request: one fewer than tokens
  for (const auto& [gap, count] : served.gaps) gaps += count;
  EXPECT_EQ(gaps, static_cast<std::int64_t>(tokens) - 100);
}

TEST(MeasuredWindow, BatchesLeaveTheWarmUpsGapsOutToo) {
  ServeJob job = job_at(2, 40);
  job.strategy.batching.policy = BatchingPolicy::fixed;
  job.strategy.batching.max_batch = 8;
  job.workload.warmup_requests = 30;
  EngineFleet batches = fleet();
  const std::shared_ptr<StepTimeModel> steps = batches.plans[0].steps;
  batches.batch_work = [steps] {
    return run_to_completion_work(steps, {.kv_tokens = 128'000, .max_model_len = 8'000});
  };
  const ServedRun served = simulate(job, batches, make_traffic(job.workload, 1), {.seed = 1});
  std::int64_t gaps = 0, tokens = 0;
  for (const auto& [gap, count] : served.gaps) gaps += count;
  for (std::size_t i = 30; i < 40; ++i) tokens += served.records[i].output_tokens - 1;
  EXPECT_EQ(gaps, tokens);
}

TEST(Horizon, CountsRequestsThatHaveComeAndTimeToItsEnd) {
  ServeJob job = job_at(60, 2000);
  for (const double horizon : {0.5, 5.0, 20.0, 1000.0}) {
    job.workload.horizon = base::Seconds(horizon);
    const ServedRun served = run(job);
    const Traffic traffic = make_traffic(job.workload, 1);
    const auto came =
        std::count_if(traffic.requests.begin(), traffic.requests.end(),
                      [&](const Request& one) { return one.arrival <= job.workload.horizon; });
    base::Outcome out = facts_of(job);
    EXPECT_EQ(out.facts.at("requests"), static_cast<double>(came));
    EXPECT_EQ(out.facts.at("requests"),
              out.facts.at("completed") + out.facts.at("rejected") + out.facts.at("in_flight"));
    EXPECT_EQ(std::ssize(requests_table(served).rows), came);
    const double first = traffic.requests.front().arrival.value();
    if (horizon < 100) {
      EXPECT_NEAR(out.facts.at("makespan_s"), horizon - first, 1e-9);
      EXPECT_GT(out.facts.at("in_flight"), 0);
    }
    // Money for the time that was simulated: one replica at $1 an hour.
    EXPECT_NEAR(served.replica_seconds[0], served.end, 1e-9);
    double stayed = 0;
    for (const RequestRecord& one : served.records) {
      if (one.arrival < kNever)
        stayed += (std::min(one.finish.value(), served.end) - one.arrival.value());
    }
    EXPECT_NEAR(served.in_system / stayed, 1.0, 1e-9);
  }
}

TEST(Horizon, BeyondTheLastAnswerChangesNothing) {
  ServeJob job = job_at(8, 200);
  const std::map<std::string, double> without = facts_of(job).facts;
  job.workload.horizon = base::Seconds(1e6);
  EXPECT_EQ(facts_of(job).facts, without);
}

TEST(Saturation, IsSeenInShortRunsAsInLongOnes) {
  for (const double rate : {100.0, 130.0, 200.0}) {
    for (const std::int64_t requests : {400, 1000, 4000}) {
      for (const std::uint64_t seed : {1U, 2U, 3U}) {
        const ServeJob job = job_at(rate, requests);
        EXPECT_EQ(judge_saturation(job, run(job, seed)), Saturation::yes)
            << rate << ' ' << requests << ' ' << seed;
      }
    }
  }
}

TEST(Saturation, IsNotRaisedByBurstsBelowTheCapacity) {
  for (const double variation : {1.0, 2.0, 4.0}) {
    for (const double rate : {4.0, 12.0, 24.0}) {
      for (const std::int64_t requests : {20, 100, 400, 4000}) {
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
          ServeJob job = job_at(rate, requests);
          job.workload.arrivals.process = ArrivalProcess::gamma;
          job.workload.arrivals.variation = variation;
          EXPECT_NE(judge_saturation(job, run(job, seed)), Saturation::yes)
              << variation << ' ' << rate << ' ' << requests << ' ' << seed;
        }
      }
    }
  }
}

TEST(Saturation, SaysWhereTooFewRequestsCanTell) {
  const ServeJob few = job_at(100, 20);
  EXPECT_EQ(judge_saturation(few, run(few)), Saturation::unknown);
  const base::Outcome out = facts_of(few);
  ASSERT_FALSE(out.warnings.empty());
  EXPECT_NE(out.warnings.back().find("too few requests"), std::string::npos);
  EXPECT_EQ(judge_saturation(job_at(4, 400), run(job_at(4, 400))), Saturation::no);
}

}  // namespace
}  // namespace windtunnel::strategies
