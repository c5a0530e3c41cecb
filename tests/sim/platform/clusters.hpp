// Clusters and checks that the tests of sim/platform share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/platform/network.hpp"

namespace windtunnel::sim::testing {

using base::BytesPerSecond;
using base::Seconds;

// `nodes` nodes of `gpus` GPUs below an NVSwitch (450 GB/s, 1 us), a 50 GB/s, 500 ns NIC for each,
// and a switch without latency.
inline Cluster switched_cluster(int nodes, int gpus) {
  Cluster cluster;
  cluster.name = "test";
  cluster.nodes = nodes;
  cluster.node.gpus = gpus;
  cluster.node.gpu.pcie_bandwidth = BytesPerSecond{64e9};
  cluster.node.scale_up = {
      .kind = ScaleUpKind::nvswitch, .bandwidth = BytesPerSecond{450e9}, .latency = Seconds{1e-6}};
  cluster.node.nics = {
      .count = gpus, .bandwidth = BytesPerSecond{50e9}, .latency = Seconds{500e-9}};
  cluster.fabric.kind = FabricKind::switched;
  return cluster;
}

inline ValidCluster valid(const Cluster& cluster) {
  base::Diagnostics diagnostics;
  std::optional<ValidCluster> result = validate(cluster, {}, diagnostics);
  EXPECT_TRUE(result.has_value()) << diagnostics.to_text();
  return *result;
}

// The first error of a cluster that is not valid.
inline std::string first_error(const Cluster& cluster) {
  base::Diagnostics diagnostics;
  EXPECT_FALSE(validate(cluster, {"cluster.yaml", 3, 5}, diagnostics).has_value());
  return diagnostics.all().empty() ? "" : diagnostics.all().front().message;
}

inline Route route(const Network& network, int from_gpu, int to_gpu) {
  return network.route(network.gpu(from_gpu), network.gpu(to_gpu));
}

inline std::vector<std::string> link_names(const Network& network, const Route& route) {
  std::vector<std::string> names;
  for (const LinkId link : route.links) names.push_back(network.link_name(link));
  return names;
}

}  // namespace windtunnel::sim::testing
