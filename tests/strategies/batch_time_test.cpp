// Batches of models without iterations as fused graphs, on data sheets alone.
#include "strategies/serve/step/batch_step_time.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/strategies/step_bench.hpp"

namespace windtunnel::strategies {
namespace {

using Bench = test::StepBench;

struct FusedBench : Bench {
  using Bench::Bench;
  StepTime batch(std::int64_t samples, std::int64_t length, models::NumberFormat precision) {
    job.strategy.precision = precision;
    const BatchPlanning planning = make_batch_plan(job, {model, network}, {cluster, kernels});
    return planning.plan->batches->time({samples, samples * length, length});
  }
};

TEST(BatchTime, EncoderDecodersAreRefusedAndNotServedInNoTime) {
  FusedBench bench("h100-sxm", "t5-large");
  const BatchPlanning planning =
      make_batch_plan(bench.job, {bench.model, bench.network}, {bench.cluster, bench.kernels});
  EXPECT_FALSE(planning.plan);
  EXPECT_NE(planning.infeasible.find("output of an encoder"), std::string::npos);
}

TEST(BatchTime, GrowsWithTheBatchAndSlowerThanIt) {
  for (const char* name : {"resnet50", "bert-large"}) {
    FusedBench bench("h100-sxm", name);
    const std::int64_t length = std::string(name) == "bert-large" ? 178 : 1;
    double last = 0;
    for (const std::int64_t n : {1, 2, 8, 32, 128}) {
      const double now = bench.batch(n, length, models::NumberFormat::int8).total.value();
      EXPECT_GT(now, last) << name << n;
      EXPECT_LE(now, static_cast<double>(n) *
                         bench.batch(1, length, models::NumberFormat::int8).total.value())
          << name << n;
      last = now;
    }
    EXPECT_LT(last, bench.batch(128, length, models::NumberFormat::fp16).total.value()) << name;
  }
}

// 4.1 G multiply-adds an image: no GPU is faster than its peak, and large batches keep a quarter.
TEST(BatchTime, OfResNetLiesBetweenThePeakAndAQuarterOfIt) {
  FusedBench bench("h100-sxm", "resnet50");
  const double seconds = bench.batch(256, 1, models::NumberFormat::int8).device.value() / 256;
  const double peak = 8.2e9 / bench.gpu.peak.at("int8").value();
  EXPECT_GT(seconds, peak);
  EXPECT_LT(seconds, 4 * peak);
}

// A batch of mixed lengths runs the attention of its longest; sorted ones their own.
TEST(BatchTime, OfMixedLengthsIsNoShorterThanOfSortedOnes) {
  FusedBench bench("l40s", "bert-large");
  bench.job.strategy.precision = models::NumberFormat::fp16;
  const auto seconds = [&](ServeMode mode, std::int64_t longest) {
    bench.job.workload.mode = mode;
    const BatchPlanning planning =
        make_batch_plan(bench.job, {bench.model, bench.network}, {bench.cluster, bench.kernels});
    return planning.plan->batches->time({64, 64 * 178, longest}).device.value();
  };
  EXPECT_DOUBLE_EQ(seconds(ServeMode::offline, 178), seconds(ServeMode::offline, 384));
  EXPECT_DOUBLE_EQ(seconds(ServeMode::offline, 178), seconds(ServeMode::online, 178));
  EXPECT_GE(seconds(ServeMode::online, 384), seconds(ServeMode::online, 178));
}

// Where its products fill the GPU a board of half the limit takes 2^0.6 times as long; one image,
// which does not, takes what it took.
TEST(BatchTime, FollowsTheBoardsPowerWhereProductsFillIt) {
  FusedBench full("l4", "bert-large");
  FusedBench half("l4", "bert-large");
  sim::Cluster cluster = *half.cluster;
  cluster.node.gpu.power *= 0.5;
  base::Diagnostics diagnostics;
  const auto weaker = validate(cluster, {"", 1, 1}, diagnostics);
  ASSERT_TRUE(weaker);
  const auto seconds = [&](const sim::ValidCluster& on, std::int64_t samples) {
    full.job.strategy.precision = models::NumberFormat::int8;
    const BatchPlanning planning =
        make_batch_plan(full.job, {full.model, full.network}, {on, full.kernels});
    return planning.plan->batches->time({samples, samples * 178, 178}).device.value();
  };
  EXPECT_NEAR(seconds(*weaker, 64) / seconds(full.cluster, 64), std::pow(2.0, 0.6), 0.01);
  EXPECT_LT(seconds(*weaker, 1) / seconds(full.cluster, 1), 1.5);
}

// A cube of a scan at a time: 54 of them take 54 times one.
TEST(BatchTime, OfASampleInPiecesIsThatOfItsPieces) {
  FusedBench bench("h100-sxm", "3d-unet");
  const double scan = bench.batch(1, 1, models::NumberFormat::int8).device.value();
  bench.network.evaluations = 1;
  const double cube = bench.batch(1, 1, models::NumberFormat::int8).device.value();
  EXPECT_NEAR(scan / cube, 54.0, 1e-9);
}

TEST(BatchTime, RecommendationRowsAreItsTokensAndTablesDoNotFitEverywhere) {
  FusedBench bench("h100-sxm", "dlrm-v2");
  const double few = bench.batch(10, 100, models::NumberFormat::fp16).device.value();
  const double many = bench.batch(10, 10'000, models::NumberFormat::fp16).device.value();
  EXPECT_GT(many, 20 * few);
  FusedBench small("l4", "dlrm-v2");
  small.job.strategy.precision = models::NumberFormat::fp16;
  const BatchPlanning planning =
      make_batch_plan(small.job, {small.model, small.network}, {small.cluster, small.kernels});
  EXPECT_NE(planning.infeasible.find("does not fit"), std::string::npos);
  small.job.strategy.pipeline = 2;
  EXPECT_FALSE(
      make_batch_plan(small.job, {small.model, small.network}, {small.cluster, small.kernels})
          .plan.has_value());
}

}  // namespace
}  // namespace windtunnel::strategies
