// Training scenarios from text: keys that nothing asks for, schedules that two fields decide, models
// taken from elsewhere at one point.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/train_bands.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::PipelineSchedule;
using testing::HasSubstr;

std::string training(const std::string& workload, const std::string& strategy) {
  return "cluster: {use: dgx-h100, nodes: 4}\nmodel: llama3-8b\nworkload: {kind: train, "
         "global_batch: 64" +
         workload + "}\nstrategy: {" + strategy + "}\n";
}

const TrainScenario& trained(const Loaded& loaded) {
  return std::get<TrainScenario>(loaded.only().workload);
}

TEST(Train, KeysThatNothingAsksForAreErrorsAtTheirPlaces) {
  const std::pair<std::string, std::string> cases[] = {
      {training(", fine_tuning: {rank: 8}", ""),
       "test.yaml:3:63: error: workload.fine_tuning.rank has no effect without method lora: it is "
       "of adapters\n"},
      {training(", fine_tuning: {layers: 2}", ""),
       "fine_tuning.layers has no effect with method full"},
      {training(", checkpointing: {bandwidth: 5GB/s}", ""),
       "workload.checkpointing.bandwidth has no effect without workload.checkpointing.interval"},
      {training("", "context_scheme: all_gather"),
       "strategy.context_scheme has no effect with context 1"},
      {training("", "expert_tensor: 2"),
       "strategy.expert_tensor has no effect for a model without experts"},
      {training("", "recompute_layers: 3"), "recompute_layers has no effect with recompute none"},
      {training("", "offload_layers: 3"),
       "offload_layers has no effect with offload_activations none"}};
  for (const auto& [text, message] : cases) {
    const Loaded loaded = load_text(text);
    EXPECT_EQ(loaded.diagnostics.error_count(), 1) << text;
    EXPECT_THAT(loaded.errors(), HasSubstr(message)) << text;
  }
}

TEST(Train, AKeyThatActsAtOnePointOfASweepMayStand) {
  const Loaded loaded =
      load_text(training("", "context_scheme: all_gather") + "sweep: {strategy.context: [1, 2]}\n");
  EXPECT_EQ(loaded.errors(), "");
}

TEST(Train, AKeyOfAJobOfAMixThatNothingAsksForIsAnErrorToo) {
  const Loaded loaded = load_text(
      "cluster: {use: dgx-h100, nodes: 2}\nworkload:\n  kind: mix\n  jobs:\n"
      "    - {name: a, model: llama3-8b, nodes: 0, workload: {kind: train, global_batch: 8},\n"
      "       strategy: {recompute_layers: 2}}\n");
  EXPECT_EQ(loaded.errors(),
            "test.yaml:6:37: error: strategy.recompute_layers has no effect with recompute none\n");
}

TEST(Train, ResolvedDefaultsAreNoKeysThatNothingAsksFor) {
  const Loaded first = load_text(training("", ""));
  const Loaded again = load_text(first.only().resolved_yaml);
  EXPECT_EQ(again.errors(), "");
  EXPECT_EQ(again.only().resolved_yaml, first.only().resolved_yaml);
}

TEST(Train, ChunksOfAStageAreTheInterleavedScheduleAndTheResolvedScenarioSaysSo) {
  const Loaded silent = load_text(training("", "pipeline: 4, virtual_stages: 2"));
  EXPECT_EQ(silent.errors(), "");
  EXPECT_EQ(trained(silent).job.strategy.schedule, PipelineSchedule::interleaved);
  EXPECT_THAT(silent.only().resolved_yaml, HasSubstr("schedule: interleaved"));
  const Loaded stated = load_text(training("", "pipeline: 4, schedule: 1f1b, virtual_stages: 2"));
  EXPECT_EQ(trained(stated).job.strategy.schedule, PipelineSchedule::interleaved);
  EXPECT_EQ(stated.errors(),
            "test.yaml:4:35: warning: schedule 1f1b with virtual_stages 2 is 1F1B over chunks: it "
            "is taken as `schedule: interleaved`\n");
}

TEST(Train, OneChunkAStageStays1f1b) {
  const Loaded loaded = load_text(training("", "pipeline: 4, schedule: 1f1b"));
  EXPECT_EQ(trained(loaded).job.strategy.schedule, PipelineSchedule::one_f_one_b);
}

TEST(Train, LengthsHaveToBeOneDistribution) {
  for (const auto& [lengths, count] :
       {std::pair{"{}", "0"}, {"{constant: 3, uniform: {min: 1, max: 2}}", "2"}}) {
    const Loaded loaded = load_text(training(std::string(", lengths: ") + lengths, ""));
    EXPECT_EQ(loaded.errors(),
              "test.yaml:3:52: error: workload.lengths has to be one distribution (constant, "
              "normal, lognormal, uniform or empirical), not " +
                  std::string(count) + "\n");
  }
}

TEST(Train, UseAndHfCanBeSetAndWhatStandsBesideThemStillOverrides) {
  const std::string text =
      "cluster: {use: dgx-h100, nodes: 4}\nmodel: {use: llama3-8b, layers: 7}\n"
      "workload: {kind: train, global_batch: 64}\n";
  const Loaded used = load_text(text, {"model.use=llama3-70b", "cluster.use=dgx-a100"});
  EXPECT_EQ(used.errors(), "");
  EXPECT_EQ(trained(used).model->name, "llama3-70b");
  EXPECT_THAT(used.only().resolved_yaml, HasSubstr("layers: 7\n"));
  EXPECT_EQ(used.only().cluster->name, "dgx-a100");
  EXPECT_EQ(used.only().cluster->nodes, 4);
  EXPECT_THAT(load_text(text, {"model.us=gpt3-125m"}).errors(),
              HasSubstr("there is no 'model.us' in a scenario; did you mean 'model.use'?"));
}

TEST(Train, AConfigOfHuggingFaceCanBeSweptAndItsFurtherPredictionsAreWarnedOf) {
  const WorkingFolder folder;
  folder.write("config.json",
               R"({"model_type": "llama", "hidden_size": 512, "intermediate_size": 1024,
  "num_hidden_layers": 4, "num_attention_heads": 8, "vocab_size": 32000,
  "num_nextn_predict_layers": 1})");
  const std::string text =
      "cluster: dgx-h100\nmodel: llama3-8b\nworkload: {kind: train, "
      "global_batch: 64}\n";
  folder.write("one.yaml", text + "sweep: {model.hf: [config.json]}\n");
  const Loaded swept = load_file("one.yaml");
  EXPECT_EQ(trained(swept).model->name, "llama");
  EXPECT_EQ(swept.errors(),
            "config.json:3:3: warning: num_nextn_predict_layers: modules of multi-token "
            "prediction are left out, as Transformers does; 'mtp_layers: 1' beside 'hf' counts "
            "them\n");
  folder.write("two.yaml",
               "cluster: dgx-h100\nmodel: {hf: config.json, mtp_layers: 1}\nworkload: "
               "{kind: train, global_batch: 64}\n");
  EXPECT_EQ(load_file("two.yaml").errors(), "");
}

TEST(Train, AShareMayBeExpectedInPerCent) {
  const Loaded loaded = load_text(training("", "") + "expect: {mfu: {min: 40%}}\n");
  EXPECT_EQ(loaded.errors(), "");
  EXPECT_DOUBLE_EQ(*loaded.scenario->expectations.front().minimum, 0.4);
  EXPECT_THAT(load_text(training("", "") + "expect: {gpus: {min: 40%}}\n").errors(),
              HasSubstr("without a unit"));
}

TEST(Train, BandsOfRatesAndCostsAreThoseOfTheTime) {
  base::Outcome out;
  out.facts = {{"iteration_time_s", 2.0}, {"tokens_per_s", 100.0}, {"cost_per_iteration_usd", 8.0}};
  out.bands["iteration_time_s"] = {1.0, 4.0, 0.9};
  add_bands_of_time(out);
  EXPECT_DOUBLE_EQ(out.bands.at("tokens_per_s").low, 50.0);
  EXPECT_DOUBLE_EQ(out.bands.at("tokens_per_s").high, 200.0);
  EXPECT_DOUBLE_EQ(out.bands.at("cost_per_iteration_usd").low, 4.0);
  EXPECT_DOUBLE_EQ(out.bands.at("cost_per_iteration_usd").high, 16.0);
  EXPECT_FALSE(out.bands.contains("mfu"));
}

}  // namespace
}  // namespace windtunnel::scenarios
