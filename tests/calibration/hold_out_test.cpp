// Validation on the measurements beside the repository (../shared/measurements): prints the
// hold-out tables that the README quotes. Skips with a reason where the folder is absent.
#include "calibration/hold_out.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "calibration/fabric_fit.hpp"
#include "calibration/fabric_model.hpp"

namespace windtunnel::calibration {
namespace {

const std::vector<CollectiveMeasurement>& measured_rows() {
  static const std::vector<CollectiveMeasurement> kRows = [] {
    std::vector<CollectiveMeasurement> rows;
    const auto folder =
        std::filesystem::path(WINDTUNNEL_SOURCE_DIR) / "../shared/measurements/nccl";
    std::set<std::filesystem::path> files;
    if (std::filesystem::is_directory(folder)) {
      for (const auto& entry : std::filesystem::directory_iterator(folder))
        files.insert(entry.path());
    }
    for (const auto& file : files) {
      const Measurements read = read_measurement_file(file);
      EXPECT_FALSE(read.diagnostics.has_errors()) << read.diagnostics.to_text();
      rows.insert(rows.end(), read.collectives.begin(), read.collectives.end());
    }
    return rows;
  }();
  return kRows;
}

#define NEEDS_MEASUREMENTS()                                    \
  if (measured_rows().empty())                                  \
  GTEST_SKIP() << "../shared/measurements/nccl is not on this " \
                  "machine"

HoldOut alps(int most_fitted, std::set<int> asked) {
  std::vector<CollectiveMeasurement> rows;
  std::vector<bool> held;
  for (const auto& row : measured_rows()) {
    const bool mine = row.fabric == "cscs-alps";
    if (mine && row.nodes > most_fitted && !asked.contains(row.nodes)) continue;
    rows.push_back(row);
    if (mine) held.push_back(row.nodes > most_fitted);
  }
  HoldOut out = hold_out(rows, "cscs-alps", held);
  out.what = "nodes <= " + std::to_string(most_fitted) + " -> " + std::to_string(*asked.begin());
  return out;
}

TEST(HoldOutOnMeasurements, AlpsFittedOnOneToEightNodesPredictsSixteenAndSixtyFour) {
  NEEDS_MEASUREMENTS();
  std::vector<HoldOut> table;
  for (const int nodes : {16, 32, 64}) table.push_back(alps(8, {nodes}));
  for (const int nodes : {32, 64}) table.push_back(alps(16, {nodes}));
  std::printf("%s", to_text(table).c_str());
  for (const HoldOut& row : table) {
    EXPECT_LT(row.model.median_abs, 0.20) << row.what;
    EXPECT_LT(row.model.p90_abs, 0.50) << row.what;
    EXPECT_GE(row.model.inside_band, 0.80) << row.what;
  }
}

TEST(HoldOutOnMeasurements, EveryFabricOfFortyRowsBeatsALookUp) {
  NEEDS_MEASUREMENTS();
  const auto table = hold_out_table(measured_rows(), 40);
  std::printf("%s", to_text(table).c_str());
  double inside = 0.0, rows = 0.0;
  for (const HoldOut& row : table) {
    EXPECT_EQ(row.skipped, 0) << row.fabric;
    EXPECT_LT(row.model.mean_abs, row.look_up.mean_abs) << row.fabric;
    if (row.held_out >= kEnoughForCoverage) {
      EXPECT_GE(row.model.inside_band, 0.80) << row.fabric;
    }
    inside += row.model.inside_band * row.held_out;
    rows += row.held_out;
  }
  EXPECT_GE(inside / rows, 0.80);
  EXPECT_LE(inside / rows, 0.97);
}

TEST(HoldOutOnMeasurements, GapsInASweepAreFilledBetterThanByALookUp) {
  NEEDS_MEASUREMENTS();
  const auto table = size_hold_out_table(measured_rows(), 40);
  std::printf("%s", to_text(table).c_str());
  double inside = 0.0, rows = 0.0;
  for (const HoldOut& row : table) {
    EXPECT_LT(row.model.mean_abs, row.look_up.mean_abs) << row.fabric;
    inside += row.model.inside_band * row.held_out;
    rows += row.held_out;
  }
  EXPECT_GE(inside / rows, 0.80);
  EXPECT_LE(inside / rows, 0.97);
}

TEST(HoldOutOnMeasurements, BandsHoldTheirShareHoweverTheRowsAreCut) {
  NEEDS_MEASUREMENTS();
  for (const auto& [what, table] : every_hold_out(measured_rows(), 40)) {
    std::printf("%s", to_text(table).c_str());
    double inside = 0.0, rows = 0.0;
    for (const HoldOut& row : table) {
      inside += row.model.inside_band * row.held_out;
      rows += row.held_out;
    }
    EXPECT_GE(inside / rows, 0.80) << what;
    if (rows >= 400.0) {
      EXPECT_LE(inside / rows, 0.97) << what;
    }
  }
}

TEST(HoldOutOnMeasurements, AFabricNobodyFittedGetsASanePredictionAndAWideBand) {
  NEEDS_MEASUREMENTS();
  const auto table = leave_fabric_out(measured_rows(), 8);
  std::printf("%s", to_text(table).c_str());
  std::vector<double> medians;
  for (const HoldOut& row : table) medians.push_back(row.model.median_abs);
  std::nth_element(medians.begin(),
                   medians.begin() + static_cast<std::ptrdiff_t>(medians.size() / 2),
                   medians.end());
  EXPECT_LT(medians[medians.size() / 2], 0.30);
}

TEST(HoldOutOnMeasurements, TheShippedProfileSpeaksAboutEveryRow) {
  NEEDS_MEASUREMENTS();
  Measurements all;
  all.collectives = measured_rows();
  const Validation validation = validate(*shipped_model(), all);
  for (const auto& [name, value] : validation.facts())
    std::printf("%s %.4f\n", name.c_str(), value);
  EXPECT_TRUE(validation.skipped.empty());
  EXPECT_LT(validation.facts().at("median_abs_error"), 0.06);
}

}  // namespace
}  // namespace windtunnel::calibration
