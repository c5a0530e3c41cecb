// Highest rates, cheapest layouts and Pareto fronts, over runs of a replica with made-up times.
#include "strategies/serve/capacity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "strategies/serve/loadgen.hpp"
#include "tests/strategies/batch_servers.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

// Replicas with a share of the rate each; a batch takes 2 ms and 1 ms a sample, over the tensor ranks.
base::Outcome made_up(const ServeJob& job, const ServeOptions& options) {
  ServeJob one = job;
  one.workload.arrivals.rate /= static_cast<double>(job.strategy.replicas);
  const Traffic traffic = make_traffic(one.workload, options.seed);
  const auto ranks = static_cast<double>(job.strategy.tensor);
  BatchServer server =
      test::server_of(job.strategy.batching, traffic,
                      std::make_shared<test::FormulaTime>([ranks](const auto& batch) {
                        return 0.002 + 0.001 * static_cast<double>(batch.samples) / ranks;
                      }));
  const std::vector<RequestRecord> records = serve_alone(traffic, server);
  std::vector<Seconds> e2e;
  double met = 0, end = 0, queue = 0;
  for (const RequestRecord& record : records) {
    e2e.push_back(record.finish - record.arrival);
    met += e2e.back() <= job.workload.slo.e2e ? 1 : 0;
    end = std::max(end, record.finish.value());
    queue += (record.start - record.arrival).value();
  }
  const double count = static_cast<double>(records.size());
  const auto gpus = static_cast<double>(job.strategy.replicas * job.strategy.tensor);
  base::Outcome out;
  out.facts = {{"requests", count},
               {"in_flight", 0},
               {"gpus", gpus},
               {"request_throughput_per_s", count / end},
               {"output_tokens_per_s_per_gpu", count / end / gpus},
               {"tpot_mean_s",
                0.002 + 0.001 * static_cast<double>(job.workload.arrivals.concurrency) / ranks},
               {"queue_mean_s", queue / count},
               {"e2e_p99_s", percentile(e2e, 0.99).value()},
               {"slo_attainment", met / count},
               {"saturated", 0}};
  return out;
}

ServeJob job_of(double limit) {
  ServeJob job;
  job.workload.arrivals = {.rate = 100, .requests = 1000};
  job.workload.slo.e2e = Seconds(limit);
  job.strategy.batching = {.policy = BatchingPolicy::none};
  return job;
}

TEST(Capacity, TheHighestRateMeetsTheLimitAndAHigherOneDoesNot) {
  const ServeJob job = job_of(0.02);
  const base::Outcome found = highest_rate(job, made_up);
  ASSERT_EQ(found.status, base::Status::ok) << found.reason;
  const double rate = found.facts.at("max_rate_per_s");
  EXPECT_GT(rate, 0.5 / 0.003);
  EXPECT_LT(rate, 1 / 0.003);
  EXPECT_GE(found.facts.at("slo_attainment"), 0.99);
  const base::Table& table = found.tables.at("capacity");
  bool above = false;
  for (const auto& row : table.rows) {
    if (std::get<double>(row[0]) <= rate) continue;
    above = true;
    EXPECT_EQ(std::get<std::int64_t>(row[1]), 0) << std::get<double>(row[0]);
  }
  EXPECT_TRUE(above);
  EXPECT_EQ(found.facts.at("max_rate_per_s"),
            highest_rate(job, made_up).facts.at("max_rate_per_s"));
}

TEST(Capacity, ALooserLimitAndBatchingCarryMore) {
  const double tight = highest_rate(job_of(0.01), made_up).facts.at("max_rate_per_s");
  ServeJob loose = job_of(0.03);
  EXPECT_GT(highest_rate(loose, made_up).facts.at("max_rate_per_s"), tight);
  ServeJob batches = job_of(0.01);
  batches.strategy.batching = {.policy = BatchingPolicy::dynamic, .max_batch = 32};
  EXPECT_GT(highest_rate(batches, made_up).facts.at("max_rate_per_s"), 1.2 * tight);
}

TEST(Capacity, WhatCannotBeSearchedIsSaidInASentence) {
  const base::Outcome slow = highest_rate(job_of(0.001), made_up);
  EXPECT_EQ(slow.status, base::Status::infeasible);
  EXPECT_NE(slow.reason.find("the whole answer takes 0.003 s"), std::string::npos) << slow.reason;
  ServeJob job = job_of(0.02);
  job.workload.arrivals.process = ArrivalProcess::closed_loop;
  EXPECT_NE(highest_rate(job, made_up).reason.find("without a rate"), std::string::npos);
  job = job_of(0.02);
  job.workload.slo = {};
  EXPECT_NE(highest_rate(job, made_up).reason.find("workload.slo"), std::string::npos);
}

TEST(Capacity, ATraceIsSearchedByBringingItsRequestsCloser) {
  ServeJob job = job_of(0.02);
  auto trace = std::make_shared<std::vector<Request>>();
  for (int i = 0; i < 5000; ++i) {
    trace->push_back({.id = i, .arrival = Seconds(0.1 * i)});
  }
  job.workload.trace = trace;
  job.workload.arrivals.rate = 0;
  const base::Outcome found = highest_rate(job, made_up);
  // Evenly spaced: up to the service rate, and a little beyond it for as long as the trace lasts.
  EXPECT_NEAR(found.facts.at("max_rate_per_s"), 1 / 0.003, 0.03 / 0.003);
}

TEST(Capacity, TheCheapestLayoutCarriesTheRateWithTheFewestGpus) {
  ServeJob job = job_of(0.02);
  job.workload.arrivals = {.rate = 1000, .requests = 20'000};
  job.strategy.batching = {.policy = BatchingPolicy::dynamic, .max_batch = 1};
  const LayoutSpace space{.tensor = {1, 2, 4}, .max_batch = {1, 16}, .gpus = 16};
  const LayoutSearch found = cheapest_layout(job, space, made_up);
  ASSERT_EQ(found.best.status, base::Status::ok) << found.best.reason;
  EXPECT_EQ(found.strategy.batching.max_batch, 16);
  EXPECT_EQ(found.strategy.tensor * found.strategy.replicas, 2);
  EXPECT_EQ(found.layouts.rows.size(), 6u);
  EXPECT_EQ(cheapest_layout(job_of(0.001), space, made_up).best.status, base::Status::infeasible);
}

TEST(Capacity, TheFastestBatchIsTheSmallestThatIsNearlyAsGoodAsAny) {
  ServeJob job = job_of(1);
  job.workload.arrivals.requests = 4096;
  job.strategy.batching = {.policy = BatchingPolicy::dynamic};
  // b / (2 + b) ms: 99 % of the 1024's rate at 198 and more.
  EXPECT_EQ(fastest_batch(job, 1024, made_up), 256);
  EXPECT_EQ(fastest_batch(job, 16, made_up), 16);
}

TEST(Capacity, ThePointsOfAFrontAreNotDominated) {
  const std::vector<ParetoPoint> points =
      pareto_layouts(job_of(1), {.tensor = {1, 2}, .gpus = 2}, 8, made_up);
  EXPECT_EQ(points.size(), 8u);
  EXPECT_TRUE(std::any_of(points.begin(), points.end(),
                          [](const ParetoPoint& point) { return point.on_front; }));
  for (const ParetoPoint& a : points) {
    for (const ParetoPoint& b : points) {
      const bool better =
          b.tokens_per_gpu > a.tokens_per_gpu && b.tokens_per_user > a.tokens_per_user;
      EXPECT_FALSE(a.on_front && better);
    }
  }
}

}  // namespace
}  // namespace windtunnel::strategies
