// Replicas of whole batches in a serving system: as alone where there is one, and with routers, front
// end, response cache, failures and scaling where those are.
#include "strategies/serve/batcher/batch_replica.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "strategies/serve/engine/serve_simulation.hpp"
#include "tests/strategies/batch_servers.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using test::FormulaTime;

EngineFleet fleet_of(std::size_t replicas) {
  EngineFleet fleet;
  fleet.plans.resize(replicas);
  fleet.link_rates.assign(replicas, 0.0);
  fleet.batch_work = [] {
    return one_pass_work(std::make_shared<FormulaTime>([](const auto& batch) {
                           return 0.002 + 0.001 * static_cast<double>(batch.samples);
                         }),
                         InputPadding::removed);
  };
  return fleet;
}

ServeJob job_of(double rate, std::int64_t requests) {
  ServeJob job;
  job.workload.arrivals = {.rate = rate, .requests = requests};
  job.strategy.batching = {.policy = BatchingPolicy::dynamic, .max_batch = 16};
  return job;
}

ServedRun run(const ServeJob& job, std::size_t replicas) {
  return simulate(job, fleet_of(replicas), make_traffic(job.workload, 1), {});
}

double mean_stay(const ServedRun& served) {
  double sum = 0;
  for (const RequestRecord& record : served.records) {
    EXPECT_EQ(record.fate, Fate::completed);
    sum += (record.finish - record.arrival).value();
  }
  return sum / static_cast<double>(served.records.size());
}

TEST(BatchReplica, OneReplicaServesAsItDoesAlone) {
  std::vector<Batching> all = {
      {.policy = BatchingPolicy::none},
      {.policy = BatchingPolicy::fixed, .max_batch = 7},
      {.policy = BatchingPolicy::dynamic, .max_batch = 16, .max_delay = Seconds(0.004)},
      {.policy = BatchingPolicy::dynamic, .max_batch = 8, .preferred_sizes = {4}, .instances = 3},
      {.policy = BatchingPolicy::dynamic,
       .max_batch = 4,
       .instances = 2,
       .preserve_ordering = true,
       .queue = {.size = 20, .timeout = Seconds(0.02)}},
      {.policy = BatchingPolicy::dynamic,
       .batcher = DynamicBatcher::tf_serving,
       .max_batch = 8,
       .max_delay = Seconds(0.002),
       .allowed_sizes = {2, 8},
       .max_enqueued_batches = 3}};
  for (const ArrivalProcess process : {ArrivalProcess::poisson, ArrivalProcess::closed_loop}) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      ServeJob job = job_of(400, 3000);
      job.workload.arrivals.process = process;
      job.workload.arrivals.concurrency = 12;
      job.strategy.batching = all[i];
      const Traffic traffic = make_traffic(job.workload, 1);
      const EngineFleet fleet = fleet_of(1);
      BatchServer alone(all[i], fleet.batch_work(), traffic.requests);
      const std::vector<RequestRecord> expected = serve_alone(traffic, alone);
      const ServedRun served = simulate(job, fleet, traffic, {});
      for (std::size_t r = 0; r < expected.size(); ++r) {
        ASSERT_EQ(served.records[r].fate, expected[r].fate) << i << " " << r;
        ASSERT_EQ(served.records[r].start, expected[r].start) << i << " " << r;
        ASSERT_EQ(served.records[r].finish, expected[r].finish) << i << " " << r;
      }
      EXPECT_EQ(served.replicas[0].steps, alone.totals().batches);
    }
  }
}

TEST(BatchReplica, TheLeastLoadedReplicaWaitsLessThanARandomOne) {
  ServeJob job = job_of(900, 20'000);
  job.strategy.batching = {.policy = BatchingPolicy::none};
  job.strategy.router.policy = RouterPolicy::random;
  const double random = mean_stay(run(job, 4));
  job.strategy.router.policy = RouterPolicy::least_loaded;
  EXPECT_LT(mean_stay(run(job, 4)), 0.8 * random);
}

TEST(BatchReplica, TheFrontEndAddsItsTimesAndTheCacheAnswersRepeats) {
  ServeJob job = job_of(10, 2000);
  const double bare = mean_stay(run(job, 1));
  job.strategy.front_end.network = Seconds(0.010);
  EXPECT_NEAR(mean_stay(run(job, 1)), bare + 0.020, 1e-3);
  job.strategy.front_end = {};
  job.strategy.response_cache = true;
  job.workload.repeated_share = 0.5;
  const ServedRun cached = run(job, 1);
  EXPECT_GT(cached.cache_answers, 900);
  EXPECT_LT(mean_stay(cached), 0.6 * bare);
}

TEST(BatchReplica, RequestsOfAFailedReplicaAreServedByOthers) {
  ServeJob job = job_of(500, 20'000);
  job.strategy.failures = {.mtbf = Seconds(5), .repair = Seconds(1)};
  const ServedRun served = run(job, 3);
  EXPECT_GT(served.failures, 5);
  mean_stay(served);
}

TEST(BatchReplica, AFullBatchThatCannotComeGoesAsItIsEvenWhileScaling) {
  ServeJob job = job_of(10, 25);
  job.strategy.batching = {.policy = BatchingPolicy::fixed, .max_batch = 8};
  mean_stay(run(job, 2));
  job.strategy.autoscale = {.min = 1, .max = 2, .target = 4, .interval = Seconds(0.5)};
  mean_stay(run(job, 2));
}

}  // namespace
}  // namespace windtunnel::strategies
