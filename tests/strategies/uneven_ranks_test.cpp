// Ranks that are not alike: several kinds of GPU, slow ones, jitter.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "strategies/train/jitter.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::FixedRates;
using test::h100_cluster;
using test::Subject;

TrainJob job_of(const ParallelSizes& sizes, std::int64_t batch) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = batch;
  job.strategy.sizes = sizes;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

// Half the rates of the cluster's own GPU.
sim::Gpu half_gpu() {
  sim::Gpu gpu = h100_cluster(1).node.gpu;
  gpu.name = "half";
  for (auto& [precision, peak] : gpu.peak) peak *= 0.5;
  gpu.memory_bandwidth *= 0.5;
  gpu.memory *= 0.5;
  return gpu;
}

base::Outcome run(const TrainJob& job, const Subject& subject, const sim::Cluster& shape,
                  const TrainOptions& given = {}, const EngineFactory& factory = {}) {
  const auto cluster = test::valid(shape);
  const sim::Network network(cluster);
  const FixedRates kernels(600e12, 2.5e12);
  const TrainSite site{
      .cluster = cluster,
      .kernels = kernels,
      .kernels_of = [](const sim::Gpu& gpu) -> std::shared_ptr<const models::KernelTimeModel> {
        const double share = gpu.name == "half" ? 0.5 : 1.0;
        return std::make_shared<const FixedRates>(600e12 * share, 2.5e12 * share);
      }};
  TrainOptions options = given;
  if (factory) options.every_rank.emplace(network, factory);
  return run_train(job, {subject.model, subject.network}, site, options);
}

double fact(const base::Outcome& out, const std::string& name) {
  return out.facts.contains(name) ? out.facts.at(name) : NAN;
}
double time_of(const base::Outcome& out) {
  return fact(out, "iteration_time_s");
}
double parts_of(const base::Outcome& out) {
  double sum = 0.0;
  for (const auto& [name, value] : out.facts) {
    if (name.starts_with("time_") && name.ends_with("_s")) sum += value;
  }
  return sum;
}

const Subject& gpt() {
  static const Subject kSubject("gpt3-13b");
  return kSubject;
}

TEST(UnevenRanks, OfOneSlowGpuAllWait) {
  const TrainJob job = job_of({.tensor = 8, .pipeline = 2}, 64);
  sim::Cluster cluster = h100_cluster(8);
  const double usual = time_of(run(job, gpt(), cluster));
  cluster.stragglers.slow = {{.gpus = {17}, .slowdown = 1.5}};
  const base::Outcome one = run(job, gpt(), cluster);
  EXPECT_GT(time_of(one), 1.2 * usual);
  EXPECT_NEAR(parts_of(one) / time_of(one), 1.0, 1e-9);
  cluster.stragglers.slow = {{.nodes = {0, 1, 2, 3, 4, 5, 6, 7}, .slowdown = 1.5}};
  // Every GPU slow is no slower than one of each stage, up to the bubble of the other stage.
  EXPECT_NEAR(time_of(run(job, gpt(), cluster)) / time_of(one), 1.0, 0.08);
}

TEST(UnevenRanks, ASlowdownOfOneChangesNothing) {
  const TrainJob job = job_of({.tensor = 4, .pipeline = 4}, 64);
  sim::Cluster cluster = h100_cluster(8);
  const base::Outcome usual = run(job, gpt(), cluster);
  cluster.stragglers.slow = {{.nodes = {3}, .slowdown = 1.0, .nic_share = 1.0}};
  const base::Outcome same = run(job, gpt(), cluster);
  for (const auto& [name, value] : usual.facts) {
    EXPECT_NEAR(fact(same, name), value, 1e-9 * std::fabs(value)) << name;
  }
}

TEST(UnevenRanks, TimeRisesWithTheSlowdownAndTheNumberOfSlowGpus) {
  const TrainJob job = job_of({.tensor = 2, .pipeline = 4}, 64);
  double before = 0.0;
  for (const double slowdown : {1.0, 1.1, 1.3, 2.0, 4.0}) {
    sim::Cluster cluster = h100_cluster(8);
    cluster.stragglers.slow = {{.gpus = {5}, .slowdown = slowdown}};
    const double now = time_of(run(job, gpt(), cluster));
    EXPECT_GT(now, before);
    before = now;
  }
  before = 0.0;
  for (const double share : {0.0, 0.02, 0.1, 0.5, 1.0}) {
    sim::Cluster cluster = h100_cluster(8);
    cluster.stragglers.random = {.share = share, .slowdown = 1.3};
    const double now = time_of(run(job, gpt(), cluster));
    EXPECT_GE(now, before);
    before = now;
  }
}

TEST(UnevenRanks, ASlowNicSlowsWhatCrossesItAndNothingElse) {
  TrainJob job = job_of({.tensor = 8}, 64);
  job.strategy.overlap.data = false;
  sim::Cluster cluster = h100_cluster(8);
  const base::Outcome usual = run(job, gpt(), cluster);
  cluster.stragglers.slow = {{.nodes = {6}, .nic_share = 0.5}};
  const base::Outcome slow = run(job, gpt(), cluster);
  EXPECT_NEAR(fact(slow, "time_data_comm_s") / fact(usual, "time_data_comm_s"), 2.0, 0.05);
  EXPECT_NEAR(fact(slow, "time_compute_s"), fact(usual, "time_compute_s"), 1e-9);
  job = job_of({.tensor = 8}, 8);
  sim::Cluster alone = h100_cluster(1);
  alone.stragglers.slow = {{.nodes = {0}, .nic_share = 0.5}};
  EXPECT_DOUBLE_EQ(time_of(run(job, gpt(), alone)), time_of(run(job, gpt(), h100_cluster(1))));
}

TEST(MixedGpus, AllOfOneKindAreAClusterOfThatKind) {
  const TrainJob job = job_of({.tensor = 8, .pipeline = 4}, 32);
  sim::Cluster mixed = h100_cluster(8);
  mixed.overrides = {{.first = 0, .last = 7, .gpu = half_gpu()}};
  sim::Cluster slow = h100_cluster(8);
  slow.stragglers.slow = {{.nodes = {0, 1, 2, 3, 4, 5, 6, 7}, .slowdown = 2.0}};
  const base::Outcome a = run(job, gpt(), mixed), b = run(job, gpt(), slow);
  EXPECT_NEAR(fact(a, "time_compute_s") / fact(b, "time_compute_s"), 1.0, 0.02)
      << "the host is no slower";
  EXPECT_NEAR(fact(a, "mfu") / fact(b, "mfu"), 2.0, 0.05);
  EXPECT_DOUBLE_EQ(fact(a, "memory_capacity_bytes"), half_gpu().memory.value());
}

TEST(MixedGpus, TheSlowerKindDecidesAmongReplicasAndStages) {
  sim::Cluster mixed = h100_cluster(8);
  mixed.overrides = {{.first = 4, .last = 7, .gpu = half_gpu()}};
  sim::Cluster slow = h100_cluster(8);
  slow.overrides = {{.first = 0, .last = 7, .gpu = half_gpu()}};
  const TrainJob replicas = job_of({.tensor = 8}, 64);
  const double fast_time = time_of(run(replicas, gpt(), h100_cluster(8)));
  const double mixed_time = time_of(run(replicas, gpt(), mixed));
  EXPECT_GT(mixed_time, 1.5 * fast_time);
  EXPECT_NEAR(mixed_time / time_of(run(replicas, gpt(), slow)), 1.0, 1e-6);
  // Two stages, the second on slow GPUs: no faster than slow ones alone less their bubble.
  const TrainJob stages = job_of({.tensor = 8, .pipeline = 2}, 256);
  const double two = time_of(run(stages, gpt(), mixed));
  EXPECT_GT(two, 1.5 * time_of(run(stages, gpt(), h100_cluster(8))));
  EXPECT_LT(two, time_of(run(stages, gpt(), slow)));
}

TEST(MixedGpus, FewerLayersOnSlowStagesAreFaster) {
  sim::Cluster mixed = h100_cluster(8);
  mixed.overrides = {{.first = 4, .last = 7, .gpu = half_gpu()}};
  TrainJob job = job_of({.tensor = 8, .pipeline = 2}, 256);
  const double even = time_of(run(job, gpt(), mixed));
  job.strategy.stage_layers = {26, 14};
  const double stated = time_of(run(job, gpt(), mixed));
  EXPECT_LT(stated, 0.85 * even);
  job.strategy.stage_layers.clear();
  job.strategy.balance = StageBalance::speed;
  EXPECT_LE(time_of(run(job, gpt(), mixed)), stated);
  job.strategy.schedule = PipelineSchedule::zb_v;
  EXPECT_NE(run(job, gpt(), mixed).reason.find("one chunk a stage"), std::string::npos);
}

TEST(MixedGpus, MemoryIsHeldAgainstTheGpuOfTheStage) {
  sim::Cluster mixed = h100_cluster(2);
  mixed.overrides = {{.first = 1, .last = 1, .gpu = half_gpu()}};
  mixed.overrides.front().gpu->memory = base::Bytes(8e9);
  TrainJob job = job_of({.tensor = 8, .pipeline = 2}, 16);
  const base::Outcome out = run(job, gpt(), mixed);
  EXPECT_EQ(out.status, base::Status::infeasible);
  EXPECT_NE(out.reason.find("stage 1 needs"), std::string::npos) << out.reason;
  EXPECT_EQ(run(job, gpt(), h100_cluster(2)).status, base::Status::ok);
}

TEST(Jitter, OfTheSlowestOfNExponentialDelaysIsTheHarmonicNumber) {
  const sim::Jitter jitter{.kind = sim::JitterKind::exponential, .mean = 0.02};
  double harmonic = 0.0;
  for (std::int64_t n = 1; n <= 4096; ++n) {
    harmonic += 1.0 / static_cast<double>(n);
    if ((n & (n - 1)) != 0) continue;
    double sum = 0.0;
    constexpr int kDraws = 20'000;
    for (int i = 0; i < kDraws; ++i) sum += slowest_factor(jitter, n, {.seed = 5, .step = i}) - 1.0;
    EXPECT_NEAR(sum / kDraws / (0.02 * harmonic), 1.0, 0.03) << n;
  }
}

TEST(Jitter, DistributionsHaveTheirMean) {
  for (const sim::JitterKind kind :
       {sim::JitterKind::exponential, sim::JitterKind::uniform, sim::JitterKind::log_normal}) {
    const sim::Jitter jitter{.kind = kind, .mean = 0.05, .sigma = 0.8};
    double sum = 0.0;
    constexpr int kDraws = 200'000;
    for (int i = 0; i < kDraws; ++i) {
      sum += jitter_quantile(jitter, (i + 0.5) / kDraws);
    }
    EXPECT_NEAR(sum / kDraws, 0.05, 0.0005);
  }
}

TEST(Jitter, CostsMoreTheMoreRanksWait) {
  // One pass of each kind a replica: the step waits for the slowest of all.
  double before = 0.0;
  for (const int nodes : {1, 2, 4, 8, 16}) {
    sim::Cluster cluster = h100_cluster(nodes);
    const TrainJob job = job_of({.tensor = 8}, nodes);
    const double usual = fact(run(job, gpt(), cluster), "time_compute_s");
    cluster.stragglers.jitter = {
        .kind = sim::JitterKind::exponential, .mean = 0.05, .each = sim::JitterPeriod::step};
    TrainOptions options;
    options.draw.steps = 400;
    const double jittered = fact(run(job, gpt(), cluster, options), "time_compute_s");
    double harmonic = 0.0;
    for (int i = 1; i <= nodes * 8; ++i) harmonic += 1.0 / i;
    EXPECT_NEAR((jittered / usual - 1.0) / (0.05 * harmonic), 1.0, 0.1) << nodes;
    EXPECT_GT(jittered / usual, before);
    before = jittered / usual;
  }
}

TEST(Jitter, OfPassesAveragesOutOverManyMicroBatchesAndThatOfStepsDoesNot) {
  sim::Cluster cluster = h100_cluster(8);
  const TrainJob job = job_of({.tensor = 8}, 8 * 64);
  const double usual = time_of(run(job, gpt(), cluster));
  cluster.stragglers.jitter = {.kind = sim::JitterKind::exponential, .mean = 0.05};
  const double passes = time_of(run(job, gpt(), cluster)) / usual - 1.0;
  cluster.stragglers.jitter.each = sim::JitterPeriod::step;
  const double steps = time_of(run(job, gpt(), cluster)) / usual - 1.0;
  EXPECT_GT(passes, 0.05);
  EXPECT_GT(steps, 1.4 * passes);
}

TEST(Jitter, ZeroThreeWaitsForTheSlowestInEveryPass) {
  sim::Cluster cluster = h100_cluster(8);
  cluster.stragglers.jitter = {.kind = sim::JitterKind::exponential, .mean = 0.05};
  TrainJob job = job_of({.tensor = 8}, 8 * 32);
  const auto loss = [&] {
    const double jittered = fact(run(job, gpt(), cluster), "time_compute_s");
    return jittered / fact(run(job, gpt(), h100_cluster(8)), "time_compute_s") - 1.0;
  };
  const double free = loss();
  job.strategy.zero = ZeroLevel::weights;
  EXPECT_GT(loss(), 1.2 * free);
}

TEST(Jitter, TheSameSeedGivesTheSameTimes) {
  sim::Cluster cluster = h100_cluster(2);
  cluster.stragglers.jitter = {.kind = sim::JitterKind::log_normal, .mean = 0.05};
  const TrainJob job = job_of({.tensor = 4, .pipeline = 2}, 32);
  TrainOptions options;
  const double first = time_of(run(job, gpt(), cluster, options));
  EXPECT_EQ(time_of(run(job, gpt(), cluster, options)), first);
  options.draw.seed = 2;
  EXPECT_NE(time_of(run(job, gpt(), cluster, options)), first);
}

// Folded lanes against every rank as tasks, for the first drawn step.
TEST(UnevenRanks, OnEveryRankTakeTheTimeOfTheirLanes) {
  std::vector<sim::Cluster> clusters(4, h100_cluster(8));
  clusters[0].stragglers.slow = {{.gpus = {9}, .slowdown = 1.4}, {.nodes = {5}, .slowdown = 1.2}};
  clusters[1].overrides = {{.first = 2, .last = 4, .gpu = half_gpu()}};
  clusters[2].stragglers.jitter = {.kind = sim::JitterKind::exponential, .mean = 0.1};
  clusters[3].stragglers.slow = {{.nodes = {1}, .nic_share = 0.25}};
  TrainOptions options;
  options.draw.steps = 1;
  for (const sim::Cluster& cluster : clusters) {
    for (const PipelineSchedule schedule : all_pipeline_schedules()) {
      for (const ZeroLevel zero : {ZeroLevel::none, ZeroLevel::optimizer, ZeroLevel::weights}) {
        TrainJob job = job_of({.tensor = 4, .pipeline = 4}, 32);
        job.strategy.schedule = schedule;
        if (schedule == PipelineSchedule::interleaved) job.strategy.virtual_stages = 2;
        job.strategy.zero = zero;
        const base::Outcome folded = run(job, gpt(), cluster, options);
        ASSERT_TRUE(folded.facts.contains("iteration_time_s")) << folded.reason;
        const base::Outcome every = run(job, gpt(), cluster, options, sim::make_analytic_engine);
        EXPECT_NEAR(time_of(every) / time_of(folded), 1.0, 1e-9)
            << to_text(schedule) << " zero " << static_cast<int>(zero);
        EXPECT_NEAR(parts_of(every) / time_of(every), 1.0, 1e-9);
        EXPECT_NEAR(parts_of(folded) / time_of(folded), 1.0, 1e-9);
      }
    }
  }
}

}  // namespace
}  // namespace windtunnel::strategies
