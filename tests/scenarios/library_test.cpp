// What ships: clusters, GPUs and scenarios are sound, complete, and say what they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/library.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using testing::Contains;
using testing::IsSupersetOf;

TEST(Library, HasTheNamesOfTheContract) {
  EXPECT_THAT(library_names("clusters"),
              IsSupersetOf({"dgx-v100", "dgx-a100", "dgx-h100", "dgx-h200", "dgx-b200",
                            "gb200-nvl72", "mi300x-8gpu", "mi325x-8gpu", "mi355x-8gpu",
                            "gh200-quad", "pcie-a100", "teaching-4gpu", "workstation-2x4090"}));
  EXPECT_THAT(library_names("gpus"), IsSupersetOf({"v100-sxm-32gb",
                                                   "a100-sxm-40gb",
                                                   "a100-sxm-80gb",
                                                   "a100-pcie-80gb",
                                                   "h100-sxm",
                                                   "h100-pcie",
                                                   "h200-sxm",
                                                   "b200-sxm",
                                                   "gb200",
                                                   "b300-sxm",
                                                   "gb300",
                                                   "gh200",
                                                   "h800-sxm",
                                                   "h20",
                                                   "l40s",
                                                   "rtx-4090",
                                                   "rtx-3090",
                                                   "rtx-pro-6000",
                                                   "t4",
                                                   "v100-sxm-16gb",
                                                   "v100-pcie-16gb",
                                                   "h100-sxm-96gb-500w"}));
  EXPECT_THAT(library_names("algorithms"), Contains("double_binary_tree"));
  EXPECT_THAT(library_names("scenarios"), Contains("collectives/ring-vs-tree"));
  EXPECT_TRUE(library_names("no-such-kind").empty());
  EXPECT_FALSE(library_text("clusters", "no-such-cluster"));
}

TEST(Library, EveryClusterLoadsAloneAndAsSixteenNodes) {
  for (const std::string& name : library_names("clusters")) {
    const std::string workload = "workload: {kind: collective, op: all_reduce}\n";
    const Loaded one = load_text("cluster: " + name + "\n" + workload);
    ASSERT_TRUE(one.scenario) << one.errors();
    EXPECT_EQ(one.only().cluster->name, name);
    EXPECT_FALSE(library_description("clusters", name).empty()) << name;
    if (one.only().cluster->fabric.kind == sim::FabricKind::none) continue;  // one box, no network
    // An NVL72 rack is 18 nodes of 4 GPUs.
    const std::string nodes = name.find("nvl72") != std::string::npos ? "36" : "16";
    const Loaded many =
        load_text("cluster: {use: " + name + ", nodes: " + nodes + "}\n" + workload);
    EXPECT_TRUE(many.scenario) << name << "\n" << many.errors();
  }
}

TEST(Library, EveryGpuGoesIntoANodeUnderItsOwnName) {
  for (const std::string& name : library_names("gpus")) {
    const Loaded loaded = load_text(kSmall, {"cluster.gpu=" + name});
    ASSERT_TRUE(loaded.scenario) << loaded.errors();
    const sim::Gpu& gpu = loaded.only().cluster->node.gpu;
    EXPECT_EQ(gpu.name, name);
    EXPECT_FALSE(gpu.source.empty()) << name;
    EXPECT_FALSE(gpu.peak.empty()) << name;
    EXPECT_FALSE(gpu.architecture.empty()) << name;
  }
}

TEST(Library, EveryScenarioLoadsAndSaysWhatItShows) {
  for (const std::string& name : library_names("scenarios")) {
    const Loaded loaded = load_text(*library_text("scenarios", name));
    ASSERT_TRUE(loaded.scenario) << name << "\n" << loaded.errors();
    EXPECT_TRUE(name.ends_with("/" + loaded.scenario->name)) << name;
    EXPECT_GT(library_description("scenarios", name).size(), 60U) << name;
    for (const Expectation& expectation : loaded.scenario->expectations) {
      EXPECT_FALSE(expectation.source.empty())
          << name << ": " << expectation.fact << " without a source";
    }
  }
}

}  // namespace
}  // namespace windtunnel::scenarios
