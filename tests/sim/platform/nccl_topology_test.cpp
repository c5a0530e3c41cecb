#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/platform/nccl_topology.hpp"

#include <fmt/format.h>

#include "tests/sim/platform/clusters.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::HasSubstr;

struct Import {
  std::optional<Node> node;
  base::Diagnostics diagnostics;
  std::string text() const { return diagnostics.to_text(); }
};

Import import_topology(const std::string& text) {
  Import result;
  result.node = read_nccl_topology(text, "topo.xml", result.diagnostics);
  return result;
}

// 8 H100 with an NVSwitch each way, a PCIe switch and a 400 Gb/s NIC for each GPU, as NCCL dumps a
// DGX H100.
std::string dgx_h100() {
  std::string text = "<system version=\"1\">\n";
  for (int socket = 0; socket < 2; ++socket) {
    text += fmt::format("<cpu numaid=\"{}\" arch=\"x86_64\" vendor=\"GenuineIntel\">\n", socket);
    for (int i = 4 * socket; i < 4 * socket + 4; ++i) {
      text += fmt::format(
          R"(<pci busid="0000:{0}0:00.0" class="0x060400" link_speed="32.0 GT/s PCIe" link_width="16">
<pci busid="0000:{0}1:00.0" class="0x030200" vendor="0x10de" device="0x2330" link_speed="32.0 GT/s PCIe" link_width="16">
<gpu dev="{0}" sm="90" rank="{0}" gdr="1">
<nvlink target="0000:07:00.0" count="4" tclass="0x068000"/><nvlink target="0000:08:00.0" count="5" tclass="0x068000"/>
<nvlink target="0000:09:00.0" count="5" tclass="0x068000"/><nvlink target="0000:0a:00.0" count="4" tclass="0x068000"/>
</gpu></pci>
<pci busid="0000:{0}2:00.0" class="0x020700" link_speed="32.0 GT/s PCIe" link_width="16"><nic>
<net name="mlx5_{0}" dev="{0}" speed="400000" port="1" guid="0x{0}" maxconn="131072" gdr="1"/></nic></pci></pci>
)",
          i);
    }
    text += "</cpu>\n";
  }
  return text + "</system>\n";
}

TEST(NcclTopology, ADgxH100HasANvSwitchAndANicForEachGpu) {
  const Import import = import_topology(dgx_h100());
  ASSERT_TRUE(import.node.has_value()) << import.text();
  const Node& node = *import.node;
  EXPECT_EQ(node.gpus, 8);
  EXPECT_EQ(node.cpu, "intel");
  EXPECT_EQ(node.gpu.name, "h100-sxm");
  EXPECT_EQ(node.gpu.architecture, "hopper");
  EXPECT_EQ(node.gpu.nvlink_links, 18);
  EXPECT_EQ(node.scale_up.kind, ScaleUpKind::nvswitch);
  EXPECT_TRUE(node.scale_up.in_switch_reduction);
  EXPECT_NEAR(node.scale_up.bandwidth.value(), 18 * 20.6e9, 1.0);  // as NCCL counts: 370.8 GB/s
  EXPECT_NEAR(node.gpu.pcie_bandwidth.value(), 32e9 * 16 / 8 * 128 / 130, 1.0);
  EXPECT_EQ(node.nics.count, 8);
  EXPECT_DOUBLE_EQ(node.nics.bandwidth.value(), 50e9);
  EXPECT_THAT(import.text(), HasSubstr("states no latencies"));
  EXPECT_FALSE(import.diagnostics.has_errors());
}

TEST(NcclTopology, TheImportedNodeMakesACluster) {
  Cluster cluster;
  cluster.nodes = 4;
  cluster.node = *import_topology(dgx_h100()).node;
  cluster.fabric.kind = FabricKind::rail;
  const Network network(valid(cluster));
  EXPECT_EQ(network.gpu_count(), 32);
  EXPECT_NEAR(route(network, 0, 8).latency.value(), 2.7e-6, 1e-12);
}

std::string one_socket(const std::string& inside) {
  return "<system version=\"1\">\n<cpu numaid=\"0\" arch=\"x86_64\" vendor=\"AuthenticAMD\">\n" +
         inside + "</cpu>\n</system>\n";
}

std::string gpu_pci(int dev, int sm, const std::string& inside) {
  return fmt::format(
      "<pci busid=\"bus{0}\" class=\"0x030200\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">"
      "<gpu dev=\"{0}\" sm=\"{1}\" rank=\"{0}\" gdr=\"1\">{2}</gpu></pci>\n",
      dev, sm, inside);
}

std::string nvlink(int target, int count) {
  return fmt::format("<nvlink target=\"bus{}\" count=\"{}\" tclass=\"0x030200\"/>", target, count);
}

TEST(NcclTopology, NvlinksToGpusAreAMesh) {
  std::string gpus;
  for (int gpu = 0; gpu < 4; ++gpu) {
    std::string links;
    for (int peer = 0; peer < 4; ++peer) links += peer == gpu ? "" : nvlink(peer, 4);
    gpus += gpu_pci(gpu, 80, links);
  }
  const Import import = import_topology(one_socket(gpus));
  ASSERT_TRUE(import.node.has_value()) << import.text();
  EXPECT_EQ(import.node->scale_up.kind, ScaleUpKind::nvlink_mesh);
  EXPECT_EQ(import.node->scale_up.links.size(), 6U);
  EXPECT_DOUBLE_EQ(import.node->scale_up.bandwidth.value(), 12 * 20e9);
  EXPECT_EQ(import.node->cpu, "amd");
  EXPECT_THAT(import.text(), HasSubstr("taken as a100-sxm-80gb, the usual one of sm 80"));
  Cluster cluster;
  cluster.node = *import.node;
  EXPECT_DOUBLE_EQ(route(Network(valid(cluster)), 0, 3).bandwidth.value(), 80e9);
}

TEST(NcclTopology, GpusWithoutNvlinkAreBelowTheirPcieSwitches) {
  std::string sockets;
  for (int bridge = 0; bridge < 2; ++bridge) {
    sockets += fmt::format(
        "<pci busid=\"sw{}\" class=\"0x060400\" link_speed=\"8.0 GT/s PCIe\" link_width=\"16\">\n",
        bridge);
    for (int gpu = 4 * bridge; gpu < 4 * bridge + 4; ++gpu) sockets += gpu_pci(gpu, 89, "");
    sockets += "</pci>\n";
  }
  const Import import = import_topology(one_socket(sockets));
  ASSERT_TRUE(import.node.has_value()) << import.text();
  const ScaleUp& scale_up = import.node->scale_up;
  EXPECT_EQ(scale_up.kind, ScaleUpKind::pcie);
  EXPECT_EQ(scale_up.gpus_per_switch, 4);
  EXPECT_NEAR(scale_up.bandwidth.value(), 31.5e9, 0.1e9);
  EXPECT_NEAR(scale_up.uplink_bandwidth.value(), 15.75e9, 0.1e9);
}

TEST(NcclTopology, GpusThatAreNotNumberedBySwitchAreReordered) {
  const auto bridge = [](const std::string& inside) {
    return "<pci class=\"0x060400\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">" + inside +
           "</pci>\n";
  };
  const Import import =
      import_topology(one_socket(bridge(gpu_pci(0, 89, "") + gpu_pci(2, 89, "")) +
                                 bridge(gpu_pci(1, 89, "") + gpu_pci(3, 89, ""))));
  ASSERT_TRUE(import.node.has_value()) << import.text();
  EXPECT_EQ(import.node->scale_up.gpus_per_switch, 2);
  EXPECT_THAT(import.text(), HasSubstr("dev 0 2 1 3"));
}

TEST(NcclTopology, SlowNicsAreLeftOutAndSaidToBe) {
  const std::string nics =
      "<pci class=\"0x020000\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\"><nic>"
      "<net name=\"eth0\" dev=\"0\" speed=\"25000\" gdr=\"0\"/><net name=\"ib0\" dev=\"1\" "
      "speed=\"200000\" latency=\"1.5\" gdr=\"1\"/></nic></pci>\n";
  const Import import = import_topology(one_socket(gpu_pci(0, 80, "") + nics));
  ASSERT_TRUE(import.node.has_value()) << import.text();
  EXPECT_EQ(import.node->nics.count, 1);
  EXPECT_DOUBLE_EQ(import.node->nics.bandwidth.value(), 25e9);
  EXPECT_DOUBLE_EQ(import.node->nics.latency.value(), 1.5e-6);
  EXPECT_THAT(import.text(), HasSubstr("1 NIC slower than"));
}

TEST(NcclTopology, ErrorsCarryLineAndColumn) {
  EXPECT_THAT(import_topology("<system>\n<cpu>\n  <pci>\n").text(),
              HasSubstr("topo.xml:3:8: error: this is not well-formed XML"));
  EXPECT_THAT(import_topology("<graphs/>").text(),
              HasSubstr("topo.xml:1:2: error: the root element is <graphs>; <system> is due"));
  EXPECT_THAT(import_topology("<system>\n<cpu/>\n</system>").text(),
              HasSubstr("there is no <gpu> in this topology"));
  EXPECT_THAT(import_topology(one_socket("<pci><gpu dev=\"x\" sm=\"90\"/></pci>\n")).text(),
              HasSubstr("topo.xml:3:7: error: dev=\"x\" of <gpu> is not a number"));
  EXPECT_THAT(import_topology(one_socket(gpu_pci(0, 61, ""))).text(),
              HasSubstr("no GPU of generation sm 61"));
  EXPECT_THAT(import_topology(one_socket(gpu_pci(0, 80, "") + gpu_pci(0, 80, ""))).text(),
              HasSubstr("dev=\"0\" is there twice (also at line 3)"));
  EXPECT_THAT(import_topology(one_socket(gpu_pci(0, 80, nvlink(7, 4)))).text(),
              HasSubstr("NVLink leads to 'bus7', and no GPU"));
}

TEST(NcclTopology, AGpuWithoutItsNvlinksDoesNotSpoilTheOthers) {
  const Import import = import_topology(
      one_socket(gpu_pci(0, 80, "") + gpu_pci(1, 80, nvlink(2, 4)) + gpu_pci(2, 80, nvlink(1, 4))));
  ASSERT_TRUE(import.node.has_value()) << import.text();
  EXPECT_DOUBLE_EQ(import.node->scale_up.bandwidth.value(), 80e9);
  EXPECT_THAT(import.text(), HasSubstr("this GPU has 0 NVLinks, others have 4"));
}

TEST(NcclTopology, TextThatIsNoXmlAndDeepNestingAreErrorsAndNothingWorse) {
  EXPECT_FALSE(import_topology("").node.has_value());
  EXPECT_FALSE(import_topology(std::string("\0\1\2 <", 5)).node.has_value());
  std::string deep = "<system><cpu>";
  for (int i = 0; i < 100'000; ++i) deep += "<pci>";
  for (int i = 0; i < 100'000; ++i) deep += "</pci>";
  EXPECT_THAT(import_topology(deep + "</cpu></system>").text(), HasSubstr("nested more than 200"));
}

}  // namespace
}  // namespace windtunnel::sim::testing
