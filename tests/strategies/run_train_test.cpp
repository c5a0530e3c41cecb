// Laws of a training iteration: parts add up, bubbles, memory, monotony, infeasible jobs.
#include "strategies/train/run_train.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::h100_cluster;
using test::Subject;
using test::train;

double parts_of(const base::Outcome& out) {
  double sum = 0.0;
  for (const auto& [name, value] : out.facts) {
    if (name.starts_with("time_") && name.ends_with("_s")) sum += value;
  }
  return sum;
}

TrainJob gpt_job(std::int64_t tensor, std::int64_t pipeline, std::int64_t batch) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = batch;
  job.strategy.sizes.tensor = tensor;
  job.strategy.sizes.pipeline = pipeline;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

TEST(RunTrain, PartsAddUpToTheIteration) {
  const Subject gpt("gpt3-13b");
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    for (const ZeroLevel zero : {ZeroLevel::none, ZeroLevel::optimizer, ZeroLevel::weights}) {
      TrainJob job = gpt_job(2, 4, 128);
      job.strategy.schedule = schedule;
      job.strategy.zero = zero;
      const base::Outcome out = train(job, gpt, h100_cluster(4));
      ASSERT_FALSE(out.facts.empty()) << out.reason;
      EXPECT_NEAR(parts_of(out) / out.facts.at("iteration_time_s"), 1.0, 1e-9) << to_text(schedule);
      for (const auto& [name, value] : out.facts) {
        EXPECT_GE(value, 0.0) << name << " " << to_text(schedule);
      }
      EXPECT_LE(out.bands.at("iteration_time_s").low, out.facts.at("iteration_time_s"));
      EXPECT_GE(out.bands.at("iteration_time_s").high, out.facts.at("iteration_time_s"));
    }
  }
}

// A network of equal layers: the head and the embedding make stages unequal, so the bubble is near
// (p - 1) / m, not at it.
TEST(RunTrain, BubbleIsNearStagesLessOneOverMicroBatches) {
  const Subject gpt("gpt3-175b");
  TrainJob job = gpt_job(8, 8, 64);
  job.strategy.overlap.pipeline = true;
  const base::Outcome out = train(job, gpt, h100_cluster(8));
  EXPECT_NEAR(out.facts.at("bubble_fraction"), 7.0 / 64, 0.02);
  EXPECT_NEAR(out.facts.at("all_stages_bubble_fraction"), 7.0 / 64, 0.02);
}

// One stage has the head of a large vocabulary: what is told of one stage depends on which is done
// last, what is told of all falls with the time of the iteration.
TEST(RunTrain, IdleTimeOfAllStagesOrdersSchedulesAsTheirTimesDo) {
  const Subject llama("llama3-8b");
  std::vector<std::pair<double, double>> seen;
  for (const PipelineSchedule schedule :
       {PipelineSchedule::one_f_one_b, PipelineSchedule::zb_h1, PipelineSchedule::zb_v}) {
    TrainJob job = gpt_job(1, 8, 64);
    job.strategy.schedule = schedule;
    const base::Outcome out = train(job, llama, h100_cluster(4));
    seen.emplace_back(out.facts.at("iteration_time_s"), out.facts.at("all_stages_bubble_fraction"));
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_LT(seen[0].second, seen[1].second + 0.02);
  EXPECT_LT(seen[1].second, seen[2].second + 0.02);
}

TEST(RunTrain, FasterLinksAndKernelsNeverMakeItSlower) {
  const Subject gpt("gpt3-13b");
  const TrainJob job = gpt_job(4, 2, 64);
  sim::Cluster cluster = h100_cluster(4);
  const double before = train(job, gpt, cluster).facts.at("iteration_time_s");
  cluster.node.nics.bandwidth = base::BytesPerSecond(100e9);
  const double nics = train(job, gpt, cluster).facts.at("iteration_time_s");
  EXPECT_LE(nics, before);
  cluster.node.scale_up.bandwidth = base::BytesPerSecond(900e9);
  const double links = train(job, gpt, cluster).facts.at("iteration_time_s");
  EXPECT_LT(links, nics);
  const auto checked = test::valid(cluster);
  double last = 1e9;
  for (const double rate : {300e12, 600e12, 900e12}) {
    const test::FixedRates kernels(rate, 2.5e12);
    const double time = run_train(job, {gpt.model, gpt.network}, {checked, kernels, nullptr})
                            .facts.at("iteration_time_s");
    EXPECT_LT(time, last);
    last = time;
  }
}

// Korthikanti et al. 2022: full recomputation runs the forward pass once more, a third of the model's
// FLOPs but for embedding and head.
TEST(RunTrain, HardwareFlopsAreModelFlopsAndWhatIsComputedAgain) {
  const Subject gpt("gpt3-175b");
  TrainJob job = gpt_job(8, 8, 64);
  const auto full = train(job, gpt, h100_cluster(8)).facts;
  job.strategy.recompute = models::Recompute::none;
  const auto none = train(job, gpt, h100_cluster(8)).facts;
  // Of the model FLOPs of a layer, attention is s / (6 h + s). Under a causal mask it runs half of its
  // 1 forward and 2.5 (not 2) backward parts.
  const double attention = 2048.0 / (6.0 * 12288.0 + 2048.0);
  const double run = 1.0 - attention + attention * 0.5 * 3.5 / 3.0;
  EXPECT_NEAR(none.at("hfu") / none.at("mfu"), run, 0.003);
  EXPECT_NEAR(full.at("hfu") / full.at("mfu"), run + (1.0 - attention / 2) / 3.0, 0.01);
}

// Kernels at the peak and free memory: the most that hardware can do. At long sequences nearly all
// of it is causal attention, which model FLOPs count twice.
TEST(RunTrain, HardwareFlopsNeverExceedThePeakHoweverLongTheSequence) {
  const Subject llama("llama3-8b");
  const auto cluster = test::valid(h100_cluster(8));
  const test::FixedRates kernels(989e12, 1e18);
  double mfu = 0;
  for (std::int64_t length = 2048; length <= (std::int64_t{1} << 24); length *= 8) {
    TrainJob job;
    job.workload.sequence_length = length;
    job.workload.global_batch = 8;
    job.strategy.sizes = {.tensor = 8};
    job.strategy.sequence_parallel = true;
    for (const auto recompute : {models::Recompute::none, models::Recompute::full}) {
      job.strategy.recompute = recompute;
      const auto facts =
          run_train(job, {llama.model, llama.network}, {cluster, kernels, nullptr}).facts;
      EXPECT_LE(facts.at("hfu"), 1.0 + 1e-9) << length;
      if (recompute == models::Recompute::none) mfu = facts.at("mfu");
      // The power limit leaves attention 0.6 of the peak.
      const bool is_long = length >= (std::int64_t{1} << 20);
      EXPECT_GT(facts.at("hfu"), is_long ? 0.55 : 0.05) << length;
    }
  }
  EXPECT_GT(mfu, 1.0);  // by its convention
}

// Rajbhandari et al. 2020, figure 1: 2 + 2 + 12 bytes a parameter over 64 ranks, 7.5 B parameters.
TEST(RunTrain, ZeroShardsWhatItsLevelSays) {
  const Subject gpt("megatron-7.5b");
  TrainJob job = gpt_job(1, 1, 64);
  job.strategy.gradient_precision = models::NumberFormat::fp16;
  job.workload.precision = models::NumberFormat::fp16;
  const auto facts = [&](ZeroLevel zero) {
    job.strategy.zero = zero;
    return train(job, gpt, h100_cluster(8)).facts;
  };
  const auto none = facts(ZeroLevel::none), one = facts(ZeroLevel::optimizer),
             two = facts(ZeroLevel::gradients), three = facts(ZeroLevel::weights);
  const double parameters = none.at("parameters");
  EXPECT_NEAR(none.at("memory_weights_bytes"), 2 * parameters, 1e-6 * parameters);
  EXPECT_NEAR(none.at("memory_gradients_bytes"), 2 * parameters, 1e-6 * parameters);
  EXPECT_NEAR(none.at("memory_optimizer_bytes"), 12 * parameters, 1e-6 * parameters);
  EXPECT_NEAR(one.at("memory_optimizer_bytes"), 12 * parameters / 64, 1e-6 * parameters);
  EXPECT_NEAR(one.at("memory_gradients_bytes"), 2 * parameters, 1e-6 * parameters);
  EXPECT_NEAR(two.at("memory_gradients_bytes"), 2 * parameters / 64, 1e-6 * parameters);
  EXPECT_NEAR(three.at("memory_weights_bytes"), 2 * parameters / 64, 1e-6 * parameters);
}

TEST(RunTrain, OutOfMemoryIsInfeasibleWithAllFacts) {
  const Subject gpt("gpt3-175b");
  const base::Outcome out = train(gpt_job(8, 1, 8), gpt, h100_cluster(1));
  EXPECT_EQ(out.status, base::Status::infeasible);
  EXPECT_EQ(out.facts.at("fits"), 0.0);
  EXPECT_GT(out.facts.at("iteration_time_s"), 0.0);
  EXPECT_NE(out.reason.find("usable"), std::string::npos) << out.reason;
}

TEST(RunTrain, WhatCannotBeLaidOutSaysWhyInOneSentence) {
  const Subject gpt("gpt3-175b");
  TrainJob heads = gpt_job(5, 1, 64);
  TrainJob layers = gpt_job(1, 64, 64);
  layers.strategy.virtual_stages = 2;
  layers.strategy.schedule = PipelineSchedule::interleaved;
  TrainJob batch = gpt_job(8, 1, 100);
  batch.strategy.micro_batch = 3;
  struct Case {
    TrainJob job;
    const char* says;
  };
  for (const Case& one : {Case{heads, "tensor 5"}, Case{layers, "128 pipeline chunks"},
                          Case{batch, "global_batch of 100"}}) {
    const base::Outcome out = train(one.job, gpt, h100_cluster(8));
    EXPECT_EQ(out.status, base::Status::infeasible);
    EXPECT_TRUE(out.facts.empty());
    EXPECT_NE(out.reason.find(one.says), std::string::npos) << out.reason;
  }
}

TEST(RunTrain, WhatIsNotBuiltOrTooMuchSaysSoAndTakesNoMemory) {
  const Subject gpt("gpt3-125m");
  TrainJob endless = gpt_job(1, 8, 2'000'000'000);
  const base::Outcome passes = train(endless, gpt, h100_cluster(1));
  EXPECT_EQ(passes.status, base::Status::infeasible);
  EXPECT_NE(passes.reason.find("2000000000 micro-batches"), std::string::npos) << passes.reason;
}

TEST(RunTrain, EveryNetworkOfTheLibraryTrains) {
  for (const std::string& name : models::model_names()) {
    const Subject subject(name);
    TrainJob job;
    job.workload.global_batch = 8;
    job.strategy.recompute = models::Recompute::full;
    const bool unsaid = subject.network.sample == models::SampleKind::sequence &&
                        subject.network.max_positions == 0;
    if (unsaid) {
      EXPECT_NE(train(job, subject, h100_cluster(1)).reason.find("sequence_length is due"),
                std::string::npos);
      job.workload.sequence_length = 35;
    }
    const base::Outcome out = train(job, subject, h100_cluster(1));
    ASSERT_FALSE(out.facts.empty()) << name << ": " << out.reason;
    for (const auto& [fact, value] : out.facts) {
      const bool may_be_short = fact == "memory_headroom_bytes";
      EXPECT_TRUE(std::isfinite(value) && (value >= 0.0 || may_be_short))
          << name << " " << fact << " " << value;
    }
    EXPECT_NEAR(parts_of(out) / out.facts.at("iteration_time_s"), 1.0, 1e-9) << name;
  }
}

TEST(RunTrain, EveryFactAndLabelIsDescribed) {
  const Subject gpt("gpt3-13b");
  const base::Outcome out = train(gpt_job(2, 2, 64), gpt, h100_cluster(4));
  const auto& info = train_fact_info();
  for (const auto& [name, value] : out.facts) EXPECT_TRUE(info.contains(name)) << name;
  for (const auto& [name, value] : out.labels) EXPECT_TRUE(info.contains(name)) << name;
}

// Llama-3.1-405B on 16,384 GPUs.
TEST(RunTrain, TakesWellUnderASecondOnSixteenThousandGpus) {
  const Subject llama("llama3.1-405b");
  TrainJob job;
  job.workload.sequence_length = 8192;
  job.workload.global_batch = 2048;
  job.strategy.sizes = {.tensor = 8, .data = 128, .pipeline = 16};
  job.strategy.zero = ZeroLevel::optimizer;
  job.strategy.sequence_parallel = true;
  const auto start = std::chrono::steady_clock::now();
  const base::Outcome out = train(job, llama, h100_cluster(2048));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(out.facts.contains("mfu")) << out.reason;
  EXPECT_GT(out.facts.at("mfu"), 0.2);
  EXPECT_LT(out.facts.at("mfu"), 0.61);
  EXPECT_LT(seconds, 1.0);
}

}  // namespace
}  // namespace windtunnel::strategies
