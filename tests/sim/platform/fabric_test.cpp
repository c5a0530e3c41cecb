// Laws of the fabrics: latency, bandwidth and hops of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/sim/platform/clusters.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNic = 500e-9;
constexpr double kSwitch = 300e-9;

// One GPU and NIC a node, so that a GPU is a node.
Cluster flat_cluster(int nodes, const Fabric& fabric) {
  Cluster cluster = switched_cluster(nodes, 1);
  cluster.fabric = fabric;
  cluster.fabric.switch_latency = Seconds{kSwitch};
  return cluster;
}

// Switches that a route between two nodes passes, by its latency.
int switches(const Network& network, int from, int to) {
  const double rest = route(network, from, to).latency.value() - 2 * kNic;
  return static_cast<int>(std::lround(rest / kSwitch));
}

TEST(FatTree, OneLevelIsASwitch) {
  const Network network(
      valid(flat_cluster(8, {.kind = FabricKind::fat_tree, .levels = 1, .radix = 8})));
  EXPECT_EQ(switches(network, 0, 7), 1);
  EXPECT_EQ(route(network, 0, 7).links.size(), 2U);
}

TEST(FatTree, TwoLevelsPassOneSwitchOnALeafAndThreeAcross) {
  const Network network(
      valid(flat_cluster(16, {.kind = FabricKind::fat_tree, .levels = 2, .radix = 8})));
  EXPECT_EQ(switches(network, 0, 3), 1);  // 4 NICs a leaf
  EXPECT_EQ(switches(network, 0, 4), 3);
  EXPECT_EQ(route(network, 0, 4).links.size(), 4U);
}

TEST(FatTree, ThreeLevelsPassOneThreeOrFiveSwitches) {
  const Network network(
      valid(flat_cluster(16, {.kind = FabricKind::fat_tree, .levels = 3, .radix = 4})));
  EXPECT_EQ(switches(network, 0, 1), 1);  // 2 NICs a leaf
  EXPECT_EQ(switches(network, 0, 2), 3);  // 2 leaves a pod
  EXPECT_EQ(switches(network, 0, 15), 5);
}

// Bandwidth down into the leaves over that up, from the links themselves.
double oversubscription(const Network& network, int nodes) {
  double up = 0.0;
  std::set<std::string> leaves;
  for (int link = 0; link < network.link_count(); ++link) {
    const std::string name = network.link_name(LinkId(link));
    if (name.find("leaf") != 0 || name.find(".up") == std::string::npos) continue;
    up += network.links()[static_cast<std::size_t>(link)].bandwidth.value();
  }
  return nodes * 50e9 / up;
}

TEST(FatTree, OversubscriptionIsExactWhateverTheRadix) {
  for (const double ratio : {1.0, 1.5, 2.0, 3.0, 4.0, 7.0, 1.37}) {
    for (const int radix : {8, 36, 40, 64}) {
      const Fabric fabric{
          .kind = FabricKind::fat_tree, .levels = 2, .radix = radix, .oversubscription = ratio};
      // As many nodes as fill the leaves: those of one leaf, from a first look, times three.
      const Network probe(valid(flat_cluster(radix, fabric)));
      int leaf = 1;
      while (leaf < radix && switches(probe, 0, leaf) == 1) ++leaf;
      const Network network(valid(flat_cluster(3 * leaf, fabric)));
      EXPECT_NEAR(oversubscription(network, 3 * leaf), ratio, 1e-9 * ratio) << radix;
    }
  }
}

TEST(FatTree, FasterFabricLinksCountInTheOversubscription) {
  Fabric fabric{.kind = FabricKind::fat_tree, .levels = 2, .radix = 12, .oversubscription = 1};
  fabric.bandwidth = BytesPerSecond{100e9};  // twice the NIC's: 8 down, 4 up
  const Network network(valid(flat_cluster(16, fabric)));
  EXPECT_EQ(switches(network, 0, 7), 1);
  EXPECT_EQ(switches(network, 0, 8), 3);
  EXPECT_NEAR(oversubscription(network, 16), 1.0, 1e-12);
}

TEST(FatTree, EcmpAlwaysChoosesAlikeAndSpreadsEvenly) {
  const Fabric fabric{.kind = FabricKind::fat_tree, .levels = 2, .radix = 32};
  const Network network(valid(flat_cluster(256, fabric)));
  const Network again(valid(flat_cluster(256, fabric)));
  std::map<std::string, int> flows;
  for (int from = 0; from < 16; ++from) {
    for (int to = 16; to < 256; ++to) {
      const std::vector<std::string> names = link_names(network, route(network, from, to));
      EXPECT_EQ(names, link_names(again, route(again, from, to)));
      ++flows[names[1]];
    }
  }
  ASSERT_EQ(flows.size(), 16U);  // every uplink of the leaf is in use
  // 3,840 flows over 16 uplinks: 240 each, standard deviation 15; four of them hold with 0.999.
  for (const auto& [link, count] : flows) EXPECT_NEAR(count, 240, 60) << link;
}

TEST(FatTree, RailsOfAGroupShareALeaf) {
  Cluster cluster = switched_cluster(8, 4);
  cluster.fabric = {.kind = FabricKind::fat_tree, .levels = 2, .radix = 8};
  cluster.fabric.rail_optimized = true;  // 4 nodes a group, a leaf for each of its 4 rails
  const Network network(valid(cluster));
  EXPECT_THAT(link_names(network, route(network, 2, 4 + 2)),
              ElementsAre("node0.nic2.out", "node1.nic2.in"));
  EXPECT_EQ(route(network, 2, 16 + 2).links.size(), 4U);  // another group
}

TEST(FatTree, APairOnTwoRailsTakesNvlinkToTheReceiversRail) {
  Cluster cluster = switched_cluster(4, 4);
  cluster.fabric = {.kind = FabricKind::fat_tree, .levels = 2, .radix = 8};
  cluster.fabric.rail_optimized = true;
  const Network network(valid(cluster));
  const Route pxn = route(network, 0, 4 + 3);
  EXPECT_THAT(link_names(network, pxn), ElementsAre("node0.gpu0.nvlink.out", "node0.gpu3.nvlink.in",
                                                    "node0.nic3.out", "node1.nic3.in"));
  EXPECT_DOUBLE_EQ(pxn.latency.value(), 2 * kNic + 1e-6);
  EXPECT_EQ(network.link_name(pxn.out_port), "node0.nic3.out");
}

TEST(FatTree, WithoutNvlinkAPairOnTwoRailsCrossesTheSpine) {
  Cluster cluster = switched_cluster(4, 4);
  cluster.node.scale_up.kind = ScaleUpKind::none;
  cluster.fabric = {.kind = FabricKind::fat_tree, .levels = 2, .radix = 8};
  cluster.fabric.rail_optimized = true;
  const Route across = route(Network(valid(cluster)), 0, 4 + 3);
  EXPECT_EQ(across.links.size(), 4U);  // NIC, leaf up, leaf down, NIC
}

TEST(FatTree, TooManyNicsAreRefusedWithWhatWouldFit) {
  EXPECT_THAT(
      first_error(flat_cluster(33, {.kind = FabricKind::fat_tree, .levels = 2, .radix = 8})),
      HasSubstr("has room for 32 NICs, the cluster has 33"));
  EXPECT_THAT(first_error(flat_cluster(9, {.kind = FabricKind::fat_tree, .levels = 1, .radix = 8})),
              HasSubstr("has room for 8 NICs"));
}

TEST(Rail, EachRailIsASwitchAndRailsMeetInTheNodes) {
  Cluster cluster = switched_cluster(3, 4);
  cluster.fabric = {.kind = FabricKind::rail};
  const Network network(valid(cluster));
  EXPECT_THAT(link_names(network, route(network, 1, 8 + 1)),
              ElementsAre("node0.nic1.out", "node2.nic1.in"));
  EXPECT_THAT(link_names(network, route(network, 1, 8 + 2)),
              ElementsAre("node0.gpu1.nvlink.out", "node0.gpu2.nvlink.in", "node0.nic2.out",
                          "node2.nic2.in"));
}

TEST(Rail, WithoutScaleUpRailsCannotMeet) {
  Cluster cluster = switched_cluster(2, 4);
  cluster.node.scale_up.kind = ScaleUpKind::none;
  cluster.fabric = {.kind = FabricKind::rail};
  EXPECT_THAT(first_error(cluster), HasSubstr("a node's GPUs cannot change rails"));
}

TEST(Rail, OverPcieAGpuReachesEveryNicOfItsNode) {
  Cluster cluster = switched_cluster(2, 4);
  cluster.node.scale_up = {
      .kind = ScaleUpKind::pcie, .bandwidth = BytesPerSecond{30e9}, .gpus_per_switch = 2};
  cluster.fabric = {.kind = FabricKind::rail};
  EXPECT_THAT(link_names(Network(valid(cluster)), route(Network(valid(cluster)), 0, 4 + 2)),
              ElementsAre("node0.gpu0.pcie.out", "node0.pcie_switch0.up", "node0.pcie_switch1.down",
                          "node0.nic2.out", "node1.nic2.in", "node1.gpu2.pcie.in"));
}

TEST(Torus, TakesTheShorterWayRoundInEveryDimension) {
  const std::vector<int> dims{4, 3, 5};
  Fabric fabric{.kind = FabricKind::torus};
  fabric.dims = dims;
  const Network network(valid(flat_cluster(60, fabric)));
  for (int from = 0; from < 60; ++from) {
    for (int to = 0; to < 60; ++to) {
      if (from == to) continue;
      int hops = 0;
      int stride = 1;
      for (const int size : dims) {
        const int apart = std::abs(from / stride % size - to / stride % size);
        hops += std::min(apart, size - apart);
        stride *= size;
      }
      EXPECT_EQ(switches(network, from, to), hops + 1);  // a router at each end of each hop
      EXPECT_EQ(route(network, from, to).links.size(), static_cast<std::size_t>(hops) + 2);
    }
  }
}

TEST(Torus, WrapsRoundItsEnds) {
  Fabric fabric{.kind = FabricKind::torus};
  fabric.dims = {5};
  const Network network(valid(flat_cluster(5, fabric)));
  EXPECT_THAT(link_names(network, route(network, 4, 0)),
              ElementsAre("node4.nic0.out", "router4.dim0.plus", "node0.nic0.in"));
  EXPECT_THAT(link_names(network, route(network, 0, 4)),
              ElementsAre("node0.nic0.out", "router0.dim0.minus", "node4.nic0.in"));
}

TEST(Torus, DimensionsHaveToMakeUpTheNodes) {
  Fabric fabric{.kind = FabricKind::torus};
  fabric.dims = {4, 4};
  EXPECT_THAT(first_error(flat_cluster(15, fabric)),
              HasSubstr("a torus of 16 nodes, the cluster has 15"));
}

Fabric dragonfly(int groups, int routers, int hosts) {
  Fabric fabric{.kind = FabricKind::dragonfly};
  fabric.groups = groups;
  fabric.routers = routers;
  fabric.hosts = hosts;
  return fabric;
}

TEST(Dragonfly, CrossesAtMostThreeLinksAndOneBetweenGroups) {
  const Network network(valid(flat_cluster(9 * 4 * 2, dragonfly(9, 4, 2))));
  int longest = 0;
  for (int from = 0; from < 72; ++from) {
    for (int to = 0; to < 72; ++to) {
      if (from == to) continue;
      const int passed = switches(network, from, to);
      longest = std::max(longest, passed);
      EXPECT_EQ(passed, switches(network, to, from));
      if (from / 2 == to / 2) {
        EXPECT_EQ(passed, 1);
      } else if (from / 8 == to / 8) {
        EXPECT_EQ(passed, 2);
      }
      int between_groups = 0;
      for (const std::string& name : link_names(network, route(network, from, to))) {
        between_groups += name.find("group") == 0 && name.find("router") == std::string::npos;
      }
      EXPECT_EQ(between_groups, from / 8 == to / 8 ? 0 : 1);
    }
  }
  EXPECT_EQ(longest, 4);
}

TEST(Dragonfly, TooManyNodesAreRefused) {
  EXPECT_THAT(first_error(flat_cluster(73, dragonfly(9, 4, 2))),
              HasSubstr("room for 72 nodes (9 groups x 4 routers x 2 hosts)"));
}

TEST(Fabric, ASlowerFabricLimitsTheCableAtTheNic) {
  Fabric fabric{.kind = FabricKind::switched};
  fabric.bandwidth = BytesPerSecond{25e9};
  EXPECT_DOUBLE_EQ(route(Network(valid(flat_cluster(2, fabric))), 0, 1).bandwidth.value(), 25e9);
}

}  // namespace
}  // namespace windtunnel::sim::testing
