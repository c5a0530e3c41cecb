// Memory of measured training iterations: the quantity that a row states, and what a row that ran
// leaves open. Shared tables are read where they are there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "calibration/fabric_model.hpp"
#include "calibration/kernels/device_model.hpp"
#include "calibration/measurement.hpp"
#include "models/networks/fine_tuning.hpp"
#include "scenarios/steps/step_memory.hpp"
#include "scenarios/steps/step_scenario.hpp"
#include "scenarios/steps/step_validation.hpp"
#include "strategies/train/memory_facts.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr double kGiB = 1073741824.0;

std::filesystem::path table(const std::string& name) {
  return std::filesystem::path(WINDTUNNEL_SOURCE_DIR) / "../shared/measurements/training" /
         (name + ".csv");
}

struct RowMemory {
  StepRow row;
  std::vector<strategies::StageMemory> stages;
  sim::Gpu gpu;

  bool fits() const { return strategies::fits(stages, gpu); }
  double allocated() const {
    double most = 0;
    for (const auto& stage : stages) most = std::max(most, stage.allocated().value());
    return most / kGiB;
  }
  double used() const {
    double most = 0;
    for (const auto& stage : stages) most = std::max(most, stage.used(gpu.memory).value());
    return most / kGiB;
  }
};

// Every row that can be laid out, without its times.
std::vector<RowMemory> memories(const std::string& name) {
  std::vector<RowMemory> out;
  for (const calibration::GenericRow& line :
       calibration::read_measurement_file(table(name)).other) {
    if (line.kind != "step") continue;
    const StepReading reading = read_step(line);
    if (!reading.row) continue;
    const StepTurning turned = scenario_of(*reading.row);
    if (!turned.scenario) continue;
    const StepScenario& s = *turned.scenario;
    const models::Network network = models::fine_tuned(*s.network, s.job.workload.fine_tuning);
    const auto planning = strategies::make_train_plan(s.job, *s.model, network, *s.cluster);
    if (!planning.plan) continue;
    out.push_back(
        {*reading.row, strategies::stage_memory(*planning.plan, network), s.cluster->node.gpu});
  }
  return out;
}

class SharedTable : public testing::Test {
 protected:
  static bool missing(const std::string& name) { return !std::filesystem::exists(table(name)); }
};

// Megatron-LM 23e00ed0 with Transformer Engine 2.11 on eight B200: max_memory_allocated. SimuMax
// itself is within 1.4 %; ours is held to 2 % a row and 1 % in the mean.
TEST_F(SharedTable, AllocatedPeaksOnB200AreWithinAPercentInTheMean) {
  if (missing("simumax_b200")) GTEST_SKIP() << "no shared tables here";
  double sum = 0;
  int rows = 0;
  for (const RowMemory& one : memories("simumax_b200")) {
    if (!one.row.memory_gib) continue;
    const double error = one.allocated() / *one.row.memory_gib - 1.0;
    EXPECT_LT(std::abs(error), 0.02) << one.row.id << ": " << one.allocated() << " GiB";
    sum += std::abs(error);
    ++rows;
  }
  ASSERT_GT(rows, 15);
  EXPECT_LT(sum / rows, 0.01);
}

// BLOOM's sweep on A100: what nvidia-smi showed on the first and last node, printed without decimals,
// and one configuration twice with 38 and 44 GB. Mean within 5 %, nobody who ran is refused, and who
// ran out of memory is.
TEST_F(SharedTable, UsedMemoryOfBloomsSweepIsWithinFivePercent) {
  if (missing("bloom_topology_sweep")) GTEST_SKIP() << "no shared tables here";
  double sum = 0;
  int rows = 0;
  for (const RowMemory& one : memories("bloom_topology_sweep")) {
    const bool ran_out = one.row.outcome == "oom" && !one.row.memory_gib;
    EXPECT_EQ(one.fits(), !ran_out) << one.row.id;
    if (!one.row.memory_gib) continue;
    sum += std::abs(one.used() / *one.row.memory_gib - 1.0);
    ++rows;
  }
  ASSERT_GT(rows, 30);
  EXPECT_LT(sum / rows, 0.05);
}

// Figures 1 and 7 of Korthikanti et al. 2022: bytes of an analytic profile and shares read off a
// figure, whose bars are right to a hundredth of their height.
TEST_F(SharedTable, MegatronsProfileIsWithinAHundredth) {
  if (missing("megatron_memory")) GTEST_SKIP() << "no shared tables here";
  const auto rows = calibration::read_measurement_file(table("megatron_memory")).other;
  StepModels models;
  models.links = calibration::shipped_model();
  models.kernels = [](const sim::Gpu& gpu) { return calibration::kernel_model_for(gpu, ""); };
  const StepValidation validation = validate_steps(rows, models);
  for (const ValidatedStep& step : validation.steps) {
    ASSERT_TRUE(step.memory) << step.row.id;
    EXPECT_LT(std::abs(step.memory->error()), 0.012) << step.row.id;
    EXPECT_TRUE(step.memory->inside()) << step.row.id;
  }
  const base::Outcome out = validation.outcome();
  EXPECT_EQ(out.facts.at("memory_rows"), static_cast<double>(rows.size()));
  EXPECT_LT(out.facts.at("memory_mean_abs_error"), 0.004);
  EXPECT_EQ(out.tables.at("memory_rows").rows.size(), rows.size());
  EXPECT_EQ(out.tables.at("memory_groups").rows.size(), 3U);
}

// Who ran out of memory does not fit or fits only at the limit, and at most two of those that ran do.
TEST_F(SharedTable, WhoRanOutOfMemoryOfBloomsSweepIsFlagged) {
  if (missing("bloom_topology_sweep")) GTEST_SKIP() << "no shared tables here";
  int alarms = 0, short_of = 0;
  for (const RowMemory& one : memories("bloom_topology_sweep")) {
    const bool flagged = !one.fits() || strategies::at_limit(one.stages, one.gpu);
    if (one.row.outcome == "oom") {
      EXPECT_TRUE(flagged) << one.row.id;
      ++short_of;
    } else {
      alarms += flagged ? 1 : 0;
    }
  }
  EXPECT_GE(short_of, 3);
  EXPECT_LE(alarms, 2);
}

TEST_F(SharedTable, WhatRanFits) {
  for (const char* name : {"dgxc", "nemo_mbridge", "mosaic_mpt_fsdp", "vtrain_multi"}) {
    if (missing(name)) GTEST_SKIP() << "no shared tables here";
    int refused = 0;
    for (const RowMemory& one : memories(name)) {
      if (one.row.measured_time() && !one.fits()) ++refused;
    }
    EXPECT_LE(refused, 1) << name;
  }
}

StepRow row_of(const std::string& model, const std::string& stack) {
  StepRow row;
  row.model = model, row.stack = stack, row.gpu = "h100-sxm";
  row.gpus = 64, row.gpus_per_node = 8, row.scale_up_size = 8;
  row.precision = "bf16";
  row.sequence_length = 4096, row.micro_batch = 2, row.global_batch = 128, row.zero = 3;
  row.time_s = 5.0;
  return row;
}

strategies::TrainStrategy strategy_of(const StepRow& row) {
  const StepTurning turned = scenario_of(row);
  EXPECT_TRUE(turned.scenario) << turned.reason;
  return turned.scenario ? turned.scenario->job.strategy : strategies::TrainStrategy{};
}

TEST(StepMemory, UnstatedRecomputationIsTheLeastThatFits) {
  const auto of = strategy_of(row_of("llama2-70b", "MaxText (JAX)"));
  EXPECT_EQ(of.recompute, models::Recompute::full);
  EXPECT_GT(of.recompute_layers, 0);
  EXPECT_LT(of.recompute_layers, 80);
  EXPECT_EQ(strategy_of(row_of("llama2-7b", "MaxText (JAX)")).recompute, models::Recompute::none);
}

TEST(StepMemory, MegatronFsdpPutsActivationsOnTheHostInstead) {
  const auto of = strategy_of(row_of("llama2-70b", "Megatron-Bridge/NeMo 26.04"));
  EXPECT_EQ(of.recompute, models::Recompute::none);
  EXPECT_EQ(of.offload_activations, strategies::OffloadTarget::host);
  EXPECT_GT(of.offload_layers, 0);
}

TEST(StepMemory, WhatIsStatedStays) {
  StepRow row = row_of("llama2-70b", "MaxText (JAX)");
  row.recompute = "none";
  EXPECT_EQ(strategy_of(row).recompute, models::Recompute::none);
  row.recompute = "", row.outcome = "oom";  // it did not fit, so nothing says what would have
  EXPECT_EQ(strategy_of(row).recompute, models::Recompute::none);
}

TEST(StepMemory, WordsSayWhichQuantityARowStates) {
  const auto of = [](const std::string& words, bool percent) -> std::optional<MemoryOf> {
    StepRow row;
    row.memory_kind = words;
    (percent ? row.memory_percent : row.memory_gib) = 10.0;
    const auto stated = stated_memory(row);
    return stated ? std::optional(stated->of) : std::nullopt;
  };
  EXPECT_EQ(of("max mem first/last node (GB as printed)", false), MemoryOf::device);
  EXPECT_EQ(of("max over ranks torch max_memory_allocated", false), MemoryOf::allocated);
  EXPECT_EQ(of("max over GPUs reserved/active", false), MemoryOf::reserved);
  EXPECT_EQ(of("params+grads+optimizer state", false), MemoryOf::states);
  EXPECT_EQ(of("Activations (1st stage, peak)", false), MemoryOf::activations);
  EXPECT_EQ(of("parameters, optimizer and activations", false), MemoryOf::states_and_activations);
  EXPECT_EQ(of("activation memory as % of TP-only baseline", true), MemoryOf::activation_share);
  EXPECT_EQ(of("% of the device", true), std::nullopt) << "a percentage of what is not predicted";
}

StepRow profile_row() {
  StepRow row = row_of("megatron-22b", "Megatron-LM");
  row.source = "arXiv 2205.05198", row.gpu = "a100-sxm-80gb", row.precision = "fp16";
  row.gpus = 8, row.tensor = 8, row.pipeline = 1, row.sequence_length = 2048;
  row.micro_batch = 4, row.global_batch = 4, row.zero.reset(), row.time_s.reset();
  row.recompute = "none", row.sequence_parallel = 0;
  return row;
}

TEST(StepMemory, OfAProfileIsNotFittedToADevice) {
  StepRow row = profile_row();
  row.memory_kind = "activations (1st stage, peak)", row.memory_gib = 60.0;
  row.global_batch = 64, row.micro_batch = 64;  // far beyond any device
  EXPECT_EQ(strategy_of(row).zero, strategies::ZeroLevel::none);
  EXPECT_EQ(strategy_of(row).recompute, models::Recompute::none);
}

TEST(StepMemory, TheBaselineIsAHundredPercentOfItself) {
  StepRow row = profile_row();
  row.memory_kind = "activations as % of the baseline", row.memory_percent = 100.0;
  const StepTurning turned = scenario_of(row);
  ASSERT_TRUE(turned.scenario) << turned.reason;
  const auto compared = compare_memory(*stated_memory(row), *turned.scenario, {});
  ASSERT_TRUE(compared);
  EXPECT_DOUBLE_EQ(compared->predicted, 1.0);
  EXPECT_GT(compared->stage, compared->layers) << "embedding and head stand on it";
}

TEST(StepMemory, LayersLieOnStagesAsTheNotesSay) {
  StepRow row = row_of("gpt3-1.3b", "Sailor");  // 24 layers
  row.tensor = 2, row.pipeline = 4, row.zero = 0;
  const auto split = [&](const std::string& stages) {
    row.notes = "N=2 nodes; layers per stage (incl. embed/head) " + stages + "; dims from HF";
    return strategy_of(row).stage_layers;
  };
  EXPECT_EQ(split("[5, 7, 7, 7]"), (std::vector<std::int64_t>{4, 7, 7, 6}));
  EXPECT_TRUE(split("[5, 7, 7, 6]").empty()) << "they are not 24 layers and two ends";
  EXPECT_TRUE(split("[12, 14]").empty()) << "there are four stages";
  EXPECT_TRUE(split("[0, 8, 9, 9]").empty()) << "the embedding stands on the first";
}

}  // namespace
}  // namespace windtunnel::scenarios
