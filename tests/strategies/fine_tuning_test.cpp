// Laws of fine-tuning: what is frozen has no gradients, states or products for
// them.
#include "models/networks/fine_tuning.hpp"

#include <gtest/gtest.h>

#include <string>

#include "models/networks/counts.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using models::AdapterTarget;
using models::FineTuningMethod;
using test::h100_cluster;
using test::Subject;
using test::train;

const std::vector<AdapterTarget> kAll{
    AdapterTarget::query, AdapterTarget::key, AdapterTarget::value, AdapterTarget::output,
    AdapterTarget::gate,  AdapterTarget::up,  AdapterTarget::down};

TrainJob job_of(std::int64_t tensor) {
  TrainJob job;
  job.workload.sequence_length = 4096;
  job.workload.global_batch = 16;
  job.strategy.sizes.tensor = tensor;
  return job;
}

TrainJob lora_job(std::int64_t tensor) {
  TrainJob job = job_of(tensor);
  job.workload.fine_tuning = {.method = FineTuningMethod::lora, .rank = 16, .targets = kAll};
  return job;
}

// Hu et al. 2021: r x (inputs + outputs) for each matrix; Llama-3 8B: 4096
// wide, keys and values 1024, MLP 14336, 32 layers.
TEST(FineTuning, AdaptersHaveRankTimesInputsAndOutputsParameters) {
  const Subject llama("llama3-8b");
  const double layer = (4096 + 4096) * 2 + (4096 + 1024) * 2 + (4096 + 14336) * 3;
  const base::Outcome out = train(lora_job(1), llama, h100_cluster(1));
  ASSERT_FALSE(out.facts.empty()) << out.reason;
  EXPECT_DOUBLE_EQ(out.facts.at("trainable_parameters"), 16 * 32 * layer);
  EXPECT_DOUBLE_EQ(out.facts.at("parameters"), out.facts.at("trainable_parameters") + 8030261248.0);
}

TEST(FineTuning, EverythingIsTrainedWhereNothingIsSaid) {
  const Subject llama("llama3-8b");
  const base::Outcome out = train(job_of(1), llama, h100_cluster(1));
  EXPECT_EQ(out.facts.at("trainable_parameters"), out.facts.at("parameters"));
}

TEST(FineTuning, AdaptersNeedLessOfEveryKindOfMemoryButWeights) {
  const Subject llama("llama3-8b");
  for (const std::int64_t tensor : {1, 4}) {
    const base::Outcome full = train(job_of(tensor), llama, h100_cluster(1));
    const base::Outcome lora = train(lora_job(tensor), llama, h100_cluster(1));
    const auto of = [](const base::Outcome& out, const char* part) {
      return out.facts.at(std::string("memory_") + part + "_bytes");
    };
    EXPECT_LT(of(lora, "gradients"), 0.02 * of(full, "gradients"));
    EXPECT_LT(of(lora, "optimizer"), 0.02 * of(full, "optimizer"));
    EXPECT_GT(of(lora, "weights"), of(full, "weights"));
    EXPECT_LT(of(lora, "weights"), 1.02 * of(full, "weights"));
    EXPECT_LE(lora.facts.at("time_data_comm_s"), full.facts.at("time_data_comm_s"));
    EXPECT_LT(lora.facts.at("time_optimizer_s"), 0.05 * full.facts.at("time_optimizer_s"));
  }
}

// A frozen matrix has two of three products; attention all.
TEST(FineTuning, ModelFlopsLeaveOutGradientsOfFrozenMatrices) {
  const Subject llama("llama3-8b");
  models::FineTuning tuning{.method = FineTuningMethod::lora, .rank = 1, .targets = kAll};
  const models::Network tuned = models::fine_tuned(llama.network, tuning);
  const double all = models::model_flops_per_sample(llama.network, 512).value();
  const double part = models::model_flops_per_sample(tuned, 512).value();
  EXPECT_GT(part, 2.0 / 3.0 * all);
  EXPECT_LT(part, 0.70 * all);
}

TEST(FineTuning, LastLayersHaveTheOnlyBackwardPass) {
  const Subject llama("llama3-8b");
  TrainJob job = job_of(1);
  job.strategy.sizes.tensor = 8;
  const base::Outcome full = train(job, llama, h100_cluster(1));
  double before = 0.0;
  for (const std::int64_t layers : {1, 8, 16, 32}) {
    job.workload.fine_tuning = {.method = FineTuningMethod::last_layers, .layers = layers};
    const base::Outcome out = train(job, llama, h100_cluster(1));
    EXPECT_GT(out.facts.at("iteration_time_s"), before) << layers;
    EXPECT_LT(out.facts.at("iteration_time_s"), full.facts.at("iteration_time_s"));
    before = out.facts.at("iteration_time_s");
  }
}

// nf4: 4.127 bits (Dettmers et al. 2023) for the matrices of layers; embedding
// and head stay.
TEST(FineTuning, QuantizedBasesAreStoredNarrowAndCostTime) {
  const Subject llama("llama3-8b");
  TrainJob job = lora_job(1);
  const base::Outcome wide = train(job, llama, h100_cluster(1));
  job.workload.fine_tuning.base = models::BaseFormat::nf4;
  const base::Outcome narrow = train(job, llama, h100_cluster(1));
  const double matrices = 32.0 * (4096.0 * (4096 + 1024) * 2 + 3 * 4096.0 * 14336);
  EXPECT_NEAR(wide.facts.at("memory_weights_bytes") - narrow.facts.at("memory_weights_bytes"),
              matrices * (2 - 4.127 / 8), 1e6);
  EXPECT_GT(narrow.facts.at("iteration_time_s"), wide.facts.at("iteration_time_s"));
}

TEST(FineTuning, ShardedBasesAreGatheredAndOnlyAdaptersReduced) {
  const Subject llama("llama3-8b");
  TrainJob full = job_of(1), lora = lora_job(1);
  for (TrainJob* job : {&full, &lora}) job->strategy.zero = ZeroLevel::weights;
  const base::Outcome all = train(full, llama, h100_cluster(1));
  const base::Outcome part = train(lora, llama, h100_cluster(1));
  EXPECT_LT(part.facts.at("time_data_comm_s"), all.facts.at("time_data_comm_s") + 1e-12);
  EXPECT_NEAR(part.facts.at("memory_weights_bytes"), all.facts.at("memory_weights_bytes"),
              0.02 * all.facts.at("memory_weights_bytes"));
}

TEST(FineTuning, WhatCannotBeTunedSoSaysWhy) {
  const Subject gpt("gpt3-13b");
  TrainJob job = job_of(1);
  job.workload.sequence_length = 2048;
  job.workload.fine_tuning = {.method = FineTuningMethod::lora, .targets = {AdapterTarget::gate}};
  EXPECT_NE(train(job, gpt, h100_cluster(1)).reason.find("no matrix `gate`"), std::string::npos);
  job.workload.fine_tuning = {.method = FineTuningMethod::last_layers, .layers = 41};
  EXPECT_NE(train(job, gpt, h100_cluster(1)).reason.find("last 41 layers"), std::string::npos);
}

}  // namespace
}  // namespace windtunnel::strategies
