#include "calibration/kernels/engine_profile.hpp"

#include <gtest/gtest.h>

#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

std::string profile(const char* gpu, const char* engine) {
  return engine_profile(*models::gpu_named(gpu), engine).value_or("none");
}

TEST(EngineProfile, IsOfTheEnginesFrameworkOnThisGpu) {
  EXPECT_TRUE(profile("h100-sxm", "vllm 0.19.0").starts_with("h100-sxm-vllm"));
  EXPECT_TRUE(profile("h100-sxm", "TensorRT-LLM 1.0").starts_with("h100-sxm-trtllm"));
  EXPECT_TRUE(profile("b200-sxm", "sglang 0.5.9").starts_with("b200-sxm-sglang"));
}

TEST(EngineProfile, OfSeveralVersionsTheNearestAnswers) {
  EXPECT_EQ(profile("l40s", "vllm 0.12.0"), "l40s-vllm-0.14.0");
  EXPECT_EQ(profile("l40s", "vllm 0.23"), "l40s-vllm-0.24.0");
}

TEST(EngineProfile, AGpuWithoutTheFrameworkGivesItsDefault) {
  EXPECT_EQ(profile("rtx-4090", "sglang 0.5"), "rtx-4090-vllm-0.19.0");
}

TEST(EngineProfile, AGpuWithoutProfilesHasARelativeOfItsArchitecture) {
  EXPECT_TRUE(profile("b300-sxm", "vllm 0.19").starts_with("b200-sxm-vllm"));
  EXPECT_TRUE(profile("gb300", "trtllm").starts_with("gb200-trtllm"));
  EXPECT_TRUE(profile("h100-nvl", "vllm").starts_with("h100-sxm-vllm"));
  EXPECT_EQ(profile("v100-sxm-16gb", "vllm"), "none");
}

}  // namespace
}  // namespace windtunnel::calibration
