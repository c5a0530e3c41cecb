// What data parallelism sends, when, and what it does to the computation beside it.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "models/gpu_library.hpp"
#include "models/kernels/roofline_model.hpp"
#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "strategies/train/gradient_bucket.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::FixedRates;
using test::h100_cluster;
using test::Subject;

double fact(const base::Outcome& out, const std::string& name) {
  const auto found = out.facts.find(name);
  EXPECT_NE(found, out.facts.end()) << name << ": " << out.reason;
  return found == out.facts.end() ? 0.0 : found->second;
}

TrainJob job_of(ZeroLevel zero, std::int64_t batch) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = batch;
  job.strategy.zero = zero;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

// --- buckets -------------------------------------------------------------------------------------

TEST(GradientBuckets, BelongToTheSoftwareAndAStatedOneOverrides) {
  const auto size = [](const char* stack, double ranks) {
    return bucket_size(stack_by_name(stack)->bucket, {.ranks = ranks, .each = 4.0}).value();
  };
  EXPECT_EQ(size("megatron-core", 8), 160e6);      // at least 40e6 elements
  EXPECT_EQ(size("megatron-core", 512), 2.048e9);  // a million a rank
  EXPECT_EQ(size("megatron-lm-2020", 512), 25.0 * 1048576.0);
  EXPECT_EQ(size("megatron-deepspeed", 8), 2e9);
  EXPECT_TRUE(std::isinf(size("megatron-lm-2021", 8)));
  const Subject gpt("gpt3-1.3b");
  TrainJob job = job_of(ZeroLevel::optimizer, 256);
  // The table of the embedding (50,257 words, 2,048 positions) is one tensor, larger than the bucket.
  EXPECT_EQ(fact(test::train(job, gpt, h100_cluster(8)), "gradient_message_bytes"),
            4.0 * 2048 * (50257 + 2048));
  job.strategy.bucket = base::Bytes(1e9);
  EXPECT_NEAR(fact(test::train(job, gpt, h100_cluster(8)), "gradient_message_bytes"), 0.9e9, 0.1e9);
}

TEST(GradientBuckets, OfTheSoftwareKeepDataParallelismOfAThousandGpusWorthwhile) {
  const Subject gpt("gpt3-6.7b");
  const auto share = [&](double bucket) {
    TrainJob job = job_of(ZeroLevel::optimizer, 4096);
    job.strategy.bucket = base::Bytes(bucket);
    const base::Outcome out = test::train(job, gpt, h100_cluster(128));
    return fact(out, "time_data_comm_s") / fact(out, "iteration_time_s");
  };
  EXPECT_LT(share(0), 0.2);
  EXPECT_GT(share(1e6), 3.0 * share(0));  // latency of a ring of a thousand, 26 thousand times
}

TEST(GradientBuckets, TheEmbeddingsGradientComesLastAndIsExposed) {
  // Tables of 160k words and of 1k words: the larger one's reduction follows the last pass.
  models::Model model = *models::model_by_name("gpt3-1.3b");
  const auto exposed = [&](std::int64_t words) {
    std::get<models::Transformer>(model.architecture).vocab = words;
    const models::Network network = models::build_network(model);
    const auto checked = test::valid(h100_cluster(8));
    const FixedRates kernels(600e12, 2.5e12);
    const base::Outcome out =
        run_train(job_of(ZeroLevel::none, 256), {model, network}, {checked, kernels, nullptr});
    return fact(out, "time_data_comm_s");
  };
  // 2 (n - 1)/n S over the node's share of 8 NICs a GPU in rings through the node: at least S / 8 a NIC.
  const double table = 4.0 * 2048 * 160000;
  EXPECT_GT(exposed(160000), exposed(1024) + table / 8 / 50e9);
}

// --- without overlap -----------------------------------------------------------------------------

TEST(DataOverlap, OffExposesAllTrafficOfEveryZeroLevelOnBothEngines) {
  const Subject gpt("gpt3-1.3b");
  const auto checked = test::valid(h100_cluster(2));
  const FixedRates kernels(600e12, 2.5e12);
  const auto times = [&](const TrainJob& job, const TrainOptions& options) {
    const base::Outcome out =
        run_train(job, {gpt.model, gpt.network}, {checked, kernels, nullptr}, options);
    return std::pair(fact(out, "iteration_time_s"), fact(out, "time_data_comm_s"));
  };
  for (const ZeroLevel zero :
       {ZeroLevel::none, ZeroLevel::optimizer, ZeroLevel::gradients, ZeroLevel::weights}) {
    TrainJob job = job_of(zero, 64);
    const auto [beside, hidden] = times(job, {});
    job.strategy.overlap.data = false;
    const auto [after, shown] = times(job, {});
    EXPECT_GT(after, beside) << static_cast<int>(zero);
    EXPECT_GT(shown, 1.5 * hidden) << static_cast<int>(zero);
    // But for kernels that the host issues while shards are waited for.
    EXPECT_NEAR(after - beside, shown - hidden, 0.05 * beside) << static_cast<int>(zero);
    const sim::Network network(checked);
    TrainOptions every;
    every.every_rank.emplace(network, sim::make_analytic_engine);
    EXPECT_NEAR(times(job, every).first, after, 1e-6 * after) << static_cast<int>(zero);
  }
}

// --- interference --------------------------------------------------------------------------------

class Slowed : public FixedRates {
 public:
  Slowed() : FixedRates(600e12, 2.5e12) {}
  double slowdown(const models::InterferenceQuery&) const override { return 1.25; }
};

TEST(DataOverlap, WhatIsHiddenSlowsTheComputationByOneRuleAtEveryZeroLevel) {
  const Subject gpt("gpt3-1.3b");
  const auto checked = test::valid(h100_cluster(8));
  const FixedRates plain(600e12, 2.5e12);
  const Slowed slowed;
  const auto compute = [&](const TrainJob& job, const models::KernelTimeModel& kernels) {
    return fact(run_train(job, {gpt.model, gpt.network}, {checked, kernels, nullptr}),
                "time_compute_s");
  };
  double last = 0.0;
  for (const ZeroLevel zero : {ZeroLevel::optimizer, ZeroLevel::weights}) {
    TrainJob job = job_of(zero, 256);
    const double lost = compute(job, slowed) - compute(job, plain);
    EXPECT_GT(lost, last) << "weights are gathered twice with zero 3, once with zero 1";
    last = lost;
    job.strategy.overlap.data = false;
    EXPECT_NEAR(compute(job, slowed), compute(job, plain), 1e-9);
  }
}

// --- the fabric's links --------------------------------------------------------------------------

TEST(FabricLinks, SlowerThanTheNicsSlowEveryEngineAlike) {
  const Subject gpt("gpt3-1.3b");
  double last = 0.0;
  for (const double rate : {50e9, 5e9, 0.5e9, 0.125e9}) {
    sim::Cluster shape = h100_cluster(2);
    shape.fabric.bandwidth = base::BytesPerSecond(rate);
    const TrainJob job = job_of(ZeroLevel::gradients, 64);
    const double folded = fact(test::train(job, gpt, shape), "iteration_time_s");
    EXPECT_GE(folded, last) << rate;
    const std::string text = sim::run_isolated([&] {
      const auto checked = test::valid(shape);
      const sim::Network network(checked);
      const FixedRates kernels(600e12, 2.5e12);
      TrainOptions options;
      options.every_rank.emplace(network, sim::make_simgrid_engine);
      return std::to_string(
          fact(run_train(job, {gpt.model, gpt.network}, {checked, kernels, nullptr}, options),
               "iteration_time_s"));
    });
    EXPECT_NEAR(std::stod(text) / folded, 1.0, 0.03) << rate;
    last = folded;
  }
  EXPECT_GT(last, 1.0);
}

TEST(FabricLinks, SlowerThanTheNicsSlowSendsBetweenStages) {
  const Subject gpt("gpt3-1.3b");
  TrainJob job = job_of(ZeroLevel::none, 32);
  job.strategy.sizes = {.tensor = 8, .pipeline = 2};
  sim::Cluster shape = h100_cluster(2);
  const double fast = fact(test::train(job, gpt, shape), "time_pipeline_comm_s");
  shape.fabric.bandwidth = base::BytesPerSecond(0.05e9);
  EXPECT_GT(fact(test::train(job, gpt, shape), "time_pipeline_comm_s"), 10.0 * fast);
}

// --- bands ---------------------------------------------------------------------------------------

TEST(TrainBands, OfAGpuWithoutMeasuredRelativesAreNoNarrowerThanItsProducts) {
  const Subject gpt("gpt3-1.3b");
  for (const char* name : {"mi300x", "v100-sxm-32gb"}) {
    const auto gpu = models::gpu_named(name);
    ASSERT_TRUE(gpu) << name;
    sim::Cluster shape = h100_cluster(1);
    shape.node.gpu = *gpu;
    const auto checked = test::valid(shape);
    const models::RooflineModel kernels(*gpu);
    TrainJob job = job_of(ZeroLevel::optimizer, 64);
    job.workload.precision = models::NumberFormat::fp16;
    const base::Outcome out = run_train(job, {gpt.model, gpt.network}, {checked, kernels, nullptr});
    const double time = fact(out, "iteration_time_s");
    const base::Band& band = out.bands.at("iteration_time_s");
    // Products are at least two thirds of it, their band is exp(0.3).
    EXPECT_GT(band.high / time, 1.0 + 0.35 * 2 / 3) << name;
    EXPECT_LT(band.low / time, 1.0 - 0.26 * 2 / 3) << name;
  }
}

// --- host memory ---------------------------------------------------------------------------------

TEST(HostMemory, OffloadThatANodeHasNoRoomForIsRefusedWithNumbers) {
  const Subject gpt("gpt3-6.7b");
  TrainJob job = job_of(ZeroLevel::optimizer, 16);
  job.strategy.offload_optimizer = OffloadTarget::host;
  const base::Outcome fits = test::train(job, gpt, h100_cluster(2));
  // Master copy, two moments and a gradient in fp32, half of them on either node.
  EXPECT_NEAR(fact(fits, "host_memory_bytes") / (16.0 * fact(fits, "parameters") / 2), 1.0, 1e-6);
  EXPECT_EQ(fact(fits, "host_memory_capacity_bytes"), 8 * 256.0 * 1073741824.0);
  job.strategy.host_memory = base::Bytes(0.9 * fact(fits, "host_memory_bytes"));
  const base::Outcome full = test::train(job, gpt, h100_cluster(2));
  EXPECT_EQ(full.status, base::Status::infeasible);
  EXPECT_NE(full.reason.find("host memory"), std::string::npos) << full.reason;
  job.strategy.offload_optimizer = OffloadTarget::nvme;
  EXPECT_FALSE(test::train(job, gpt, h100_cluster(2)).facts.contains("host_memory_bytes"));
}

TEST(HostMemory, GrowsWithTheOffloadedLayersAndTheMicroBatchesInFlight) {
  const Subject gpt("gpt3-6.7b");
  TrainJob job = job_of(ZeroLevel::optimizer, 64);
  job.strategy.recompute = models::Recompute::none;
  job.strategy.sizes = {.pipeline = 2};
  job.strategy.offload_activations = OffloadTarget::host;
  const auto bytes = [&] {
    return fact(test::train(job, gpt, h100_cluster(2)), "host_memory_bytes");
  };
  const double all = bytes();
  job.strategy.offload_layers = 4;  // of 16 of a stage
  EXPECT_NEAR(bytes() / all, 0.25, 1e-6);
  job.strategy.schedule = PipelineSchedule::gpipe;  // all 8 micro-batches at once, for 2 of 1F1B
  EXPECT_NEAR(bytes() / all, 1.0, 1e-6);
}

// --- useful tokens -------------------------------------------------------------------------------

TEST(UsefulTokens, FilledRowsAndPaddedSamplesOfOneLengthHaveOneMfu) {
  const Subject gpt("gpt3-1.3b");
  TrainJob filled = job_of(ZeroLevel::optimizer, 64);
  filled.workload.filled = 0.25;
  TrainJob drawn = job_of(ZeroLevel::optimizer, 64);
  drawn.workload.lengths = ConstantLength{512};
  const base::Outcome one = test::train(filled, gpt, h100_cluster(2));
  const base::Outcome other = test::train(drawn, gpt, h100_cluster(2));
  EXPECT_NEAR(fact(one, "mfu") / fact(other, "mfu"), 1.0, 1e-6);
  EXPECT_NEAR(fact(one, "tokens_per_s") / fact(other, "tokens_per_s"), 1.0, 1e-6);
}

}  // namespace
}  // namespace windtunnel::strategies
