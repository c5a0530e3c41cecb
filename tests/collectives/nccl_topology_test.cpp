// From a cluster as a scenario describes it to what NCCL counts, and choices on machines without
// NVLink.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "collectives/nccl/tuner.hpp"

namespace windtunnel::collectives::nccl {
namespace {

using base::BytesPerSecond;

constexpr base::Bytes kGibibyte(1024.0 * 1024 * 1024);

sim::Gpu gpu(std::string name, std::string architecture, double nvlink, double pcie) {
  sim::Gpu out;
  out.name = std::move(name);
  out.architecture = std::move(architecture);
  out.memory = base::Bytes(80e9);
  out.memory_bandwidth = BytesPerSecond(3e12);
  out.nvlink_bandwidth = BytesPerSecond(nvlink);
  out.pcie_bandwidth = BytesPerSecond(pcie);
  return out;
}

sim::Cluster machines(int nodes, sim::Gpu kind, sim::ScaleUpKind scale_up, double bandwidth) {
  sim::Cluster cluster;
  cluster.name = "machines";
  cluster.nodes = nodes;
  cluster.node.gpus = 8;
  cluster.node.gpu = std::move(kind);
  cluster.node.scale_up.kind = scale_up;
  cluster.node.scale_up.bandwidth = BytesPerSecond(bandwidth);
  cluster.node.scale_up.latency = base::Seconds(1e-6);
  if (nodes > 1) {
    cluster.node.nics = {8, BytesPerSecond(50e9), base::Seconds(2e-6)};
    cluster.fabric.kind = sim::FabricKind::rail;
  }
  return cluster;
}

sim::Cluster dgx_h100(int nodes) {
  sim::Cluster cluster =
      machines(nodes, gpu("h100-sxm", "hopper", 450e9, 64e9), sim::ScaleUpKind::nvswitch, 450e9);
  cluster.node.scale_up.in_switch_reduction = true;
  return cluster;
}

sim::ValidCluster valid(const sim::Cluster& cluster) {
  base::Diagnostics diagnostics;
  auto checked = sim::validate(cluster, {}, diagnostics);
  EXPECT_TRUE(checked) << diagnostics.to_text();
  return *checked;
}

std::vector<int> gpus(int first, int count, int stride = 1) {
  std::vector<int> out;
  for (int i = 0; i < count; ++i) out.push_back(first + i * stride);
  return out;
}

Topology topology(const sim::Cluster& cluster, const std::vector<int>& group) {
  const sim::ValidCluster checked = valid(cluster);
  return topology_of(checked, layout_of(checked, group), constants());
}

TEST(NcclTopology, H100CountsFor370AndItsNicFor48GigabytesPerSecond) {
  const Topology found = topology(dgx_h100(2), gpus(0, 16));
  EXPECT_NEAR(found.intra_bandwidth.value(), 370.8e9, 1e6);
  EXPECT_NEAR(found.nic_bandwidth.value(), 48e9, 1e6);
  EXPECT_EQ(found.nics, 8);
  EXPECT_EQ(found.compute_capability, 90);
  EXPECT_TRUE(found.nvls);
  EXPECT_TRUE(found.notes.empty());
}

TEST(NcclTopology, A100AndV100CountTwentyGigabytesPerSecondALink) {
  const auto counted = [](std::string name, std::string architecture, double nvlink) {
    return topology(machines(1, gpu(std::move(name), std::move(architecture), nvlink, 32e9),
                             sim::ScaleUpKind::nvswitch, nvlink),
                    gpus(0, 8))
        .intra_bandwidth.value();
  };
  EXPECT_NEAR(counted("a100-sxm-80gb", "ampere", 300e9), 12 * 20e9, 1e6);
  EXPECT_NEAR(counted("v100-sxm-32gb", "volta", 150e9), 6 * 20e9, 1e6);
  EXPECT_NEAR(counted("b200-sxm", "blackwell", 900e9), 18 * 40.1e9, 1e6);
}

TEST(NcclTopology, LayoutsOfRailsNodesAndHalvesAreToldApart) {
  const sim::ValidCluster cluster = valid(dgx_h100(4));
  const RankLayout rail = layout_of(cluster, gpus(3, 4, 8));
  EXPECT_EQ(rail.nodes, 4);
  EXPECT_EQ(rail.ranks, 4);
  EXPECT_EQ(rail.local_gpus, std::vector<int>{3});
  const RankLayout half = layout_of(cluster, gpus(8, 4));
  EXPECT_EQ(half.nodes, 1);
  EXPECT_EQ(half.local_gpus, (std::vector<int>{0, 1, 2, 3}));
}

TEST(NcclTopology, AnNvlinkDomainOverHostsIsOneNode) {
  sim::Cluster cluster = dgx_h100(4);
  cluster.node.scale_up.size = 32;
  EXPECT_EQ(layout_of(valid(cluster), gpus(0, 32)).nodes, 1);
}

TEST(NcclTopology, TheCubeOfADgx1HasSixRingsOfTwentyGigabytesPerSecond) {
  sim::Cluster cluster =
      machines(1, gpu("v100-sxm-32gb", "volta", 150e9, 16e9), sim::ScaleUpKind::nvlink_mesh, 150e9);
  cluster.node.scale_up.links = {{0, 1, 1}, {0, 2, 1}, {0, 3, 2}, {0, 4, 2}, {1, 2, 2}, {1, 3, 1},
                                 {1, 5, 2}, {2, 3, 2}, {2, 6, 1}, {3, 7, 1}, {4, 5, 1}, {4, 6, 1},
                                 {4, 7, 2}, {5, 6, 2}, {5, 7, 1}, {6, 7, 2}};
  const Graphs graphs = search_channels(topology(cluster, gpus(0, 8)), constants());
  EXPECT_EQ(graphs.ring.channels, 6);
  EXPECT_NEAR(graphs.ring.intra.value(), 20e9, 1e6);
}

TEST(NcclTopology, AMeshOfFourHoppersIsAsGoodAsASwitchForRings) {
  sim::Cluster cluster =
      machines(1, gpu("gh200", "hopper", 450e9, 64e9), sim::ScaleUpKind::nvlink_mesh, 450e9);
  cluster.node.gpus = 4;
  const Topology found = topology(cluster, gpus(0, 4));
  const Graphs graphs = search_channels(found, constants());
  EXPECT_NEAR((graphs.ring.intra * graphs.ring.channels).value(), 360e9, 1e6);
  EXPECT_FALSE(found.nvls);
}

TEST(NcclTopology, GpusThatNvlinkDoesNotJoinInARingFallBackToPcie) {
  sim::Cluster cluster = machines(1, gpu("a100-sxm-80gb", "ampere", 300e9, 32e9),
                                  sim::ScaleUpKind::nvlink_mesh, 300e9);
  cluster.node.gpus = 4;
  cluster.node.scale_up.links = {{0, 1, 1}, {1, 2, 1}, {2, 3, 1}, {0, 2, 1}};
  const Topology whole = topology(cluster, gpus(0, 4));
  EXPECT_EQ(whole.intra, IntraPath::pcie);
  ASSERT_FALSE(whole.notes.empty());
  EXPECT_NE(whole.notes.front().find("falls back to PCIe"), std::string::npos);
  EXPECT_EQ(topology(cluster, gpus(0, 3)).intra, IntraPath::nvlink);
}

TEST(NcclTopology, PcieNodesGetAChoiceWithoutLl128AndWithAboutTheirPcieBandwidth) {
  sim::Cluster cluster =
      machines(1, gpu("a100-pcie-80gb", "ampere", 0, 32e9), sim::ScaleUpKind::pcie, 32e9);
  cluster.node.gpus = 4;
  const sim::ValidCluster checked = valid(cluster);
  const Tuner tuner(checked, layout_of(checked, gpus(0, 4)));
  const Decision decision = tuner.decide(Op::all_reduce, kGibibyte);
  EXPECT_EQ(decision.nccl_name, "Ring/Simple");
  const double busbw = kGibibyte.value() / decision.chosen->time.value() * 1.5;
  EXPECT_GT(busbw, 15e9);
  EXPECT_LT(busbw, 32e9);
  for (const Choice& other : decision.others) EXPECT_NE(other.protocol, Protocol::ll128);
}

TEST(NcclTopology, AnUnknownArchitectureCountsAsItsNearestAndSaysSo) {
  sim::Gpu future = gpu("x300", "rubin", 1800e9, 128e9);
  future.peak["nvfp4"] = base::FlopsPerSecond(50e15);
  const Topology found =
      topology(machines(1, future, sim::ScaleUpKind::nvswitch, 1800e9), gpus(0, 8));
  EXPECT_EQ(found.compute_capability, 100);
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_NE(found.notes.front().find("rubin"), std::string::npos);
}

TEST(NcclTopology, FewerNicsThanGpusShareTheRing) {
  sim::Cluster cluster = dgx_h100(4);
  cluster.fabric.kind = sim::FabricKind::switched;
  cluster.node.nics.count = 1;
  const Graphs graphs = search_channels(topology(cluster, gpus(0, 32)), constants());
  EXPECT_NEAR((graphs.ring.inter * graphs.ring.channels).value(), 48e9, 1e6);
}

TEST(NcclTopology, EveryMachineGetsADecisionForEveryOpAndSize) {
  const std::vector<sim::Cluster> clusters{
      dgx_h100(1), dgx_h100(3),
      machines(1, gpu("rtx-4090", "ada", 0, 32e9), sim::ScaleUpKind::pcie, 32e9),
      machines(2, gpu("l40s", "ada", 0, 32e9), sim::ScaleUpKind::pcie, 32e9),
      machines(1, gpu("v100-sxm-16gb", "volta", 150e9, 16e9), sim::ScaleUpKind::nvlink_ring,
               150e9)};
  for (const sim::Cluster& cluster : clusters) {
    const sim::ValidCluster checked = valid(cluster);
    for (int ranks = 1; ranks <= cluster.gpu_count(); ++ranks) {
      const Tuner tuner(checked, layout_of(checked, gpus(0, ranks)));
      for (const Op op : kOps) {
        for (const double bytes : {0.0, 1.0, 65536.0, 1e9}) {
          const Decision decision = tuner.decide(op, base::Bytes(bytes));
          EXPECT_FALSE(decision.nccl_name.empty());
          EXPECT_GE(decision.channels, 1);
          EXPECT_TRUE(supports(op, decision.algorithm))
              << to_text(op) << " " << to_text(decision.algorithm);
          EXPECT_EQ(decision.chosen.has_value(),
                    ranks > 1 && op != Op::all_to_all && op != Op::send_recv);
          if (decision.chosen) {
            EXPECT_TRUE(std::isfinite(decision.chosen->time.value()));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace windtunnel::collectives::nccl
