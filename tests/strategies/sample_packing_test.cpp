// Samples of different lengths: how they are packed, and what a step of them takes.
#include "strategies/train/sample_packing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "models/networks/counts.hpp"
#include "sim/base/random.hpp"
#include "strategies/train/batch_flops.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::FixedRates;
using test::h100_cluster;
using test::Subject;

TrainJob job_of(Packing packing, const Lengths& lengths) {
  TrainJob job;
  job.workload.sequence_length = 8192;
  job.workload.global_batch = 256;
  job.workload.lengths = lengths;
  job.workload.packing = packing;
  job.strategy.sizes.tensor = 8;
  job.strategy.micro_batch = 1;
  job.strategy.sequence_parallel = true;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

const Subject& llama() {
  static const Subject kSubject("llama3-8b");
  return kSubject;
}

base::Outcome run(const TrainJob& job, int nodes = 8) {
  return test::train(job, llama(), h100_cluster(nodes));
}
double fact(const base::Outcome& out, const std::string& name) {
  return out.facts.contains(name) ? out.facts.at(name) : NAN;
}

const Lengths kChat = LognormalLength{.median = 600, .sigma = 0.9};

TEST(PackRows, HoldEverySampleOnceAndNoRowTooMuch) {
  base::RandomStream random(7, "samples");
  for (int i = 0; i < 50; ++i) {
    std::vector<std::int64_t> samples;
    for (std::int64_t n = random.below(400); n >= 0; --n) samples.push_back(1 + random.below(4096));
    std::vector<std::int64_t> packed;
    for (const auto& row : pack_rows(samples, 4096)) {
      EXPECT_LE(std::accumulate(row.begin(), row.end(), std::int64_t{0}), 4096);
      EXPECT_FALSE(row.empty());
      packed.insert(packed.end(), row.begin(), row.end());
    }
    std::sort(packed.begin(), packed.end());
    std::sort(samples.begin(), samples.end());
    EXPECT_EQ(packed, samples);
  }
}

// First and best fit of falling lengths need at most 11/9 of the fewest rows and 6/9 of one more.
TEST(PackRows, NeedAtMostElevenNinthsOfTheFewestRows) {
  base::RandomStream random(8, "samples");
  for (int i = 0; i < 50; ++i) {
    std::vector<std::int64_t> samples(200);
    for (std::int64_t& one : samples) one = 1 + random.below(2000);
    const auto sum =
        static_cast<double>(std::accumulate(samples.begin(), samples.end(), std::int64_t{0}));
    const double rows = static_cast<double>(pack_rows(samples, 4096).size());
    EXPECT_LE(rows, 11.0 / 9.0 * std::ceil(sum / 4096) + 1.0);
  }
}

TEST(ShapeMix, SharesAddUpToOne) {
  const TrainPlanning planning = [] {
    const auto cluster = test::valid(h100_cluster(8));
    return make_train_plan(job_of(Packing::packed, kChat), llama().model, llama().network,
                           *cluster);
  }();
  ASSERT_TRUE(planning.plan.has_value()) << planning.infeasible;
  const LengthShapes shapes = length_shapes(*planning.plan);
  EXPECT_GT(shapes.shapes.size(), 5U);
  for (const models::BatchShape& shape : shapes.shapes) {
    EXPECT_EQ(shape.sequences * shape.query_tokens, 8192);
  }
  for (std::int64_t step = 0; step < 3; ++step) {
    const StepRows rows = draw_rows(*planning.plan, shapes, 1, step);
    EXPECT_EQ(rows.mixes.size(), 256U);
    for (const ShapeMix& mix : rows.mixes) {
      EXPECT_NEAR(std::accumulate(mix.begin(), mix.end(), 0.0), 1.0, 1e-12);
    }
    EXPECT_LE(rows.real_tokens, rows.computed_tokens);
  }
}

// A packed row of samples of one length costs what that many sequences of the length cost.
TEST(Packing, OfSamplesOfOneLengthIsABatchOfThem) {
  for (const std::int64_t length : {1024, 2048, 8192}) {
    const base::Outcome packed = run(job_of(Packing::packed, ConstantLength{length}));
    TrainJob same = job_of(Packing::padded, ConstantLength{length});
    same.workload.lengths.reset();
    same.workload.sequence_length = length;
    same.workload.global_batch = 256 * 8192 / length;
    same.strategy.micro_batch = 8192 / length;
    const base::Outcome batch = run(same);
    EXPECT_NEAR(fact(packed, "iteration_time_s") / fact(batch, "iteration_time_s"), 1.0, 1e-9);
    EXPECT_NEAR(fact(packed, "tokens_per_s") / fact(batch, "tokens_per_s"), 1.0, 1e-9);
    EXPECT_NEAR(fact(packed, "mfu") / fact(batch, "mfu"), 1.0, 1e-6);
    EXPECT_NEAR(fact(packed, "filled_fraction"), 1.0, 1e-12);
  }
}

// Attention is the only part that a row's samples change, and it follows the sum of their squares.
TEST(Packing, AttentionFollowsTheSumOfTheSquaresOfLengths) {
  const auto time_of = [](std::int64_t length) {
    return fact(run(job_of(Packing::packed, ConstantLength{length}), 1), "time_compute_s");
  };
  // Rows of n samples: squares add up to 1/n of one sample's; 1536 lies between two shapes.
  const double one = time_of(8192), half = time_of(4096), quarter = time_of(2048);
  EXPECT_NEAR((one - half) / (half - quarter), 2.0, 0.01);
  const TrainJob mixed = job_of(
      Packing::packed, EmpiricalLength{{{4096, 1.0}, {2048, 2.0}}});  // half the tokens of each
  EXPECT_NEAR(fact(run(mixed, 1), "time_compute_s") / (0.5 * (half + quarter)), 1.0, 0.005);
}

TEST(Packing, PackedBeatsBucketedBeatsLongestBeatsPadded) {
  double before = 0.0;
  for (const Packing packing :
       {Packing::padded, Packing::longest, Packing::bucketed, Packing::packed}) {
    TrainJob job = job_of(packing, kChat);
    job.strategy.micro_batch = packing == Packing::packed ? 1 : 8;
    job.workload.global_batch = packing == Packing::packed ? 64 : 1024;
    const base::Outcome out = run(job);
    ASSERT_TRUE(out.facts.contains("tokens_per_s")) << out.reason;
    EXPECT_GT(fact(out, "tokens_per_s"), before) << static_cast<int>(packing);
    EXPECT_LE(fact(out, "filled_fraction"), 1.0);
    EXPECT_GE(fact(out, "wasted_flops_fraction"), 0.0);
    before = fact(out, "tokens_per_s");
  }
}

TEST(Packing, PaddedTakesTheTimeOfFullRowsAndCountsRealTokens) {
  const TrainJob padded = job_of(Packing::padded, kChat);
  TrainJob full = padded;
  full.workload.lengths.reset();
  const base::Outcome a = run(padded), b = run(full);
  EXPECT_DOUBLE_EQ(fact(a, "iteration_time_s"), fact(b, "iteration_time_s"));
  // Mean of a log-normal, those beyond 8192 (0.2 %) cut.
  const double mean = 600 * std::exp(0.9 * 0.9 / 2);
  EXPECT_NEAR(fact(a, "tokens_per_s") / fact(b, "tokens_per_s") / (mean / 8192), 1.0, 0.04);
  EXPECT_NEAR(fact(a, "filled_fraction") / (mean / 8192), 1.0, 0.04);
  EXPECT_GT(fact(a, "wasted_flops_fraction"), 1.0 - fact(a, "filled_fraction"));
}

TEST(Packing, MoreReplicasWaitLongerForTheSlowest) {
  double before = -1.0;
  for (const int nodes : {1, 4, 16}) {
    TrainJob job = job_of(Packing::longest, kChat);
    job.workload.global_batch = 16 * nodes;
    job.strategy.micro_batch = 4;
    const double imbalance = fact(run(job, nodes), "imbalance_fraction");
    EXPECT_GT(imbalance, before) << nodes;
    before = imbalance;
  }
  EXPECT_GT(before, 0.05);
}

TEST(Packing, BucketsGiveReplicasAlikeWork) {
  TrainJob job = job_of(Packing::longest, kChat);
  job.strategy.micro_batch = 4;
  job.workload.lengths = UniformLength{.min = 64, .max = 4096};  // no outliers
  const double longest = fact(run(job), "imbalance_fraction");
  job.workload.packing = Packing::bucketed;
  EXPECT_LT(fact(run(job), "imbalance_fraction"), 0.5 * longest);
}

TEST(Packing, AMaskedKernelComputesTheWholeSquare) {
  TrainJob job = job_of(Packing::packed, kChat);
  job.strategy.attention = AttentionChoice::unfused;
  TrainJob full = job;
  full.workload.lengths.reset();
  full.workload.packing = Packing::padded;
  EXPECT_NEAR(fact(run(job), "iteration_time_s") / fact(run(full), "iteration_time_s"), 1.0, 1e-9);
}

TEST(Packing, EveryRankTakesTheTimeOfTheirLanes) {
  for (const Packing packing : {Packing::longest, Packing::bucketed, Packing::packed}) {
    for (const ZeroLevel zero : {ZeroLevel::none, ZeroLevel::weights}) {
      TrainJob job = job_of(packing, kChat);
      job.strategy.sizes.pipeline = 2;
      job.strategy.zero = zero;
      const auto cluster = test::valid(h100_cluster(8));
      const sim::Network network(cluster);
      const FixedRates kernels(600e12, 2.5e12);
      TrainOptions options;
      options.draw.steps = 1;
      const TrainSite site{.cluster = cluster, .kernels = kernels};
      const base::Outcome folded = run_train(job, {llama().model, llama().network}, site, options);
      options.every_rank.emplace(network, sim::make_analytic_engine);
      const base::Outcome every = run_train(job, {llama().model, llama().network}, site, options);
      EXPECT_NEAR(fact(every, "iteration_time_s") / fact(folded, "iteration_time_s"), 1.0, 1e-9);
    }
  }
}

TEST(BatchFlops, OfWholeRowsAreTheModels) {
  const BatchFlops flops(llama().network, 8192);
  for (const std::int64_t length : {512, 3000, 8192}) {
    const auto l = static_cast<double>(length);
    EXPECT_NEAR(flops.of(l, l * l) / models::model_flops_per_sample(llama().network, length), 1.0,
                1e-9);
  }
}

}  // namespace
}  // namespace windtunnel::strategies
