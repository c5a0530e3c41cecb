// Platforms that we write: SimGrid reads the routes we have, and so do we.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/platform/simgrid_platform.hpp"
#include "tests/sim/platform/clusters.hpp"
#include "tests/sim/platform/simgrid_witness.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::HasSubstr;

std::string exported(const Network& network) {
  base::Diagnostics diagnostics;
  const auto text = write_simgrid_platform(network, {}, diagnostics);
  EXPECT_TRUE(text.has_value()) << diagnostics.to_text();
  return text.value_or("");
}

std::vector<Cluster> clusters() {
  std::vector<Cluster> all;
  all.push_back(switched_cluster(4, 4));
  Cluster tree = switched_cluster(6, 2);
  tree.fabric = {.kind = FabricKind::fat_tree, .levels = 2, .radix = 6, .oversubscription = 2};
  tree.fabric.switch_latency = Seconds{300e-9};
  all.push_back(tree);
  Cluster torus = switched_cluster(12, 1);
  torus.fabric = {.kind = FabricKind::torus, .dims = {4, 3}};
  all.push_back(torus);
  Cluster box = switched_cluster(1, 8);
  box.node.scale_up = {.kind = ScaleUpKind::pcie, .latency = Seconds{1e-6}, .gpus_per_switch = 4};
  all.push_back(box);
  return all;
}

TEST(SimgridExport, SimgridReadsTheRoutesThatWeHave) {
  for (const Cluster& cluster : clusters()) {
    const Network network(valid(cluster));
    for (const auto& [ends, witness] : simgrid_routes(exported(network))) {
      int from = 0;
      int to = 0;
      while (network.endpoint_name(network.gpu(from)) != ends.first) ++from;
      while (network.endpoint_name(network.gpu(to)) != ends.second) ++to;
      const Route ours = route(network, from, to);
      ASSERT_EQ(ours.links.size(), witness.links.size());
      for (std::size_t i = 0; i < ours.links.size(); ++i) {
        EXPECT_EQ(network.link_name(ours.links[i]), witness.links[i].name);
        EXPECT_EQ(network.links()[ours.links[i].slot()].bandwidth.value(),
                  witness.links[i].bandwidth);
      }
      EXPECT_NEAR(ours.latency.value(), witness.latency, 1e-12 * witness.latency);
    }
  }
}

TEST(SimgridExport, WhatWeWriteWeReadBackWithTheSameRoutes) {
  for (const Cluster& cluster : clusters()) {
    const Network before(valid(cluster));
    base::Diagnostics diagnostics;
    const auto back = read_simgrid_platform(exported(before), "out.xml", diagnostics);
    ASSERT_TRUE(back.has_value()) << diagnostics.to_text();
    const Network after(valid(*back));
    ASSERT_EQ(after.gpu_count(), before.gpu_count());
    for (int from = 0; from < before.gpu_count(); ++from) {
      for (int to = 0; to < before.gpu_count(); ++to) {
        EXPECT_EQ(link_names(before, route(before, from, to)),
                  link_names(after, route(after, from, to)));
        EXPECT_EQ(route(before, from, to).latency, route(after, from, to).latency);
        EXPECT_EQ(route(before, from, to).bandwidth, route(after, from, to).bandwidth);
      }
    }
  }
}

TEST(SimgridExport, TooManyHostsAreRefusedWithTheSizeTheyWouldTake) {
  const Network network(valid(switched_cluster(256, 8)));
  base::Diagnostics diagnostics;
  EXPECT_FALSE(write_simgrid_platform(network, {}, diagnostics).has_value());
  EXPECT_THAT(diagnostics.to_text(),
              HasSubstr("a SimGrid platform of 2048 hosts would take about"));
}

}  // namespace
}  // namespace windtunnel::sim::testing
