// Batches of models without iterations as fused graphs, on data sheets alone.
#include "strategies/serve/step/batch_step_time.hpp"

#include <gtest/gtest.h>

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
