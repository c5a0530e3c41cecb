// Training jobs on clusters of H100 with kernels at a fixed share of peak, for tests of laws.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "models/networks/library.hpp"
#include "models/networks/network.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::strategies::test {

// GEMM, attention and MoE at `rate`, memory-bound kernels at `bandwidth`, and nothing else.
class FixedRates : public models::KernelTimeModel {
 public:
  FixedRates(double rate, double bandwidth) : rate_(rate), bandwidth_(bandwidth) {}

  std::string name() const override { return "fixed rates"; }
  models::KernelTime time(const models::GemmQuery& q) const override {
    return of(models::flops(q).value() / rate_);
  }
  models::KernelTime time(const models::AttentionQuery& q) const override {
    return of(models::flops(q).value() / rate_);
  }
  models::KernelTime time(const models::MoeQuery& q) const override {
    return of(models::flops(q).value() / rate_);
  }
  models::KernelTime time(const models::MemoryQuery& q) const override {
    return of(q.bytes.value() / bandwidth_);
  }
  models::KernelTime time(const models::LaunchQuery&) const override { return of(1e-6); }
  models::KernelTime time(const models::CopyQuery& q) const override {
    return of(q.bytes.value() / bandwidth_);
  }
  models::KernelTime time(const models::FusedAllReduceQuery& q) const override {
    return of(q.bytes.value() / bandwidth_);
  }
  double slowdown(const models::InterferenceQuery&) const override { return 1.0; }
  std::string note(const models::KernelQuery&) const override { return ""; }

 private:
  static models::KernelTime of(double seconds) {
    return {.time = base::Seconds(seconds),
            .low = base::Seconds(0.9 * seconds),
            .high = base::Seconds(1.1 * seconds)};
  }
  double rate_, bandwidth_;
};

inline sim::Cluster h100_cluster(int nodes) {
  sim::Cluster cluster;
  cluster.name = "h100s";
  cluster.nodes = nodes;
  cluster.node.gpus = 8;
  cluster.node.gpu.name = "h100-sxm";
  cluster.node.gpu.architecture = "hopper";
  cluster.node.gpu.memory = base::Bytes(80.0 * 1073741824.0);
  cluster.node.gpu.memory_bandwidth = base::BytesPerSecond(3.35e12);
  cluster.node.gpu.pcie_bandwidth = base::BytesPerSecond(63e9);
  cluster.node.gpu.power = base::Watts(700);
  for (const char* name : {"bf16", "fp16"}) {
    cluster.node.gpu.peak[name] = base::FlopsPerSecond(989.4e12);
  }
  cluster.node.gpu.peak["fp32"] = base::FlopsPerSecond(66.9e12);
  cluster.node.gpu.peak["fp8"] = base::FlopsPerSecond(1978.9e12);
  cluster.node.scale_up = {.kind = sim::ScaleUpKind::nvswitch,
                           .bandwidth = base::BytesPerSecond(450e9),
                           .latency = base::Seconds(1e-6),
                           .size = 8};
  cluster.node.nics = {
      .count = 8, .bandwidth = base::BytesPerSecond(50e9), .latency = base::Seconds(2e-6)};
  cluster.fabric = {.kind = nodes > 1 ? sim::FabricKind::switched : sim::FabricKind::none,
                    .levels = 1};
  return cluster;
}

inline sim::ValidCluster valid(const sim::Cluster& cluster) {
  base::Diagnostics diagnostics;
  auto checked = validate(cluster, {}, diagnostics);
  EXPECT_TRUE(checked.has_value()) << diagnostics.to_text();
  return *checked;
}

struct Subject {
  explicit Subject(const std::string& name)
      : model(*models::model_by_name(name)), network(models::build_network(model)) {}
  models::Model model;
  models::Network network;
};

// On fixed rates and data-sheet links.
inline base::Outcome train(const TrainJob& job, const Subject& subject,
                           const sim::Cluster& cluster) {
  const auto checked = valid(cluster);
  const FixedRates kernels(600e12, 2.5e12);
  return run_train(job, {subject.model, subject.network}, {checked, kernels, nullptr});
}

}  // namespace windtunnel::strategies::test
