// NVLink inside a domain: NVSwitch, mesh and ring.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"
#include "sim/platform/node_model.hpp"

namespace windtunnel::sim {
namespace {

Link nvlink(const Node& node) {
  return {.bandwidth = scale_up_bandwidth(node),
          .latency = node.scale_up.latency,
          .kind = LinkKind::scale_up,
          .endpoint_port = true};
}

// A non-blocking switch: each GPU has one port of its whole bandwidth out and one in.
class NvSwitch final : public ScaleUpModel {
 public:
  NvSwitch(const Node& node, LinkTemplate& links) : first_(static_cast<int>(links.links().size())) {
    Link in = nvlink(node);
    in.latency = base::Seconds{0};
    for (int gpu = 0; gpu < node.gpus; ++gpu) {
      links.add(fmt::format("gpu{}.nvlink.out", gpu), nvlink(node));
      links.add(fmt::format("gpu{}.nvlink.in", gpu), in);
    }
  }
  bool append(int from, int to, const Path& path) const override {
    path.add(port_out(from));
    path.add(port_in(to));
    return true;
  }
  int port_out(int gpu) const override { return first_ + 2 * gpu; }
  int port_in(int gpu) const override { return first_ + 2 * gpu + 1; }

 private:
  int first_;
};

// Links between pairs of GPUs. GPUs without a link to each other go through the GPU that leaves the
// widest way, as NCCL's NVB paths do (of equals the first one, counted from the sum of the two
// numbers, so that pairs spread); pairs further than two links apart take PCIe.
class NvlinkMesh final : public ScaleUpModel {
 public:
  NvlinkMesh(const Node& node, LinkTemplate& links)
      : size_(domain_size(node)), edge_(cells(node.gpus, size_), -1), width_(edge_.size(), 0.0) {
    const std::vector<int> counts = link_counts(node);
    for (int from = 0; from < node.gpus; ++from) {
      for (int to = 0; to < size_; ++to) add_edge(node, counts, {from, to, 0}, links);
    }
  }
  bool append(int from, int to, const Path& path) const override {
    const int target = to % size_;
    if (edge_[cell(from, target)] >= 0) {
      path.add(edge_[cell(from, target)]);
      return true;
    }
    const int via = intermediate(from, target);
    if (via < 0) return false;
    path.add(edge_[cell(from, via % size_)]);
    path.add(edge_[cell(via, target)]);
    return true;
  }

 private:
  static std::size_t cells(int gpus, int size) {
    return static_cast<std::size_t>(gpus) * static_cast<std::size_t>(size);
  }
  // Row: a GPU of the node; column: a GPU of its domain.
  std::size_t cell(int gpu, int peer) const {
    return cells(gpu, size_) + static_cast<std::size_t>(peer);
  }
  std::vector<int> link_counts(const Node& node) const {
    std::vector<int> counts(edge_.size(), 0);
    for (int gpu = 0; gpu < node.gpus && node.scale_up.links.empty(); ++gpu) {
      for (int peer = 0; peer < size_; ++peer) counts[cell(gpu, peer)] = gpu % size_ != peer;
    }
    for (const MeshLink& link : node.scale_up.links) {
      counts[cell(link.a, link.b % size_)] += link.count;
      counts[cell(link.b, link.a % size_)] += link.count;
    }
    return counts;
  }
  int degree(const std::vector<int>& counts, int gpu) const {
    int sum = 0;
    for (int peer = 0; peer < size_; ++peer) sum += counts[cell(gpu, peer)];
    return sum;
  }
  void add_edge(const Node& node, const std::vector<int>& counts, const MeshLink& edge,
                LinkTemplate& links) {
    const int count = counts[cell(edge.a, edge.b)];
    if (count == 0) return;
    const int peer = edge.a / size_ * size_ + edge.b;
    const int shared_by = std::max(degree(counts, edge.a), degree(counts, peer));
    Link link = nvlink(node);
    link.bandwidth *= static_cast<double>(count) / shared_by;
    width_[cell(edge.a, edge.b)] = link.bandwidth.value();
    edge_[cell(edge.a, edge.b)] = links.add(fmt::format("gpu{}.nvlink.to{}", edge.a, peer), link);
  }
  int intermediate(int from, int target) const {
    const int start = from / size_ * size_;
    int best = -1;
    double widest = 0.0;
    for (int turn = 0; turn < size_; ++turn) {
      const int via = (from + target + turn) % size_;
      if (edge_[cell(from, via)] < 0 || edge_[cell(start + via, target)] < 0) continue;
      const double width = std::min(width_[cell(from, via)], width_[cell(start + via, target)]);
      if (width <= widest * (1 + 1e-9)) continue;
      widest = width;
      best = start + via;
    }
    return best;
  }

  int size_;
  std::vector<int> edge_;      // link from a GPU to a peer, -1: none
  std::vector<double> width_;  // its bandwidth, bytes/s
};

// Each GPU is linked to the next and the one before, with half of its bandwidth each (all of it
// where both are the same GPU). A transfer goes the shorter way round; between GPUs opposite each
// other the even ones send upwards and the odd ones downwards.
class NvlinkRing final : public ScaleUpModel {
 public:
  NvlinkRing(const Node& node, LinkTemplate& links)
      : size_(domain_size(node)), first_(static_cast<int>(links.links().size())) {
    Link link = nvlink(node);
    if (size_ > 2) link.bandwidth *= 0.5;
    for (int gpu = 0; gpu < node.gpus; ++gpu) {
      links.add(fmt::format("gpu{}.nvlink.to{}", gpu, neighbour(gpu, 1)), link);
      if (size_ > 2) links.add(fmt::format("gpu{}.nvlink.to{}", gpu, neighbour(gpu, -1)), link);
    }
  }
  bool append(int from, int to, const Path& path) const override {
    const int up = (to - from + size_) % size_;
    const int down = size_ - up;
    const bool upwards = size_ == 2 || up < down || (up == down && from % 2 == 0);
    for (int gpu = from; gpu != to; gpu = neighbour(gpu, upwards ? 1 : -1)) {
      path.add(size_ == 2 ? first_ + gpu : first_ + 2 * gpu + (upwards ? 0 : 1));
    }
    return true;
  }

 private:
  int neighbour(int gpu, int step) const {
    const int start = gpu / size_ * size_;
    return start + (gpu - start + step + size_) % size_;
  }
  int size_;
  int first_;
};

}  // namespace

base::BytesPerSecond scale_up_bandwidth(const Node& node) {
  const bool stated = node.scale_up.bandwidth > base::BytesPerSecond{0};
  return stated ? node.scale_up.bandwidth : node.gpu.nvlink_bandwidth;
}

int domain_size(const Node& node) {
  return node.scale_up.size > 0 ? node.scale_up.size : node.gpus;
}

std::unique_ptr<ScaleUpModel> make_scale_up(const Node& node, LinkTemplate& links) {
  if (domain_size(node) < 2) return nullptr;
  switch (node.scale_up.kind) {
    case ScaleUpKind::nvswitch:
      return std::make_unique<NvSwitch>(node, links);
    case ScaleUpKind::nvlink_mesh:
      return std::make_unique<NvlinkMesh>(node, links);
    case ScaleUpKind::nvlink_ring:
      return std::make_unique<NvlinkRing>(node, links);
    case ScaleUpKind::pcie:
    case ScaleUpKind::none:
      return nullptr;
  }
  base::contract_failed("invariant", "unknown kind of scale-up", std::source_location::current());
}

}  // namespace windtunnel::sim
