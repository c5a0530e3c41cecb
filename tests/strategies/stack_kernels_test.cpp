// What stacks do to kernels and exchanges, held against published figures and laws.
#include <gtest/gtest.h>

#include <array>

#include "models/networks/library.hpp"
#include "strategies/train/group_clock.hpp"
#include "strategies/train/pass_cost.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::h100_cluster;
using test::Subject;
using test::train;

// Grouped products of Transformer Engine on a B200 in bf16, FP32 sums (MooreThreads/SimuMax,
// configs/system/b200_bf16_ceperm.json): share of 2,250 TFLOP/s, both matrices of an expert of 7,168 x
// 2,048, up and gate in one.
struct Measured {
  std::int64_t experts;
  double forward_up, forward_down, weight_up, weight_down;
};
constexpr std::array<Measured, 2> kMeasured{{
    {32, 0.458, 0.402, 0.347, 0.295},
    {64, 0.363, 0.393, 0.289, 0.284},
}};

// Seconds of all experts on 32,768 routed tokens.
double measured_time(double up, double down) {
  const double flops = 2.0 * 32768.0 * 7168.0 * 2048.0;
  return (2.0 * flops / up + flops / down) / 2250e12;
}

TEST(StackKernels, GroupedProductsTakeWhatTransformerEngineWasMeasuredToTake) {
  const auto cluster = test::valid(h100_cluster(1));
  GroupClock clock(cluster, nullptr);
  sim::Gpu b200 = cluster->node.gpu;
  b200.power = base::Watts(0);  // the rate below is what was sustained
  b200.memory_bandwidth = base::BytesPerSecond(8e12);
  const test::FixedRates kernels(1.12e15, 1e18);  // dense products of the same table
  const TensorGroups groups{};
  const PassSite site{kernels,
                      b200,
                      clock,
                      groups,
                      ExchangeOverlap::none,
                      {.accumulated_bytes = 8.0, .expert_start = base::Seconds(6e-6)}};
  for (const Measured& m : kMeasured) {
    models::Op op{.name = "experts",
                  .work = models::MoeWork{
                      .hidden = 7168, .intermediate = 2048, .experts = m.experts, .top_k = 8}};
    const models::BatchShape batch{.sequences = 1, .query_tokens = 4096};
    const auto time = [&](models::Pass pass) {
      return pass_cost(op, batch, {}, pass, site).compute().value();
    };
    const double forward = measured_time(m.forward_up, m.forward_down);
    const double weight = measured_time(m.weight_up, m.weight_down);
    EXPECT_NEAR(time(models::Pass::forward) / forward, 1.0, 0.1) << m.experts;
    EXPECT_NEAR(time(models::Pass::weight_gradient) / weight, 1.0, 0.25) << m.experts;
  }
}

// 0.88 of the bandwidth is a copy's, 0.5 what a permutation of rows was measured to reach (SimuMax).
TEST(StackKernels, PermutationsOfTokensTakeLongerThanCopies) {
  const auto cluster = test::valid(h100_cluster(1));
  GroupClock clock(cluster, nullptr);
  const test::FixedRates kernels(1e15, 0.88 * 8e12);
  const TensorGroups groups{};
  const PassSite site{kernels, cluster->node.gpu, clock, groups};
  const models::Network network = models::build_network(*models::model_by_name("qwen3-30b-a3b"));
  const models::BatchShape batch{.sequences = 1, .query_tokens = 4096};
  for (const models::Op& op : network.at(1).ops) {
    if (op.name != "moe.permute") continue;
    const double bytes = 4096.0 * 2048.0 * 2.0 * (1.0 + 8.0);
    const PassCost cost = pass_cost(op, batch, {}, models::Pass::forward, site);
    EXPECT_NEAR(cost.compute().value() / (bytes / (0.5 * 8e12)), 1.0, 1e-9);
    EXPECT_NEAR(cost.bytes.value() / bytes, 1.0, 1e-9);
  }
}

TEST(StackKernels, APlainAllToAllWaitsForTheHostOnceALayerAndMicroBatch) {
  const Subject mixtral("mixtral-8x7b");
  TrainJob job;
  job.workload.sequence_length = 4096;
  job.workload.global_batch = 64;
  job.strategy.sizes.expert = 8;
  job.strategy.zero = ZeroLevel::optimizer;
  job.strategy.software = "megatron-core";
  const auto exchanges = [&](int nodes) {
    const base::Outcome out = train(job, mixtral, h100_cluster(nodes));
    return out.facts.at("time_expert_comm_s");
  };
  const double plain = exchanges(1);
  job.strategy.expert_dispatch = ExpertDispatch::per_node;
  const double counted = 1.5e-3 * 32 * 8;  // layers, micro-batches
  EXPECT_GT(plain, counted);
  EXPECT_LT(exchanges(1), plain);
}

// Within a node: 4,096 tokens to 8 experts take as long in rows of 2 KiB as in rows of 4 KiB, and in
// rows of 8 KiB twice as long but for what a dispatch begins with.
TEST(StackKernels, ADispatcherMovesShortRowsNoFasterThanRowsOfFourKibibytes) {
  const auto cluster = test::valid(h100_cluster(1));
  GroupClock clock(cluster, nullptr);
  const test::FixedRates kernels(1e18, 1e18);
  const GroupShape node{.ranks = 8, .nodes = 1, .gpus_per_node = 8};
  const TensorGroups groups{.expert = node};
  const PassSite site{kernels, cluster->node.gpu,     clock,
                      groups,  ExchangeOverlap::none, {.experts = ExpertSends::per_node}};
  const auto exchange = [&](std::int64_t hidden) {
    const models::Op op{
        .name = "experts",
        .work = models::MoeWork{.hidden = hidden, .intermediate = 2048, .experts = 64, .top_k = 8}};
    const models::BatchShape batch{.sequences = 1, .query_tokens = 4096};
    return pass_cost(op, batch, {.layout = {.expert = 8}}, models::Pass::forward, site)
        .expert.time.value();
  };
  EXPECT_NEAR(exchange(1024) / exchange(2048), 1.0, 1e-9);
  EXPECT_NEAR(exchange(4096) / exchange(2048), 2.0, 1e-6);
}

TrainJob sharded(const std::string& software) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = 32;
  job.strategy.zero = ZeroLevel::weights;
  job.strategy.software = software;
  return job;
}

TEST(StackKernels, ALoopOfLayersLeavesAPartOfItsShards) {
  const Subject llama("llama3-8b");
  sim::Cluster cluster = h100_cluster(4);
  const auto exposed = [&](double nic) {
    cluster.node.nics.bandwidth = base::BytesPerSecond(nic);
    return train(sharded("xla"), llama, cluster).facts.at("time_data_comm_s");
  };
  // Everything fits behind the computation at 50 GB/s a GPU, and a part of it still shows.
  const double fast = exposed(50e9), twice = exposed(25e9);
  EXPECT_GT(fast, 0.0);
  EXPECT_GT(twice, fast);
  const double ahead = train(sharded("fsdp-compiled"), llama, cluster).facts.at("time_data_comm_s");
  EXPECT_LT(ahead, twice);
}

TEST(StackKernels, AsyncTensorParallelismOfTorchtitanLeavesMostOfItsExchanges) {
  const Subject llama("llama3-8b");
  TrainJob job;
  job.workload.sequence_length = 8192;
  job.workload.global_batch = 64;
  job.strategy.sizes.tensor = 8;
  job.strategy.sequence_parallel = true;
  job.strategy.software = "fsdp-compiled";
  const auto exchanges = [&] {
    return train(job, llama, h100_cluster(1)).facts.at("time_tensor_comm_s");
  };
  const double plain = exchanges();
  job.strategy.overlap.tensor = true;
  const double hidden = exchanges();
  EXPECT_NEAR(hidden / plain, 1.0 - 0.4 * 7.0 / 8.0, 0.01);
}

TEST(StackKernels, TheBandWidensUpwardsWithTheGpusThatWaitForEachOther) {
  const Subject llama("llama3-8b");
  TrainJob job;
  job.workload.sequence_length = 2048;
  const auto above = [&](int nodes) {
    job.workload.global_batch = 8 * nodes;
    const base::Outcome got = train(job, llama, h100_cluster(nodes));
    return got.bands.at("iteration_time_s").high / got.facts.at("iteration_time_s");
  };
  EXPECT_GT(above(64), above(1));
}

TEST(StackKernels, TheBandIsWiderWhereContextIsParallel) {
  const Subject llama("llama3-8b");
  TrainJob job;
  job.workload.sequence_length = 32768;
  job.workload.global_batch = 8;
  const auto above = [&] {
    const base::Outcome got = train(job, llama, h100_cluster(1));
    return got.bands.at("iteration_time_s").high / got.facts.at("iteration_time_s");
  };
  const double plain = above();
  job.strategy.sizes.context = 4;
  EXPECT_GT(above(), plain);
}

}  // namespace
}  // namespace windtunnel::strategies
