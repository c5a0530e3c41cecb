// From text to bound values: names, overrides, groups, sizes, engines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "sim/base/sha256.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using collectives::Algorithm;
using collectives::Op;
using testing::ElementsAre;
using testing::HasSubstr;

std::string with_cluster(std::string_view cluster) {
  return "cluster: " + std::string(cluster) +
         "\nworkload: {kind: collective, op: all_reduce, sizes: [1MiB]}\n";
}

std::string with_workload(std::string_view fields) {
  return "cluster: {use: teaching-4gpu, nodes: 2}\nworkload: {kind: collective, " +
         std::string(fields) + "}\n";
}

TEST(Load, BindsEveryPartOfASmallScenario) {
  const Loaded loaded =
      load_text(kSmall + "engine: {kind: analytic, seed: 7}\ncalibration: none\n");
  const Scenario& scenario = loaded.only();
  EXPECT_EQ(scenario.name, "small");
  EXPECT_EQ(scenario.cluster->name, "teaching-4gpu");
  EXPECT_EQ(scenario.cluster->nodes, 2);
  EXPECT_EQ(scenario.cluster->node.gpus, 4);
  EXPECT_EQ(scenario.cluster->node.scale_up.bandwidth, base::BytesPerSecond{100e9});
  EXPECT_EQ(scenario.cluster->node.gpu.peak.at("fp16"), base::FlopsPerSecond{100e12});
  EXPECT_EQ(scenario.cluster->fabric.kind, sim::FabricKind::switched);
  EXPECT_EQ(scenario.calibration, "none");
  EXPECT_EQ(scenario.engine.kind, sim::EngineKind::analytic);
  EXPECT_EQ(scenario.engine.seed, 7U);
  EXPECT_THAT(loaded.workload().ops, ElementsAre(Op::all_reduce));
  EXPECT_THAT(loaded.workload().algorithms, ElementsAre(Algorithm::ring));
  EXPECT_THAT(loaded.workload().sizes, ElementsAre(base::Bytes{1048576}));
  EXPECT_TRUE(loaded.workload().groups.empty());
}

TEST(Load, DefaultsLeaveOptionsToTheSimulator) {
  const Loaded loaded = load_text(with_workload("op: all_reduce"));
  EXPECT_EQ(loaded.only().name, "test");
  EXPECT_EQ(loaded.only().calibration, "");
  EXPECT_EQ(loaded.only().engine.kind, sim::EngineKind::automatic);
  EXPECT_THAT(loaded.workload().algorithms, ElementsAre(Algorithm::automatic));
  EXPECT_EQ(loaded.workload().sizes.size(), 21U);
  EXPECT_EQ(loaded.workload().channels, std::nullopt);
  EXPECT_EQ(loaded.workload().chunk, std::nullopt);
  EXPECT_EQ(loaded.workload().launch, "");
}

TEST(Load, HashesTheBytesOfTheFile) {
  EXPECT_EQ(load_text(kSmall).scenario->sha256, base::sha256(kSmall));
}

TEST(Load, NamesStandAloneOrWithWhatDiffers) {
  EXPECT_EQ(load_text(with_cluster("dgx-h100")).only().cluster->nodes, 1);
  const Loaded changed = load_text(with_cluster(
      "{use: dgx-h100, nodes: 4, node: {nics: {latency: 1us}}, fabric: {oversubscription: 2}}"));
  const sim::Cluster& cluster = *changed.only().cluster;
  EXPECT_EQ(cluster.nodes, 4);
  EXPECT_EQ(cluster.node.nics.latency, base::Seconds{1e-6});
  EXPECT_EQ(cluster.node.nics.bandwidth, base::BytesPerSecond{50e9});
  EXPECT_EQ(cluster.fabric.oversubscription, 2.0);
  EXPECT_TRUE(cluster.fabric.rail_optimized);
}

TEST(Load, AGpuVariantKeepsWhatItDoesNotName) {
  const std::string variant =
      "{use: h100-sxm, memory: 94GiB, memory_bandwidth: 2.4TB/s, power: 500W}";
  for (const std::string& cluster :
       {"{use: dgx-h100, gpu: " + variant + "}", "{use: dgx-h100, node: {gpu: " + variant + "}}",
        "{use: dgx-a100, node: {gpu: " + variant + "}}"}) {
    const Loaded loaded = load_text(with_cluster(cluster));
    const sim::Gpu& gpu = loaded.only().cluster->node.gpu;
    EXPECT_EQ(gpu.name, "h100-sxm");
    EXPECT_EQ(gpu.memory, base::Bytes{94.0 * 1024 * 1024 * 1024});
    EXPECT_EQ(gpu.power, base::Watts{500});
    EXPECT_EQ(gpu.nvlink_links, 18);
  }
}

TEST(Load, AnOverrideWithoutUseChangesTheGpuThatIsThere) {
  const Loaded loaded = load_text(with_cluster("{use: dgx-h100, node: {gpu: {memory: 94GiB}}}"));
  EXPECT_EQ(loaded.only().cluster->node.gpu.name, "h100-sxm");
  EXPECT_EQ(loaded.only().cluster->node.gpu.memory, base::Bytes{94.0 * 1024 * 1024 * 1024});
}

TEST(Load, ANewKindDropsTheFieldsItDoesNotHave) {
  const Loaded loaded =
      load_text(with_cluster("{use: dgx-h100, nodes: 2, fabric: {kind: switch}}"));
  EXPECT_EQ(loaded.only().cluster->fabric.kind, sim::FabricKind::switched);
  EXPECT_FALSE(loaded.only().cluster->fabric.rail_optimized);
  EXPECT_DOUBLE_EQ(loaded.only().cluster->fabric.switch_latency.value(), 300e-9);
}

TEST(Load, FilesAreFoundBesideTheFileThatNamesThem) {
  const WorkingFolder folder;
  folder.write("deep/scenario.yaml", with_cluster("parts/mine.yaml"));
  folder.write("deep/parts/mine.yaml", "{use: base.yaml, nodes: 3, gpu: gpus/slow.yaml}");
  folder.write("deep/parts/base.yaml", "{use: teaching-4gpu, name: mine}");
  folder.write("deep/parts/gpus/slow.yaml", "{use: t4, name: slow}");
  const Loaded loaded = load_file("deep/scenario.yaml");
  EXPECT_EQ(loaded.only().cluster->name, "mine");
  EXPECT_EQ(loaded.only().cluster->nodes, 3);
  EXPECT_EQ(loaded.only().cluster->node.gpu.name, "slow");
}

TEST(Load, NodesMayDiffer) {
  const Loaded loaded = load_text(with_cluster(
      "{use: dgx-h100, nodes: 8, heterogeneous: [{nodes: 0-3, gpu: a100-sxm-80gb}, {nodes: 7, "
      "nics: {count: 8, bandwidth: 200Gb/s}}]}"));
  const sim::ValidCluster& cluster = loaded.only().cluster;
  EXPECT_EQ(cluster.node_at(0).gpu.name, "a100-sxm-80gb");
  EXPECT_EQ(cluster.node_at(3).gpu.name, "a100-sxm-80gb");
  EXPECT_EQ(cluster.node_at(4).gpu.name, "h100-sxm");
  EXPECT_EQ(cluster.node_at(7).nics.bandwidth, base::BytesPerSecond{25e9});
}

TEST(Load, UsualSpellingsOfOthersAreTaken) {
  const Loaded loaded =
      load_text(with_workload("ops: [AllReduce, allgather], algorithm: Ring, size: 1MiB, protocol: "
                              "LL128, launch: per_gpu_process"));
  EXPECT_THAT(loaded.workload().ops, ElementsAre(Op::all_reduce, Op::all_gather));
  EXPECT_THAT(loaded.workload().algorithms, ElementsAre(Algorithm::ring));
  EXPECT_EQ(loaded.workload().protocol, collectives::Protocol::ll128);
  EXPECT_EQ(loaded.workload().launch, "per_gpu_process");
}

TEST(Load, ASizeRangeHoldsBothItsEndsWhereTheFactorMeetsThem) {
  const auto sizes = [](std::string_view range) {
    std::vector<double> out;
    const Loaded loaded = load_text(with_workload("op: all_reduce, sizes: " + std::string(range)));
    for (const base::Bytes size : loaded.workload().sizes) {
      out.push_back(size.value());
    }
    return out;
  };
  EXPECT_THAT(sizes("{from: 1KiB, to: 8KiB, factor: 2}"), ElementsAre(1024, 2048, 4096, 8192));
  EXPECT_THAT(sizes("{from: 1KiB, to: 8KiB}"), ElementsAre(1024, 2048, 4096, 8192));
  EXPECT_THAT(sizes("{from: 1kB, to: 1MB, factor: 10}"), ElementsAre(1e3, 1e4, 1e5, 1e6));
  EXPECT_THAT(sizes("{from: 1B, to: 4B, factor: 1.5}"), ElementsAre(1, 2, 3));
  EXPECT_THAT(sizes("{from: 5B, to: 5B}"), ElementsAre(5));
  EXPECT_EQ(sizes("{from: 1KiB, to: 8GiB, factor: 2}").size(), 24U);
}

TEST(Load, RanksAndGroupsBecomeGpuIndices) {
  const auto groups = [](std::string_view fields) {
    return load_text(with_workload("op: all_reduce, sizes: [1MiB], " + std::string(fields)))
        .workload()
        .groups;
  };
  using Groups = std::vector<std::vector<int>>;
  EXPECT_EQ(groups("ranks: all"), Groups{});
  EXPECT_EQ(groups("ranks: [3, 0, 5]"), (Groups{{3, 0, 5}}));
  EXPECT_EQ(groups("ranks: 0-3"), (Groups{{0, 1, 2, 3}}));
  EXPECT_EQ(groups("ranks: [0-2, 7]"), (Groups{{0, 1, 2, 7}}));
  EXPECT_EQ(groups("groups: [[0, 1], [2-3]]"), (Groups{{0, 1}, {2, 3}}));
  EXPECT_EQ(groups("groups: [0-7/4, 1-7/4]"), (Groups{{0, 4}, {1, 5}}));
  EXPECT_EQ(groups("groups: by_rail"), (Groups{{0, 4}, {1, 5}, {2, 6}, {3, 7}}));
  EXPECT_EQ(groups("groups: by_node"), (Groups{{0, 1, 2, 3}, {4, 5, 6, 7}}));
}

TEST(Load, GroupsByRailFollowTheNodesOfASweep) {
  const Loaded loaded = load_text(kSmall + "  groups: by_rail\nsweep: {cluster.nodes: [2, 5]}\n");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const auto& last =
      std::get<strategies::CollectiveWorkload>(loaded.scenario->points[1].scenario.workload);
  EXPECT_EQ(last.groups.size(), 4U);
  EXPECT_EQ(last.groups[0].size(), 5U);
}

TEST(Load, FlagsOverrideTheFileAndAreNoParameters) {
  const WorkingFolder folder;
  folder.write("s.yaml", kSmall + "engine: simgrid\n");
  const Loaded loaded =
      load_file("s.yaml", {.sets = {}, .seed = 42, .engine = sim::EngineKind::analytic});
  EXPECT_EQ(loaded.only().engine.seed, 42U);
  EXPECT_EQ(loaded.only().engine.kind, sim::EngineKind::analytic);
  EXPECT_TRUE(loaded.scenario->points[0].parameters.empty());
}

TEST(Load, AShortFormOfTheEngineIsItsKind) {
  EXPECT_EQ(load_text(kSmall + "engine: simgrid\n").only().engine.kind, sim::EngineKind::simgrid);
}

TEST(Load, AMistakeThatValidationFindsIsPlacedAtItsField) {
  const std::string errors =
      load_text(with_cluster("{use: teaching-4gpu, nodes: 6, fabric: {kind: torus, dims: [2, 2]}}"))
          .errors();
  EXPECT_THAT(errors, HasSubstr("test.yaml:1:69: error: fabric.dims make a torus of 4 nodes"));
}

// Two GPUs on an NVSwitch with a NIC each.
constexpr std::string_view kTopology =
    R"(<system version="1"><cpu numaid="0" arch="x86_64" vendor="AuthenticAMD">
<pci busid="0000:11:00.0" class="0x030200" vendor="0x10de" device="0x2330" link_speed="32.0 GT/s PCIe" link_width="16">
<gpu dev="0" sm="90" rank="0" gdr="1"><nvlink target="0000:07:00.0" count="18" tclass="0x068000"/></gpu></pci>
<pci busid="0000:12:00.0" class="0x030200" vendor="0x10de" device="0x2330" link_speed="32.0 GT/s PCIe" link_width="16">
<gpu dev="1" sm="90" rank="1" gdr="1"><nvlink target="0000:07:00.0" count="18" tclass="0x068000"/></gpu></pci>
<pci busid="0000:21:00.0" class="0x020700" link_speed="32.0 GT/s PCIe" link_width="16"><nic>
<net name="mlx5_0" dev="0" speed="400000" port="1" guid="0x1" maxconn="131072" gdr="1"/></nic></pci>
</cpu></system>)";

TEST(Import, AnNcclTopologyIsANodeWithTheDataSheetOfItsGpu) {
  const WorkingFolder folder;
  folder.write("in/node.xml", kTopology);
  folder.write("in/s.yaml", with_cluster("{nccl_topo: node.xml, nodes: 4, fabric: {kind: switch}, "
                                         "node: {nics: {latency: 3us}}}"));
  const Loaded loaded = load_file("in/s.yaml");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const sim::Cluster& cluster = *loaded.only().cluster;
  EXPECT_EQ(cluster.name, "node");
  EXPECT_EQ(cluster.nodes, 4);
  EXPECT_EQ(cluster.node.gpus, 2);
  EXPECT_EQ(cluster.node.cpu, "amd");
  EXPECT_EQ(cluster.node.gpu.name, "h100-sxm");
  EXPECT_GT(cluster.node.gpu.memory, base::Bytes{70e9});
  EXPECT_EQ(cluster.node.scale_up.kind, sim::ScaleUpKind::nvswitch);
  EXPECT_EQ(cluster.node.nics.bandwidth, base::BytesPerSecond{50e9});
  EXPECT_EQ(cluster.node.nics.latency, base::Seconds{3e-6});
  // What the file does not tell comes as warnings, each with a place.
  EXPECT_FALSE(loaded.diagnostics.all().empty());
  // The resolved text stands alone, without the XML.
  const Loaded again = load_text(loaded.scenario->resolved_yaml);
  ASSERT_TRUE(again.scenario) << again.errors();
  EXPECT_EQ(again.scenario->resolved_yaml, loaded.scenario->resolved_yaml);
}

constexpr std::string_view kPlatform = R"(<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1"><zone id="z" routing="Full">
<host id="h10" speed="1Gf"/><host id="h2" speed="1Gf"/><link id="l" bandwidth="125MBps" latency="100us"/>
<route src="h10" dst="h2"><link_ctn id="l"/></route></zone></platform>
)";

TEST(Import, ASimgridPlatformIsAClusterOfItsHosts) {
  const WorkingFolder folder;
  folder.write("in/p.xml", kPlatform);
  folder.write("in/s.yaml", with_cluster("{simgrid_platform: p.xml}"));
  const Loaded loaded = load_file("in/s.yaml");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  ASSERT_TRUE(loaded.only().cluster->explicit_network);
  EXPECT_THAT(loaded.only().cluster->explicit_network->hosts, ElementsAre("h2", "h10"));
  EXPECT_EQ(loaded.only().cluster->gpu_count(), 2);
  folder.write("elsewhere.yaml", loaded.scenario->resolved_yaml);
  const Loaded again = load_file("elsewhere.yaml");
  ASSERT_TRUE(again.scenario) << again.errors();
  EXPECT_EQ(again.scenario->resolved_yaml, loaded.scenario->resolved_yaml);
}

TEST(Import, WhatIsWrongInAnImportedFileIsPlacedThere) {
  const WorkingFolder folder;
  folder.write("broken.xml", "<system>\n<cpu>\n");
  EXPECT_THAT(load_text(with_cluster("{nccl_topo: nowhere.xml}")).errors(),
              HasSubstr("test.yaml:1:22: error: cannot read 'nowhere.xml': No such file"));
  for (const std::string kind : {"nccl_topo", "simgrid_platform"}) {
    folder.write("s.yaml", with_cluster("{" + kind + ": broken.xml}"));
    EXPECT_THAT(load_file("s.yaml").errors(), HasSubstr("broken.xml:")) << kind;
  }
  EXPECT_THAT(load_text(with_cluster("{simgrid_platform: p.xml, nodes: 2}")).errors(),
              HasSubstr("unknown key 'nodes'"));
}

}  // namespace
}  // namespace windtunnel::scenarios
