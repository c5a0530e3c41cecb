// MLPerf's models without iterations: the harness's table, its searches, and measured rows.
#include "scenarios/serving/loadgen_batches.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "calibration/fabric_model.hpp"
#include "calibration/kernels/engine_profile.hpp"
#include "calibration/measurement.hpp"
#include "scenarios/serving/serve_validation.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::scenarios {
namespace {

TEST(LoadgenBatches, KnowEachBenchmarkByTheBeginningOfItsName) {
  ASSERT_NE(loadgen_batches("bert-99.9"), nullptr);
  EXPECT_EQ(loadgen_batches("bert-99.9")->precision, models::NumberFormat::fp8);
  EXPECT_EQ(loadgen_batches("bert-99")->precision, models::NumberFormat::int8);
  EXPECT_EQ(loadgen_batches("dlrm-v2-99.9")->precision, models::NumberFormat::fp16);
  EXPECT_EQ(loadgen_batches("3d-unet-99.9")->model, "3d-unet");
  EXPECT_EQ(loadgen_batches("llama2-70b-99"), nullptr);
  EXPECT_EQ(loadgen_batches(""), nullptr);
}

// A replica that runs a batch in 1 ms + 0.1 ms a sample, all requests at once or at a rate.
base::Outcome linear_replica(const strategies::ServeJob& job) {
  const auto batch = static_cast<double>(job.strategy.batching.max_batch);
  const double most = batch / (1e-3 + 1e-4 * batch);
  const bool offline = job.workload.mode == strategies::ServeMode::offline;
  const double rate = offline ? most : job.workload.arrivals.rate;
  base::Outcome out;
  const auto requests = static_cast<double>(job.workload.arrivals.requests);
  out.facts = {{"request_throughput_per_s", std::min(rate, most)},
               {"requests", requests},
               {"slo_attainment", rate <= most ? 1.0 : 0.0},
               {"queue_mean_s", 1e-3}};
  out.bands["request_throughput_per_s"] = {0.9 * std::min(rate, most), 1.1 * std::min(rate, most)};
  return out;
}

base::Outcome outcome(ServeRun run, std::int64_t gpus, std::vector<std::int64_t>* batches) {
  ServeRow row;
  row.model = "resnet50";
  row.run = run;
  row.gpus = gpus;
  strategies::ServeJob job;
  std::vector<std::string> inferred;
  plan_loadgen(row, *loadgen_batches(row.model), job, inferred);
  EXPECT_FALSE(inferred.empty());
  return loadgen_outcome(row, job,
                         [&](const strategies::ServeJob& one, const strategies::ServeOptions&) {
                           EXPECT_EQ(one.strategy.replicas, 1);
                           if (batches != nullptr)
                             batches->push_back(one.strategy.batching.max_batch);
                           return linear_replica(one);
                         });
}

TEST(LoadgenBatches, OfNGpusDoNTimesWhatOneDoes) {
  for (const ServeRun run : {ServeRun::loadgen_offline, ServeRun::loadgen_server}) {
    const char* fact =
        run == ServeRun::loadgen_server ? "max_rate_per_s" : "request_throughput_per_s";
    const base::Outcome one = outcome(run, 1, nullptr), eight = outcome(run, 8, nullptr);
    EXPECT_DOUBLE_EQ(eight.facts.at(fact), 8.0 * one.facts.at(fact));
    EXPECT_DOUBLE_EQ(eight.bands.at(fact).low, 8.0 * one.bands.at(fact).low);
    EXPECT_LT(one.bands.at(fact).low, one.facts.at(fact));
    EXPECT_GT(one.bands.at(fact).high, one.facts.at(fact));
  }
}

// 15 ms: a batch of 32 takes 4.2 ms, one of 64 7.4 ms, more than a third.
TEST(LoadgenBatches, OfServerTakeAThirdOfTheLimitAtMost) {
  std::vector<std::int64_t> batches;
  const base::Outcome server = outcome(ServeRun::loadgen_server, 1, &batches);
  EXPECT_EQ(batches.back(), 32);
  const double most = 32 / 4.2e-3;
  EXPECT_NEAR(server.facts.at("max_rate_per_s") / most, kSubmitted, 0.03);
}

// Measured rows of MLPerf's table of vision and other models, those that `take` says.
template <class Take>
std::vector<ValidatedServe> validated(const Take& take) {
  const std::filesystem::path file =
      WINDTUNNEL_SOURCE_DIR "/../shared/measurements/serving/mlperf_vision_and_other.csv";
  if (!std::filesystem::exists(file)) return {};
  auto rows = calibration::read_measurement_file(file).other;
  std::erase_if(rows, [&](const calibration::GenericRow& row) { return !take(row); });
  ServeModels models;
  models.links = calibration::shipped_model();
  models.kernels = [](const sim::Gpu& gpu, const std::string& engine) {
    return calibration::engine_kernels(gpu, engine);
  };
  return validate_serving(rows, models).runs;
}

std::vector<double> errors(const std::vector<ValidatedServe>& runs) {
  std::vector<double> all;
  for (const ValidatedServe& run : runs) all.push_back(std::abs(run.facts.front().error()));
  return all;
}

// Issue 5 asks for 25 % on ResNet-50 and BERT; Offline rows of all models (images, boxes, volumes,
// sequences, recommendations, generated images on eight GPUs) are within that.
TEST(LoadgenBatches, MeetTheOfflineRowsOfMlperf) {
  const auto runs = validated(
      [](const calibration::GenericRow& row) { return row.field("scenario") == "Offline"; });
  if (runs.empty()) GTEST_SKIP() << "no measurements beside the project";
  const std::vector<double> all = errors(runs);
  EXPECT_GE(all.size(), 75u);
  EXPECT_LT(base::quantile(all, 0.5), 0.08);
  EXPECT_LT(base::quantile(all, 0.9), 0.18);
  for (const ValidatedServe& run : runs) {
    EXPECT_LT(std::abs(run.facts.front().error()), 0.25) << run.row.model << " " << run.row.id;
  }
}

// Submitted Server rates of one system differ by up to half (BERT 99.9 on GH200: 4503 and 6601), so
// that the median is asked for.
TEST(LoadgenBatches, MeetTheServerRowsOfResNetBertAndRetinaNet) {
  const auto runs = validated([](const calibration::GenericRow& row) {
    const std::string model = row.field("model");
    return row.field("scenario") == "Server" && !model.starts_with("dlrm");
  });
  if (runs.empty()) GTEST_SKIP() << "no measurements beside the project";
  const std::vector<double> all = errors(runs);
  EXPECT_GE(all.size(), 17u);
  EXPECT_LT(base::quantile(all, 0.5), 0.12);
  EXPECT_LT(base::quantile(all, 0.9), 0.27);
}

}  // namespace
}  // namespace windtunnel::scenarios
