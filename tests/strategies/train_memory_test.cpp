// Memory of stages: what is allocated, reserved and used, what frameworks keep beside the layers'
// activations, and the sentence of a job that does not fit.
#include <gtest/gtest.h>

#include <string>

#include "sim/base/unit_text.hpp"
#include "strategies/train/memory_conventions.hpp"
#include "strategies/train/memory_facts.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::h100_cluster;
using test::Subject;

TrainJob gpt(const std::string& software) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = 64;
  job.workload.precision = models::NumberFormat::fp16;
  job.strategy.gradient_precision = models::NumberFormat::fp16;
  job.strategy.sizes = {.tensor = 4, .pipeline = 2};
  job.strategy.zero = ZeroLevel::optimizer;
  job.strategy.recompute = models::Recompute::full;
  job.strategy.software = software;
  return job;
}

StageMemory first_stage(const TrainJob& job, const Subject& subject, int nodes) {
  const auto cluster = test::valid(h100_cluster(nodes));
  const TrainPlanning planning = make_train_plan(job, subject.model, subject.network, *cluster);
  EXPECT_TRUE(planning.plan) << planning.infeasible;
  return stage_memory(*planning.plan, subject.network).front();
}

TEST(TrainMemory, IsAllocatedBelowReservedBelowUsedBelowTheDevice) {
  const Subject subject("megatron-7.5b");
  const base::Bytes capacity(80.0 * 1073741824.0);
  for (const SoftwareStack& stack : software_stacks()) {
    const StageMemory memory = first_stage(gpt(stack.name), subject, 2);
    EXPECT_LE(memory.allocated(), memory.total()) << stack.name;
    EXPECT_LE(memory.reserved(capacity), memory.used(capacity)) << stack.name;
    EXPECT_LE(memory.used(capacity), capacity) << stack.name;
    EXPECT_GE(memory.used(capacity), memory.total()) << stack.name;  // it fits
    EXPECT_GT(memory.outside, base::Bytes(0)) << stack.name;
  }
}

// BF16_Optimizer: 2 bytes of weights, 4 of summed and 2 of new gradients; the fp16 one 2 + 2.
TEST(TrainMemory, OfDeepSpeedsOptimizersFollowsThePrecision) {
  const Subject subject("megatron-7.5b");
  TrainJob job = gpt("megatron-deepspeed");
  const StageMemory fp16 = first_stage(job, subject, 2);
  EXPECT_DOUBLE_EQ(fp16.gradients.value(), fp16.weights.value());
  job.workload.precision = models::NumberFormat::bf16;
  job.strategy.gradient_precision = models::NumberFormat::fp32;
  const StageMemory bf16 = first_stage(job, subject, 2);
  EXPECT_DOUBLE_EQ(bf16.gradients.value(), 3.0 * bf16.weights.value());
}

// The step's copies, 6 bytes a parameter of the share, are held until the next step and allocated
// only where they are more than the activations, which are gone by then.
TEST(TrainMemory, OfASteppingOptimizerIsHeldAndDoesNotAddToActivations) {
  const Subject subject("megatron-7.5b");
  const StageMemory memory = first_stage(gpt("megatron-deepspeed"), subject, 2);
  const double share = memory.weights.value() / 2 / 2;  // parameters over two data ranks
  const auto conventions =
      memory_conventions(*stack_by_name("megatron-deepspeed"), models::NumberFormat::fp16);
  const double slack = (conventions.slack - conventions.fragmentation) * memory.activations.value();
  EXPECT_NEAR(memory.held.value(), std::min(6 * share, memory.activations.value()) + slack, 1.0);
}

// FSDP's sharded parameter is the fp32 master: 4 + 8 bytes a parameter, nothing beside it.
TEST(TrainMemory, OfFsdpHasNoSixteenBitShard) {
  const Subject subject("megatron-7.5b");
  TrainJob job = gpt("fsdp-compiled");
  job.workload.precision = models::NumberFormat::bf16;
  job.strategy.sizes = {};
  job.strategy.zero = ZeroLevel::weights;
  const StageMemory memory = first_stage(job, subject, 2);
  EXPECT_NEAR(memory.optimizer / memory.weights, 2.0, 1e-12);
}

TEST(TrainMemory, OffloadedLayersLeaveTwoOfThemOnTheDevice) {
  const Subject subject("megatron-7.5b");
  TrainJob job = gpt("megatron-core");
  job.strategy.recompute = models::Recompute::none;
  job.strategy.sizes = {.tensor = 4};
  const double all = first_stage(job, subject, 1).activations.value();
  job.strategy.offload_activations = OffloadTarget::host;
  job.strategy.offload_layers = 18;  // of 36
  const double half = first_stage(job, subject, 1).activations.value();
  job.strategy.offload_layers = 0;
  const double none = first_stage(job, subject, 1).activations.value();
  const double layer = (all - half) / 16.0;
  EXPECT_NEAR(half - none, 18 * layer, 1e-6 * all);
}

TEST(TrainMemory, WhatDoesNotFitSaysWhatWould) {
  const Subject subject("megatron-39b");
  TrainJob job = gpt("megatron-core");
  job.strategy.recompute = models::Recompute::none;
  job.strategy.micro_batch = 8;
  const base::Outcome out = test::train(job, subject, h100_cluster(2));
  ASSERT_EQ(out.facts.at("fits"), 0.0);
  ASSERT_NE(out.reason.find("would need"), std::string::npos) << out.reason;
  // The change that it names does what it says.
  const std::string changed = out.reason.substr(out.reason.rfind("; ") + 2);
  if (changed.starts_with("recompute: selective")) {
    job.strategy.recompute = models::Recompute::selective;
  } else {
    ASSERT_TRUE(changed.starts_with("recompute: full")) << changed;
    job.strategy.recompute = models::Recompute::full;
  }
  const base::Outcome after = test::train(job, subject, h100_cluster(2));
  EXPECT_EQ(after.facts.at("fits"), 1.0);
  EXPECT_NE(changed.find(base::to_text(base::Bytes(after.facts.at("memory_total_bytes")))),
            std::string::npos)
      << changed;
}

}  // namespace
}  // namespace windtunnel::strategies
