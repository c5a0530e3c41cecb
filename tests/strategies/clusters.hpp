// Small clusters by hand, and sites that run cases on them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "strategies/collective/run_collective.hpp"

namespace windtunnel::strategies::test {

inline base::BytesPerSecond gigabytes(double value) {
  return base::BytesPerSecond(value * 1e9);
}
inline base::Seconds microseconds(double value) {
  return base::Seconds(value * 1e-6);
}

// `nodes` hosts of one GPU and one NIC of 50 GB/s (1 us) on one switch.
inline sim::Cluster switched_hosts(int nodes) {
  sim::Cluster cluster;
  cluster.name = "switched-hosts";
  cluster.nodes = nodes;
  cluster.node.gpus = 1;
  cluster.node.gpu.name = "h100-sxm";
  cluster.node.gpu.architecture = "hopper";
  cluster.node.scale_up.kind = sim::ScaleUpKind::none;
  cluster.node.nics = {1, gigabytes(50), microseconds(1)};
  cluster.fabric.kind = sim::FabricKind::switched;
  return cluster;
}

// Nodes of eight GPUs on an NVSwitch that reduces (450 GB/s, 1 us), a NIC of 50 GB/s (2 us) each,
// on rails.
inline sim::Cluster h100_nodes(int nodes) {
  sim::Cluster cluster;
  cluster.name = "h100-nodes";
  cluster.nodes = nodes;
  cluster.node.gpus = 8;
  cluster.node.gpu.name = "h100-sxm";
  cluster.node.gpu.architecture = "hopper";
  cluster.node.gpu.nvlink_bandwidth = gigabytes(450);
  cluster.node.gpu.pcie_bandwidth = gigabytes(64);
  cluster.node.scale_up = {sim::ScaleUpKind::nvswitch, gigabytes(450), microseconds(1)};
  cluster.node.scale_up.in_switch_reduction = true;
  if (nodes > 1) {
    cluster.node.nics = {8, gigabytes(50), microseconds(2)};
    cluster.fabric.kind = sim::FabricKind::rail;
    cluster.fabric.switch_latency = base::Seconds(300e-9);
  }
  return cluster;
}

// Two leaves of `hosts` hosts each, and between them one link of a NIC's bandwidth in each
// direction.
inline sim::Cluster one_uplink(int hosts) {
  sim::Cluster cluster = switched_hosts(2 * hosts);
  cluster.name = "one-uplink";
  cluster.fabric.kind = sim::FabricKind::fat_tree;
  cluster.fabric.levels = 2;
  cluster.fabric.radix = 2 * hosts;
  cluster.fabric.oversubscription = hosts;
  return cluster;
}

inline sim::ValidCluster valid(const sim::Cluster& cluster) {
  base::Diagnostics diagnostics;
  auto checked = sim::validate(cluster, {}, diagnostics);
  if (!checked) throw std::runtime_error(diagnostics.to_text());
  return *std::move(checked);
}

inline std::vector<int> gpus(int first, int count, int stride = 1) {
  std::vector<int> out(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = first + i * stride;
  return out;
}

// Whether one of the warnings has `text` in it.
inline bool mentions(const std::vector<std::string>& warnings, const std::string& text) {
  return std::any_of(warnings.begin(), warnings.end(), [&](const std::string& warning) {
    return warning.find(text) != std::string::npos;
  });
}

// Everything a case needs, on the analytic engine.
class Site {
 public:
  explicit Site(const sim::Cluster& cluster, const collectives::TimeModel* model = nullptr)
      : cluster_(valid(cluster)), network_(cluster_), model_(model) {}

  CollectiveSite site(EngineFactory factory = sim::make_analytic_engine) const {
    return {cluster_, network_, std::move(factory), model_};
  }
  CollectiveCase one(collectives::Op op, collectives::Algorithm algorithm, double bytes) const {
    CollectiveCase out;
    out.op = op;
    out.algorithm = algorithm;
    out.bytes = base::Bytes(bytes);
    out.groups = {gpus(0, network_.gpu_count())};
    return out;
  }
  base::Outcome run(const CollectiveCase& one, const CollectiveOptions& options = {}) const {
    return run_collective_case(one, site(), options);
  }
  const sim::Network& network() const { return network_; }

 private:
  sim::ValidCluster cluster_;
  sim::Network network_;
  const collectives::TimeModel* model_;
};

}  // namespace windtunnel::strategies::test
