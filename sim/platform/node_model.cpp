#include "sim/platform/node_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::sim {

int LinkTemplate::add(std::string name, const Link& link) {
  links_.push_back(link);
  names_.push_back(std::move(name));
  return static_cast<int>(links_.size()) - 1;
}

int port_count(const Node& node) {
  return std::min(node.nics.count, node.gpus);
}

int planes(const Node& node) {
  return node.nics.count > node.gpus ? node.nics.count / node.gpus : 1;
}

NodeModel::NodeModel(const Node& node, const FabricAccess& access)
    : gpus_(node.gpus), ports_(port_count(node)), domain_(domain_size(node)) {
  nic_over_pcie_ = node.scale_up.kind == ScaleUpKind::pcie;
  scale_up_ = make_scale_up(node, links_);
  pcie_ = std::make_unique<PcieTree>(node, links_);
  base::BytesPerSecond bandwidth = node.nics.bandwidth;
  if (access.bandwidth) bandwidth = min(bandwidth, *access.bandwidth);
  bandwidth *= planes(node);
  nic_out_ = static_cast<int>(links_.links().size());
  for (int port = 0; port < ports_; ++port) {
    Link link{.bandwidth = bandwidth,
              .latency = node.nics.latency + access.switch_latency,
              .kind = LinkKind::nic,
              .endpoint_port = true};
    links_.add(fmt::format("nic{}.out", port), link);
    link.latency = node.nics.latency;
    links_.add(fmt::format("nic{}.in", port), link);
  }
}

int NodeModel::home_of(int port) const {
  return (port * gpus_ + ports_ - 1) / ports_;
}

bool NodeModel::reaches_port_by_nvlink(int gpu, int port) const {
  return scale_up_ != nullptr && same_domain(gpu, home_of(port));
}

void NodeModel::gpu_to_gpu(int from, int to, const Path& path) const {
  if (scale_up_ != nullptr && same_domain(from, to) && scale_up_->append(from, to, path)) return;
  pcie_->gpu_to_gpu(from, to, path);
}

void NodeModel::gpu_to_port(int gpu, int port, const Path& path) const {
  base::expects(port >= 0 && port < ports_, "the node has no such NIC");
  const int home = home_of(port);
  if (nic_over_pcie_ || (port_of(gpu) != port && !reaches_port_by_nvlink(gpu, port))) {
    pcie_->gpu_to_nic(gpu, home, path);
  } else if (port_of(gpu) != port) {
    gpu_to_gpu(gpu, home, path);
  }
  path.add(nic_out(port));
}

void NodeModel::port_to_gpu(int port, int gpu, const Path& path) const {
  base::expects(port >= 0 && port < ports_, "the node has no such NIC");
  const int home = home_of(port);
  path.add(nic_in(port));
  if (nic_over_pcie_ || (port_of(gpu) != port && !reaches_port_by_nvlink(gpu, port))) {
    pcie_->nic_to_gpu(home, gpu, path);
  } else if (port_of(gpu) != port) {
    gpu_to_gpu(home, gpu, path);
  }
}

void NodeModel::host_to_port(int port, const Path& path) const {
  pcie_->host_to_nic(home_of(port), path);
  path.add(nic_out(port));
}

void NodeModel::port_to_host(int port, const Path& path) const {
  path.add(nic_in(port));
  pcie_->nic_to_host(home_of(port), path);
}

}  // namespace windtunnel::sim
