// Networks that the tests of sim/engine share, and how to run a SimGrid engine in a test.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::sim::testing {

using base::Bytes;
using base::BytesPerSecond;
using base::Seconds;

constexpr double kBandwidth = 50e9;   // bytes/s of a NIC
constexpr double kNicLatency = 1e-6;  // s, paid at either end

inline Network network_of(const Cluster& cluster) {
  base::Diagnostics diagnostics;
  const std::optional<ValidCluster> valid = validate(cluster, {}, diagnostics);
  if (!valid) throw std::logic_error(diagnostics.to_text());
  return Network(*valid);
}

// One GPU and one NIC a node below one switch without latency: a transfer takes 2 us + bytes / 50
// GB/s.
inline Cluster star_cluster(int nodes) {
  Cluster cluster;
  cluster.name = "star";
  cluster.nodes = nodes;
  cluster.node.gpus = 1;
  cluster.node.gpu.pcie_bandwidth = BytesPerSecond(1e12);
  cluster.node.scale_up.kind = ScaleUpKind::none;
  cluster.node.nics = {
      .count = 1, .bandwidth = BytesPerSecond(kBandwidth), .latency = Seconds(kNicLatency)};
  cluster.fabric.kind = FabricKind::switched;
  return cluster;
}
inline Network star(int nodes) {
  return network_of(star_cluster(nodes));
}

// A fat tree of two levels whose leaves have `oversubscription` times the bandwidth down that they
// have up.
inline Cluster fat_tree_cluster(int nodes, int radix, double oversubscription) {
  Cluster cluster = star_cluster(nodes);
  cluster.fabric.kind = FabricKind::fat_tree;
  cluster.fabric.levels = 2;
  cluster.fabric.radix = radix;
  cluster.fabric.oversubscription = oversubscription;
  cluster.fabric.switch_latency = Seconds(300e-9);
  return cluster;
}

inline std::vector<EndpointId> all_gpus(const Network& network) {
  std::vector<EndpointId> gpus;
  for (int i = 0; i < network.gpu_count(); ++i) gpus.push_back(network.gpu(i));
  return gpus;
}

// Numbers out of a child process, bit by bit.
inline std::vector<double> isolated_numbers(const std::function<std::vector<double>()>& work) {
  const std::string bytes = run_isolated([&] {
    const std::vector<double> numbers = work();
    return std::string(reinterpret_cast<const char*>(numbers.data()),
                       numbers.size() * sizeof(double));
  });
  std::vector<double> numbers(bytes.size() / sizeof(double));
  if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

// What `work` writes down on an engine of `kind`; SimGrid's lives and dies in a child.
using EngineWork = std::function<std::vector<double>(Engine&)>;
inline std::vector<double> on_engine(EngineKind kind, const Network& network,
                                     const EngineWork& work, const EngineOptions& options = {}) {
  if (kind == EngineKind::analytic) {
    const auto engine = make_analytic_engine(network, options);
    return work(*engine);
  }
  return isolated_numbers([&] {
    const auto engine = make_simgrid_engine(network, options);
    return work(*engine);
  });
}

// A parameterised test over both engines.
class EachEngine : public ::testing::TestWithParam<EngineKind> {
 protected:
  std::vector<double> run(const Network& network, const EngineWork& work,
                          const EngineOptions& options = {}) const {
    return on_engine(GetParam(), network, work, options);
  }
};
inline std::string engine_name(const ::testing::TestParamInfo<EngineKind>& param) {
  return std::string(to_text(param.param));
}

}  // namespace windtunnel::sim::testing
