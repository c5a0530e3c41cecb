// Memory of an engine by hand and as engines report it; what cannot be laid out, and why.
#include "strategies/serve/step/engine_memory.hpp"

#include <gtest/gtest.h>

#include "tests/strategies/step_bench.hpp"

namespace windtunnel::strategies {
namespace {

using Bench = test::StepBench;

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

// By hand, Llama 3 8B in bf16 on an RTX 4090 of 24 GiB under vLLM: 8.03e9 parameters of 2 bytes;
// 32 layers x 2 x 8 heads x 128 x 2 bytes = 131,072 bytes a token; 256 sequences of 128,256 logits
// at 34 bytes; (24 GiB - 1 % - 0.2 GiB) x 0.9 = 21.2 GiB.
TEST(EngineMemory, OfAnEightBillionModelOnTwentyFourGibibytes) {
  Bench bench("rtx-4090", "llama3.1-8b");
  bench.job.strategy.batching.max_batch = 256;
  bench.job.strategy.batching.max_tokens = 2048;
  const EngineMemory memory = bench.plan().plan->memory;
  EXPECT_NEAR(memory.capacity.value() / kGiB, (24.0 * 0.99 - 0.2) * 0.9, 1e-6);
  EXPECT_NEAR(memory.weights.value(), 2.0 * 8.03e9, 0.01 * 16e9);
  EXPECT_DOUBLE_EQ(memory.kv_token.value(), 131'072.0);
  EXPECT_NEAR(memory.activation_peak.value(), 256.0 * 128'256.0 * 34.0, 1.0);
  const double left = memory.capacity.value() - memory.weights.value() -
                      memory.activation_peak.value() - 64.0 * 1024 * 1024;
  EXPECT_EQ(memory.blocks, static_cast<std::int64_t>(left / (131'072.0 * 16)));
}

// vLLM's own log (pull request 10511): Llama 3 8B, one H100: 53.3 GiB of KV cache with 1.8 GiB of
// context and 1.26 GiB of activations; the same on two GPUs leaves 58 to 62 GiB each.
TEST(EngineMemory, IsNearWhatVllmReports) {
  Bench bench("h100-sxm", "llama3.1-8b");
  bench.job.strategy.software = "vllm-v0";
  bench.job.strategy.batching.max_batch = 256;
  EXPECT_NEAR(bench.plan().plan->memory.kv.value() / kGiB, 53.3, 0.04 * 53.3);
  bench.job.strategy.tensor = 2;
  EXPECT_NEAR(bench.plan().plan->memory.kv.value() / kGiB, 60.0, 0.05 * 60.0);
}

TEST(EngineMemory, KeysAreRepeatedWhereRanksAreMoreThanTheirHeads) {
  Bench bench("h200-sxm", "llama3.1-70b", 2);
  bench.job.strategy.tensor = 8;
  const double eight = bench.plan().plan->memory.kv_token.value();
  bench.job.strategy.tensor = 16;
  EXPECT_DOUBLE_EQ(bench.plan().plan->memory.kv_token.value(), eight);
}

TEST(EngineMemory, NarrowKeysTakeHalfAndSparseWeightsNineSixteenths) {
  Bench bench("h100-sxm", "llama3.1-8b");
  const EngineMemory wide = bench.plan().plan->memory;
  bench.job.strategy.kv_precision = models::NumberFormat::fp8;
  EXPECT_NEAR(bench.plan().plan->memory.kv_token / wide.kv_token, 0.5, 1e-9);
  bench.job.strategy.pruning.two_four = true;
  const double ends = 2.0 * 2.0 * 128'256.0 * 4096.0;  // embedding and head stay dense
  const double layers = wide.weights.value() - ends;
  EXPECT_NEAR(bench.plan().plan->memory.weights.value(), ends + layers * 9.0 / 16.0, 0.01 * layers);
  bench.job.strategy.pruning = {.layers_removed = 16};
  EXPECT_NEAR(bench.plan().plan->memory.weights.value(), ends + layers / 2, 0.01 * layers);
}

// gpt-oss-120b as published: experts in MXFP4 and all else in bf16, 60.8 GiB (OpenAI 2025, arXiv
// 2508.10925, table 1).
TEST(EngineMemory, Mxfp4IsOfTheExpertsAlone) {
  Bench bench("h100-sxm", "gpt-oss-120b");
  bench.job.strategy.precision = models::NumberFormat::mxfp4_weights;
  bench.job.strategy.tensor = 2;
  const double weights = 2.0 * bench.plan().plan->memory.weights.value();
  EXPECT_NEAR(weights / kGiB, 60.8, 0.03 * 60.8);
}

TEST(EnginePlanning, SaysWhyThereIsNoPlan) {
  Bench bench("h100-sxm", "llama3.1-70b");
  const auto says = [&](const char* word) {
    const std::string why = bench.plan().infeasible;
    EXPECT_NE(why.find(word), std::string::npos) << why;
  };
  says("does not fit");
  EXPECT_EQ(bench.plan().plan->memory.blocks, 0);
  bench.job.strategy.tensor = 3;
  says("64 attention heads");
  bench.job.strategy.tensor = 16;
  says("16 GPUs");
  bench.job.strategy.tensor = 8;
  bench.job.strategy.expert = 2;
  says("experts");
  bench.job.strategy.expert = 1;
  bench.job.strategy.software = "orca-9000";
  says("orca-9000");
}

}  // namespace
}  // namespace windtunnel::strategies
