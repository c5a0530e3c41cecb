// No result of any op, algorithm and engine is below the bound; and the bound is worth having.
#include "collectives/lower_bound.hpp"

#include <gtest/gtest.h>

#include "sim/base/random.hpp"
#include "tests/collectives/simulations.hpp"

namespace windtunnel::collectives {
namespace {

using sim::EngineKind;
using testing::collective_time;

sim::ScaleUp random_scale_up(base::RandomStream& random) {
  constexpr sim::ScaleUpKind kinds[] = {sim::ScaleUpKind::nvswitch, sim::ScaleUpKind::nvlink_mesh,
                                        sim::ScaleUpKind::nvlink_ring, sim::ScaleUpKind::pcie};
  return {.kind = kinds[random.below(4)],
          .bandwidth = base::BytesPerSecond(random.uniform(20e9, 500e9)),
          .latency = base::Seconds(random.uniform(0.0, 3e-6))};
}

sim::Fabric random_fabric(base::RandomStream& random) {
  sim::Fabric fabric;
  constexpr sim::FabricKind kinds[] = {sim::FabricKind::switched, sim::FabricKind::fat_tree,
                                       sim::FabricKind::rail};
  fabric.kind = kinds[random.below(3)];
  fabric.radix = 8;
  fabric.oversubscription = random.below(2) == 0 ? 1.0 : 3.0;
  fabric.switch_latency = base::Seconds(random.uniform(0.0, 1e-6));
  return fabric;
}

// A cluster of up to 32 GPUs, some with nodes that differ.
sim::Cluster random_cluster(int seed) {
  base::RandomStream random(static_cast<std::uint64_t>(seed), "cluster");
  sim::Cluster cluster;
  cluster.nodes = static_cast<int>(1 + random.below(6));
  cluster.node.gpus = static_cast<int>(1 + random.below(5));
  cluster.node.gpu.pcie_bandwidth = base::BytesPerSecond(random.uniform(20e9, 60e9));
  cluster.node.scale_up = random_scale_up(random);
  const int nics = random.below(2) == 0 ? cluster.node.gpus : 1;
  cluster.node.nics = {nics, base::BytesPerSecond(random.uniform(5e9, 50e9)),
                       base::Seconds(random.uniform(0.0, 4e-6))};
  if (cluster.nodes > 1) cluster.fabric = random_fabric(random);
  cluster.node.scale_up.in_switch_reduction =
      cluster.node.scale_up.kind == sim::ScaleUpKind::nvswitch && cluster.node.gpus > 1;
  cluster.fabric.in_network_reduction = cluster.fabric.kind != sim::FabricKind::none;
  if (cluster.nodes > 2 && random.below(2) == 0) {
    sim::NodeOverride slow{.first = 1, .last = 1};
    slow.nics = cluster.node.nics;
    slow.nics->bandwidth = base::BytesPerSecond(random.uniform(1e9, 5e9));
    cluster.overrides.push_back(slow);
  }
  return cluster;
}

ScheduleRequest random_request(base::RandomStream& random, Op op, Algorithm algorithm,
                               std::int32_t n) {
  constexpr std::int64_t sizes[] = {0, 4, 1000, 4096, 1 << 20, 50000000};
  ScheduleRequest request{.op = op,
                          .algorithm = algorithm,
                          .ranks = n,
                          .bytes = sizes[random.below(6)],
                          .root = static_cast<std::int32_t>(random.below(n)),
                          .element_bytes = 4};
  request.channels = static_cast<std::int32_t>(1 + random.below(3));
  request.chunk_bytes = random.below(2) == 0 ? 0 : 1 + request.bytes / 5;
  request.servers = static_cast<std::int32_t>(1 + random.below(3));
  return request;
}

TEST(LowerBoundLaw, NoResultOfAnyOpAlgorithmAndEngineIsBelowIt) {
  int cases = 0;
  for (int seed = 0; seed < 24; ++seed) {
    const sim::Network network = testing::network_of(random_cluster(seed));
    const Placement placement = place(network, testing::all_gpus(network));
    const LowerBound bound(network, testing::all_gpus(network));
    base::RandomStream random(static_cast<std::uint64_t>(seed), "requests");
    for (const Op op : kOps) {
      for (const Algorithm algorithm : kAlgorithms) {
        if (algorithm == Algorithm::automatic || !supports(op, algorithm)) continue;
        const ScheduleRequest request =
            placed(random_request(random, op, algorithm, network.gpu_count()), placement);
        if (why_not(request)) continue;
        const double least = bound.of(request).value();
        for (const EngineKind engine : {EngineKind::analytic, EngineKind::simgrid}) {
          // SimGrid's solver has rates to 1e-5.
          EXPECT_GE(collective_time(engine, network, request, Lowering::steps), least * (1 - 2e-5))
              << "cluster " << seed << ": " << to_text(op) << " " << to_text(algorithm) << " of "
              << request.bytes << " bytes on " << to_text(engine);
          ++cases;
        }
        EXPECT_GE(collective_time(EngineKind::simgrid, network, request, Lowering::bulk),
                  least * (1 - 2e-5))
            << "cluster " << seed << ": " << to_text(op) << " " << to_text(algorithm) << " in bulk";
      }
    }
  }
  EXPECT_GT(cases, 1500);
}

// With SimGrid's lazy updates this took 5 ms where one NIC alone needs 25 ms.
TEST(LowerBoundLaw, HoldsWhereFlowsOfUnequalWeightShareASlowNic) {
  sim::Cluster cluster = testing::uniform_switch(6);
  cluster.node.nics.latency = base::Seconds(2e-6);
  sim::NodeOverride slow{.first = 1, .last = 1};
  slow.nics = cluster.node.nics;
  slow.nics->bandwidth = base::BytesPerSecond(2e9);
  cluster.overrides.push_back(slow);
  const sim::Network network = testing::network_of(cluster);
  const ScheduleRequest request{.op = Op::broadcast,
                                .algorithm = Algorithm::direct,
                                .ranks = 6,
                                .bytes = 50000000,
                                .root = 3};
  const double time = collective_time(EngineKind::simgrid, network, request, Lowering::steps,
                                      {.sharing = sim::Sharing::inverse_latency});
  EXPECT_GE(time, LowerBound(network, testing::all_gpus(network)).of(request).value() * (1 - 2e-5));
}

double ratio(Op op, Algorithm algorithm, std::int64_t bytes, const sim::Cluster& cluster) {
  const sim::Network network = testing::network_of(cluster);
  const LowerBound bound(network, testing::all_gpus(network));
  const ScheduleRequest request{
      .op = op, .algorithm = algorithm, .ranks = network.gpu_count(), .bytes = bytes};
  return collective_time(EngineKind::analytic, network, request) / bound.of(request).value();
}

TEST(LowerBound, IsReachedByTheBandwidthOptimalAlgorithmsOnAUniformSwitch) {
  const sim::Cluster cluster = testing::uniform_switch(16);
  const std::int64_t large = std::int64_t{16} << 28;
  EXPECT_NEAR(ratio(Op::all_reduce, Algorithm::ring, large, cluster), 1.0, 1e-3);
  EXPECT_NEAR(ratio(Op::all_reduce, Algorithm::halving_doubling, large, cluster), 1.0, 1e-3);
  EXPECT_NEAR(ratio(Op::all_gather, Algorithm::ring, large, cluster), 1.0, 1e-3);
  EXPECT_NEAR(ratio(Op::reduce_scatter, Algorithm::direct, large, cluster), 1.0, 1e-3);
  EXPECT_NEAR(ratio(Op::all_to_all, Algorithm::pairwise, large, cluster), 1.0, 1e-3);
  EXPECT_NEAR(ratio(Op::send_recv, Algorithm::direct, large, cluster), 1.0, 1e-9);
}

TEST(LowerBound, IsReachedByDirectAlgorithmsAtTheSmallestSizes) {
  const sim::Cluster cluster = testing::uniform_switch(16);
  EXPECT_NEAR(ratio(Op::all_gather, Algorithm::direct, 16, cluster), 1.0, 0.01);
  EXPECT_NEAR(ratio(Op::broadcast, Algorithm::direct, 1, cluster), 1.0, 0.01);
}

TEST(LowerBound, CountsTheNicsOfANodeThatItsRanksShare) {
  sim::Cluster cluster = testing::nvswitch_cluster(4, 4);
  cluster.node.nics.count = 1;
  // The ring crosses between nodes once each way; its bytes through the one NIC are 2 S (n-1)/n.
  EXPECT_LT(ratio(Op::all_reduce, Algorithm::ring, std::int64_t{1} << 30, cluster), 1.3);
  EXPECT_GE(ratio(Op::all_reduce, Algorithm::ring, std::int64_t{1} << 30, cluster), 1.0);
}

TEST(LowerBound, IsLowerWhereSwitchesReduce) {
  sim::Cluster cluster = testing::nvswitch_cluster(1, 8);
  cluster.node.scale_up.in_switch_reduction = true;
  const sim::Network network = testing::network_of(cluster);
  const LowerBound bound(network, testing::all_gpus(network));
  ScheduleRequest request{.ranks = 8, .bytes = std::int64_t{1} << 30};
  const double ring = bound.of(request).value();
  request.algorithm = Algorithm::in_network;
  EXPECT_NEAR(ring / bound.of(request).value(), 2.0 * 7 / 8, 1e-3);
}

TEST(LowerBound, IsZeroForOneRankAndForNothing) {
  const sim::Network network = testing::network_of(testing::uniform_switch(3));
  const auto gpus = testing::all_gpus(network);
  EXPECT_EQ(LowerBound(network, std::span(gpus).first(1)).of({.ranks = 1, .bytes = 1000}).value(),
            0.0);
  EXPECT_EQ(LowerBound(network, gpus).of({.ranks = 3, .bytes = 0}).value(), 0.0);
}

}  // namespace
}  // namespace windtunnel::collectives
