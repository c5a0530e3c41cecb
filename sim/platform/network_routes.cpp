// Routes: which NICs, and the parts put together.
#include <algorithm>

#include "sim/base/contract.hpp"
#include "sim/platform/network_implementation.hpp"

namespace windtunnel::sim {

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

}  // namespace windtunnel::sim
