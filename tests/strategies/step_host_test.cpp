// Laws of what an engine's host adds to steps and requests, on data sheets alone.
#include <gtest/gtest.h>

#include "strategies/serve/engine/serve_simulation.hpp"
#include "strategies/serve/step/engine_stack.hpp"
#include "tests/strategies/step_bench.hpp"

namespace windtunnel::strategies {
namespace {

using Bench = test::StepBench;

StepBatch prompt(std::int64_t tokens) {
  return {.prompts = {{.tokens = tokens}}};
}

double time_on(const std::string& gpu, const std::string& software, const StepBatch& batch) {
  Bench bench(gpu, "llama3.1-70b");
  bench.job.strategy.software = software;
  bench.job.strategy.tensor = 8;
  return bench.time(batch);
}

// SGLang runs prompts eagerly: 80 layers of ten ops and more, each of them a host's 80 us. A faster
// GPU does not help, and a prompt of twice the length costs no more.
TEST(StepHost, AShortPromptOutsideOfGraphsTakesWhatTheHostTakes) {
  const double short_prompt = time_on("h100-sxm", "sglang-0.5", prompt(64));
  EXPECT_GT(short_prompt, 80 * 10 * 80e-6);
  EXPECT_NEAR(time_on("b200-sxm", "sglang-0.5", prompt(64)), short_prompt, 1e-9);
  EXPECT_NEAR(time_on("h100-sxm", "sglang-0.5", prompt(128)), short_prompt, 1e-9);
  // vLLM replays pieces of graphs for as few tokens; a long prompt is the GPU's.
  EXPECT_LT(time_on("h100-sxm", "vllm-0.19", prompt(64)), 0.5 * short_prompt);
  EXPECT_GT(time_on("h100-sxm", "sglang-0.5", prompt(16'384)), 2 * short_prompt);
  EXPECT_LT(time_on("b200-sxm", "sglang-0.5", prompt(16'384)),
            0.8 * time_on("h100-sxm", "sglang-0.5", prompt(16'384)));
}

TEST(StepHost, APromptIsTokenizedBeforeItsEngineSeesIt) {
  Bench bench("h100-sxm", "llama3.1-8b");
  const EnginePlanning planning = bench.plan();
  ASSERT_TRUE(planning.plan);
  EXPECT_GT(planning.plan->prompt_token_time.value(), 0);
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::all_at_once, .requests = 1};
  job.workload.output = ConstantLength{1};
  const auto start_of = [&](std::int64_t tokens) {
    job.workload.input = ConstantLength{tokens};
    EngineFleet fleet{.plans = {*planning.plan}, .link_rates = {1e10}};
    const ServedRun served = simulate(job, fleet, make_traffic(job.workload, 1), {.seed = 1});
    return (served.records.at(0).start - served.records.at(0).arrival).value();
  };
  EXPECT_NEAR(start_of(5000) - start_of(1000), 4000 * planning.plan->prompt_token_time.value(),
              1e-12);
}

// A step of a few sequences reaches fewer experts where routing is uneven, so it reads fewer weights;
// a prompt reaches all of them and waits for the one that is asked for most.
TEST(StepHost, UnevenRoutingReadsFewerExpertsAtSmallBatches) {
  Bench bench("h200-sxm", "deepseek-v3");
  bench.job.strategy.tensor = 8;
  bench.job.strategy.precision = models::NumberFormat::fp8;
  const StepBatch decodes{.decodes = 32, .decode_kv = 32 * 1000};
  bench.job.strategy.expert_skew = 0;
  const double even = bench.time(decodes);
  bench.job.strategy.expert_skew = 1.01;
  EXPECT_LT(bench.time(decodes), 0.9 * even);
}

}  // namespace
}  // namespace windtunnel::strategies
