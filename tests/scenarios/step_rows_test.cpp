// Measured training iterations turned into scenarios: what their words say and what their software
// does where they say nothing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scenarios/steps/step_scenario.hpp"
#include "scenarios/steps/step_software.hpp"

namespace windtunnel::scenarios {
namespace {

StepRow row_of(const std::string& model, const std::string& stack, const std::string& gpu) {
  StepRow row;
  row.model = model, row.stack = stack, row.gpu = gpu;
  row.gpus = 64, row.gpus_per_node = 8, row.scale_up_size = 8;
  row.precision = "bf16";
  row.sequence_length = 4096, row.micro_batch = 1, row.global_batch = 128;
  return row;
}

strategies::TrainJob job_of(const StepRow& row) {
  const StepTurning turned = scenario_of(row);
  EXPECT_TRUE(turned.scenario) << turned.reason;
  return turned.scenario ? turned.scenario->job : strategies::TrainJob{};
}

TEST(StepRows, MegatronLmOnAGpuOfLaterYearsIsMegatronCore) {
  EXPECT_EQ(software_of(row_of("llama3-70b", "Megatron-LM", "a100-sxm-80gb")), "megatron-lm-2021");
  EXPECT_EQ(software_of(row_of("llama3-70b", "Megatron-LM", "h100-sxm")), "megatron-core");
  EXPECT_EQ(software_of(row_of("llama3-70b", "Megatron-LM", "b200-sxm")), "megatron-core");
}

TEST(StepRows, FsdpBesideTensorAndPipelineParallelismIsMegatronsLayers) {
  StepRow row = row_of("llama3-70b", "in-house, FSDP + TP + PP", "h100-sxm");
  EXPECT_EQ(software_of(row).rfind("fsdp", 0), 0U);
  row.tensor = 8, row.pipeline = 4;
  EXPECT_EQ(software_of(row), "megatron-core");
  row.zero = 2;
  EXPECT_EQ(job_of(row).strategy.zero, strategies::ZeroLevel::optimizer);
  row.stack = "torchtitan, FSDP + TP + PP";
  EXPECT_EQ(software_of(row).rfind("fsdp", 0), 0U);
}

TEST(StepRows, TheReleaseOfTheContainerDecidesWhatMxfp8ExpertsRunIn) {
  StepRow row = row_of("qwen3-30b-a3b", "Megatron-Bridge/NeMo 26.04.01", "gb300");
  row.precision = "mxfp8", row.expert = 8;
  EXPECT_EQ(software_of(row), "megatron-bridge");
  EXPECT_FALSE(job_of(row).strategy.overlap.expert);
  row.stack = "Megatron-Bridge/NeMo 26.06.01";
  EXPECT_EQ(software_of(row), "megatron-bridge-26.06");
  EXPECT_TRUE(job_of(row).strategy.overlap.expert);
  row.precision = "bf16";
  EXPECT_EQ(software_of(row), "megatron-bridge");
}

TEST(StepRows, ALoraTaskTrainsAdaptersOnly) {
  StepRow row = row_of("llama3-70b", "Megatron-Bridge/NeMo 26.06", "h100-sxm");
  row.tensor = 2, row.pipeline = 4;
  EXPECT_EQ(job_of(row).workload.fine_tuning.method, models::FineTuningMethod::full);
  row.notes = "container 26.06; task LoRA; iter_time derived";
  EXPECT_EQ(job_of(row).workload.fine_tuning.method, models::FineTuningMethod::lora);
}

TEST(StepRows, AnInterleavedScheduleWithoutItsStagesHasAsManyAsDivideTheLayers) {
  StepRow row = row_of("llama3.1-405b", "Megatron-Core", "h100-sxm");  // 126 layers and two ends
  row.gpus = 16384, row.tensor = 8, row.pipeline = 16, row.global_batch = 2048;
  row.schedule = "interleaved 1f1b";
  EXPECT_EQ(job_of(row).strategy.virtual_stages, 8);
  row.virtual_stages = 4;
  EXPECT_EQ(job_of(row).strategy.virtual_stages, 4);
  row.virtual_stages.reset(), row.schedule = "1f1b";
  EXPECT_EQ(job_of(row).strategy.virtual_stages, 1);
}

TEST(StepRows, NemotronSuperIsTrainedWithItsPredictionLayers) {
  std::vector<std::string> inferred;
  const auto layers = [&](const std::string& model) {
    const auto made = model_of(row_of(model, "Megatron-Bridge/NeMo 26.04", "gb300"), inferred);
    return std::get<models::Transformer>(made->architecture).mtp_layers;
  };
  EXPECT_EQ(layers("Nemotron_3_Super"), 2);
  EXPECT_EQ(layers("Nemotron_3_Nano"), 0);
}

TEST(StepRows, ANoteOnDenseLayersChangesWhereExpertsBegin) {
  StepRow row = row_of("deepseek-v3", "Megatron-LM", "b200-sxm");
  row.layers = 4;
  std::vector<std::string> inferred;
  const auto parts = [&] {
    return std::get<models::Transformer>(model_of(row, inferred)->architecture).moe;
  };
  EXPECT_EQ(parts().first_dense_layers, 3);
  row.notes = "MLA attention, first 1 layer dense";
  EXPECT_EQ(parts().first_dense_layers, 1);
}

TEST(StepRows, MegatronCoreSplitsCoarseExpertsAsItSplitsTheRest) {
  StepRow row = row_of("grok-1", "NeMo", "h100-sxm");
  row.tensor = 4, row.expert = 8;
  EXPECT_EQ(job_of(row).strategy.sizes.expert_tensor, 4);
  row.gpus = 16, row.global_batch = 16;  // eight experts of four ranks each do not fit
  EXPECT_EQ(job_of(row).strategy.sizes.expert_tensor, 1);
  StepRow fine =
      row_of("deepseek-v3", "NeMo", "h100-sxm");  // experts narrower than the hidden state
  fine.tensor = 2, fine.expert = 32;
  EXPECT_EQ(job_of(fine).strategy.sizes.expert_tensor, 1);
  row = row_of("grok-1", "Megatron-Bridge", "h100-sxm");  // recipes state 1
  row.tensor = 4, row.expert = 8;
  EXPECT_EQ(job_of(row).strategy.sizes.expert_tensor, 1);
}

TEST(StepRows, TokensTravelBesideComputationWhereRecipesOfBridgeLetThem) {
  StepRow row = row_of("deepseek-v3", "Megatron-Bridge/NeMo 26.04", "b200-sxm");
  row.gpus = 256, row.pipeline = 8, row.virtual_stages = 2, row.expert = 32, row.global_batch = 512;
  EXPECT_TRUE(job_of(row).strategy.overlap.expert);
  row.expert = 8;  // inside one NVLink domain
  EXPECT_FALSE(job_of(row).strategy.overlap.expert);
  row.expert = 32, row.virtual_stages = 1;
  EXPECT_FALSE(job_of(row).strategy.overlap.expert);
}

}  // namespace
}  // namespace windtunnel::scenarios
