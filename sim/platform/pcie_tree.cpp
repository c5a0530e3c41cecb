// The PCIe tree of a node: GPUs below PCIe switches (or at the root), the switches' uplinks, the
// root.
#include <fmt/format.h>

#include "sim/platform/node_model.hpp"

namespace windtunnel::sim {
namespace {

// Where neither the cluster nor the data sheet states it: PCIe 4.0 x16, 16 GT/s x 16 lanes x
// 128/130.
constexpr base::BytesPerSecond kAssumedPcie{16e9 * 16 / 8 * 128 / 130};

base::BytesPerSecond gpu_pcie_bandwidth(const Node& node) {
  constexpr base::BytesPerSecond kNotStated{0};
  if (node.scale_up.kind == ScaleUpKind::pcie && node.scale_up.bandwidth > kNotStated) {
    return node.scale_up.bandwidth;
  }
  return node.gpu.pcie_bandwidth > kNotStated ? node.gpu.pcie_bandwidth : kAssumedPcie;
}

}  // namespace

PcieTree::PcieTree(const Node& node, LinkTemplate& links) {
  Link link{.bandwidth = gpu_pcie_bandwidth(node), .kind = LinkKind::pcie, .endpoint_port = true};
  gpu_out_ = static_cast<int>(links.links().size());
  for (int gpu = 0; gpu < node.gpus; ++gpu) {
    links.add(fmt::format("gpu{}.pcie.out", gpu), link);
    links.add(fmt::format("gpu{}.pcie.in", gpu), link);
  }
  link.endpoint_port = false;
  if (node.scale_up.latency > base::Seconds{0}) {
    Link crossing = link;
    crossing.latency = node.scale_up.latency;
    crossing.fat_pipe = true;
    latency_ = links.add("pcie.latency", crossing);
  }
  if (node.scale_up.kind != ScaleUpKind::pcie) return;
  if (node.scale_up.gpus_per_switch > 0) add_switches(node, link, links);
  if (node.scale_up.host_bandwidth > base::BytesPerSecond{0}) {
    link.bandwidth = node.scale_up.host_bandwidth;
    host_ = links.add("host_memory", link);
  }
  if (node.scale_up.root_bandwidth > base::BytesPerSecond{0}) {
    link.bandwidth = node.scale_up.root_bandwidth;
    root_ = links.add("root_complex", link);
  }
}

void PcieTree::add_switches(const Node& node, const Link& like, LinkTemplate& links) {
  per_switch_ = node.scale_up.gpus_per_switch;
  per_chip_ = per_switch_ * node.scale_up.switches_per_chip;
  Link uplink = like;
  if (node.scale_up.uplink_bandwidth > base::BytesPerSecond{0}) {
    uplink.bandwidth = node.scale_up.uplink_bandwidth;
  }
  Link inside = like;
  inside.bandwidth = node.scale_up.chip_bandwidth;
  const int switches = (node.gpus + per_switch_ - 1) / per_switch_;
  switch_up_ = static_cast<int>(links.links().size());
  for (int s = 0; s < switches; ++s) {
    links.add(fmt::format("pcie_switch{}.up", s), uplink);
    links.add(fmt::format("pcie_switch{}.down", s), uplink);
  }
  if (per_chip_ == per_switch_ || !(inside.bandwidth > base::BytesPerSecond{0})) return;
  chip_out_ = static_cast<int>(links.links().size());
  for (int s = 0; s < switches; ++s) {
    links.add(fmt::format("pcie_switch{}.chip.out", s), inside);
    links.add(fmt::format("pcie_switch{}.chip.in", s), inside);
  }
}

void PcieTree::uplink(int gpu, Direction direction, const Path& path) const {
  if (per_switch_ == 0) return;
  path.add(switch_up_ + 2 * (gpu / per_switch_) + (direction == Direction::up ? 0 : 1));
}

// The links strictly between what sits beside GPU `from` and beside GPU `to`.
void PcieTree::between(int from, int to, const Path& path) const {
  if (per_switch_ > 0 && from / per_switch_ == to / per_switch_) return;
  if (per_switch_ > 0 && from / per_chip_ == to / per_chip_) {
    if (chip_out_ < 0) return;
    path.add(chip_out_ + 2 * (from / per_switch_));
    path.add(chip_out_ + 2 * (to / per_switch_) + 1);
    return;
  }
  uplink(from, Direction::up, path);
  over(root_, path);
  uplink(to, Direction::down, path);
}

void PcieTree::gpu_to_gpu(int from, int to, const Path& path) const {
  path.add(gpu_out_ + 2 * from);
  over(latency_, path);
  between(from, to, path);
  path.add(gpu_out_ + 2 * to + 1);
}

void PcieTree::gpu_to_host(int gpu, const Path& path) const {
  path.add(gpu_out_ + 2 * gpu);
  over(latency_, path);
  uplink(gpu, Direction::up, path);
  over(host_, path);
}

void PcieTree::host_to_gpu(int gpu, const Path& path) const {
  over(host_, path);
  over(latency_, path);
  uplink(gpu, Direction::down, path);
  path.add(gpu_out_ + 2 * gpu + 1);
}

void PcieTree::gpu_to_nic(int gpu, int home, const Path& path) const {
  path.add(gpu_out_ + 2 * gpu);
  between(gpu, home, path);
}

void PcieTree::nic_to_gpu(int home, int gpu, const Path& path) const {
  between(home, gpu, path);
  path.add(gpu_out_ + 2 * gpu + 1);
}

void PcieTree::host_to_nic(int home, const Path& path) const {
  over(host_, path);
  uplink(home, Direction::down, path);
}

void PcieTree::nic_to_host(int home, const Path& path) const {
  uplink(home, Direction::up, path);
  over(host_, path);
}

}  // namespace windtunnel::sim
