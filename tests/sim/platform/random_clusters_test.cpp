// Laws that hold in every cluster, tried on random ones.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "sim/base/random.hpp"
#include "tests/sim/platform/clusters.hpp"

namespace windtunnel::sim::testing {
namespace {

int pick(base::RandomStream& random, int first, int last) {
  return first + static_cast<int>(random.below(last - first + 1));
}

ScaleUp random_scale_up(base::RandomStream& random, int gpus) {
  ScaleUp scale_up;
  scale_up.kind = static_cast<ScaleUpKind>(random.below(5));
  scale_up.bandwidth = BytesPerSecond{random.uniform(50e9, 900e9)};
  scale_up.latency = Seconds{random.below(2) == 0 ? 0.0 : 1e-6};
  if (scale_up.kind == ScaleUpKind::nvlink_mesh && random.below(2) == 0) {
    for (int gpu = 0; gpu < gpus; ++gpu) {  // a ring with a few chords
      if (gpus > 1) scale_up.links.push_back({gpu, (gpu + 1) % gpus, pick(random, 1, 3)});
      if (gpus > 4 && random.below(3) == 0) scale_up.links.push_back({gpu, (gpu + 2) % gpus, 1});
    }
  }
  if (scale_up.kind == ScaleUpKind::pcie) {
    scale_up.gpus_per_switch = pick(random, 0, gpus);
    if (scale_up.gpus_per_switch > 0) {
      scale_up.switches_per_chip = pick(random, 1, 2);
      scale_up.chip_bandwidth = BytesPerSecond{random.below(2) == 0 ? 0.0 : 40e9};
    }
    scale_up.host_bandwidth = BytesPerSecond{random.below(2) == 0 ? 0.0 : 70e9};
    scale_up.root_bandwidth = BytesPerSecond{random.below(2) == 0 ? 0.0 : 80e9};
  }
  return scale_up;
}

Cluster random_cluster(base::RandomStream& random) {
  Cluster cluster = switched_cluster(pick(random, 2, 24), pick(random, 1, 8));
  const int gpus = cluster.node.gpus;
  cluster.node.scale_up = random_scale_up(random, gpus);
  const int choice = pick(random, 1, 3);
  cluster.node.nics.count = choice == 1 ? gpus : choice == 2 ? 2 * gpus : pick(random, 1, gpus);
  cluster.fabric.kind = static_cast<FabricKind>(1 + random.below(5));
  cluster.fabric.switch_latency = Seconds{200e-9};
  if (cluster.fabric.kind == FabricKind::rail && cluster.node.scale_up.kind == ScaleUpKind::none) {
    cluster.fabric.kind = FabricKind::switched;
  }
  cluster.fabric.levels = pick(random, 2, 3);
  cluster.fabric.radix = 16;
  cluster.fabric.oversubscription = static_cast<double>(pick(random, 1, 3));
  cluster.fabric.rail_optimized =
      cluster.fabric.kind == FabricKind::fat_tree && random.below(2) == 0;
  if (cluster.fabric.kind == FabricKind::fat_tree) cluster.fabric.levels = 3;
  cluster.fabric.groups = 3;
  cluster.fabric.routers = 4;
  cluster.fabric.hosts = 2;
  if (cluster.fabric.kind == FabricKind::torus) {
    cluster.nodes = 12;
    cluster.fabric.dims = {3, 4};
  }
  return cluster;
}

// On rails a message changes over at its sender, whose NVLink mesh or PCIe tree may be shorter
// there than the other's; everywhere else there and back are equally long.
enum class Symmetry { expected, not_on_rails };
Symmetry symmetry_of(const Cluster& cluster) {
  const bool rails = cluster.fabric.kind == FabricKind::rail || cluster.fabric.rail_optimized;
  return rails && cluster.node.scale_up.kind != ScaleUpKind::nvswitch ? Symmetry::not_on_rails
                                                                      : Symmetry::expected;
}

void expect_lawful(const Network& network, EndpointId from, EndpointId to, Symmetry symmetry) {
  const Route there = network.route(from, to);
  const Route back = network.route(to, from);
  const std::string pair = network.endpoint_name(from) + " to " + network.endpoint_name(to);
  ASSERT_FALSE(there.links.empty()) << pair;
  Seconds latency{0};
  BytesPerSecond narrowest = BytesPerSecond::infinity();
  std::set<LinkId> seen;
  for (const LinkId link : there.links) {
    latency += network.links()[link.slot()].latency;
    narrowest = min(narrowest, network.links()[link.slot()].bandwidth);
    EXPECT_TRUE(seen.insert(link).second) << pair << " takes a link twice";
    EXPECT_FALSE(network.link_name(link).empty());
  }
  EXPECT_EQ(there.latency, latency) << pair;
  EXPECT_EQ(there.bandwidth, narrowest) << pair;
  EXPECT_GT(there.bandwidth.value(), 0.0) << pair;
  if (symmetry == Symmetry::expected) {
    EXPECT_EQ(there.links.size(), back.links.size()) << pair << " is longer in one direction";
    EXPECT_NEAR(there.latency.value(), back.latency.value(), 1e-15) << pair;
  }
  EXPECT_TRUE(there.out_port.valid() && there.in_port.valid()) << pair;
  EXPECT_TRUE(network.links()[there.out_port.slot()].endpoint_port);
  EXPECT_EQ(there.links, network.route(from, to).links) << pair;
}

TEST(RandomClusters, EveryPairHasALawfulRoute) {
  base::RandomStream random(7, "clusters");
  for (int trial = 0; trial < 300; ++trial) {
    const Cluster cluster = random_cluster(random);
    SCOPED_TRACE(::testing::Message() << "trial " << trial);
    const Network network(valid(cluster));
    const int endpoints = network.gpu_count() + network.node_count();
    for (int i = 0; i < 200; ++i) {
      const EndpointId from(pick(random, 0, endpoints - 1));
      const EndpointId to(pick(random, 0, endpoints - 1));
      if (from != to) expect_lawful(network, from, to, symmetry_of(cluster));
    }
    if (HasFailure()) return;
  }
}

TEST(RandomClusters, EveryPairOfASmallClusterIsReached) {
  base::RandomStream random(11, "small");
  for (int trial = 0; trial < 20; ++trial) {
    Cluster cluster = random_cluster(random);
    if (cluster.fabric.kind != FabricKind::torus) cluster.nodes = 4;
    const Network network(valid(cluster));
    for (int from = 0; from < network.gpu_count(); ++from) {
      for (int to = 0; to < network.gpu_count(); ++to) {
        if (from != to)
          expect_lawful(network, network.gpu(from), network.gpu(to), symmetry_of(cluster));
      }
    }
    if (HasFailure()) return;
  }
}

double resident_megabytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0.0;
  double resident = 0.0;
  statm >> total >> resident;
  return resident * 4096 / 1e6;
}

TEST(LargeClusters, SixteenThousandGpusTakeMegabytesInEveryFabric) {
  const double before = resident_megabytes();
  for (const FabricKind kind : {FabricKind::switched, FabricKind::fat_tree, FabricKind::rail,
                                FabricKind::dragonfly, FabricKind::torus}) {
    Cluster cluster = switched_cluster(2048, 8);
    cluster.fabric = {.kind = kind,
                      .levels = 3,
                      .radix = 64,
                      .groups = 32,
                      .routers = 16,
                      .hosts = 4,
                      .dims = {16, 16, 8}};
    const Network network(valid(cluster));
    EXPECT_EQ(network.gpu_count(), 16384);
    EXPECT_LT(resident_megabytes() - before, 200.0);  // the aim is 1 GB; about 10 MB are needed
    expect_lawful(network, network.gpu(5), network.gpu(16380), Symmetry::expected);
  }
}

}  // namespace
}  // namespace windtunnel::sim::testing
