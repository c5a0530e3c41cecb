// Training cases from the command line that cannot be, that are mixed, or whose steps are drawn.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/program.hpp"

namespace windtunnel::tests {
namespace {

using nlohmann::json;

Finished run_text(const std::string& text, std::vector<std::string> more = {}) {
  const std::string path = scratch_folder() + "/train.yaml";
  write_text(path, text);
  more.insert(more.begin(), {"run", path, "--format", "json"});
  return windtunnel(more);
}

// Heads that do not divide, memory, stages, micro-batch, and one that runs.
TEST(TrainCases, OfASweepThatCannotBeSayWhyAndTheOthersRun) {
  const std::string text = R"(schema: windtunnel/1
name: sweep
cluster: {use: dgx-h100, nodes: 2}
model: gpt3-13b
workload: {kind: train, sequence_length: 2048, global_batch: 64}
strategy: {recompute: full}
sweep:
  zip:
    strategy.tensor: [16, 1, 1, 1, 8]
    strategy.pipeline: [1, 1, 16, 1, 1]
    strategy.virtual_stages: [1, 1, 8, 1, 1]
    strategy.micro_batch: [1, 1, 1, 3, 1]
)";
  const Finished run = run_text(text);
  const json cases = json::parse(run.out).at("cases");
  ASSERT_EQ(cases.size(), 5U) << run.err;
  const char* says[] = {"tensor 16 does not divide the 40 heads", "usable", "128 pipeline chunks",
                        "data 16 x micro_batch 3 does not divide the global_batch of 64"};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(cases.at(i).at("status"), "infeasible");
    const auto reason = cases.at(i).at("reason").get<std::string>();
    EXPECT_NE(reason.find(says[i]), std::string::npos) << reason;
    EXPECT_EQ(reason.find('\n'), std::string::npos) << "one sentence";
  }
  EXPECT_EQ(cases.at(1).at("facts").at("fits"), 0.0) << "all facts as if it fitted";
  EXPECT_TRUE(cases.at(1).at("facts").contains("iteration_time_s"));
  EXPECT_EQ(cases.at(4).at("status"), "ok");
}

constexpr const char* kMixed = R"(schema: windtunnel/1
name: mixed
cluster:
  use: dgx-h100
  nodes: 4
  heterogeneous: [{nodes: 2-3, gpu: a100-sxm-80gb}]
model: gpt3-13b
workload: {kind: train, sequence_length: 2048, global_batch: 64}
strategy: {tensor: 8, pipeline: 2, recompute: full}
sweep: {strategy.balance: [even, speed]}
)";

TEST(TrainCases, OnTwoKindsOfGpuTakeTheKernelTimesOfEach) {
  const json cases = json::parse(run_text(kMixed).out).at("cases");
  ASSERT_EQ(cases.size(), 2U);
  const auto time = [&](std::size_t i) {
    return cases.at(i).at("facts").at("iteration_time_s").get<double>();
  };
  EXPECT_LT(time(1), 0.9 * time(0)) << "fewer layers on the A100";
  const json usual =
      json::parse(run_text(kMixed, {"--set", "cluster.heterogeneous=[]"}).out).at("cases");
  EXPECT_LT(usual.at(0).at("facts").at("iteration_time_s").get<double>(), 0.75 * time(0));
}

constexpr const char* kDrawn = R"(schema: windtunnel/1
name: drawn
cluster: {use: dgx-h100, nodes: 2, stragglers: {jitter: {distribution: lognormal, mean: 3%}}}
model: gpt3-1.3b
workload:
  kind: train
  sequence_length: 2048
  global_batch: 128
  lengths: {lognormal: {median: 300, sigma: 1}}
  packing: packed
strategy: {tensor: 2}
)";

TEST(TrainCases, OfDrawnStepsAreTheSameForTheSameSeed) {
  const auto only = [](std::vector<std::string> more) {
    json one = json::parse(run_text(kDrawn, std::move(more)).out).at("cases").at(0);
    one.erase("wall_s");
    return one;
  };
  const json first = only({});
  EXPECT_EQ(first.at("facts").at("drawn_steps"), 16.0);
  EXPECT_EQ(only({}), first);
  EXPECT_NE(only({"--seed", "2"}).at("facts").at("iteration_time_s"),
            first.at("facts").at("iteration_time_s"));
}

TEST(TrainCases, WhatActsOnTrainingAloneIsRefusedElsewhere) {
  const Finished run = run_text(R"(schema: windtunnel/1
name: refused
cluster: {use: dgx-h100, nodes: 2, stragglers: {slow: [{nodes: 1, nic_share: 0.5}]}}
workload: {kind: collective, op: all_reduce}
)");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_NE(run.err.find("cluster.stragglers acts on training, not on a collective workload"),
            std::string::npos)
      << run.err;
}

}  // namespace
}  // namespace windtunnel::tests
