// Checkpoints and failures of a training job: the closed form against a simulation and its laws.
#include "strategies/train/goodput.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/base/random.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

GoodputCase some_job() {
  return {.step = Seconds(10),
          .checkpoint = {.bytes = base::Bytes(1e12), .stop = Seconds(30), .read = Seconds(30)},
          .failures_per_s = 1.0 / 20'000,
          .restart = Seconds(300)};
}

// Works segments of `steps` off, failing at random.
double simulated_segment(const GoodputCase& job, std::int64_t steps, int segments) {
  base::RandomStream random(3, "failures");
  const double work = (job.step * static_cast<double>(steps) + job.checkpoint.stop).value();
  const double restart = (job.restart + job.checkpoint.read).value();
  double now = 0.0, next = random.exponential(1 / job.failures_per_s);
  // Stays at a phase until it ends without a failure; 0: working, 1: restarting.
  const auto phase_ends = [&](double length) {
    if (now + length < next) {
      now += length;
      return true;
    }
    now = next;
    next = now + random.exponential(1 / job.failures_per_s);
    return false;
  };
  for (int i = 0; i < segments; ++i) {
    while (!phase_ends(work)) {
      while (!phase_ends(restart)) {
      }
    }
  }
  return now / segments;
}

TEST(Goodput, ExpectedTimeOfASegmentIsThatOfASimulation) {
  for (const std::int64_t steps : {20, 200, 2000}) {
    const double simulated = simulated_segment(some_job(), steps, 40'000);
    // Daly's form lets a restart begin even where none is needed: exp(l R), here 1.017 at most.
    EXPECT_NEAR(segment_time(some_job(), steps).value() / simulated, 1.0, 0.02) << steps;
  }
}

TEST(Goodput, WithoutFailuresOnlyCheckpointsCost) {
  GoodputCase job = some_job();
  job.failures_per_s = 0;
  EXPECT_DOUBLE_EQ(training_time_ratio(job, 100), 1000.0 / 1030.0);
}

TEST(Goodput, BestIntervalIsYoungsWhereFailuresAreRare) {
  GoodputCase job = some_job();
  job.failures_per_s = 1e-7;
  const double young = std::sqrt(2 * job.checkpoint.stop.value() / job.failures_per_s);
  EXPECT_NEAR(static_cast<double>(best_interval(job)) * job.step.value() / young, 1.0, 0.01);
}

TEST(Goodput, NoIntervalBeatsTheBest) {
  for (const double rate : {1e-6, 1e-5, 1e-4, 1e-3}) {
    GoodputCase job = some_job();
    job.failures_per_s = rate;
    const double best = training_time_ratio(job, best_interval(job));
    for (std::int64_t steps = 1; steps < 100'000; steps += 1 + steps / 7) {
      EXPECT_LE(training_time_ratio(job, steps), best * (1 + 1e-6)) << rate << " " << steps;
    }
  }
}

TEST(Goodput, FallsWithFailuresRestartsAndWrites) {
  double before = 1.0;
  for (const double rate : {1e-6, 1e-5, 1e-4, 1e-3}) {
    GoodputCase job = some_job();
    job.failures_per_s = rate;
    const double now = training_time_ratio(job, 50);
    EXPECT_LT(now, before);
    before = now;
    job.checkpoint.behind = Seconds(200);
    EXPECT_LT(training_time_ratio(job, 50), now);
  }
}

TEST(Goodput, ATrainingJobSaysWhatItsClusterCostsIt) {
  const test::Subject gpt("gpt3-13b");
  sim::Cluster cluster = test::h100_cluster(8);
  cluster.failures.gpu_mtbf = base::Seconds(5e4 * 3600);
  TrainJob job;
  job.workload.global_batch = 64;
  job.strategy.sizes.tensor = 8;
  job.strategy.recompute = models::Recompute::full;
  const base::Outcome unsaved = test::train(job, gpt, cluster);
  EXPECT_NE(unsaved.reason.find("nothing is saved"), std::string::npos) << unsaved.reason;
  job.workload.checkpointing = {.best_interval = true, .bandwidth = base::BytesPerSecond(100e9)};
  const base::Outcome best = test::train(job, gpt, cluster);
  ASSERT_TRUE(best.facts.contains("training_time_fraction")) << best.reason;
  EXPECT_NEAR(best.facts.at("job_mtbf_s"), 5e4 * 3600 / 64, 1.0);
  EXPECT_LT(best.facts.at("goodput_tokens_per_s"), best.facts.at("tokens_per_s"));
  job.workload.checkpointing.best_interval = false;
  job.workload.checkpointing.interval =
      static_cast<std::int64_t>(best.facts.at("checkpoint_interval_steps")) * 10;
  const base::Outcome rare = test::train(job, gpt, cluster);
  EXPECT_LT(rare.facts.at("training_time_fraction"), best.facts.at("training_time_fraction"));
  cluster.failures = {};
  job.workload.checkpointing.best_interval = true;
  EXPECT_NE(test::train(job, gpt, cluster).reason.find("cluster.failures"), std::string::npos);
}

TEST(Goodput, AJobThatNeverGetsThroughASegmentIsInfeasibleAndSaysSo) {
  const test::Subject gpt("gpt3-1.3b");
  sim::Cluster cluster = test::h100_cluster(1);
  cluster.failures.gpu_mtbf = base::Seconds(1e-3);
  TrainJob job;
  job.workload.global_batch = 8;
  job.workload.sequence_length = 128;
  job.workload.total_tokens = 1'000'000'000'000;
  job.workload.checkpointing = {.best_interval = true, .bandwidth = base::BytesPerSecond(100e9)};
  job.strategy.sizes.tensor = 8;
  const base::Outcome out = test::train(job, gpt, cluster);
  EXPECT_EQ(out.status, base::Status::infeasible);
  EXPECT_NE(out.reason.find("makes no progress"), std::string::npos) << out.reason;
  EXPECT_NE(out.reason.find("125 us"), std::string::npos) << out.reason;  // 1 ms of 8 GPUs
  EXPECT_FALSE(out.facts.contains("days_to_tokens"));
  EXPECT_LT(out.facts.at("training_time_fraction"), 1e-6);
}

}  // namespace
}  // namespace windtunnel::strategies
