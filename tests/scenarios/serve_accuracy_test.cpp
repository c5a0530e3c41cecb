// Every n-th row of the measured serving tables beside the project is predicted; errors stay within
// what the README of strategies says of whole tables, with room for which rows are drawn.
#include <gtest/gtest.h>

#include <filesystem>

#include "calibration/fabric_model.hpp"
#include "calibration/kernels/engine_profile.hpp"
#include "calibration/measurement.hpp"
#include "scenarios/serving/serve_validation.hpp"

namespace windtunnel::scenarios {
namespace {

struct Drawn {
  const char* file;
  std::size_t every;
};

base::Outcome scores_of(const Drawn& drawn) {
  const std::filesystem::path path =
      std::filesystem::path(WINDTUNNEL_SOURCE_DIR "/../shared/measurements/serving") / drawn.file;
  const auto all = calibration::read_measurement_file(path).other;
  std::vector<calibration::GenericRow> rows;
  for (std::size_t i = 0; i < all.size(); i += drawn.every) {
    if (all[i].field("serving_mode") != "disagg") rows.push_back(all[i]);
  }
  ServeModels models;
  models.links = calibration::shipped_model();
  models.kernels = [](const sim::Gpu& gpu, const std::string& engine) {
    return calibration::engine_kernels(gpu, engine);
  };
  return validate_serving(rows, models).outcome();
}

bool there() {
  return std::filesystem::exists(WINDTUNNEL_SOURCE_DIR "/../shared/measurements/serving");
}

// Whole table: TPOT 13 % and TTFT 24 % in the median, 88 and 82 % of rows inside the band.
TEST(ServeAccuracy, ServedPointsAreWithinWhatIsAskedInTheMedian) {
  if (!there()) GTEST_SKIP() << "no measurements beside the project";
  const base::Outcome out = scores_of({"serving_points.csv", 37});
  EXPECT_GE(out.facts.at("tpot_rows"), 20);
  EXPECT_LE(out.facts.at("tpot_median_abs_error"), 0.2);
  EXPECT_LE(out.facts.at("ttft_median_abs_error"), 0.35);
  EXPECT_GE(out.facts.at("tpot_inside_band"), 0.7);
  EXPECT_GE(out.facts.at("ttft_inside_band"), 0.6);
}

// Whole table: 15 % in the median, 82 % of rows inside the band.
TEST(ServeAccuracy, OfflineThroughputOfTensorRtLlmIsWithinAFifthInTheMedian) {
  if (!there()) GTEST_SKIP() << "no measurements beside the project";
  const base::Outcome out = scores_of({"trtllm_throughput.csv", 41});
  EXPECT_GE(out.facts.at("throughput_rows"), 8);
  EXPECT_LE(out.facts.at("throughput_median_abs_error"), 0.25);
  EXPECT_GE(out.facts.at("throughput_inside_band"), 0.6);
}

// vLLM 0.19 replayed request by request: TPOT within 5 %, medians of TTFT and e2e within 15 %.
TEST(ServeAccuracy, RequestsOfALogComeWhenTheyCame) {
  if (!there()) GTEST_SKIP() << "no measurements beside the project";
  const base::Outcome out = scores_of({"vllm_requests.csv", 1});
  EXPECT_LE(out.facts.at("tpot_max_abs_error"), 0.05);
  EXPECT_LE(out.facts.at("ttft_max_abs_error"), 0.15);
  EXPECT_LE(out.facts.at("e2e_max_abs_error"), 0.15);
}

}  // namespace
}  // namespace windtunnel::scenarios
