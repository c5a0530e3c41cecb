// Scenarios of several jobs: what binds, what comes out, and that they resolve to themselves.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/study.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr const char* kMix = R"(
name: two
cluster: {use: dgx-h100, nodes: 4, fabric: {kind: fat_tree, levels: 2, radix: 18, oversubscription: 8, rail_optimized: false, switch_latency: 300ns}}
workload:
  kind: mix
  jobs:
    - name: train
      nodes: [0, 2]
      iterations: 3
      start: 100ms
      model: gpt3-1.3b
      workload: {kind: train, sequence_length: 2048, global_batch: 16}
    - name: chat
      nodes: [1, 3]
      gpus: 0-3
      model: llama3-8b
      workload: {kind: serve, arrivals: {rate: 40/s, requests: 40}, lengths: {input: {constant: 4000}, output: {constant: 16}}}
      strategy: {tensor: 2, disaggregate: {prefill: 2, decode: 2}}
expect:
  train.slowdown: {min: 1, max: 3}
  chat.completed: 40
)";

const MixScenario& mix_of(const Loaded& loaded) {
  return std::get<MixScenario>(loaded.only().workload);
}

Study run(const Loaded& loaded) {
  return run_study(std::span(&*loaded.scenario, 1), {});
}

TEST(MixScenario, BindsEachJobOnItsPartOfTheCluster) {
  const Loaded loaded = load_text(kMix);
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const MixScenario& mix = mix_of(loaded);
  ASSERT_EQ(mix.jobs.size(), 2U);
  EXPECT_EQ(mix.jobs[0].name, "train");
  EXPECT_EQ(mix.jobs[0].iterations, 3);
  EXPECT_EQ(mix.jobs[0].start, base::Seconds(0.1));
  EXPECT_EQ(mix.jobs[0].part->gpus.size(), 16U);
  EXPECT_TRUE(std::holds_alternative<TrainScenario>(mix.jobs[0].work));
  EXPECT_EQ(mix.jobs[1].part->gpus, (std::vector<int>{8, 9, 10, 11, 24, 25, 26, 27}));
  EXPECT_EQ(std::get<ServeScenario>(mix.jobs[1].work).job.strategy.tensor, 2);
}

TEST(MixScenario, ResolvesToItself) {
  const Loaded loaded = load_text(kMix);
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const Loaded again = load_text(loaded.scenario->resolved_yaml);
  ASSERT_TRUE(again.scenario) << again.errors();
  EXPECT_EQ(again.scenario->resolved_yaml, loaded.scenario->resolved_yaml);
}

TEST(MixScenario, HasTheFactsOfEachJobUnderItsNameAndSaysWhatTheyMean) {
  const Loaded loaded = load_text(kMix);
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const Study study = run(loaded);
  ASSERT_EQ(study.result.cases.size(), 1U);
  const base::Outcome& out = study.result.cases.front().outcome;
  ASSERT_EQ(out.status, base::Status::ok) << out.reason;
  EXPECT_EQ(study.failed_expectations, 0);
  for (const char* fact :
       {"train.iteration_time_s", "train.alone_iteration_time_s", "train.mfu", "chat.ttft_p50_s",
        "chat.alone_ttft_p50_s", "chat.slowdown", "shared_links", "makespan_s"}) {
    EXPECT_TRUE(out.facts.contains(fact)) << fact;
  }
  for (const auto& [fact, value] : out.facts)
    EXPECT_TRUE(study.result.fact_info.contains(fact)) << fact;
  for (const char* table : {"jobs", "iterations", "timeline", "train.stages", "chat.requests"})
    EXPECT_TRUE(out.tables.contains(table)) << table;
}

TEST(MixScenario, FabricsCanBeSwept) {
  std::string text = kMix;
  text.append(
      "sweep: {zip: {cluster.fabric.oversubscription: [1, 8], cluster.fabric.radix: [32, 18]}}\n");
  const Loaded loaded = load_text(text);
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const Study study = run(loaded);
  ASSERT_EQ(study.result.cases.size(), 2U);
  const auto slowdown = [&](std::size_t i) {
    return study.result.cases[i].outcome.facts.at("chat.slowdown");
  };
  EXPECT_GE(slowdown(0), 1.0);
  EXPECT_GE(slowdown(1), 1.0);
}

TEST(MixScenario, JobsAreAddressedByTheirNames) {
  const Loaded loaded = load_text(kMix, {"workload.jobs.chat.workload.arrivals.rate=5/s",
                                         "workload.jobs.train.strategy.micro_batch=2"});
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const MixScenario& mix = mix_of(loaded);
  EXPECT_EQ(std::get<ServeScenario>(mix.jobs[1].work).job.workload.arrivals.rate, 5.0);
  EXPECT_EQ(std::get<TrainScenario>(mix.jobs[0].work).job.strategy.micro_batch, 2);
  const Loaded wrong = load_text(kMix, {"workload.jobs.chta.workload.arrivals.rate=5/s"});
  EXPECT_THAT(wrong.errors(), testing::HasSubstr("workload.jobs has no 'chta'"));
  EXPECT_THAT(wrong.errors(), testing::HasSubstr("did you mean 'chat'?"));
}

// --- keys of batching that nothing asks for -----------------------------------------------------

std::string serving(const std::string& batching, const std::string& sweep = "{}") {
  return fmt::format(
      "cluster: {{use: dgx-h100, nodes: 1}}\nmodel: resnet50\n"
      "workload: {{kind: serve, arrivals: {{rate: 10/s, requests: 20}}}}\n"
      "strategy: {{batching: {{{}}}}}\nsweep: {}\n",
      batching, sweep);
}

TEST(InertKeys, AreErrorsWhereNoPointOfTheScenarioHasAUseForThem) {
  for (const char* batching :
       {"policy: static, max_delay: 5ms", "policy: none, preferred_sizes: [4]",
        "policy: dynamic, large_batch_splitting: true",
        "policy: dynamic, batcher: tf_serving, queue: {timeout: 5ms}",
        "policy: dynamic, batcher: tf_serving, queue: {size: 9}",
        "policy: static, queue: {priority_levels: 2}"}) {
    const Loaded loaded = load_text(serving(batching));
    EXPECT_FALSE(loaded.scenario) << batching;
    EXPECT_THAT(loaded.errors(), testing::HasSubstr("has no effect with")) << batching;
  }
}

TEST(InertKeys, AreNoneWhereTheyActOrStandAtTheirDefault) {
  for (const char* batching :
       {"policy: dynamic, max_delay: 5ms, preferred_sizes: [4], queue: {size: 9, timeout: 5ms}",
        "policy: dynamic, batcher: tf_serving, large_batch_splitting: true, max_delay: 1ms",
        "policy: static, max_delay: 0s", "policy: none, queue: {size: 3, timeout: 1s}"}) {
    const Loaded loaded = load_text(serving(batching));
    EXPECT_TRUE(loaded.scenario) << batching << loaded.errors();
  }
}

TEST(InertKeys, MayStandInASweepOverPolicies) {
  const Loaded swept =
      load_text(serving("max_delay: 5ms", "{strategy.batching.policy: [static, dynamic]}"));
  EXPECT_TRUE(swept.scenario) << swept.errors();
  const Loaded never =
      load_text(serving("max_delay: 5ms", "{strategy.batching.policy: [static, none]}"));
  EXPECT_FALSE(never.scenario);
}

}  // namespace
}  // namespace windtunnel::scenarios
