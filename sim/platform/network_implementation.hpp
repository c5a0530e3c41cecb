// What a Network is made of. Internal to network.cpp (building, names) and network_routes.cpp.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sim/platform/fabric_model.hpp"
#include "sim/platform/network.hpp"
#include "sim/platform/node_model.hpp"
#include "sim/platform/reduction_forest.hpp"

namespace windtunnel::sim {

// Nodes of one description and the links they have.
struct NodeTypes {
  std::vector<NodeModel> models;
  std::vector<int> type_of;  // by node
};

struct Network::Implementation {
  explicit Implementation(const ValidCluster& cluster) : explicit_(cluster->explicit_network) {
    if (explicit_) {
      build_explicit();
    } else {
      build(cluster);
    }
  }

  void build(const ValidCluster& cluster);
  void build_explicit();
  void build_reduction(const ValidCluster& cluster);

  const NodeModel& model(int node) const {
    return types_.models[static_cast<std::size_t>(types_.type_of[static_cast<std::size_t>(node)])];
  }
  Path path_in(int node, std::vector<LinkId>& links) const {
    return {&links, first_link_[static_cast<std::size_t>(node)]};
  }
  int node_of(int endpoint) const {
    if (endpoint < gpu_count_) return endpoint / gpus_per_node_;
    return endpoint < gpu_count_ + nodes_ ? endpoint - gpu_count_ : -1;
  }
  bool is_gpu(int endpoint) const { return endpoint < gpu_count_; }
  int local(int gpu) const { return gpu % gpus_per_node_; }

  void within_node(int from, int to, std::vector<LinkId>& links) const;
  bool within_domain(int from, int to, std::vector<LinkId>& links) const;
  void between_nodes(int from, int to, std::vector<LinkId>& links) const;
  std::pair<int, int> choose_ports(int from, int to) const;
  void explicit_route(int from, int to, std::vector<LinkId>& links) const;
  void over_switches(int from, int to, std::vector<LinkId>& links) const;
  Route route(int from, int to) const;
  Route finish(std::vector<LinkId> links) const;

  std::optional<ExplicitNetwork> explicit_;
  int nodes_ = 0;
  int gpus_per_node_ = 1;
  int gpu_count_ = 0;
  int domain_ = 1;  // GPUs of a scale-up domain
  NodeTypes types_;
  std::vector<std::int32_t> first_link_;  // by node; then the fabric's
  std::unique_ptr<FabricModel> fabric_;
  std::vector<Link> links_;
  ReductionForest reduction_;
};

}  // namespace windtunnel::sim
