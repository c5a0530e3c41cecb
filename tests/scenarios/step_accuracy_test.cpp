// Measured iterations, of stacks of 2020 to 2026, against what is predicted for them. Shared
// tables are read where they are there. Limits are what the model reaches, with a tenth of it and more
// to spare: a change that makes it worse has to say so here.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "calibration/fabric_model.hpp"
#include "calibration/kernels/device_model.hpp"
#include "calibration/measurement.hpp"
#include "scenarios/steps/step_validation.hpp"

namespace windtunnel::scenarios {
namespace {

using Keep = std::function<bool(const StepRow&)>;

std::filesystem::path table(const std::string& name) {
  return std::filesystem::path(WINDTUNNEL_SOURCE_DIR) / "../shared/measurements/training" /
         (name + ".csv");
}

StepValidation validated(const std::string& name, const Keep& keep) {
  std::vector<calibration::GenericRow> rows;
  for (calibration::GenericRow& row : calibration::read_measurement_file(table(name)).other) {
    const StepReading reading = read_step(row);
    if (reading.row && keep(*reading.row)) rows.push_back(std::move(row));
  }
  StepModels models;
  models.links = calibration::shipped_model();
  models.kernels = [](const sim::Gpu& gpu) { return calibration::kernel_model_for(gpu, ""); };
  return validate_steps(rows, models);
}

bool every_row(const StepRow&) {
  return true;
}

class StepAccuracy : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(table("megatron"))) GTEST_SKIP() << "the shared tables are absent";
  }
};

TEST_F(StepAccuracy, OfMegatronsPapersIsFivePercent) {
  const base::Outcome all = validated("megatron", every_row).outcome();
  EXPECT_LT(all.facts.at("mean_abs_error"), 0.05);
  EXPECT_LT(all.facts.at("median_abs_error"), 0.03);
  const base::Outcome recomputation = validated("megatron", [](const StepRow& row) {
                                        return row.source.find("2205.05198") != std::string::npos;
                                      }).outcome();
  EXPECT_LT(recomputation.facts.at("mean_abs_error"), 0.03);
}

TEST_F(StepAccuracy, OfBloomsSweepIsSixPercentInTheRightOrder) {
  const base::Outcome all = validated("bloom_topology_sweep", every_row).outcome();
  EXPECT_LT(all.facts.at("mean_abs_error"), 0.06);
  EXPECT_GT(all.facts.at("pair_order"), 0.90);
  EXPECT_LT(all.facts.at("regret"), 0.03);
}

TEST_F(StepAccuracy, OfStacksOfHopperAndBlackwellIsFourToTenPercent) {
  const auto error = [](const char* name) {
    return validated(name, every_row).outcome().facts.at("mean_abs_error");
  };
  EXPECT_LT(error("simumax_b200"), 0.045);
  EXPECT_LT(error("dgxc"), 0.070);
  EXPECT_LT(error("nemo_mbridge"), 0.095);
  const base::Outcome grok =
      validated("dgxc", [](const StepRow& row) { return row.model.starts_with("Grok"); }).outcome();
  EXPECT_LT(grok.facts.at("mean_abs_error"), 0.06);
}

TEST_F(StepAccuracy, OfVtrainsIterationsIsTenPercent) {
  // Every fifth: the table is a full grid.
  int count = 0;
  const base::Outcome single =
      validated("vtrain_single", [&](const StepRow&) { return ++count % 5 == 0; }).outcome();
  EXPECT_LT(single.facts.at("mean_abs_error"), 0.09);
  EXPECT_GT(single.facts.at("pair_order"), 0.85);
  EXPECT_LT(validated("vtrain_multi", every_row).outcome().facts.at("mean_abs_error"), 0.11);
}

}  // namespace
}  // namespace windtunnel::scenarios
