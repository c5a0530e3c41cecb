// A calibrated time is no faster than the links that the cluster states:
// training and serving.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "collectives/lower_bound.hpp"
#include "collectives/uniform_bound.hpp"
#include "models/gpu_library.hpp"
#include "models/kernels/roofline_model.hpp"
#include "sim/platform/network.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::BytesPerSecond;
using base::Seconds;
using collectives::Algorithm;
using collectives::Op;

// A profile of links at 400 GB/s in a node and 20 GB/s a GPU between nodes, whatever the cluster.
class FastProfile : public collectives::TimeModel {
 public:
  std::string name() const override { return "fast"; }
  std::optional<collectives::TimePrediction> predict(
      const collectives::TimeQuery& query) const override {
    collectives::TimePrediction answer;
    const BytesPerSecond rate(query.nodes > 1 ? 20e9 : 400e9);
    answer.time = Seconds(10e-6) + query.bytes * 2.0 / rate;
    answer.band = {answer.time.value() * 0.9, answer.time.value() * 1.1, 0.9};
    answer.rests_on = {"measured"};
    return answer;
  }
};

template <class Words>
auto raised(const Words& words) {
  return std::ranges::count_if(words, [](const std::string& word) {
    return word.find("is below the lower bound of") != std::string::npos;
  });
}

TEST(LinkFloor, TrainingSlowsWithSlowerScaleUpLinksThoughAProfileAnswers) {
  const test::Subject gpt("gpt3-13b");
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = 16;
  job.strategy.sizes.tensor = 8;
  const FastProfile profile;
  const test::FixedRates kernels(600e12, 2.5e12);
  sim::Cluster cluster = test::h100_cluster(2);
  double last = 1e9;
  for (const double bandwidth : {5e9, 20e9, 80e9}) {
    cluster.node.scale_up.bandwidth = BytesPerSecond(bandwidth);
    const auto checked = test::valid(cluster);
    const base::Outcome out =
        run_train(job, {gpt.model, gpt.network}, {checked, kernels, &profile});
    ASSERT_EQ(out.status, base::Status::ok) << out.reason;
    const double time = out.facts.at("iteration_time_s");
    EXPECT_LT(time, last);
    EXPECT_GE(raised(out.warnings), 1) << bandwidth;
    last = time;
  }
  for (const double bandwidth : {450e9, 900e9}) {
    cluster.node.scale_up.bandwidth = BytesPerSecond(bandwidth);
    const auto checked = test::valid(cluster);
    const base::Outcome out =
        run_train(job, {gpt.model, gpt.network}, {checked, kernels, &profile});
    EXPECT_LE(out.facts.at("iteration_time_s"), last);
    EXPECT_EQ(raised(out.warnings), 0) << bandwidth;
    last = out.facts.at("iteration_time_s");
  }
}

// Small messages run on the engine's own kernel, large ones as the profile's
// collective.
TEST(LinkFloor, StepsOfAnEngineSlowWithSlowerScaleUpLinksThoughAProfileAnswers) {
  const FastProfile profile;
  const test::Subject llama("llama3-70b");
  ServeJob job;
  job.workload.input = ConstantLength{1024};
  job.workload.output = ConstantLength{256};
  job.strategy.software = "vllm-0.19";
  job.strategy.tensor = 8;
  sim::Cluster cluster = test::h100_cluster(1);
  cluster.node.gpu = *models::gpu_named("h100-sxm");
  const models::RooflineModel kernels(cluster.node.gpu);
  double last_decode = 1e9, last_prompt = 1e9;
  for (const double bandwidth : {5e9, 20e9, 80e9, 450e9}) {
    cluster.node.scale_up.bandwidth = BytesPerSecond(bandwidth);
    const auto checked = test::valid(cluster);
    const EnginePlanning made = make_engine_plan(job, {llama.model, llama.network},
                                                 {checked, kernels, &profile}, EngineRole::both);
    ASSERT_TRUE(made.plan) << bandwidth;
    StepTimeModel& steps = *made.plan->steps;
    const double decode = steps.time({.decodes = 64, .decode_kv = 64 * 512}).total.value();
    const double prompt = steps.time({.prompts = {{.tokens = 4096}}}).total.value();
    EXPECT_LE(decode, last_decode);
    EXPECT_LE(prompt, last_prompt);
    if (bandwidth == 20e9) {
      EXPECT_LT(decode, last_decode);
      EXPECT_LT(prompt, last_prompt);
    }
    EXPECT_EQ(raised(steps.notes()) > 0, bandwidth < 200e9) << bandwidth;
    last_decode = decode;
    last_prompt = prompt;
  }
}

// Its cuts are LowerBound's: all ranks of nodes alike.
TEST(UniformLowerBound, IsThatOfTheNetworkWithinNodesAndNotAboveItBetween) {
  for (const int nodes : {1, 4}) {
    sim::Cluster cluster = test::h100_cluster(nodes);
    cluster.node.scale_up.latency = cluster.node.nics.latency = Seconds(0);
    const auto checked = test::valid(cluster);
    const sim::Network network(checked);
    std::vector<sim::EndpointId> ranks;
    for (int gpu = 0; gpu < network.gpu_count(); ++gpu) ranks.push_back(network.gpu(gpu));
    const collectives::LowerBound bound(network, ranks);
    const std::int64_t bytes = std::int64_t{1} << 26;
    const collectives::UniformGroup group{.ranks = 8 * nodes,
                                          .nodes = nodes,
                                          .gpus_per_node = 8,
                                          .near = cluster.node.scale_up.bandwidth,
                                          .far = cluster.node.nics.bandwidth};
    for (const Op op : collectives::kOps) {
      const double least =
          bound.of({.op = op, .algorithm = Algorithm::ring, .ranks = 8 * nodes, .bytes = bytes})
              .value();
      const double uniform =
          uniform_lower_bound(op, Algorithm::ring, Bytes(static_cast<double>(bytes)), group)
              .value();
      EXPECT_NEAR(uniform, least, 0.01 * least) << to_text(op) << " on " << nodes;
    }
  }
}

}  // namespace
}  // namespace windtunnel::strategies
