// What of the number formats runs on which GPU.
#include "models/kernels/format_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

using ::testing::HasSubstr;

FormatSupport training(const char* gpu, NumberFormat format) {
  return training_support(format, *gpu_named(gpu));
}
FormatSupport serving(const char* gpu, NumberFormat format) {
  return serving_support(format, *gpu_named(gpu));
}

TEST(FormatSupport, TrainingInEightBitsAndFewerNeedsTheTensorCores) {
  EXPECT_EQ(training("h100-sxm", NumberFormat::fp8).runs, FormatRuns::as_asked);
  EXPECT_EQ(training("l40s", NumberFormat::fp8).runs, FormatRuns::as_asked);
  EXPECT_EQ(training("a100-sxm-80gb", NumberFormat::fp8).runs, FormatRuns::never);
  EXPECT_THAT(training("a100-sxm-80gb", NumberFormat::fp8).sentence, HasSubstr("bf16 runs"));
  EXPECT_EQ(training("h100-sxm", NumberFormat::nvfp4).runs, FormatRuns::never);
  EXPECT_EQ(training("h100-sxm", NumberFormat::mxfp8).runs, FormatRuns::never);
  EXPECT_THAT(training("h100-sxm", NumberFormat::mxfp8).sentence, HasSubstr("fp8 and bf16 run"));
  EXPECT_EQ(training("b200-sxm", NumberFormat::nvfp4).runs, FormatRuns::as_asked);
  EXPECT_EQ(training("v100-sxm-32gb", NumberFormat::bf16).runs, FormatRuns::otherwise);
  EXPECT_EQ(training("v100-sxm-32gb", NumberFormat::fp16).runs, FormatRuns::as_asked);
  EXPECT_EQ(training("a100-sxm-80gb", NumberFormat::bf16).runs, FormatRuns::as_asked);
}

TEST(FormatSupport, ServingKeepsNarrowWeightsOnOlderGpusAndSaysHow) {
  const FormatSupport fp8 = serving("a100-sxm-80gb", NumberFormat::fp8);
  EXPECT_EQ(fp8.runs, FormatRuns::otherwise);
  EXPECT_THAT(fp8.sentence, HasSubstr("precision: int8_weights"));
  EXPECT_THAT(serving("h200-sxm", NumberFormat::nvfp4).sentence, HasSubstr("int4_weights"));
  EXPECT_THAT(serving("h100-sxm", NumberFormat::mxfp4_mxfp8).sentence, HasSubstr("mxfp4_weights"));
  EXPECT_EQ(serving("a100-sxm-80gb", NumberFormat::int4_weights).runs, FormatRuns::as_asked);
  EXPECT_EQ(serving("v100-sxm-32gb", NumberFormat::fp8).runs, FormatRuns::never);
  EXPECT_EQ(serving("t4", NumberFormat::int8).runs, FormatRuns::as_asked);
}

TEST(FormatSupport, AGpuOfAnUnknownGenerationIsTakenAtItsWord) {
  sim::Gpu gpu;
  gpu.name = "mine";
  for (const NumberFormat format : all_number_formats()) {
    EXPECT_EQ(training_support(format, gpu).runs, FormatRuns::as_asked);
    EXPECT_EQ(serving_support(format, gpu).runs, FormatRuns::as_asked);
  }
}

}  // namespace
}  // namespace windtunnel::models
