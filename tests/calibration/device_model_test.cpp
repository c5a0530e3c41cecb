// What answers kernel queries: a fitted profile, what stands in for it, and the roofline behind both.
#include <gtest/gtest.h>

#include <cmath>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/device_model.hpp"
#include "calibration/kernels/device_sheet.hpp"
#include "calibration/kernels/kernel_calibrate.hpp"
#include "calibration/kernels/kernel_profile_file.hpp"
#include "calibration/kernels/kernel_validate.hpp"
#include "calibration/kernels/profile_compare.hpp"
#include "calibration/kernels/profile_coverage_table.hpp"
#include "models/gpu_library.hpp"
#include "models/kernels/all_reduce_form.hpp"
#include "models/kernels/copy_form.hpp"
#include "models/kernels/memory_form.hpp"
#include "sim/base/diagnostics.hpp"
#include "tests/calibration/count_allocations.hpp"

namespace windtunnel::calibration {
namespace {

using models::MemoryOp;

sim::Gpu h100() {
  return *models::gpu_named("h100-sxm");
}

KernelRows with_source(const char* stack = "test 1") {
  KernelRows rows;
  rows.sources.push_back({"made here", "h100-sxm", stack, "", ""});
  return rows;
}

// Rows of a known law with a wiggle that repeats, so that a fit can be held against it.
KernelRows memory_rows(MemoryOp op, const models::MemoryParameters& law) {
  KernelRows rows = with_source();
  const models::MemoryForm form(h100(), law);
  int i = 0;
  for (double bytes = 4096; bytes < 4e9; bytes *= 1.5, ++i) {
    const double wiggle = 1.0 + 0.02 * std::sin(3.0 * i);
    rows.memory.push_back(
        {{op, base::Bytes(bytes), 0}, base::Seconds(form.time(bytes) * wiggle), 0, i});
  }
  return rows;
}

constexpr models::MemoryParameters kLaw{
    .floor = 3e-6, .dram_efficiency = 0.7, .l2_ratio = 2.5, .knee = 0.8, .sharpness = 2.0};

KernelProfile fitted_profile() {
  KernelRows rows = memory_rows(MemoryOp::rms_norm, kLaw);
  const models::CopyForm copy(h100(), models::CopyDirection::host_to_device,
                              {.latency = 9e-6, .efficiency = 0.85, .sharpness = 1.0});
  for (double bytes = 1024; bytes < 1e9; bytes *= 2)
    rows.copy.push_back({{models::CopyDirection::host_to_device, base::Bytes(bytes)},
                         base::Seconds(copy.time(bytes)),
                         0,
                         0});
  for (int i = 0; i < 12; ++i)
    rows.launch.push_back({{}, base::Seconds(3e-6 * (1 + 0.01 * (i % 3))), 0, 0});
  const models::AllReduceForm ring(h100(), {});
  for (const std::int64_t gpus : {2, 4, 8})
    for (double bytes = 256; bytes < 2e9; bytes *= 2)
      rows.all_reduce.push_back({{gpus, base::Bytes(bytes), models::DispatchMode::graph},
                                 base::Seconds(ring.time(static_cast<double>(gpus), bytes)),
                                 0,
                                 0});
  const KernelCalibration made = calibrate_kernels(rows, {.date = "2026-01-01"});
  EXPECT_EQ(made.profiles.size(), 1u) << made.diagnostics.to_text();
  return made.profiles.at(0);
}

template <class Query>
void expect_sound(const models::KernelTimeModel& model, const Query& query) {
  const models::KernelTime t = model.time(query);
  EXPECT_GT(t.time.value(), 0.0);
  EXPECT_LE(t.low.value(), t.time.value());
  EXPECT_GE(t.high.value(), t.time.value());
  EXPECT_TRUE(std::isfinite(t.high.value()));
}

std::vector<models::KernelQuery> queries() {
  std::vector<models::KernelQuery> out;
  for (const models::NumberFormat format : models::all_number_formats()) {
    for (const std::int64_t m : {1, 17, 4096})
      out.push_back(models::GemmQuery{.m = m, .n = 4096, .k = 108, .format = format});
    out.push_back(models::MoeQuery{.tokens = 77,
                                   .hidden = 4096,
                                   .intermediate = 1536,
                                   .top_k = 8,
                                   .experts = 128,
                                   .expert_ranks = 4,
                                   .format = format});
    for (const auto phase : {models::AttentionPhase::context, models::AttentionPhase::decode,
                             models::AttentionPhase::backward})
      for (const auto kernel : {models::AttentionKernel::fused, models::AttentionKernel::unfused})
        out.push_back(models::AttentionQuery{.phase = phase,
                                             .kernel = kernel,
                                             .batch = 3,
                                             .heads = 32,
                                             .kv_heads = 8,
                                             .head_dim = 108,
                                             .q_len = 5,
                                             .kv_len = 999,
                                             .format = format,
                                             .kv_format = format});
  }
  for (int op = 0; op <= static_cast<int>(MemoryOp::kv_write); ++op)
    for (const double bytes : {1.0, 1e5, 1e11})
      out.push_back(models::MemoryQuery{static_cast<MemoryOp>(op), base::Bytes(bytes), 0});
  for (int kind = 0; kind <= static_cast<int>(models::LaunchKind::fork); ++kind)
    out.push_back(models::LaunchQuery{static_cast<models::LaunchKind>(kind)});
  for (int d = 0; d <= static_cast<int>(models::CopyDirection::peer_both_ways); ++d)
    out.push_back(models::CopyQuery{static_cast<models::CopyDirection>(d), base::Bytes(1e6)});
  for (const std::int64_t gpus : {2, 3, 8, 72})
    out.push_back(models::FusedAllReduceQuery{gpus, base::Bytes(1e6), models::DispatchMode::eager});
  return out;
}

TEST(MemoryFit, FindsTheLawThatMadeTheRows) {
  const KernelCalibration made = calibrate_kernels(memory_rows(MemoryOp::add, kLaw), {});
  ASSERT_EQ(made.profiles.size(), 1u);
  const Component* add = made.profiles[0].find("memory", "add");
  ASSERT_NE(add, nullptr);
  EXPECT_NEAR(parameter_or(*add, "dram_efficiency", 0), 0.7, 0.02);
  EXPECT_NEAR(parameter_or(*add, "floor", 0), 3e-6, 0.3e-6);
  ASSERT_FALSE(add->held_out.empty());
  EXPECT_LT(add->held_out[0].median, 0.03) << "the wiggle is 2 %";
}

TEST(AllReduceFit, HeldOutSizesOfItsOwnLawAreMetWithinFivePerCent) {
  const KernelProfile profile = fitted_profile();
  const Component* graph = profile.find("all_reduce", "graph");
  ASSERT_NE(graph, nullptr);
  ASSERT_EQ(graph->held_out.size(), 2u);
  EXPECT_LT(graph->held_out[0].median, 0.05) << "by size";
  EXPECT_LT(graph->held_out[1].median, 0.10) << "by GPU count";
}

TEST(DeviceModel, AnswersEveryQueryWithAPositiveTimeInsideItsBand) {
  const DeviceModel model({fitted_profile()}, h100());
  for (const models::KernelQuery& query : queries())
    std::visit([&](const auto& q) { expect_sound(model, q); }, query);
}

TEST(DeviceModel, TheRooflineAnswersForEverySheetAndEveryQuery) {
  for (const std::string& name : models::gpu_names()) {
    const models::RooflineModel model(*models::gpu_named(name));
    for (const models::KernelQuery& query : queries())
      std::visit([&](const auto& q) { expect_sound(model, q); }, query);
  }
}

TEST(DeviceModel, AGpuDescribedByTheUserNeedsABandwidthAndOnePeak) {
  sim::Gpu gpu;
  gpu.name = "my-gpu";
  gpu.memory_bandwidth = base::BytesPerSecond(5e11);
  gpu.peak["fp32"] = base::FlopsPerSecond(2e13);
  const auto model = kernel_model_for(gpu, "");
  EXPECT_EQ(model->name(), "roofline of my-gpu");
  for (const models::KernelQuery& query : queries())
    std::visit([&](const auto& q) { expect_sound(*model, q); }, query);
  EXPECT_FALSE(model->note(models::GemmQuery{}).empty());
}

TEST(DeviceModel, WarmQueriesDoNotAllocate) {
  const DeviceModel model({fitted_profile()}, h100());
  const std::vector<models::KernelQuery> all = queries();
  double sum = 0.0;
  const auto ask = [&] {
    for (const models::KernelQuery& query : all)
      std::visit([&](const auto& q) { sum += model.time(q).time.value(); }, query);
  };
  ask();
  const long before = tests::allocations_of_this_thread();
  ask();
  EXPECT_EQ(tests::allocations_of_this_thread() - before, 0);
  EXPECT_GT(sum, 0.0);
}

TEST(DeviceModel, WhatAStackLacksANeighbourAnswersWithAWiderBandAndANote) {
  const KernelProfile full = fitted_profile();
  KernelProfile bare = full;
  bare.name = "bare";
  bare.stack = "bare 1";
  std::erase_if(bare.components, [](const Component& c) { return c.kind == "memory"; });
  const DeviceModel own({full}, h100()), both({bare, full}, h100());
  const models::MemoryQuery query{MemoryOp::rms_norm, base::Bytes(1e7), 0};
  EXPECT_TRUE(own.note(query).empty());
  EXPECT_NE(both.note(query).find("with bare 1 on h100-sxm"), std::string::npos)
      << both.note(query);
  EXPECT_DOUBLE_EQ(own.time(query).time.value(), both.time(query).time.value());
  EXPECT_GT(both.time(query).high.value(), own.time(query).high.value());
  const models::MemoryQuery near{MemoryOp::layer_norm, base::Bytes(1e7), 0};
  EXPECT_NE(own.note(near).find("no rows of memory layer_norm"), std::string::npos);
}

TEST(DeviceModel, AProfileOfAnotherGpuIsCarriedOverByTheDataSheetAndSaysSo) {
  const DeviceModel model({fitted_profile()}, *models::gpu_named("a100-sxm-80gb"));
  const models::MemoryQuery query{MemoryOp::rms_norm, base::Bytes(1e9), 0};
  EXPECT_TRUE(model.time(query).extrapolated);
  EXPECT_NE(model.note(query).find("carried over from h100-sxm"), std::string::npos)
      << model.note(query);
  const DeviceModel own({fitted_profile()}, h100());
  const double ratio = model.time(query).time / own.time(query).time;
  EXPECT_NEAR(ratio, 3.35 / 2.039, 0.05) << "the ratio of the memory bandwidths";
}

TEST(DeviceModel, SlowdownBesideACopyOrACollectiveIsAtLeastOne) {
  const models::RooflineModel model(h100());
  for (const auto kernel :
       {models::KernelClass::gemm, models::KernelClass::attention, models::KernelClass::memory}) {
    EXPECT_DOUBLE_EQ(model.slowdown({kernel, models::Background::none}), 1.0);
    for (const auto background : {models::Background::host_copy, models::Background::peer_copy,
                                  models::Background::collective}) {
      EXPECT_GE(model.slowdown({kernel, background}), 1.0);
      EXPECT_LE(model.slowdown({kernel, background}), 2.0);
    }
  }
}

TEST(DeviceModel, AMeasuredSlowdownTakesThePlaceOfTheDataSheets) {
  KernelRows rows = memory_rows(MemoryOp::add, kLaw);
  for (const double factor : {1.31, 1.29, 1.33})
    rows.interference.push_back(
        {{models::KernelClass::gemm, models::Background::collective}, factor, 0, 0});
  const auto made = calibrate_kernels(rows, {});
  const DeviceModel model({made.profiles.at(0)}, h100());
  EXPECT_DOUBLE_EQ(model.slowdown({models::KernelClass::gemm, models::Background::collective}),
                   1.31);
}

TEST(KernelUpdate, AFewNewRowsMoveTheScaleAndManyReplaceTheFit) {
  const KernelProfile old = fitted_profile();
  KernelRows few = with_source();
  const DeviceModel before({old}, h100());
  for (double bytes = 1e6; bytes < 3e6; bytes *= 1.2) {
    const models::MemoryQuery query{MemoryOp::rms_norm, base::Bytes(bytes), 0};
    few.memory.push_back({query, before.time(query).time * 1.2, 0, 0});
  }
  const auto made = update_kernels(old, few, {.date = "2026-02-02"});
  ASSERT_EQ(made.profiles.size(), 1u) << made.diagnostics.to_text();
  const double scale = parameter_or(*made.profiles[0].find("memory", "rms_norm"), "scale", 1.0);
  EXPECT_GT(scale, 1.03);
  EXPECT_LT(scale, 1.2) << "drawn towards the old fit";
  const DeviceModel after({made.profiles[0]}, h100());
  const models::MemoryQuery query{MemoryOp::rms_norm, base::Bytes(2e6), 0};
  EXPECT_NEAR(after.time(query).time / before.time(query).time, scale, 1e-9);

  models::MemoryParameters slower = kLaw;
  slower.dram_efficiency = 0.35;
  const auto replaced = update_kernels(old, memory_rows(MemoryOp::rms_norm, slower), {});
  ASSERT_EQ(replaced.profiles.size(), 1u);
  EXPECT_NEAR(parameter_or(*replaced.profiles[0].find("memory", "rms_norm"), "dram_efficiency", 0),
              0.35, 0.02);
  EXPECT_NE(replaced.profiles[0].find("copy", "host_to_device"), nullptr) << "the rest is kept";
}

TEST(KernelUpdate, RowsOfAnotherGpuAreRefused) {
  KernelRows rows = with_source();
  rows.sources[0].gpu = "l40s";
  rows.launch.push_back({{}, base::Seconds(1e-6), 0, 0});
  EXPECT_TRUE(update_kernels(fitted_profile(), rows, {}).diagnostics.has_errors());
}

TEST(ProfileCompare, AProfileIsEqualToItselfAndDiffersFromAnother) {
  const KernelProfile a = fitted_profile();
  const ProfileComparison same = compare_profiles(a, a);
  EXPECT_GT(same.compared, 10);
  EXPECT_DOUBLE_EQ(same.greatest_difference, 0.0);
  models::MemoryParameters slower = kLaw;
  slower.dram_efficiency = 0.35;
  const auto b = calibrate_kernels(memory_rows(MemoryOp::rms_norm, slower), {});
  const ProfileComparison other = compare_profiles(a, b.profiles.at(0));
  EXPECT_GT(other.greatest_difference, 0.5);
  EXPECT_FALSE(other.only_in_one.rows.empty());
}

TEST(ProfileCoverage, SaysWhatIsCoveredAndWhatAnswersForTheRest) {
  const base::Table table = kernel_coverage(fitted_profile(), Detail::brief);
  bool norm = false, gemm = false;
  for (const auto& row : table.rows) {
    const auto& kind = std::get<std::string>(row[0]);
    const auto& text = std::get<std::string>(row[3]);
    norm = norm || (kind == "memory" && std::get<std::string>(row[1]) == "rms_norm");
    gemm = gemm || (kind == "gemm" && text.starts_with("not measured: "));
  }
  EXPECT_TRUE(norm);
  EXPECT_TRUE(gemm);
}

TEST(DeviceSheet, ADeviceWithoutSheetGetsOneFromItsRowsThatTravelsInTheProfile) {
  KernelRows rows;
  rows.sources.push_back({"made here", "cpu-x", "eigen 3.4", "", ""});
  for (std::int64_t m = 8; m <= 2048; m *= 2) {
    const models::GemmQuery query{
        .m = m, .n = 1024, .k = 1024, .format = models::NumberFormat::fp32};
    rows.gemm.push_back({query, base::Seconds(models::flops(query).value() / 5e10 + 1e-6), 0, 0});
  }
  const KernelCalibration made = calibrate_kernels(rows, {});
  ASSERT_EQ(made.profiles.size(), 1u) << made.diagnostics.to_text();
  const auto sheet = sheet_of(made.profiles[0]);
  ASSERT_TRUE(sheet);
  EXPECT_NEAR(sheet->peak.at("fp32").value(), 5.25e10, 0.1e10);
}

TEST(KernelValidation, TheNullModelIsOneMedianEfficiencyAndAUnknownDeviceIsSkipped) {
  KernelRows rows = with_source();
  for (const double us : {10.0, 20.0, 40.0})
    rows.memory.push_back({{MemoryOp::copy, base::Bytes(1e7), 0}, base::Seconds(us * 1e-6), 0, 0});
  rows.sources.push_back({"made here", "abacus", "", "", ""});
  rows.launch.push_back({{}, base::Seconds(1e-6), 1, 9});
  ModelShelf shelf(fitted_profile());
  const KernelValidation made = validate_kernels(shelf, rows);
  ASSERT_EQ(made.rows.size(), 3u);
  // The others' median efficiency is 1e7 B over the mean of 1 / 20 us and 1 / 40 us.
  EXPECT_NEAR(*made.rows[0].null_error, (1.0 / 10) / (0.5 * (1.0 / 20 + 1.0 / 40)) - 1, 1e-9);
  ASSERT_EQ(made.skipped.size(), 1u);
  EXPECT_NE(made.skipped[0].reason.find("abacus"), std::string::npos);
  const auto facts = validation_facts({}, made);
  EXPECT_EQ(facts.at("rows"), 3);
  EXPECT_EQ(facts.at("skipped"), 1);
  EXPECT_TRUE(facts.contains("null_mean_abs_error"));
}

}  // namespace
}  // namespace windtunnel::calibration
