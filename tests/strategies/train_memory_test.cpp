// Memory of stages: what is allocated, reserved and used, what frameworks keep beside the layers'
// activations, and the sentence of a job that does not fit.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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

struct Technique {
  const char* name;
  bool sequence_parallel;
  models::Recompute recompute;
  double bytes;  // of a layer in units of s b h, at tensor 8 and sequence 2048
};

TrainJob megatron(const Technique& technique, std::int64_t pipeline, std::int64_t chunks) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = 8 * pipeline;
  job.workload.precision = models::NumberFormat::fp16;
  job.strategy.sizes = {.tensor = 8, .pipeline = pipeline};
  job.strategy.virtual_stages = chunks;
  if (chunks > 1) job.strategy.schedule = PipelineSchedule::interleaved;
  job.strategy.sequence_parallel = technique.sequence_parallel;
  job.strategy.recompute = technique.recompute;
  job.strategy.software = "megatron-lm-2022";
  return job;
}

// Korthikanti et al. 2022: equations 2, 4 and 6 and table 2, times L for a first stage of 1F1B and
// L (1 + (p - 1) / (p v)) for one that is interleaved; 18 bytes a parameter, 12 h^2 a layer.
TEST(TrainMemory, OfTheFirstStagesLayersIsThePublishedFormula) {
  const double square = 5.0 * 96 * 2048 / 12288;  // 5 a s / h
  const std::array techniques{
      Technique{"none", false, models::Recompute::none, 10 + 24.0 / 8 + square / 8},
      Technique{"sequence parallel", true, models::Recompute::none, (34 + square) / 8},
      Technique{"selective", false, models::Recompute::selective, 10 + 24.0 / 8},
      Technique{"both", true, models::Recompute::selective, 34.0 / 8},
      Technique{"full", false, models::Recompute::full, 2},
  };
  const Subject subject("megatron-175b");
  const auto cluster = test::valid(h100_cluster(8));
  for (const std::int64_t chunks : {1, 3}) {
    for (const Technique& technique : techniques) {
      const TrainPlanning planning =
          make_train_plan(megatron(technique, 8, chunks), subject.model, subject.network, *cluster);
      ASSERT_TRUE(planning.plan) << planning.infeasible;
      const LayersMemory layers = layers_memory(*planning.plan, subject.network, 0);
      const double more = chunks > 1 ? 1.0 + 7.0 / (8.0 * static_cast<double>(chunks)) : 1.0;
      const double formula = 2048.0 * 12288 * technique.bytes * 96 * more;
      EXPECT_NEAR(layers.activations.value(), formula, 1e-9 * formula) << technique.name;
      const double states = 18.0 * 12 * 96 * 12288.0 * 12288.0 / 64;
      EXPECT_NEAR(layers.states.value(), states, 2e-3 * states) << "biases and norms beside it";
    }
  }
}

// As the device grows: too little, enough only if freed blocks are given back, enough.
TEST(TrainMemory, IsAtTheLimitBetweenNotFittingAndHavingRoomForFreedBlocks) {
  const Subject subject("megatron-7.5b");
  const TrainJob job = gpt("megatron-deepspeed");
  const StageMemory memory = first_stage(job, subject, 2);
  ASSERT_GT(memory.held, base::Bytes(0));
  const auto on = [&](base::Bytes usable) {
    sim::Cluster cluster = h100_cluster(2);
    cluster.node.gpu.memory = usable / (usable_memory(cluster.node.gpu) / cluster.node.gpu.memory);
    return test::train(job, subject, cluster);
  };
  const base::Outcome none = on(0.99 * memory.total());
  EXPECT_EQ(none.facts.at("fits"), 0.0);
  EXPECT_EQ(none.facts.at("memory_at_limit"), 0.0) << "it does not fit at all";
  const base::Outcome limit = on(memory.total() + 0.5 * memory.held);
  EXPECT_EQ(limit.facts.at("fits"), 1.0);
  EXPECT_EQ(limit.status, base::Status::ok);
  EXPECT_EQ(limit.facts.at("memory_at_limit"), 1.0);
  EXPECT_NEAR(limit.facts.at("memory_headroom_bytes"), -0.5 * memory.held.value(), 1.0);
  const auto warns = [](const base::Outcome& out) {
    return std::any_of(out.warnings.begin(), out.warnings.end(), [](const std::string& text) {
      return text.find("stage 0 fits at the limit") != std::string::npos;
    });
  };
  EXPECT_TRUE(warns(limit));
  const base::Outcome room = on(1.01 * memory.wanted());
  EXPECT_EQ(room.facts.at("fits"), 1.0);
  EXPECT_EQ(room.facts.at("memory_at_limit"), 0.0);
  EXPECT_GT(room.facts.at("memory_headroom_bytes"), 0.0);
  EXPECT_FALSE(warns(room));
}

TEST(TrainMemory, BandsOfWhatADeviceReportsEndAtItsCapacityAndNeverBelowWhatIsCounted) {
  const Subject subject("gpt3-13b");
  for (const double capacity : {1.0, 16e9, 48e9, 80e9, 1e12}) {
    sim::Cluster cluster = h100_cluster(1);
    cluster.node.gpu.memory = base::Bytes(capacity);
    TrainJob job = gpt("megatron");
    job.strategy.sizes = {.tensor = 1, .pipeline = 8};
    job.strategy.micro_batch = 4;
    const base::Outcome out = test::train(job, subject, cluster);
    const double counted = out.facts.at("memory_weights_bytes") +
                           out.facts.at("memory_gradients_bytes") +
                           out.facts.at("memory_optimizer_bytes");
    EXPECT_GE(out.bands.at("memory_total_bytes").low, counted * (1 - 1e-9)) << capacity;
    for (const char* fact : {"memory_reserved_bytes", "memory_used_bytes"}) {
      const base::Band& band = out.bands.at(fact);
      const double value = out.facts.at(fact);
      EXPECT_GE(band.low, 0.0) << fact << capacity;
      EXPECT_LE(band.low, value) << fact << capacity;
      EXPECT_GE(band.high, value) << fact << capacity;
      EXPECT_LE(band.high, capacity) << fact << capacity;
      // What is allocated bounds what is reported, where the device can hold it.
      if (out.facts.at("fits") > 0) {
        EXPECT_GE(band.low, out.bands.at("memory_allocated_bytes").low * (1 - 1e-9)) << fact;
      }
    }
  }
}

}  // namespace
}  // namespace windtunnel::strategies
