// Large training jobs: what simulating them takes of time and memory.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>

#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::h100_cluster;
using test::Subject;

// A figure of /proc/self/status, in MB.
double process_memory(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(key.size() + 1)) / 1024.0;
  }
  return 0.0;
}

TrainJob llama_job(std::int64_t data) {
  TrainJob job;
  job.workload.sequence_length = 8192;
  job.workload.global_batch = 16 * data;
  job.strategy.sizes = {.tensor = 8, .data = data, .pipeline = 16};
  job.strategy.zero = ZeroLevel::optimizer;
  job.strategy.sequence_parallel = true;
  return job;
}

TEST(TrainScale, SixteenThousandGpusTakeLessThanASecondAndHalfAGigabyte) {
  const std::string text = sim::run_isolated([] {
    const double before = process_memory("VmRSS:");
    const auto start = std::chrono::steady_clock::now();
    const base::Outcome out =
        test::train(llama_job(128), Subject("llama3.1-405b"), h100_cluster(2048));
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!out.facts.contains("mfu")) return "no facts: " + out.reason;
    const double memory = process_memory("VmHWM:") - before;
    if (seconds < 1.0 && memory < 500.0) return std::string("ok");
    return std::to_string(seconds) + " s, " + std::to_string(memory) + " MB";
  });
  EXPECT_EQ(text, "ok");
}

// Where ranks differ and steps are drawn, too.
TEST(TrainScale, SixteenThousandGpusWithJitterAndPackedSamplesTakeSeconds) {
  TrainJob job = llama_job(128);
  job.workload.lengths = LognormalLength{.median = 1000, .sigma = 1.0};
  job.workload.packing = Packing::packed;
  sim::Cluster cluster = h100_cluster(2048);
  cluster.stragglers.jitter = {.kind = sim::JitterKind::exponential, .mean = 0.02};
  cluster.stragglers.random = {.share = 0.01, .slowdown = 1.1};
  const auto start = std::chrono::steady_clock::now();
  const base::Outcome out = test::train(job, Subject("llama3.1-405b"), cluster);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(out.facts.contains("mfu")) << out.reason;
  EXPECT_LT(seconds, 10.0);
}

TEST(TrainScale, EveryOneOf512GpusOnSimgridTakesLessThanAMinute) {
  const std::string text = sim::run_isolated([] {
    TrainJob job = llama_job(8);
    job.strategy.sizes.pipeline = 8;
    const auto cluster = test::valid(h100_cluster(64));
    const sim::Network network(cluster);
    const test::FixedRates kernels(600e12, 2.5e12);
    const Subject llama("llama3-70b");
    TrainOptions options;
    options.every_rank.emplace(network, sim::make_simgrid_engine);
    const auto start = std::chrono::steady_clock::now();
    const base::Outcome out =
        run_train(job, {llama.model, llama.network}, {cluster, kernels, nullptr}, options);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!out.facts.contains("mfu")) return "no facts: " + out.reason;
    return seconds < 60.0 ? std::string("ok") : std::to_string(seconds) + " s";
  });
  EXPECT_EQ(text, "ok");
}

}  // namespace
}  // namespace windtunnel::strategies
