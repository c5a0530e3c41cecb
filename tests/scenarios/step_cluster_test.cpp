// The cluster of a measured iteration as its words describe it.
#include <gtest/gtest.h>

#include "models/gpu_library.hpp"
#include "scenarios/steps/step_scenario.hpp"
#include "scenarios/steps/step_software.hpp"

namespace windtunnel::scenarios {
namespace {

sim::Nics nics_of(const std::string& interconnect, double gbit_per_gpu) {
  StepRow row;
  row.gpu = "a100-sxm-80gb", row.interconnect = interconnect;
  row.gpus = 64, row.gpus_per_node = 8, row.scale_up_size = 8;
  row.nic_gbit_per_gpu = gbit_per_gpu;
  return cluster_of(row, *models::gpu_named(row.gpu)).node.nics;
}

TEST(StepCluster, CountsTheNicsThatTheInterconnectNames) {
  EXPECT_EQ(nics_of("NVLink3 + 4x100Gb Omni-Path per node", 50).count, 4);
  EXPECT_DOUBLE_EQ(nics_of("NVLink3 + 4x100Gb Omni-Path per node", 50).bandwidth.value(), 12.5e9);
  EXPECT_EQ(nics_of("NVLink3; 800Gb/s IB per node (4xHDR200)", 100).count, 4);
  EXPECT_EQ(nics_of("NVLink3 600GB/s + 8x200Gb HDR IB (Selene)", 200).count, 8);
}

TEST(StepCluster, HasANicAGpuWhereTheWordsSayNothingOrSomethingElse) {
  EXPECT_EQ(nics_of("NVLink3 + IB", 200).count, 8);
  EXPECT_EQ(nics_of("2x100Gb HDR IB", 200).count, 8) << "another rate";
  EXPECT_DOUBLE_EQ(nics_of("2x100Gb HDR IB", 200).bandwidth.value(), 25e9);
}

TEST(StepSoftware, MegatronLmOfAPaperIsOfItsYear) {
  StepRow row;
  row.gpu = "a100-sxm-80gb", row.stack = "Megatron-LM";
  EXPECT_EQ(software_of(row), "megatron-lm-2021");
  row.source = "Reducing Activation Recomputation (arXiv 2205.05198) Table 5";
  EXPECT_EQ(software_of(row), "megatron-lm-2022");
  row.source = "Megatron-LM README 2020-09 weak scaling";
  EXPECT_EQ(software_of(row), "megatron-lm-2020");
}

}  // namespace
}  // namespace windtunnel::scenarios
