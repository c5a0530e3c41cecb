// How published tables spell a GPU, a number format, a schedule.
#include "scenarios/steps/step_words.hpp"

#include <gtest/gtest.h>

#include "models/gpu_library.hpp"
#include "models/networks/counts.hpp"
#include "scenarios/steps/step_scenario.hpp"
#include "scenarios/steps/step_software.hpp"

namespace windtunnel::scenarios {
namespace {

using models::NumberFormat;
using strategies::PipelineSchedule;

TEST(StepWords, EveryGpuOfTheLibraryIsItself) {
  for (const std::string& name : models::gpu_names()) EXPECT_EQ(gpu_of_words(name), name);
}

TEST(StepWords, GpusAreKnownAsDriversAndPapersSpellThem) {
  EXPECT_EQ(gpu_of_words("NVIDIA H100 80GB HBM3"), "h100-sxm");
  EXPECT_EQ(gpu_of_words("A100-SXM4-80GB"), "a100-sxm-80gb");
  EXPECT_EQ(gpu_of_words("B200"), "b200-sxm");
  EXPECT_EQ(gpu_of_words("GB200 NVL72"), "gb200");
  EXPECT_EQ(gpu_of_words("AMD Instinct MI300X"), "mi300x");
  EXPECT_EQ(gpu_of_words("MI355X"), "mi355x");
  EXPECT_EQ(gpu_of_words("MI250X"), "");
}

TEST(StepWords, WhatIsNoGpuSaysSo) {
  EXPECT_EQ(gpu_of_words("tpu-v5p"), "");
  EXPECT_NE(no_gpu_called("tpu-v5p").find("TPUs are no GPUs"), std::string::npos);
  EXPECT_NE(no_gpu_called("h1000-sxm").find("h100-sxm"), std::string::npos);
}

TEST(StepWords, PrecisionsAreTheNarrowestThatIsNamed) {
  EXPECT_EQ(precision_of_words("bf16-mixed"), NumberFormat::bf16);
  EXPECT_EQ(precision_of_words("amp_bf16"), NumberFormat::bf16);
  EXPECT_EQ(precision_of_words("FP8 (E4M3)"), NumberFormat::fp8);
  EXPECT_EQ(precision_of_words("fp8 hybrid"), NumberFormat::fp8);
  EXPECT_EQ(precision_of_words("bf16 + fp8 delayed scaling"), NumberFormat::fp8);
  EXPECT_EQ(precision_of_words("MXFP8"), NumberFormat::mxfp8);
  EXPECT_EQ(precision_of_words("NVFP4"), NumberFormat::nvfp4);
  EXPECT_EQ(precision_of_words("16-mixed"), std::nullopt);
}

TEST(StepWords, AFormatThatAGpuLacksRunsAsTheNextWiderOfItsSheet) {
  const auto on = [](const char* gpu, NumberFormat format) {
    return run_on(*models::gpu_named(gpu), format);
  };
  EXPECT_EQ(on("b200-sxm", NumberFormat::mxfp8), NumberFormat::mxfp8);
  EXPECT_EQ(on("h100-sxm", NumberFormat::mxfp8), NumberFormat::fp8);
  EXPECT_EQ(on("mi355x", NumberFormat::nvfp4), NumberFormat::mxfp8);
  EXPECT_EQ(on("a100-sxm-80gb", NumberFormat::fp8), NumberFormat::bf16);
  EXPECT_EQ(on("v100-sxm-32gb", NumberFormat::bf16), NumberFormat::fp16);
  EXPECT_EQ(on("h100-sxm", NumberFormat::fp32), NumberFormat::fp32);
}

TEST(StepWords, SchedulesAreKnownByTheirUsualNames) {
  EXPECT_EQ(schedule_of_words("interleaved 1F1B"), PipelineSchedule::interleaved);
  EXPECT_EQ(schedule_of_words("1F1B"), PipelineSchedule::one_f_one_b);
  EXPECT_EQ(schedule_of_words("DualPipe"), PipelineSchedule::dualpipe);
  EXPECT_EQ(schedule_of_words("none"), std::nullopt);
  EXPECT_EQ(schedule_of_words(""), std::nullopt);
}

StepRow row_of(const std::string& gpu, const std::string& stack, const std::string& source) {
  StepRow row;
  row.gpu = gpu;
  row.stack = stack;
  row.source = source;
  row.gpus = 16;
  row.global_batch = 32;
  return row;
}

TEST(StepWords, APaperRunsTheSoftwareOfItsTime) {
  const auto of = [](const char* source) {
    return software_of(row_of("a100-sxm-80gb", "Megatron-LM", source));
  };
  EXPECT_EQ(of("SC21 (arXiv 2104.04473) Table 1"), "megatron-lm-2021");
  EXPECT_EQ(of("MegaScale (arXiv 2402.15627) Table 2"), "megatron-lm-2022");
  EXPECT_EQ(software_of(row_of("MI300X", "Megatron-LM", "")), "megatron-core");
}

TEST(StepWords, ModelsAreKnownWithTheirVendorsAndReleases) {
  for (const char* name :
       {"Meta-Llama-3.1-405B", "Llama 8B", "mixtral_8x22B_v0.1", "DeepSeek V3 671B",
        "Llama-3-70B-Instruct", "GPT-3 175B", "Nemotron4-340B"}) {
    StepRow row = row_of("h100-sxm", "NeMo", "");
    row.model = name;
    std::vector<std::string> inferred;
    EXPECT_TRUE(model_of(row, inferred)) << name;
    EXPECT_TRUE(inferred.empty()) << name;
  }
}

double count(const models::Model& model) {
  return static_cast<double>(models::parameters(models::build_network(model)));
}

TEST(StepWords, AnUnknownModelWithFewerKeyHeadsIsALlamaOfItsFigures) {
  StepRow row = row_of("h100-sxm", "NeMo", "");
  row.model = "in-house 34B";
  row.layers = 48;
  row.hidden = 8192;
  row.ffn = 22016;
  row.heads = 64;
  row.kv_heads = 8;
  row.vocab = 32000;
  row.sequence_length = 4096;
  std::vector<std::string> inferred;
  const auto gated = model_of(row, inferred);
  ASSERT_TRUE(gated);
  // Three matrices an MLP; the published Code Llama 34B has these figures.
  EXPECT_NEAR(count(*gated), 33.7e9, 0.2e9);
  EXPECT_EQ(inferred.size(), 1U);
  row.kv_heads = 64;
  const auto gpt = model_of(row, inferred);
  ASSERT_TRUE(gpt);
  EXPECT_LT(count(*gpt), count(*gated));
}

TEST(StepWords, DualPipeComesWithDeepSeeksWayToTheExperts) {
  StepRow row = row_of("h800-sxm", "in-house", "");
  EXPECT_EQ(software_of(row), "megatron-core");
  row.schedule = "DualPipe";
  EXPECT_EQ(software_of(row), "megatron-bridge");
  row = row_of("h800-sxm", "HAI-LLM", "");
  EXPECT_EQ(software_of(row), "megatron-bridge");
}

TEST(StepWords, AnAmdNodeIsAMeshOfItsLinks) {
  StepRow row = row_of("AMD Instinct MI325X", "Primus", "");
  row.model = "Llama 3.1 8B";
  row.sequence_length = 8192;
  row.interconnect = "xGMI + 8x400Gb RoCE";
  row.nic_gbit_per_gpu = 400;
  const StepTurning turned = scenario_of(row);
  ASSERT_TRUE(turned.scenario) << turned.reason;
  const sim::Cluster& cluster = *turned.scenario->cluster;
  EXPECT_EQ(cluster.node.gpu.name, "mi325x");
  EXPECT_EQ(cluster.nodes, 2);
  EXPECT_EQ(cluster.node.scale_up.kind, sim::ScaleUpKind::nvlink_mesh);
  EXPECT_EQ(cluster.fabric.interconnect, "RoCE");
  EXPECT_EQ(turned.scenario->job.strategy.software, "megatron-core");
}

}  // namespace
}  // namespace windtunnel::scenarios
