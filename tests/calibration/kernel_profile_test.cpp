// A kernel profile on disk: what is written is read, and what is damaged is refused.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "calibration/kernels/kernel_profile_file.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

KernelProfile example() {
  KernelProfile profile;
  profile.name = "test-gpu";
  profile.gpu = "h100-sxm";
  profile.stack = "stack \"1\"";
  profile.date = "2026-08-21";
  profile.files = {{"rows.csv", std::string(64, 'a'), "measurement CSV"}};
  Component gemm{.kind = "gemm",
                 .format = "bf16",
                 .kernel = "torch_flow",
                 .parameters = {},
                 .grids = {},
                 .ranges = {},
                 .rows_used = 1234,
                 .held_out = {}};
  gemm.parameters = {{"efficiency", 0.7213, 0.004, "1"}, {"launch", 2.25e-6, 1e-8, "s"}};
  gemm.ranges = {{"m", {1, 32768}}};
  gemm.held_out = {{"by (n, k)", 100, 0.04, 0.11, 0.05, -0.01, 0.9, 0.2}};
  ResidualGrid grid{{{"log2 m", {0, 1, 2.5}}, {"log2 n", {7, 8}}}, {1, 2, 3, -4, kNoKnot, 6}};
  gemm.grids = {grid, {{{"log2 k", {3}}}, {77}}};
  profile.components = {gemm};
  return profile;
}

std::optional<KernelProfile> read(const ProfileTexts& texts, std::string* said = nullptr) {
  base::Diagnostics diagnostics;
  auto profile = kernel_profile_from(texts.head, texts.grid, "p.yaml", diagnostics);
  if (said != nullptr) *said = diagnostics.to_text();
  return profile;
}

TEST(KernelProfileFile, WhatIsWrittenIsReadBack) {
  const ProfileTexts texts = profile_texts(example(), "p.grid");
  EXPECT_TRUE(is_kernel_profile(texts.head));
  EXPECT_EQ(grid_file_of(texts.head), "p.grid");
  std::string said;
  const auto back = read(texts, &said);
  ASSERT_TRUE(back) << said;
  EXPECT_EQ(back->stack, "stack \"1\"");
  const Component* gemm = back->find("gemm", "bf16", "torch_flow");
  ASSERT_NE(gemm, nullptr);
  EXPECT_DOUBLE_EQ(gemm->parameters[1].value, 2.25e-6);
  EXPECT_EQ(gemm->ranges[0].second.second, 32768);
  EXPECT_DOUBLE_EQ(gemm->held_out[0].bias, -0.01);
  ASSERT_EQ(gemm->grids.size(), 2u);
  EXPECT_EQ(gemm->grids[0].axes[0].knots, (std::vector<double>{0, 1, 2.5}));
  EXPECT_EQ(gemm->grids[0].values, (std::vector<std::int16_t>{1, 2, 3, -4, kNoKnot, 6}));
  EXPECT_EQ(gemm->grids[1].values, (std::vector<std::int16_t>{77}));
  EXPECT_EQ(profile_texts(*back, "p.grid").head, texts.head) << "writing is deterministic";
}

TEST(KernelProfileFile, AHeadOrGridCutOffAnywhereIsRefusedWithAPlace) {
  const ProfileTexts whole = profile_texts(example(), "p.grid");
  for (std::size_t size = 0; size < whole.head.size(); size += 7) {
    std::string said;
    EXPECT_FALSE(read({whole.head.substr(0, size), whole.grid}, &said)) << size;
    EXPECT_NE(said.find("p.yaml:"), std::string::npos);
  }
  for (std::size_t size = 0; size < whole.grid.size(); size += 7) {
    std::string said;
    EXPECT_FALSE(read({whole.head, whole.grid.substr(0, size)}, &said)) << size;
    EXPECT_NE(said.find("cut off or is of another fit"), std::string::npos) << said;
  }
}

TEST(KernelProfileFile, AChangedHeadOrGridIsRefused) {
  const ProfileTexts whole = profile_texts(example(), "p.grid");
  ProfileTexts changed = whole;
  changed.head.replace(changed.head.find("0.7213"), 6, "0.9213");
  std::string said;
  EXPECT_FALSE(read(changed, &said));
  EXPECT_NE(said.find("was changed after it was written"), std::string::npos) << said;
  changed = whole;
  changed.grid.back() = static_cast<char>(changed.grid.back() ^ 1);
  EXPECT_FALSE(read(changed, &said));
  EXPECT_NE(said.find("its checksum differs"), std::string::npos) << said;
  changed = whole;
  changed.head.replace(changed.head.find("kernel_profile/1"), 16, "kernel_profile/7");
  EXPECT_FALSE(read(changed, &said));
  EXPECT_NE(said.find("another version"), std::string::npos) << said;
}

TEST(KernelProfileFile, AMissingGridFileIsTheEnvironments) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / "windtunnel-profile-test";
  fs::create_directories(folder);
  const ProfileTexts texts = profile_texts(example(), "lonely.grid");
  std::ofstream(folder / "lonely.yaml", std::ios::binary) << texts.head;
  fs::remove(folder / "lonely.grid");
  EXPECT_THROW(load_kernel_profile(folder / "lonely.yaml"), base::EnvironmentError);
  std::ofstream(folder / "lonely.grid", std::ios::binary) << texts.grid;
  EXPECT_EQ(load_kernel_profile(folder / "lonely.yaml").name, "test-gpu");
  fs::remove_all(folder);
}

TEST(KernelProfileFile, ShippedProfilesAreSoundAndSpeakOfGpusWithASheet) {
  for (const std::string& name : shipped_kernel_profiles()) {
    const auto profile = shipped_kernel_profile(name);
    ASSERT_TRUE(profile) << name;
    EXPECT_EQ(profile->name, name);
    EXPECT_EQ(kernel_profile_name(profile->gpu, profile->stack), name);
  }
  EXPECT_FALSE(shipped_kernel_profile("no-such-gpu"));
}

}  // namespace
}  // namespace windtunnel::calibration
