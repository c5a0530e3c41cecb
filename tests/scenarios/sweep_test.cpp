// Sweeps, --set and expectations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/document/parse.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::vector<SweepPoint> points_of(std::string_view sweep, std::vector<std::string> sets = {}) {
  const Loaded loaded = load_text(kSmall + std::string(sweep), std::move(sets));
  EXPECT_TRUE(loaded.scenario) << loaded.errors();
  return loaded.scenario ? loaded.scenario->points : std::vector<SweepPoint>{};
}

const strategies::CollectiveWorkload& workload_of(const SweepPoint& point) {
  return std::get<strategies::CollectiveWorkload>(point.scenario.workload);
}

TEST(Sweep, IsTheCartesianProductTheFirstPathSlowest) {
  const auto points = points_of("sweep: {cluster.nodes: [2, 3], workload.root: [0, 1, 2]}\n");
  ASSERT_EQ(points.size(), 6U);
  EXPECT_THAT(points[0].parameters,
              ElementsAre(Pair("cluster.nodes", "2"), Pair("workload.root", "0")));
  EXPECT_THAT(points[1].parameters,
              ElementsAre(Pair("cluster.nodes", "2"), Pair("workload.root", "1")));
  EXPECT_THAT(points[5].parameters,
              ElementsAre(Pair("cluster.nodes", "3"), Pair("workload.root", "2")));
  EXPECT_EQ(points[5].scenario.cluster->nodes, 3);
  EXPECT_EQ(workload_of(points[5]).root, 2);
}

TEST(Sweep, ZippedListsMoveTogether) {
  const auto points = points_of(
      "sweep:\n  engine.seed: [1, 2]\n  zip: {cluster.nodes: [2, 3], cluster.node.nics.bandwidth: "
      "[10GB/s, 20GB/s]}\n");
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[1].scenario.cluster->nodes, 3);
  EXPECT_EQ(points[1].scenario.cluster->node.nics.bandwidth, base::BytesPerSecond{20e9});
  EXPECT_EQ(points[2].scenario.cluster->nodes, 2);
  EXPECT_EQ(points[2].scenario.cluster->node.nics.bandwidth, base::BytesPerSecond{10e9});
}

TEST(Sweep, SeveralZipsAreAxesOfTheirOwn) {
  EXPECT_EQ(points_of("sweep: {zip: [{cluster.nodes: [2, 3], workload.root: [0, 1]}, {engine.seed: "
                      "[1, 2, 3]}]}\n")
                .size(),
            6U);
}

TEST(Sweep, QuotesAroundAValueAreNoPartOfIt) {
  const auto points = points_of(
      "sweep: {cluster.node.gpu.memory: [\"1GiB\", '2GiB'], cluster.gpu: [\"h100-sxm\"]}\n"
      "expect: {time_s: {min: 0s, when: {cluster.node.gpu.memory: \"2GiB\"}}}\n",
      {"name=\"quoted\""});
  ASSERT_EQ(points.size(), 2U);
  EXPECT_THAT(points[1].parameters,
              ElementsAre(Pair("cluster.node.gpu.memory", "2GiB"), Pair("cluster.gpu", "h100-sxm"),
                          Pair("name", "quoted")));
  EXPECT_TRUE(points[0].expectations.empty());
  EXPECT_EQ(points[1].expectations.size(), 1U);
}

TEST(Sweep, ReachesIntoWhatIsOnlyNamed) {
  const auto points = points_of(
      "sweep: {cluster.node.gpu.memory: [1GiB, 2GiB], cluster.fabric.switch_latency: [1us]}\n");
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[1].scenario.cluster->node.gpu.memory, base::Bytes{2.0 * 1024 * 1024 * 1024});
  EXPECT_EQ(points[1].scenario.cluster->node.gpu.name, "teaching-gpu");
}

TEST(Sweep, ReplacesAGpuOrAClusterByName) {
  const auto gpus = points_of("sweep: {cluster.gpu: [h100-sxm, {use: h200-sxm, power: 500W}]}\n");
  ASSERT_EQ(gpus.size(), 2U);
  EXPECT_EQ(gpus[0].scenario.cluster->node.gpu.name, "h100-sxm");
  EXPECT_EQ(gpus[1].scenario.cluster->node.gpu.power, base::Watts{500});
  EXPECT_EQ(gpus[1].parameters[0].first, "cluster.gpu");
  const auto clusters =
      points_of("sweep: {cluster.nodes: [2, 4], cluster: [dgx-h100, dgx-a100]}\n");
  ASSERT_EQ(clusters.size(), 4U);
  EXPECT_EQ(clusters[3].scenario.cluster->name, "dgx-a100");
  EXPECT_EQ(clusters[3].scenario.cluster->nodes, 4);
}

TEST(Sweep, ChangesKindsWithoutLeftovers) {
  const auto points = points_of("sweep: {cluster.fabric.kind: [switch, rail, fat_tree]}\n");
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[2].scenario.cluster->fabric.kind, sim::FabricKind::fat_tree);
  EXPECT_EQ(points[2].scenario.cluster->fabric.radix, 64);
}

TEST(Sweep, MayGiveWhatTheFileLeavesOut) {
  const Loaded loaded = load_text(
      "cluster: teaching-4gpu\nworkload: {kind: collective}\n"
      "sweep: {workload.op: [all_reduce, [broadcast, reduce]], workload.size: [1KiB, [1MiB, "
      "2MiB]]}\n");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  ASSERT_EQ(loaded.scenario->points.size(), 4U);
  EXPECT_EQ(workload_of(loaded.scenario->points[3]).ops.size(), 2U);
  EXPECT_EQ(workload_of(loaded.scenario->points[3]).sizes.size(), 2U);
  EXPECT_EQ(loaded.scenario->points[0].parameters[1].first, "workload.size");
}

TEST(Set, IsYamlAtAPathAndAParameter) {
  const auto points =
      points_of("", {"workload.sizes=[1KiB, 2KiB]", "cluster.gpu={use: t4, memory: 1GiB}",
                     "cluster.fabric.kind=rail", "engine=simgrid"});
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(workload_of(points[0]).sizes.size(), 2U);
  EXPECT_EQ(points[0].scenario.cluster->node.gpu.name, "t4");
  EXPECT_EQ(points[0].scenario.engine.kind, sim::EngineKind::simgrid);
  EXPECT_THAT(points[0].parameters[0], Pair("workload.sizes", "[1KiB, 2KiB]"));
}

TEST(Set, TakesThePlaceOfASweepOverTheSamePath) {
  const auto points =
      points_of("sweep: {cluster.nodes: [2, 3], engine.seed: [1, 2]}\n", {"cluster.nodes=5"});
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[1].scenario.cluster->nodes, 5);
  const auto zipped =
      points_of("sweep: {zip: {cluster.nodes: [2, 3], engine.seed: [1, 2]}}\n", {"engine.seed=9"});
  ASSERT_EQ(zipped.size(), 2U);
  EXPECT_EQ(zipped[1].scenario.engine.seed, 9U);
  EXPECT_EQ(zipped[1].scenario.cluster->nodes, 3);
}

TEST(Set, TheLastOfSeveralHolds) {
  EXPECT_EQ(points_of("", {"cluster.nodes=5", "cluster.nodes=6"})[0].scenario.cluster->nodes, 6);
}

TEST(Expect, ReadsFiguresInTheUnitOfTheFact) {
  const Loaded loaded = load_text(kSmall + R"(expect:
  busbw_bytes_per_s: {value: 480GB/s, tolerance: 10%, source: a talk}
  time_s: [{max: 2ms}, {min: 1us, max: 0.5}]
  steps: 14
)");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const auto& all = loaded.scenario->expectations;
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].value, 480e9);
  EXPECT_EQ(all[0].tolerance, 0.1);
  EXPECT_EQ(all[0].source, "a talk");
  EXPECT_EQ(all[1].maximum, 2e-3);
  EXPECT_EQ(all[2].minimum, 1e-6);
  EXPECT_EQ(all[2].maximum, 0.5);
  EXPECT_EQ(all[3].value, 14.0);
  EXPECT_EQ(all[3].tolerance, 0.01);
  EXPECT_EQ(all[3].where.line, 11);
}

TEST(Expect, HoldsAtThePointsThatWhenNames) {
  const Loaded loaded =
      load_text(kSmall + R"(sweep: {cluster.nodes: [2, 4], cluster.gpu: [h100-sxm, t4]}
expect:
  time_s:
    - {max: 1s, when: {cluster.nodes: 4, workload.sizes: 1024KiB}}
    - {max: 2s, when: {cluster.gpu: t4, cluster.node.nics.bandwidth: 80Gb/s}}
    - {max: 3s, when: {cluster.fabric.switch_latency: 2us}}
)");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const auto& points = loaded.scenario->points;
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[0].expectations.size(), 0U);
  ASSERT_EQ(points[1].expectations.size(), 1U);
  EXPECT_TRUE(points[1].expectations[0].when.empty());
  ASSERT_EQ(points[2].expectations.size(), 1U);
  EXPECT_THAT(points[2].expectations[0].when, ElementsAre(Pair("workload.size", "1024KiB")));
  EXPECT_EQ(points[3].expectations.size(), 2U);
}

// Whatever a file says, its resolved text says the same: it loads to the same points and the same
// text.
class RoundTrip : public testing::TestWithParam<std::string> {};

TEST_P(RoundTrip, TheResolvedTextLoadsToItself) {
  const Loaded first = load_text(GetParam());
  ASSERT_TRUE(first.scenario) << first.errors();
  const Loaded second = load_text(first.scenario->resolved_yaml);
  ASSERT_TRUE(second.scenario) << second.errors();
  EXPECT_EQ(second.scenario->resolved_yaml, first.scenario->resolved_yaml);
  ASSERT_EQ(second.scenario->points.size(), first.scenario->points.size());
  for (std::size_t i = 0; i < first.scenario->points.size(); ++i) {
    const std::string& text = first.scenario->points[i].scenario.resolved_yaml;
    EXPECT_EQ(second.scenario->points[i].scenario.resolved_yaml, text);
    const Loaded point = load_text(text);
    ASSERT_TRUE(point.scenario) << point.errors();
    EXPECT_EQ(point.scenario->resolved_yaml, text);
  }
}

std::vector<std::string> round_trip_texts() {
  const std::string& small = kSmall;
  return {
      small,
      small +
          "sweep: {cluster.nodes: [2, 4], zip: {engine.seed: [1, 2], workload.root: [0, 1]}}\n"
          "expect: {time_s: {max: 1s, when: {cluster.nodes: 4}}, steps: 14}\n",
      small + "description: 'odd: text # with \"quotes\"'\nengine: simgrid\ncalibration: none\n",
      small +
          "sweep: {cluster.gpu: [h100-sxm, {use: t4, memory: 1GiB}], cluster.fabric.kind: [switch, "
          "rail]}\n",
      "cluster: {use: dgx-h100, nodes: 2, fabric: {radix: 32}}\n"
      "workload: {kind: collective, op: all_reduce, sizes: {from: 1KiB, to: 1MiB}}\n"
      "sweep: {cluster.fabric.kind: [switch, fat_tree]}\n",
      "cluster: teaching-4gpu\nworkload: {kind: collective, groups: [0-1, [2, 3]], channels: 2, "
      "chunk: 1MiB}\n"
      "sweep: {workload.op: [all_reduce, all_gather]}\n",
      "cluster: {use: dgx-v100, heterogeneous: [{nodes: 0, gpu: v100-sxm-16gb}]}\n"
      "workload: {kind: collective, op: all_reduce, ranks: 0-3}\n",
  };
}

INSTANTIATE_TEST_SUITE_P(Texts, RoundTrip, testing::ValuesIn(round_trip_texts()));

}  // namespace
}  // namespace windtunnel::scenarios
