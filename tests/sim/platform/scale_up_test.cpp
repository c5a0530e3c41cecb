// Laws inside the node: NVLink meshes and rings, domains, PCIe.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/sim/platform/clusters.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::ElementsAre;

Cluster one_node(int gpus, const ScaleUp& scale_up) {
  Cluster cluster;
  cluster.node.gpus = gpus;
  cluster.node.scale_up = scale_up;
  cluster.node.gpu.pcie_bandwidth = BytesPerSecond{16e9};
  return cluster;
}

// The hybrid cube mesh of a DGX-1 with V100: six links of 25 GB/s a GPU.
Cluster dgx_1() {
  ScaleUp mesh{.kind = ScaleUpKind::nvlink_mesh,
               .bandwidth = BytesPerSecond{150e9},
               .latency = Seconds{1e-6}};
  mesh.links = {{0, 1, 1}, {0, 2, 1}, {0, 3, 2}, {0, 4, 2}, {1, 2, 2}, {1, 3, 1},
                {1, 5, 2}, {2, 3, 2}, {2, 6, 1}, {3, 7, 1}, {4, 5, 1}, {4, 6, 1},
                {4, 7, 2}, {5, 6, 2}, {5, 7, 1}, {6, 7, 2}};
  return one_node(8, mesh);
}

TEST(NvlinkMesh, ALinkHasItsShareOfTheGpusBandwidth) {
  const Network network(valid(dgx_1()));
  EXPECT_DOUBLE_EQ(route(network, 0, 1).bandwidth.value(), 25e9);
  EXPECT_DOUBLE_EQ(route(network, 0, 3).bandwidth.value(), 50e9);
  EXPECT_EQ(route(network, 0, 3).links.size(), 1U);
}

TEST(NvlinkMesh, TheSharesOfAGpuAddUpToItsBandwidth) {
  const Network network(valid(dgx_1()));
  for (int gpu = 0; gpu < 8; ++gpu) {
    std::map<LinkId, double> out;
    for (int peer = 0; peer < 8; ++peer) {
      if (peer == gpu) continue;
      const LinkId first = route(network, gpu, peer).links.front();
      out[first] = network.links()[first.slot()].bandwidth.value();
    }
    double sum = 0.0;
    for (const auto& [link, bandwidth] : out) sum += bandwidth;
    EXPECT_DOUBLE_EQ(sum, 150e9) << gpu;
  }
}

TEST(NvlinkMesh, GpusWithoutALinkGoThroughTheWidestOther) {
  const Network network(valid(dgx_1()));
  const Route there =
      route(network, 0, 7);  // over 3 or 4; 3 to 7 is a single link, 4 to 7 a double
  EXPECT_THAT(link_names(network, there),
              ElementsAre("node0.gpu0.nvlink.to4", "node0.gpu4.nvlink.to7"));
  EXPECT_DOUBLE_EQ(there.bandwidth.value(), 50e9);
  EXPECT_DOUBLE_EQ(there.latency.value(), 2e-6);  // the latency of both hops
}

TEST(NvlinkMesh, GpusFurtherApartThanTwoLinksTakePcie) {
  ScaleUp chain{.kind = ScaleUpKind::nvlink_mesh, .bandwidth = BytesPerSecond{100e9}};
  chain.links = {{0, 1, 1}, {1, 2, 1}, {2, 3, 1}};
  const Network network(valid(one_node(4, chain)));
  EXPECT_THAT(link_names(network, route(network, 0, 3)),
              ElementsAre("node0.gpu0.pcie.out", "node0.gpu3.pcie.in"));
}

TEST(NvlinkMesh, WithoutAListAllPairsAreAlike) {
  const Network network(
      valid(one_node(4, {.kind = ScaleUpKind::nvlink_mesh, .bandwidth = BytesPerSecond{450e9}})));
  for (int peer = 1; peer < 4; ++peer) {
    EXPECT_DOUBLE_EQ(route(network, 0, peer).bandwidth.value(), 150e9);
  }
}

TEST(NvlinkRing, GoesTheShorterWayWithHalfTheBandwidthEach) {
  const Network network(valid(one_node(6, {.kind = ScaleUpKind::nvlink_ring,
                                           .bandwidth = BytesPerSecond{100e9},
                                           .latency = Seconds{1e-6}})));
  for (int from = 0; from < 6; ++from) {
    for (int to = 0; to < 6; ++to) {
      if (from == to) continue;
      const int apart = std::abs(from - to);
      const auto hops = static_cast<std::size_t>(std::min(apart, 6 - apart));
      EXPECT_EQ(route(network, from, to).links.size(), hops);
      EXPECT_NEAR(route(network, from, to).latency.value(), 1e-6 * static_cast<double>(hops),
                  1e-15);
      EXPECT_DOUBLE_EQ(route(network, from, to).bandwidth.value(), 50e9);
    }
  }
}

TEST(NvlinkRing, OfTwoHasAllTheBandwidthOnItsOnlyLink) {
  const Network network(
      valid(one_node(2, {.kind = ScaleUpKind::nvlink_ring, .bandwidth = BytesPerSecond{100e9}})));
  EXPECT_DOUBLE_EQ(route(network, 1, 0).bandwidth.value(), 100e9);
}

TEST(Domain, SmallerThanTheNodeLeavesPcieBetween) {
  const Network network(valid(one_node(
      4, {.kind = ScaleUpKind::nvlink_mesh, .bandwidth = BytesPerSecond{56e9}, .size = 2})));
  EXPECT_DOUBLE_EQ(route(network, 2, 3).bandwidth.value(), 56e9);
  EXPECT_DOUBLE_EQ(route(network, 1, 2).bandwidth.value(), 16e9);
}

TEST(NoScaleUp, GpusOfANodeReachEachOtherOverPcie) {
  const Network network(valid(one_node(2, {.kind = ScaleUpKind::none, .latency = Seconds{2e-6}})));
  EXPECT_DOUBLE_EQ(route(network, 0, 1).bandwidth.value(), 16e9);
  EXPECT_DOUBLE_EQ(route(network, 0, 1).latency.value(), 2e-6);
}

TEST(ScaleUp, WithoutABandwidthTheDataSheetDecides) {
  Cluster cluster = one_node(8, {.kind = ScaleUpKind::nvswitch});
  cluster.node.gpu.nvlink_bandwidth = BytesPerSecond{300e9};
  EXPECT_DOUBLE_EQ(route(Network(valid(cluster)), 0, 7).bandwidth.value(), 300e9);
}

Cluster pcie_box() {
  return one_node(8, {.kind = ScaleUpKind::pcie,
                      .bandwidth = BytesPerSecond{50e9},
                      .latency = Seconds{1e-6},
                      .gpus_per_switch = 2,
                      .switches_per_chip = 2,
                      .uplink_bandwidth = BytesPerSecond{40e9},
                      .chip_bandwidth = BytesPerSecond{45e9},
                      .host_bandwidth = BytesPerSecond{70e9},
                      .root_bandwidth = BytesPerSecond{80e9}});
}

TEST(Pcie, TheLatencyIsPaidOnceOnEveryWay) {
  const Network network(valid(pcie_box()));
  for (int to = 1; to < 8; ++to) EXPECT_DOUBLE_EQ(route(network, 0, to).latency.value(), 1e-6);
  EXPECT_DOUBLE_EQ(network.route(network.host(0), network.gpu(5)).latency.value(), 1e-6);
}

TEST(Pcie, GpusMeetInTheirSwitchTheirChipOrTheRoot) {
  const Network network(valid(pcie_box()));
  EXPECT_THAT(link_names(network, route(network, 0, 1)),
              ElementsAre("node0.gpu0.pcie.out", "node0.pcie.latency", "node0.gpu1.pcie.in"));
  EXPECT_THAT(
      link_names(network, route(network, 0, 2)),
      ElementsAre("node0.gpu0.pcie.out", "node0.pcie.latency", "node0.pcie_switch0.chip.out",
                  "node0.pcie_switch1.chip.in", "node0.gpu2.pcie.in"));
  EXPECT_THAT(link_names(network, route(network, 0, 4)),
              ElementsAre("node0.gpu0.pcie.out", "node0.pcie.latency", "node0.pcie_switch0.up",
                          "node0.root_complex", "node0.pcie_switch2.down", "node0.gpu4.pcie.in"));
  EXPECT_THAT(link_names(network, network.route(network.gpu(3), network.host(0))),
              ElementsAre("node0.gpu3.pcie.out", "node0.pcie.latency", "node0.pcie_switch1.up",
                          "node0.host_memory"));
}

}  // namespace
}  // namespace windtunnel::sim::testing
