#include "sim/platform/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/contract.hpp"
#include "sim/platform/network_implementation.hpp"

namespace windtunnel::sim {
namespace {

// Overrides and slow NICs that apply to the same nodes give one type; most clusters have a single one.
NodeTypes make_node_types(const ValidCluster& cluster) {
  FabricAccess access;
  if (cluster->fabric.kind != FabricKind::none) {
    access.bandwidth = cluster->fabric.bandwidth;
    access.switch_latency = cluster->fabric.switch_latency;
  }
  NodeTypes types;
  std::map<std::vector<bool>, int> known;
  const std::vector<NodeOverride>& overrides = cluster->overrides;
  for (int node = 0; node < cluster->nodes; ++node) {
    std::vector<bool> applies;
    for (const NodeOverride& change : overrides) {
      applies.push_back(node >= change.first && node <= change.last);
    }
    for (const SlowPart& part : cluster->stragglers.slow) {
      const auto& nodes = part.nodes;
      applies.push_back(part.nic_share < 1.0 &&
                        std::find(nodes.begin(), nodes.end(), node) != nodes.end());
    }
    const auto next = static_cast<int>(types.models.size());
    const auto [found, is_new] = known.emplace(std::move(applies), next);
    if (is_new) types.models.emplace_back(cluster.node_at(node), access);
    types.type_of.push_back(found->second);
  }
  return types;
}

}  // namespace

void Network::Implementation::build(const ValidCluster& cluster) {
  nodes_ = cluster->nodes;
  gpus_per_node_ = cluster->node.gpus;
  gpu_count_ = cluster->gpu_count();
  domain_ = domain_size(cluster->node);
  types_ = make_node_types(cluster);
  const FabricShape shape = fabric_shape(*cluster);
  if (shape.ports > 0) fabric_ = make_fabric(shape);
  for (int node = 0; node < nodes_; ++node) {
    const std::vector<Link>& links = model(node).links().links();
    first_link_.push_back(static_cast<std::int32_t>(links_.size()));
    links_.insert(links_.end(), links.begin(), links.end());
  }
  first_link_.push_back(static_cast<std::int32_t>(links_.size()));
  if (fabric_ != nullptr) {
    const std::vector<Link> links = fabric_->links();
    links_.insert(links_.end(), links.begin(), links.end());
  }
  build_reduction(cluster);
}

void Network::Implementation::build_reduction(const ValidCluster& cluster) {
  if (cluster->node.scale_up.in_switch_reduction && domain_ > 1)
    reduction_.add_domains(gpu_count_, domain_);
  if (fabric_ == nullptr || !cluster->fabric.in_network_reduction) return;
  std::vector<int> switch_of_gpu;
  for (int gpu = 0; gpu < gpu_count_; ++gpu) {
    const int node = node_of(gpu);
    switch_of_gpu.push_back(fabric_->switch_of({node, model(node).port_of(local(gpu))}));
  }
  reduction_.add_fabric(fabric_->reduction_tree(), std::move(switch_of_gpu), first_link_.back());
}

void Network::Implementation::build_explicit() {
  nodes_ = gpu_count_ = static_cast<int>(explicit_->hosts.size());
  for (const ExplicitLink& link : explicit_->links) {
    links_.push_back({.bandwidth = link.bandwidth,
                      .latency = link.latency,
                      .kind = LinkKind::fabric,
                      .endpoint_port = false,
                      .fat_pipe = link.fat_pipe});
  }
  for (const std::vector<int>& route : explicit_->routes) {
    if (route.empty()) continue;
    for (const int end : {route.front(), route.back()}) {
      Link& link = links_[static_cast<std::size_t>(end)];
      link.endpoint_port = !link.fat_pipe;
    }
  }
}

Network::Network(const ValidCluster& cluster)
    : implementation_(std::make_unique<Implementation>(cluster)) {}
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

int Network::gpu_count() const {
  return implementation_->gpu_count_;
}
int Network::node_count() const {
  return implementation_->nodes_;
}
int Network::endpoint_count() const {
  return gpu_count() + node_count() + implementation_->reduction_.count();
}

EndpointId Network::gpu(int global_index) const {
  base::expects(global_index >= 0 && global_index < gpu_count(), "no such GPU");
  return EndpointId(global_index);
}

EndpointId Network::host(int node) const {
  base::expects(node >= 0 && node < node_count(), "no such node");
  return EndpointId(gpu_count() + node);
}

int Network::node_of(EndpointId endpoint) const {
  base::expects(endpoint.index() >= 0 && endpoint.index() < endpoint_count(), "no such endpoint");
  return implementation_->node_of(endpoint.index());
}

std::string Network::endpoint_name(EndpointId endpoint) const {
  const int node = node_of(endpoint);
  const Implementation& self = *implementation_;
  const int index = endpoint.index();
  if (node < 0) return self.reduction_.at(index - gpu_count() - node_count()).name;
  if (self.explicit_) {
    const std::string& name = self.explicit_->hosts[static_cast<std::size_t>(node)];
    return self.is_gpu(index) ? name : name + ".host";
  }
  return self.is_gpu(index) ? fmt::format("node{}.gpu{}", node, self.local(index))
                            : fmt::format("node{}.host", node);
}

std::span<const Link> Network::links() const {
  return implementation_->links_;
}

std::string Network::link_name(LinkId link) const {
  const Implementation& self = *implementation_;
  base::expects(link.valid() && link.slot() < self.links_.size(), "no such link");
  if (self.explicit_) return self.explicit_->links[link.slot()].name;
  const auto after =
      std::upper_bound(self.first_link_.begin(), self.first_link_.end(), link.index());
  const auto node = static_cast<int>(after - self.first_link_.begin()) - 1;
  const int local = link.index() - self.first_link_[static_cast<std::size_t>(node)];
  if (node == self.nodes_) return self.fabric_->link_name(local);
  return fmt::format("node{}.{}", node, self.model(node).links().name(local));
}

Route Network::route(EndpointId from, EndpointId to) const {
  base::expects(from.index() >= 0 && from.index() < endpoint_count(), "no such endpoint");
  base::expects(to.index() >= 0 && to.index() < endpoint_count(), "no such endpoint");
  return implementation_->route(from.index(), to.index());
}

std::vector<ReducingSwitch> Network::reducing_switches() const {
  return implementation_->reduction_.describe(gpu_count(), gpu_count() + node_count());
}

}  // namespace windtunnel::sim
