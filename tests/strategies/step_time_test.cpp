// Laws of the time of an engine's step, on data sheets alone.
#include "strategies/serve/step_time.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "strategies/serve/step/engine_stack.hpp"
#include "tests/strategies/step_bench.hpp"

namespace windtunnel::strategies {
namespace {

using Bench = test::StepBench;

StepBatch decodes(std::int64_t sequences, std::int64_t keys) {
  return {.decodes = sequences, .decode_kv = sequences * keys};
}
StepBatch prompt(std::int64_t tokens, std::int64_t cached = 0) {
  return {.prompts = {{.tokens = tokens, .cached = cached}}};
}

TEST(StepTime, NeverFallsWithTokensKeysOrSequences) {
  const Bench bench("h100-sxm", "llama3.1-8b");
  const auto steps = bench.plan().plan->steps;
  double last = 0;
  for (const std::int64_t n : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}) {
    const double now = steps->time(decodes(n, 1000)).total.value();
    EXPECT_GE(now, last * 0.999) << n;
    last = now;
  }
  last = 0;
  for (const std::int64_t keys : {100, 1000, 10'000, 100'000}) {
    const double now = steps->time(decodes(16, keys)).total.value();
    EXPECT_GE(now, last) << keys;
    last = now;
  }
  last = 0;
  for (const std::int64_t tokens : {64, 256, 1024, 4096, 8192}) {
    const double now = steps->time(prompt(tokens)).total.value();
    EXPECT_GE(now, last * 0.999) << tokens;
    EXPECT_GE(steps->time(prompt(tokens, 20'000)).total.value(), now) << tokens;
    last = now;
  }
}

// Linear layers read their weights once for all tokens of a step, so prompts and decodes together
// cost less than one after the other, and not less than either.
TEST(StepTime, OfAMixedStepLiesBetweenTheLargerPartAndTheSum) {
  const Bench bench("h100-sxm", "llama3.1-8b");
  const auto steps = bench.plan().plan->steps;
  for (const std::int64_t tokens : {128, 512, 2048}) {
    StepBatch mixed = decodes(32, 1500);
    mixed.prompts.push_back({.tokens = tokens});
    const double both = steps->time(mixed).total.value();
    const double one = steps->time(decodes(32, 1500)).total.value();
    const double other = steps->time(prompt(tokens)).total.value();
    EXPECT_LE(both, one + other) << tokens;
    EXPECT_GE(both, std::max(one, other) * 0.999) << tokens;
  }
}

// A decode step of one sequence reads all weights but the embedding once.
TEST(StepTime, OfOneDecodeIsNotBelowTheWeightsOverTheBandwidth) {
  for (const char* gpu : {"rtx-4090", "a100-sxm-80gb", "h100-sxm", "b200-sxm"}) {
    const Bench bench(gpu, "llama3.1-8b");
    const double read = 2.0 * (8.03e9 - 128'256.0 * 4096.0);
    const double least = read / bench.gpu.memory_bandwidth.value();
    const double time = bench.time(decodes(1, 1));
    EXPECT_GE(time, least) << gpu;
    EXPECT_LE(time, 2.0 * least + 2e-3) << gpu;
  }
}

TEST(StepTime, FallsWithTensorRanksAndNotBelowTheirShare) {
  Bench bench("h100-sxm", "llama3.1-70b");
  bench.job.strategy.precision = models::NumberFormat::fp8;
  double last = 1e9;
  for (const std::int64_t tensor : {2, 4, 8}) {
    bench.job.strategy.tensor = tensor;
    const double time = bench.time(prompt(4096));
    EXPECT_LT(time, last) << tensor;
    EXPECT_GT(time, 0.4 * last * (tensor > 2 ? 1.0 : 0.0)) << tensor;
    last = time;
  }
}

TEST(StepTime, OfAPipelineIsAStageAndItsLatencyAllStages) {
  Bench bench("h100-sxm", "llama3.1-70b");
  bench.job.strategy.tensor = 2;
  const StepTime whole = bench.plan().plan->steps->time(decodes(32, 1000));
  bench.job.strategy.pipeline = 4;
  const EnginePlan piped = *bench.plan().plan;
  EXPECT_EQ(piped.gpus, 8);
  const StepTime stage = piped.steps->time(decodes(32, 1000));
  EXPECT_LT(stage.total.value(), 0.45 * whole.total.value());
  EXPECT_GE(stage.latency.value(), 0.9 * whole.latency.value());
  EXPECT_LT(piped.memory.weights.value(), 0.3 * bench.plan().plan->memory.weights.value() * 4);
}

// With graphs of 8 apart, 33 and 40 sequences run the same linear layers.
TEST(StepTime, PadsDecodesToACapturedSize) {
  EXPECT_EQ(graph_tokens(1, 512), 1);
  EXPECT_EQ(graph_tokens(3, 512), 4);
  EXPECT_EQ(graph_tokens(33, 512), 40);
  EXPECT_EQ(graph_tokens(257, 512), 272);
  EXPECT_EQ(graph_tokens(513, 512), 513);
  const Bench bench("h100-sxm", "llama3.1-8b");
  const auto steps = bench.plan().plan->steps;
  const StepBatch few{.decodes = 33, .decode_kv = 33'000}, more{.decodes = 40, .decode_kv = 33'000};
  EXPECT_NEAR(steps->time(few).device / steps->time(more).device, 1.0, 0.02);
}

// An engine that plans ahead hides its host behind the device; one that does not adds it.
TEST(StepTime, HasTheHostBesideOrBehindTheDevice) {
  Bench bench("h100-sxm", "llama3.1-8b");
  bench.job.strategy.software = "vllm-0.12";
  const StepTime behind = bench.plan().plan->steps->time(decodes(64, 1000));
  const EngineStack stack = *engine_stack_of("vllm-0.12");
  const double host = (stack.gap + 64.0 * stack.gap_sequence).value();
  EXPECT_NEAR(behind.total.value() - behind.device.value(), host, 1e-9);
  bench.job.strategy.software = "vllm-0.19";
  const StepTime beside = bench.plan().plan->steps->time(decodes(64, 1000));
  EXPECT_LT(beside.total.value() - beside.device.value(), host);
}

// Servers of Ampere's years have slower cores than Hopper's.
TEST(EngineStacks, HaveTheHostOfTheirGpusYears) {
  const EngineStack stack = *engine_stack_of("vllm 0.2.0");
  const EngineStack older = on_host_of(stack, *models::gpu_named("a100-sxm-80gb"));
  EXPECT_NEAR(older.gap / stack.gap, 1.45, 1e-9);
  EXPECT_NEAR(older.dispatch / stack.dispatch, 1.45, 1e-9);
  EXPECT_EQ(on_host_of(stack, *models::gpu_named("h100-sxm")).gap, stack.gap);
}

// Ranks of data-parallel attention wait for each other at the experts.
TEST(StepTime, OfDataRanksIsThatOfTheFullestAndGrowsWithAllTokens) {
  Bench bench("h200-sxm", "qwen3-30b-a3b");
  bench.job.strategy.data = 4;
  bench.job.strategy.expert = 4;
  const EnginePlan plan = *bench.plan().plan;
  EXPECT_EQ(plan.gpus, 4);
  EXPECT_EQ(plan.data_ranks, 4);
  const auto time = [&](const std::vector<StepBatch>& ranks) {
    return plan.steps->time(ranks).total.value();
  };
  const StepBatch full = decodes(600, 1000), half = decodes(540, 1000), none{};
  EXPECT_LE(time({half, half, half, half}), time({full, half, half, half}));
  EXPECT_LE(time({full, none, none, none}), time({full, full, full, full}));
  EXPECT_NEAR(time({full, full, full, full}), plan.steps->time(full).total.value(), 1e-4);
}

TEST(StepTime, OfDraftedStepsContainsTheDraftModel) {
  Bench bench("h100-sxm", "llama3.1-70b");
  bench.job.strategy.tensor = 4;
  StepBatch verify = decodes(8, 1000);
  verify.tokens_a_decode = 4;
  const double alone = bench.time(verify);
  bench.job.strategy.speculative = {.tokens = 3, .draft = "llama3.2-1b"};
  ServeSite site{bench.cluster, bench.kernels};
  const EnginePlanning missing =
      make_engine_plan(bench.job, {bench.model, bench.network}, site, EngineRole::both);
  EXPECT_FALSE(missing.plan.has_value());
  EXPECT_NE(missing.infeasible.find("llama3.2-1b"), std::string::npos);
  site.model_of = [](const std::string& name) {
    return std::make_shared<const models::Model>(*models::model_by_name(name));
  };
  const EnginePlanning drafted =
      make_engine_plan(bench.job, {bench.model, bench.network}, site, EngineRole::both);
  ASSERT_TRUE(drafted.plan.has_value());
  const double time = drafted.plan->steps->time(verify).total.value();
  EXPECT_GT(time, alone + 3 * 2.2e9 / 4 / bench.gpu.memory_bandwidth.value());
}

TEST(EngineStacks, AreFoundByNameVersionAndProfile) {
  EXPECT_EQ(engine_stack_of("vllm 0.19.0")->name, "vllm-0.19");
  EXPECT_EQ(engine_stack_of("vLLM 0.12.0")->name, "vllm-0.12");
  EXPECT_EQ(engine_stack_of("vllm 0.6.3")->name, "vllm-v0");
  EXPECT_EQ(engine_stack_of("TensorRT-LLM 0.14.0")->name, "trtllm-0.14");
  EXPECT_EQ(engine_stack_of("TensorRT-LLM 1.2.0rc2")->name, "trtllm-1.0");
  EXPECT_EQ(engine_stack_of("h100-sxm-sglang-0.5.14")->name, "sglang-0.5");
  EXPECT_FALSE(engine_stack_of("triton").has_value());
  EXPECT_EQ(engine_stack_for("", "h100-sxm-trtllm-1.3.0rc10")->name, "trtllm-1.0");
  EXPECT_EQ(engine_stack_for("", "roofline of h100-sxm")->framework, "vllm");
  for (const EngineStack& stack : engine_stacks()) {
    EXPECT_EQ(engine_stack_of(stack.name)->name, stack.name);
    EXPECT_FALSE(stack.source.empty()) << stack.name;
  }
}

}  // namespace
}  // namespace windtunnel::strategies
