// Switches that reduce: NVLS domains and SHARP trees, who hangs below them and the ways there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/sim/platform/clusters.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::ElementsAre;

std::map<std::string, ReducingSwitch> by_name(const Network& network) {
  std::map<std::string, ReducingSwitch> all;
  for (const ReducingSwitch& one : network.reducing_switches()) {
    all[network.endpoint_name(one.self)] = one;
  }
  return all;
}

TEST(Reduction, ThereIsNoneUnlessTheClusterSaysSo) {
  EXPECT_TRUE(Network(valid(switched_cluster(2, 4))).reducing_switches().empty());
}

TEST(Reduction, AnNvlsDomainHasItsGpusBelowIt) {
  Cluster cluster = switched_cluster(2, 4);
  cluster.node.scale_up.in_switch_reduction = true;
  const Network network(valid(cluster));
  const auto switches = by_name(network);
  ASSERT_EQ(switches.size(), 2U);
  const ReducingSwitch& second = switches.at("domain1.nvswitch");
  EXPECT_EQ(second.kind, ReductionKind::nvls);
  EXPECT_FALSE(second.parent.valid());
  EXPECT_EQ(second.children,
            (std::vector<EndpointId>{EndpointId(4), EndpointId(5), EndpointId(6), EndpointId(7)}));
  const Route up = network.route(network.gpu(5), second.self);
  EXPECT_THAT(link_names(network, up), ElementsAre("node1.gpu1.nvlink.out"));
  EXPECT_DOUBLE_EQ(up.latency.value(), 1e-6);
  EXPECT_DOUBLE_EQ(up.bandwidth.value(), 450e9);
  EXPECT_THAT(link_names(network, network.route(second.self, network.gpu(6))),
              ElementsAre("node1.gpu2.nvlink.in"));
}

TEST(Reduction, AnNvl72DomainReachesOverItsNodes) {
  Cluster cluster = switched_cluster(18, 4);
  cluster.node.scale_up.size = 72;
  cluster.node.scale_up.in_switch_reduction = true;
  cluster.fabric = {};
  const Network network(valid(cluster));
  ASSERT_EQ(network.reducing_switches().size(), 1U);
  EXPECT_EQ(network.reducing_switches().front().children.size(), 72U);
}

TEST(Reduction, ASwitchFabricReducesInItsSwitch) {
  Cluster cluster = switched_cluster(4, 1);
  cluster.fabric.in_network_reduction = true;
  cluster.fabric.switch_latency = Seconds{300e-9};
  const Network network(valid(cluster));
  const auto switches = by_name(network);
  ASSERT_EQ(switches.size(), 1U);
  const EndpointId self = switches.at("switch").self;
  EXPECT_EQ(switches.at("switch").kind, ReductionKind::sharp);
  EXPECT_NEAR(network.route(network.gpu(0), self).latency.value(), 800e-9, 1e-18);
  EXPECT_NEAR(network.route(self, network.gpu(0)).latency.value(), 500e-9, 1e-18);
}

TEST(Reduction, RailsHaveATreeEach) {
  Cluster cluster = switched_cluster(3, 2);
  cluster.fabric = {.kind = FabricKind::rail, .in_network_reduction = true};
  const auto switches = by_name(Network(valid(cluster)));
  ASSERT_EQ(switches.size(), 2U);
  EXPECT_EQ(switches.at("rail1.switch").children,
            (std::vector<EndpointId>{EndpointId(1), EndpointId(3), EndpointId(5)}));
}

// Every GPU's way up the tree: leaf, then its parents to the root.
void expect_a_tree(const Network& network, std::size_t expected_switches, int levels) {
  const std::vector<ReducingSwitch> all = network.reducing_switches();
  ASSERT_EQ(all.size(), expected_switches);
  const int first = all.front().self.index();
  int roots = 0;
  std::size_t gpus = 0;
  for (const ReducingSwitch& one : all) {
    roots += one.parent.valid() ? 0 : 1;
    for (const EndpointId child : one.children) {
      EXPECT_GE(network.route(child, one.self).links.size(), 1U);
      EXPECT_GE(network.route(one.self, child).links.size(), 1U);
      if (network.node_of(child) < 0) {
        EXPECT_EQ(all[static_cast<std::size_t>(child.index() - first)].parent, one.self);
      } else {
        ++gpus;
      }
    }
  }
  EXPECT_EQ(roots, 1);
  EXPECT_EQ(gpus, static_cast<std::size_t>(network.gpu_count()));
  for (int gpu = 0; gpu < network.gpu_count(); ++gpu) {
    EXPECT_EQ(network.route(network.gpu(gpu), all.back().self).links.size(),
              static_cast<std::size_t>(levels));
    EXPECT_EQ(network.route(all.back().self, network.gpu(gpu)).links.size(),
              static_cast<std::size_t>(levels));
  }
}

TEST(Reduction, AFatTreeReducesLevelByLevel) {
  Cluster cluster = switched_cluster(16, 1);
  cluster.fabric = {.kind = FabricKind::fat_tree, .levels = 2, .radix = 8};
  cluster.fabric.in_network_reduction = true;
  expect_a_tree(Network(valid(cluster)), 4 + 1, 2);  // leaves and a spine
  cluster.fabric.levels = 3;
  cluster.fabric.radix = 4;
  expect_a_tree(Network(valid(cluster)), 8 + 4 + 1,
                3);  // leaves, an aggregation switch a pod, a core
  cluster.fabric.levels = 1;
  cluster.fabric.radix = 16;
  expect_a_tree(Network(valid(cluster)), 1, 1);
}

TEST(Reduction, SharpAndNvlsStandBesideEachOther) {
  Cluster cluster = switched_cluster(4, 2);
  cluster.node.scale_up.in_switch_reduction = true;
  cluster.fabric.in_network_reduction = true;
  const Network network(valid(cluster));
  EXPECT_EQ(network.reducing_switches().size(), 5U);
  EXPECT_EQ(network.endpoint_count(), 8 + 4 + 5);
}

}  // namespace
}  // namespace windtunnel::sim::testing
