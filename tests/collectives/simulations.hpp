// Clusters and runs for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "collectives/lowering.hpp"
#include "collectives/placement.hpp"
#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"

namespace windtunnel::collectives::testing {

inline constexpr double kLatency = 2e-6;    // s, between any two hosts of uniform_switch
inline constexpr double kBandwidth = 50e9;  // bytes/s, of a port in either direction

inline sim::Network network_of(const sim::Cluster& cluster) {
  base::Diagnostics diagnostics;
  const auto valid = sim::validate(cluster, {}, diagnostics);
  if (!valid) throw std::runtime_error(diagnostics.to_text());
  return sim::Network(*valid);
}

// `hosts` nodes of one GPU and one NIC on a switch.
inline sim::Cluster uniform_switch(int hosts) {
  sim::Cluster cluster;
  cluster.nodes = hosts;
  cluster.node.gpus = 1;
  cluster.node.scale_up.kind = sim::ScaleUpKind::none;
  cluster.node.nics = {1, base::BytesPerSecond(kBandwidth), base::Seconds(kLatency / 2)};
  cluster.fabric.kind = sim::FabricKind::switched;
  return cluster;
}

// Nodes of `gpus` GPUs on an NVSwitch with one NIC each.
inline sim::Cluster nvswitch_cluster(int nodes, int gpus) {
  sim::Cluster cluster = uniform_switch(nodes);
  cluster.node.gpus = gpus;
  cluster.node.scale_up = {.kind = sim::ScaleUpKind::nvswitch,
                           .bandwidth = base::BytesPerSecond(450e9),
                           .latency = base::Seconds(1e-6)};
  cluster.node.nics.count = gpus;
  if (nodes == 1) cluster.fabric.kind = sim::FabricKind::none;
  return cluster;
}

// Hosts on leaf switches of `per_leaf`, whose uplinks carry 1/oversubscription of what the hosts
// could send.
inline sim::Cluster islands(int hosts, int radix, double oversubscription) {
  sim::Cluster cluster = uniform_switch(hosts);
  cluster.fabric.kind = sim::FabricKind::fat_tree;
  cluster.fabric.levels = 2;
  cluster.fabric.radix = radix;
  cluster.fabric.oversubscription = oversubscription;
  return cluster;
}

inline std::vector<sim::EndpointId> all_gpus(const sim::Network& network) {
  std::vector<sim::EndpointId> gpus;
  for (int i = 0; i < network.gpu_count(); ++i) gpus.push_back(network.gpu(i));
  return gpus;
}

inline std::unique_ptr<sim::Engine> make_engine(sim::EngineKind kind, const sim::Network& network,
                                                const sim::EngineOptions& options = {}) {
  return kind == sim::EngineKind::simgrid ? sim::make_simgrid_engine(network, options)
                                          : sim::make_analytic_engine(network, options);
}

// Finish times of the groups; in a child process where the engine is SimGrid.
inline std::vector<double> finish_times(sim::EngineKind kind, const sim::Network& network,
                                        const std::vector<GroupRun>& groups,
                                        const LoweringOptions& options = {},
                                        const sim::EngineOptions& engine_options = {}) {
  const auto simulate = [&] {
    const auto engine = make_engine(kind, network, engine_options);
    const LoweringResult result = run_groups(*engine, groups, options);
    std::string bytes;
    for (const base::Seconds time : result.finish) {
      const double seconds = time.value();
      bytes.append(reinterpret_cast<const char*>(&seconds), sizeof seconds);
    }
    return bytes;
  };
  const std::string bytes =
      kind == sim::EngineKind::simgrid ? sim::run_isolated(simulate) : simulate();
  std::vector<double> times(bytes.size() / sizeof(double));
  std::memcpy(times.data(), bytes.data(), bytes.size());
  return times;
}

// The time of one collective of all GPUs.
inline double collective_time(sim::EngineKind kind, const sim::Network& network,
                              ScheduleRequest request, Lowering lowering = Lowering::steps,
                              const sim::EngineOptions& engine_options = {}) {
  const Placement placement = place(network, all_gpus(network));
  request.ranks = network.gpu_count();
  request = placed(request, placement);
  const FlowPlan plan = lowering == Lowering::bulk
                            ? plan_flows(request, placement.endpoints, network, {})
                            : FlowPlan{};
  const Schedule schedule = lowering == Lowering::steps ? make_schedule(request) : Schedule{};
  GroupRun group{.endpoints = placement.endpoints};
  if (lowering == Lowering::bulk) {
    group.flows = &plan;
  } else {
    group.schedule = &schedule;
  }
  return finish_times(kind, network, {group}, {}, engine_options).front();
}

}  // namespace windtunnel::collectives::testing
