#include "sim/platform/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/contract.hpp"
#include "sim/platform/fabric_model.hpp"
#include "sim/platform/reduction_forest.hpp"

namespace windtunnel::sim {
namespace {

// Nodes of one description and the links they have.
struct NodeTypes {
  std::vector<NodeModel> models;
  std::vector<int> type_of;  // by node
};

// Overrides that apply to the same nodes give one type; most clusters have a single one.
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
    const auto next = static_cast<int>(types.models.size());
    const auto [found, is_new] = known.emplace(std::move(applies), next);
    if (is_new) types.models.emplace_back(cluster.node_at(node), access);
    types.type_of.push_back(found->second);
  }
  return types;
}

}  // namespace

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
  if (cluster->node.scale_up.in_switch_reduction) reduction_.add_domains(gpu_count_, domain_);
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

void Network::Implementation::explicit_route(int from, int to, std::vector<LinkId>& links) const {
  const std::size_t hosts = explicit_->hosts.size();
  const auto rank = [&](int endpoint) { return static_cast<std::size_t>(node_of(endpoint)); };
  for (const int link : explicit_->routes[rank(from) * hosts + rank(to)]) {
    links.emplace_back(link);
  }
}

void Network::Implementation::within_node(int from, int to, std::vector<LinkId>& links) const {
  const int node = node_of(from);
  const Path path = path_in(node, links);
  if (is_gpu(from) && is_gpu(to)) {
    model(node).gpu_to_gpu(local(from), local(to), path);
  } else if (is_gpu(from)) {
    model(node).gpu_to_host(local(from), path);
  } else {
    model(node).host_to_gpu(local(to), path);
  }
}

// GPUs of two nodes below the NVSwitches of one domain.
bool Network::Implementation::within_domain(int from, int to, std::vector<LinkId>& links) const {
  if (!is_gpu(from) || !is_gpu(to) || from / domain_ != to / domain_) return false;
  const ScaleUpModel* source = model(node_of(from)).scale_up();
  const ScaleUpModel* target = model(node_of(to)).scale_up();
  if (source == nullptr || target == nullptr) return false;
  path_in(node_of(from), links).add(source->port_out(local(from)));
  path_in(node_of(to), links).add(target->port_in(local(to)));
  return true;
}

// The NIC to leave by and the one to arrive at.
std::pair<int, int> Network::Implementation::choose_ports(int from, int to) const {
  const NodeModel& source = model(node_of(from));
  const NodeModel& target = model(node_of(to));
  if (!is_gpu(from) && !is_gpu(to)) {
    const auto ports = static_cast<std::uint64_t>(std::min(source.ports(), target.ports()));
    const auto [low, high] = std::minmax(from, to);  // the same NIC there and back
    const std::uint64_t hash =
        pair_hash(static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high));
    const int port = static_cast<int>(hash % ports);
    return {port, port};
  }
  if (!is_gpu(from)) {
    const int port = target.port_of(local(to));
    return {std::min(port, source.ports() - 1), port};
  }
  const int own = source.port_of(local(from));
  if (!is_gpu(to)) return {own, std::min(own, target.ports() - 1)};
  const int theirs = target.port_of(local(to));
  const bool change = own != theirs && fabric_->prefers_rails() &&
                      (fabric_->rails_only() || source.reaches_port_by_nvlink(local(from), theirs));
  return {change ? theirs : own, theirs};
}

void Network::Implementation::between_nodes(int from, int to, std::vector<LinkId>& links) const {
  const auto [out, in] = choose_ports(from, to);
  const NicPort source{node_of(from), out};
  const NicPort target{node_of(to), in};
  const Path leave = path_in(source.node, links);
  if (is_gpu(from)) {
    model(source.node).gpu_to_port(local(from), out, leave);
  } else {
    model(source.node).host_to_port(out, leave);
  }
  fabric_->append(source, target, path_in(nodes_, links));
  const Path arrive = path_in(target.node, links);
  if (is_gpu(to)) {
    model(target.node).port_to_gpu(in, local(to), arrive);
  } else {
    model(target.node).port_to_host(in, arrive);
  }
}

// Routes that begin or end at a reducing switch: GPUs take part through their own port.
void Network::Implementation::over_switches(int from, int to, std::vector<LinkId>& links) const {
  const int first = gpu_count_ + nodes_;
  base::expects((is_gpu(from) || from >= first) && (is_gpu(to) || to >= first),
                "a reducing switch talks to GPUs and switches, not to host memory");
  const ReductionKind kind = reduction_.at(std::max(from, to) - first).kind;
  const int source = is_gpu(from) ? reduction_.above(from, kind) : from - first;
  const int target = is_gpu(to) ? reduction_.above(to, kind) : to - first;
  for (const int gpu : {from, to}) {
    if (!is_gpu(gpu)) continue;
    const NodeModel& node = model(node_of(gpu));
    const Path path = path_in(node_of(gpu), links);
    if (gpu == to) reduction_.append(source, target, links);
    if (kind == ReductionKind::nvls) {
      const ScaleUpModel& domain = *node.scale_up();
      path.add(gpu == from ? domain.port_out(local(gpu)) : domain.port_in(local(gpu)));
    } else if (gpu == from) {
      node.gpu_to_port(local(gpu), node.port_of(local(gpu)), path);
    } else {
      node.port_to_gpu(node.port_of(local(gpu)), local(gpu), path);
    }
  }
  if (!is_gpu(to)) reduction_.append(source, target, links);
}

Route Network::Implementation::finish(std::vector<LinkId> links) const {
  Route route{.links = std::move(links), .bandwidth = base::BytesPerSecond::infinity()};
  LinkId first_nic;
  LinkId last_nic;
  for (const LinkId id : route.links) {
    const Link& link = links_[id.slot()];
    route.latency += link.latency;
    route.bandwidth = min(route.bandwidth, link.bandwidth);
    if (!link.endpoint_port) continue;
    if (!route.out_port.valid()) route.out_port = id;
    route.in_port = id;
    if (link.kind != LinkKind::nic) continue;
    if (!first_nic.valid()) first_nic = id;
    last_nic = id;
  }
  if (first_nic.valid()) route.out_port = first_nic;
  if (last_nic.valid()) route.in_port = last_nic;
  return route;
}

Route Network::Implementation::route(int from, int to) const {
  std::vector<LinkId> links;
  links.reserve(8);
  if (from == to) return finish(std::move(links));
  if (explicit_) {
    explicit_route(from, to, links);
  } else if (node_of(from) < 0 || node_of(to) < 0) {
    over_switches(from, to, links);
  } else if (node_of(from) == node_of(to)) {
    within_node(from, to, links);
  } else if (!within_domain(from, to, links)) {
    base::expects(fabric_ != nullptr, "endpoints of two nodes without a fabric between them");
    between_nodes(from, to, links);
  }
  return finish(std::move(links));
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
