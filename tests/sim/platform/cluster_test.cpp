// What validate() accepts and how it says no.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/platform/clusters.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::HasSubstr;

TEST(Validate, ErrorsStandWhereTheCallerSays) {
  Cluster cluster = switched_cluster(2, 2);
  cluster.nodes = 0;
  base::Diagnostics diagnostics;
  EXPECT_FALSE(validate(cluster, {"cluster.yaml", 3, 5}, diagnostics).has_value());
  EXPECT_EQ(diagnostics.to_text(),
            "cluster.yaml:3:5: error: nodes is 0; a cluster has at least 1\n");
}

TEST(Validate, TellsSeveralMistakesAtOnce) {
  Cluster cluster = switched_cluster(2, 4);
  cluster.node.nics.bandwidth = BytesPerSecond{0};
  cluster.node.scale_up.size = 3;
  cluster.node.scale_up.bandwidth = BytesPerSecond{-1};
  base::Diagnostics diagnostics;
  EXPECT_FALSE(validate(cluster, {}, diagnostics).has_value());
  EXPECT_EQ(diagnostics.error_count(), 4) << diagnostics.to_text();
}

struct Broken {
  const char* what;
  void (*change)(Cluster&);
  const char* message;
};

const Broken kBroken[] = {
    {"no fabric", [](Cluster& c) { c.fabric = {}; },
     "2 nodes need a fabric, and fabric.kind is none"},
    {"no NIC", [](Cluster& c) { c.node.nics.count = 0; },
     "nodes without a NIC cannot reach the fabric"},
    {"no NIC bandwidth", [](Cluster& c) { c.node.nics.bandwidth = BytesPerSecond{0}; },
     "node.nics.bandwidth is missing"},
    {"odd NICs", [](Cluster& c) { c.node.nics.count = 6; }, "a whole number for each GPU"},
    {"no NVLink bandwidth", [](Cluster& c) { c.node.scale_up.bandwidth = BytesPerSecond{0}; },
     "node.scale_up.bandwidth is missing"},
    {"domain", [](Cluster& c) { c.node.scale_up.size = 6; }, "a domain holds whole nodes"},
    {"mesh over nodes",
     [](Cluster& c) {
       c.node.scale_up.kind = ScaleUpKind::nvlink_mesh;
       c.node.scale_up.size = 8;
     },
     "only nvswitch reaches over nodes"},
    {"domain of PCIe",
     [](Cluster& c) {
       c.node.scale_up.kind = ScaleUpKind::pcie;
       c.node.scale_up.size = 2;
     },
     "size is for NVLink domains"},
    {"mesh link",
     [](Cluster& c) {
       c.node.scale_up.kind = ScaleUpKind::nvlink_mesh;
       c.node.scale_up.links = {{0, 4, 1}};
     },
     "links holds [0, 4, 1]; the GPUs of a node are 0 to 3"},
    {"mesh loop",
     [](Cluster& c) {
       c.node.scale_up.kind = ScaleUpKind::nvlink_mesh;
       c.node.scale_up.links = {{1, 1, 1}};
     },
     "a GPU is not linked to itself"},
    {"mesh count",
     [](Cluster& c) {
       c.node.scale_up.kind = ScaleUpKind::nvlink_mesh;
       c.node.scale_up.links = {{0, 1, 0}};
     },
     "the count must be at least 1"},
    {"links of a switch",
     [](Cluster& c) {
       c.node.scale_up.links = {{0, 1, 1}};
     },
     "links is for kind nvlink_mesh only"},
    {"NVLS of a mesh",
     [](Cluster& c) {
       c.node.scale_up.kind = ScaleUpKind::nvlink_mesh;
       c.node.scale_up.in_switch_reduction = true;
     },
     "in_switch_reduction needs kind nvswitch"},
    {"PCIe fields", [](Cluster& c) { c.node.scale_up.gpus_per_switch = 2; },
     "are for kind pcie only"},
    {"SHARP on a torus",
     [](Cluster& c) {
       c.fabric = {.kind = FabricKind::torus, .dims = {2}, .in_network_reduction = true};
     },
     "in_network_reduction is modelled for kinds switch, rail and fat_tree"},
    {"rails of a switch", [](Cluster& c) { c.fabric.rail_optimized = true; },
     "rail_optimized is for kind fat_tree only"},
    {"range of nodes", [](Cluster& c) { c.overrides = {{.first = 1, .last = 2}}; },
     "heterogeneous (nodes 1-2): the nodes of this cluster are 0 to 1"},
    {"negative latency", [](Cluster& c) { c.fabric.switch_latency = Seconds{-1}; },
     "fabric.switch_latency must be 0 or more"},
    {"too large", [](Cluster& c) { c.nodes = 1 << 30; }, "are more than the"},
};

TEST(Validate, SaysWhatIsWrongInASentence) {
  for (const Broken& broken : kBroken) {
    Cluster cluster = switched_cluster(2, 4);
    broken.change(cluster);
    EXPECT_THAT(first_error(cluster), HasSubstr(broken.message)) << broken.what;
  }
}

TEST(Validate, RailsNeedAsManyNicsOnEveryNode) {
  Cluster cluster = switched_cluster(4, 4);
  cluster.fabric.kind = FabricKind::rail;
  Nics fewer = cluster.node.nics;
  fewer.count = 2;
  cluster.overrides = {{.first = 0, .last = 1}};
  cluster.overrides.front().nics = fewer;
  EXPECT_THAT(first_error(cluster), HasSubstr("with rails every node has as many"));
}

TEST(Validate, AMeshTooLargeToSimulateIsRefused) {
  Cluster cluster = switched_cluster(1, 4096);
  cluster.node.scale_up.kind = ScaleUpKind::nvlink_mesh;
  EXPECT_THAT(first_error(cluster), HasSubstr("joins 4096 GPUs in a mesh; at most 256"));
}

TEST(Heterogeneous, OverridesHoldForTheirNodesOnly) {
  Cluster cluster = switched_cluster(4, 2);
  Nics slow = cluster.node.nics;
  slow.bandwidth = BytesPerSecond{10e9};
  cluster.overrides = {{.first = 1, .last = 2}};
  cluster.overrides.front().nics = slow;
  const ValidCluster checked = valid(cluster);
  EXPECT_EQ(checked.node_at(0).nics.bandwidth.value(), 50e9);
  EXPECT_EQ(checked.node_at(2).nics.bandwidth.value(), 10e9);
  const Network network(checked);
  EXPECT_EQ(route(network, 0, 6).bandwidth.value(), 50e9);
  EXPECT_EQ(route(network, 0, 4).bandwidth.value(), 10e9);
  EXPECT_EQ(network.link_name(route(network, 4, 6).out_port), "node2.nic0.out");
}

TEST(Heterogeneous, NodesMayDifferInTheirScaleUp) {
  Cluster cluster = switched_cluster(2, 4);
  cluster.overrides = {{.first = 1, .last = 1}};
  cluster.overrides.front().scale_up =
      ScaleUp{.kind = ScaleUpKind::pcie, .bandwidth = BytesPerSecond{16e9}};
  const Network network(valid(cluster));
  EXPECT_EQ(route(network, 0, 1).bandwidth.value(), 450e9);
  EXPECT_EQ(route(network, 4, 5).bandwidth.value(), 16e9);
  EXPECT_EQ(route(network, 0, 5).bandwidth.value(), 16e9);
}

TEST(ExplicitNetwork, NeedsARouteForEveryPair) {
  Cluster cluster;
  cluster.explicit_network =
      ExplicitNetwork{.hosts = {"a", "b"},
                      .links = {{.name = "l", .bandwidth = BytesPerSecond{1e9}}},
                      .routes = {{}, {0}, {}, {}}};
  EXPECT_THAT(first_error(cluster), HasSubstr("there is no route from host 'b' to host 'a'"));
  cluster.explicit_network->routes[2] = {0};
  const Network network(valid(cluster));
  EXPECT_EQ(network.endpoint_name(network.gpu(1)), "b");
  EXPECT_EQ(network.route(network.host(0), network.gpu(1)).links.size(), 1U);
  EXPECT_TRUE(network.route(network.host(0), network.gpu(0)).links.empty());
  cluster.explicit_network->routes[2] = {3};
  EXPECT_THAT(first_error(cluster), HasSubstr("names a link that is not there"));
}

}  // namespace
}  // namespace windtunnel::sim::testing
