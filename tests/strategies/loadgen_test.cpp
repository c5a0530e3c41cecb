// MLPerf loadgen's scenarios and the highest valid Server rate.
#include "strategies/serve/loadgen.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/strategies/batch_servers.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using test::FormulaTime;

std::function<std::unique_ptr<BatchWork>()> work_of(FormulaTime::Formula formula) {
  return [formula] {
    return one_pass_work(std::make_shared<FormulaTime>(formula), InputPadding::removed);
  };
}

LoadgenResult run(const ServeWorkload& workload, const Batching& batching,
                  FormulaTime::Formula formula) {
  const Traffic traffic = make_traffic(workload, 1);
  BatchServer server(batching, work_of(std::move(formula))(), traffic.requests);
  return loadgen_result(workload, serve_alone(traffic, server));
}

double two_parts(const BatchTimeModel::Batch& batch) {
  return 0.002 + 0.001 * static_cast<double>(batch.samples);
}

TEST(Loadgen, SingleStreamIsTheLatencyOfOneSampleAtATime) {
  ServeWorkload workload;
  workload.arrivals = {.process = ArrivalProcess::single_stream, .requests = 100};
  const LoadgenResult result = run(workload, {.policy = BatchingPolicy::dynamic}, two_parts);
  EXPECT_NEAR(result.metric, 0.003, 1e-12);
  EXPECT_EQ(result.unit, "s");
}

TEST(Loadgen, MultiStreamRunsTheEightSamplesOfAQueryTogether) {
  ServeWorkload workload;
  workload.arrivals = {.process = ArrivalProcess::multi_stream,
                       .requests = 100,
                       .query_samples = kMultiStreamSamples};
  for (const BatchingPolicy policy : {BatchingPolicy::none, BatchingPolicy::dynamic}) {
    EXPECT_NEAR(run(workload, {.policy = policy}, two_parts).metric, 0.010, 1e-12);
  }
}

TEST(Loadgen, OfflineIsSamplesPerSecondOfFullBatches) {
  ServeWorkload workload;
  workload.arrivals = {.process = ArrivalProcess::offline, .requests = kOfflineSamples};
  const LoadgenResult result =
      run(workload, {.policy = BatchingPolicy::dynamic, .max_batch = 64}, two_parts);
  EXPECT_NEAR(result.metric, 64 / 0.066, 1e-6);
}

TEST(Loadgen, AServerRunIsValidWithinItsLimit) {
  ServeWorkload workload;
  workload.slo = server_limit("resnet50")->slo;
  for (const auto& [rate, valid] : {std::pair{300.0, true}, {1200.0, false}}) {
    workload.arrivals = {.process = ArrivalProcess::server, .rate = rate, .requests = 20'000};
    const LoadgenResult result =
        run(workload, {.policy = BatchingPolicy::dynamic, .max_batch = 64}, two_parts);
    EXPECT_EQ(result.valid, valid) << rate << "/s: p99 " << result.p99.value();
    EXPECT_EQ(result.metric, rate);
  }
}

TEST(Loadgen, FactsOfARunNameTheirMetricAndTakeTheRulesLimit) {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::server, .rate = 300, .requests = 5000};
  const Traffic traffic = make_traffic(job.workload, 1);
  BatchServer server({.policy = BatchingPolicy::dynamic}, work_of(two_parts)(), traffic.requests);
  const std::vector<RequestRecord> records = serve_alone(traffic, server);
  base::Outcome out;
  add_loadgen_facts(job, "resnet50", records, out);
  EXPECT_EQ(out.facts.at("loadgen_result"), 300);
  EXPECT_EQ(out.facts.at("loadgen_valid"), 1);
  EXPECT_EQ(out.labels.at("loadgen_metric"), "scheduled rate, queries/s");
  EXPECT_NEAR(out.facts.at("samples_per_s"), 300, 15);  // three standard errors of 5,000 gaps
  job.workload.arrivals.process = ArrivalProcess::poisson;
  out = {};
  add_loadgen_facts(job, "resnet50", records, out);
  EXPECT_TRUE(out.facts.empty());
}

TEST(Loadgen, PercentilesAreOfTheNearestRank) {
  std::vector<Seconds> values;
  for (int i = 100; i >= 1; --i) values.emplace_back(i);
  EXPECT_EQ(percentile(values, 0.99), Seconds(99));
  EXPECT_EQ(percentile(values, 0.5), Seconds(50));
  EXPECT_EQ(percentile(values, 1.0), Seconds(100));
  EXPECT_EQ(percentile({}, 0.5), kNever);
}

TEST(Loadgen, LimitsAreFoundByBenchmarkAndModel) {
  EXPECT_EQ(server_limit("bert-large")->slo.e2e, Seconds(0.13));
  EXPECT_EQ(server_limit("dlrm-v2")->slo.e2e, Seconds(0.06));
  EXPECT_EQ(server_limit("llama3.1-405b")->slo.ttft, Seconds(6));
  EXPECT_EQ(server_limit("llama2-70b")->slo.tpot, Seconds(0.2));
  EXPECT_FALSE(server_limit("vgg16").has_value());
}

// M/D/1 by itself: the tail of its wait falls as exp(-theta t) with theta from
// lambda (e^(theta s) - 1) = theta, and P(wait > t) -> (1 - rho) / (lambda s e^(theta s) - 1) times
// that (Cramer-Lundberg; exact to 1 % here). At the rate found, that puts 1 % beyond the limit.
TEST(Loadgen, TheHighestServerRateOfAnMD1QueueAgreesWithItsTail) {
  const double service = 0.001, limit = 0.010;
  ServerSearch search;
  search.batching = {.policy = BatchingPolicy::none};
  search.limit = Seconds(limit);
  search.most_requests = 400'000;
  const ServerRate found =
      highest_server_rate(search, work_of([&](const auto&) { return service; }));
  EXPECT_NEAR(found.offline, 1000, 1);
  EXPECT_NEAR(found.batch_mean, 1, 1e-9);
  double low = 100, high = 999;
  while (high - low > 0.01) {
    const double rate = (low + high) / 2, rho = rate * service;
    double theta = 5000;
    for (int i = 0; i < 200; ++i) theta = std::log1p(theta / rate) / service;
    const double factor = (1 - rho) / (rho * std::exp(theta * service) - 1);
    (factor * std::exp(-theta * (limit - service)) > 0.01 ? high : low) = rate;
  }
  // 2 %: half of it the search's step, half the noise of a p99 over 270,336 queries that hang together.
  EXPECT_NEAR(found.rate, low, 0.02 * low);
}

TEST(Loadgen, BatchingCarriesMoreThanOneAtATimeWithinTheSameLimit) {
  ServerSearch search;
  search.limit = Seconds(0.015);
  search.most_requests = 50'000;
  search.batching = {.policy = BatchingPolicy::none};
  const ServerRate one = highest_server_rate(search, work_of(two_parts));
  search.batching = {.policy = BatchingPolicy::dynamic, .max_batch = 64};
  const ServerRate many = highest_server_rate(search, work_of(two_parts));
  EXPECT_GT(many.rate, 1.5 * one.rate);
  EXPECT_LE(many.rate, many.offline * 1.02);
  EXPECT_LE(many.p99, search.limit);
}

TEST(Loadgen, AModelSlowerThanTheLimitHasNoServerRate) {
  ServerSearch search;
  search.limit = Seconds(0.001);
  search.most_requests = 20'000;
  search.batching = {.policy = BatchingPolicy::none};
  EXPECT_EQ(highest_server_rate(search, work_of(two_parts)).rate, 0);
}

}  // namespace
}  // namespace windtunnel::strategies
