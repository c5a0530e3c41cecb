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
  per_switch_ = node.scale_up.gpus_per_switch;
  if (per_switch_ > 0) {
    const int switches = (node.gpus + per_switch_ - 1) / per_switch_;
    Link uplink = link;
    if (node.scale_up.uplink_bandwidth > base::BytesPerSecond{0}) {
      uplink.bandwidth = node.scale_up.uplink_bandwidth;
    }
    switch_up_ = static_cast<int>(links.links().size());
    for (int s = 0; s < switches; ++s) {
      links.add(fmt::format("pcie_switch{}.up", s), uplink);
      links.add(fmt::format("pcie_switch{}.down", s), uplink);
    }
  }
  if (node.scale_up.host_bandwidth > base::BytesPerSecond{0}) {
    link.bandwidth = node.scale_up.host_bandwidth;
    root_ = links.add("root", link);
  }
}

bool PcieTree::below_one_switch(int a, int b) const {
  return per_switch_ > 0 && switch_of(a) == switch_of(b);
}

void PcieTree::cross_root(const Path& path) const {
  if (root_ >= 0) path.add(root_);
}

// The links strictly between what sits beside GPU `from` and beside GPU `to`.
void PcieTree::between(int from, int to, const Path& path) const {
  if (below_one_switch(from, to)) return;
  if (per_switch_ > 0) path.add(switch_up_ + 2 * switch_of(from));
  cross_root(path);
  if (per_switch_ > 0) path.add(switch_up_ + 2 * switch_of(to) + 1);
}

void PcieTree::gpu_to_gpu(int from, int to, const Path& path) const {
  path.add(gpu_out_ + 2 * from);
  if (latency_ >= 0) path.add(latency_);
  between(from, to, path);
  path.add(gpu_out_ + 2 * to + 1);
}

void PcieTree::gpu_to_host(int gpu, const Path& path) const {
  path.add(gpu_out_ + 2 * gpu);
  if (latency_ >= 0) path.add(latency_);
  if (per_switch_ > 0) path.add(switch_up_ + 2 * switch_of(gpu));
  cross_root(path);
}

void PcieTree::host_to_gpu(int gpu, const Path& path) const {
  cross_root(path);
  if (latency_ >= 0) path.add(latency_);
  if (per_switch_ > 0) path.add(switch_up_ + 2 * switch_of(gpu) + 1);
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

}  // namespace windtunnel::sim
