#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/platform/network.hpp"

#include <chrono>
#include <set>

#include "tests/sim/platform/clusters.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::ElementsAre;

TEST(Network, TwoHostsOnOneSwitchAreTwoNicLatenciesApart) {
  const Network network(valid(switched_cluster(2, 1)));
  const Route there = route(network, 0, 1);
  EXPECT_DOUBLE_EQ(there.latency.value(), 1e-6);
  EXPECT_DOUBLE_EQ(there.bandwidth.value(), 50e9);
  EXPECT_THAT(link_names(network, there), ElementsAre("node0.nic0.out", "node1.nic0.in"));
}

TEST(Network, ASwitchAddsItsLatencyOnce) {
  Cluster cluster = switched_cluster(2, 1);
  cluster.fabric.switch_latency = Seconds{300e-9};
  EXPECT_NEAR(route(Network(valid(cluster)), 0, 1).latency.value(), 1.3e-6, 1e-18);
}

TEST(Network, InsideANodeTheScaleUpLatencyIsPaidOnce) {
  const Network network(valid(switched_cluster(2, 8)));
  const Route there = route(network, 8, 15);
  EXPECT_DOUBLE_EQ(there.latency.value(), 1e-6);
  EXPECT_DOUBLE_EQ(there.bandwidth.value(), 450e9);
  EXPECT_THAT(link_names(network, there),
              ElementsAre("node1.gpu0.nvlink.out", "node1.gpu7.nvlink.in"));
}

TEST(Network, AnEndpointReachesItselfOverNoLink) {
  const Network network(valid(switched_cluster(2, 2)));
  const Route self = route(network, 3, 3);
  EXPECT_TRUE(self.links.empty());
  EXPECT_EQ(self.latency, Seconds{0});
  EXPECT_EQ(self.bandwidth, BytesPerSecond::infinity());
}

TEST(Network, RoutesNameTheirEndpointPorts) {
  const Network network(valid(switched_cluster(2, 2)));
  const Route across = route(network, 0, 3);
  EXPECT_EQ(network.link_name(across.out_port), "node0.nic0.out");
  EXPECT_EQ(network.link_name(across.in_port), "node1.nic1.in");
  const Route inside = route(network, 0, 1);
  EXPECT_EQ(network.link_name(inside.out_port), "node0.gpu0.nvlink.out");
  EXPECT_EQ(network.link_name(inside.in_port), "node0.gpu1.nvlink.in");
}

TEST(Network, EndpointsHaveNames) {
  Cluster cluster = switched_cluster(2, 4);
  cluster.node.scale_up.in_switch_reduction = true;
  const Network network(valid(cluster));
  EXPECT_EQ(network.endpoint_count(), 8 + 2 + 2);
  EXPECT_EQ(network.endpoint_name(network.gpu(5)), "node1.gpu1");
  EXPECT_EQ(network.endpoint_name(network.host(1)), "node1.host");
  EXPECT_EQ(network.endpoint_name(EndpointId(11)), "domain1.nvswitch");
  EXPECT_EQ(network.node_of(EndpointId(11)), -1);
}

TEST(Network, HostMemoryReachesItsGpusOverTheirPcie) {
  const Network network(valid(switched_cluster(2, 2)));
  const Route down = network.route(network.host(1), network.gpu(3));
  EXPECT_DOUBLE_EQ(down.bandwidth.value(), 64e9);
  EXPECT_DOUBLE_EQ(down.latency.value(), 1e-6);
  const Route up = network.route(network.gpu(2), network.host(1));
  EXPECT_THAT(link_names(network, up), ElementsAre("node1.gpu0.pcie.out", "node1.pcie.latency"));
}

TEST(Network, HostMemoryReachesOtherNodesThroughANic) {
  const Network network(valid(switched_cluster(2, 2)));
  EXPECT_THAT(link_names(network, network.route(network.host(0), network.gpu(3))),
              ElementsAre("node0.nic1.out", "node1.nic1.in"));
  EXPECT_THAT(link_names(network, network.route(network.gpu(1), network.host(1))),
              ElementsAre("node0.nic1.out", "node1.nic1.in"));
}

TEST(Network, GpusShareFewerNics) {
  Cluster cluster = switched_cluster(2, 8);
  cluster.node.nics.count = 2;
  const Network network(valid(cluster));
  EXPECT_EQ(network.link_name(route(network, 3, 8).out_port), "node0.nic0.out");
  EXPECT_EQ(network.link_name(route(network, 4, 8).out_port), "node0.nic1.out");
}

TEST(Network, SeveralNicsOfAGpuAreOnePortOfTheirJointBandwidth) {
  Cluster cluster = switched_cluster(2, 8);
  cluster.node.nics.count = 16;
  EXPECT_DOUBLE_EQ(route(Network(valid(cluster)), 0, 8).bandwidth.value(), 100e9);
}

TEST(Network, ADomainOverSeveralNodesKeepsToNvlink) {
  Cluster cluster = switched_cluster(36, 4);
  cluster.node.scale_up.size = 72;
  const Network network(valid(cluster));
  EXPECT_THAT(link_names(network, route(network, 0, 71)),
              ElementsAre("node0.gpu0.nvlink.out", "node17.gpu3.nvlink.in"));
  EXPECT_DOUBLE_EQ(route(network, 0, 71).latency.value(), 1e-6);
  EXPECT_THAT(link_names(network, route(network, 0, 72)),
              ElementsAre("node0.nic0.out", "node18.nic0.in"));
}

TEST(Network, SixteenThousandGpusBuildInUnderASecond) {
  Cluster cluster = switched_cluster(2048, 8);
  cluster.fabric = {.kind = FabricKind::fat_tree, .levels = 3, .radix = 64};
  cluster.fabric.rail_optimized = true;
  const ValidCluster checked = valid(cluster);
  const auto start = std::chrono::steady_clock::now();
  const Network network(checked);
  const std::chrono::duration<double> build = std::chrono::steady_clock::now() - start;
  EXPECT_LT(build.count(), 1.0);
  EXPECT_LT(network.links().size(), 400'000U);  // 24 bytes each: no table of pairs
  const auto first_route = std::chrono::steady_clock::now();
  double sum = 0.0;
  for (int i = 0; i < 100'000; ++i) {
    sum += route(network, i % 16384, (i * 7919 + 1) % 16384).latency.value();
  }
  const std::chrono::duration<double> routes = std::chrono::steady_clock::now() - first_route;
  EXPECT_GT(sum, 0.0);
  EXPECT_LT(routes.count(), 1.0);  // 10 us a route; a free core needs a twentieth of that
  RecordProperty("build_ms", static_cast<int>(build.count() * 1e3));
  std::printf("build %.1f ms, route %.0f ns, %zu links\n", build.count() * 1e3,
              routes.count() * 1e4, network.links().size());
}

}  // namespace
}  // namespace windtunnel::sim::testing
