#include "sim/platform/fabric_fat_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace windtunnel::sim {
namespace {

struct LeafPorts {
  int down = 1;
  int up = 1;
};

// The largest down = ratio * up that fits the radix (see the header).
LeafPorts leaf_ports(int radix, double ratio) {
  const int most = std::max(1, static_cast<int>(std::floor(radix / (1.0 + ratio) + 1e-9)));
  const int least = std::max(1, (3 * most + 3) / 4);
  for (int up = most; up >= least; --up) {
    const double down = ratio * up;
    const double whole = std::round(down);
    if (whole >= 1 && std::abs(down - whole) <= 1e-9 * down && whole + up <= radix) {
      return {.down = static_cast<int>(whole), .up = up};
    }
  }
  const int down = static_cast<int>(std::floor(std::min(ratio * most, 1e6)));
  return {.down = std::clamp(down, 1, std::max(1, radix - most)), .up = most};
}

// Links in this order: leaf up, leaf down (leaf-major), then the same between aggregation and core.
class FatTree final : public FabricModel {
 public:
  explicit FatTree(const FabricShape& shape)
      : tree_(fat_tree_shape(shape)), shape_(shape), leaf_links_(tree_.leaves * tree_.up) {
    if (tree_.levels < 2) leaf_links_ = 0;
    if (tree_.levels == 3 && tree_.pods > 1) core_links_ = tree_.pods * tree_.up * tree_.cores;
  }

  std::vector<Link> links() const override {
    const Link leaf{.bandwidth = tree_.uplink, .latency = shape_.fabric.switch_latency};
    const Link core{.bandwidth = shape_.link_bandwidth, .latency = shape_.fabric.switch_latency};
    std::vector<Link> all(static_cast<std::size_t>(2 * leaf_links_), leaf);
    all.resize(all.size() + static_cast<std::size_t>(2 * core_links_), core);
    return all;
  }

  std::string link_name(int link) const override {
    if (link < 2 * leaf_links_) {
      const int port = link % leaf_links_;
      const char* way = link < leaf_links_ ? "up" : "down";
      return fmt::format("leaf{}.{}{}", port / tree_.up, way, port % tree_.up);
    }
    const int core = link - 2 * leaf_links_;
    const int port = core % core_links_;
    const int aggregation = port / tree_.cores;
    return fmt::format("pod{}.agg{}.{}{}", aggregation / tree_.up, aggregation % tree_.up,
                       core < core_links_ ? "up" : "down", port % tree_.cores);
  }

  int switch_of(NicPort port) const override {
    if (tree_.levels == 1) return 0;
    if (shape_.fabric.rail_optimized) {
      return port.node / tree_.down * shape_.ports + port.nic;
    }
    return index(port) / tree_.down;
  }

  void append(NicPort from, NicPort to, const Path& path) const override {
    const int source = switch_of(from);
    const int target = switch_of(to);
    if (source == target) return;
    const std::uint64_t hash =
        pair_hash(static_cast<std::uint64_t>(index(from)), static_cast<std::uint64_t>(index(to)));
    const int via = static_cast<int>(hash % static_cast<std::uint64_t>(tree_.up));
    path.add(source * tree_.up + via);
    const int source_pod = source / tree_.leaves_per_pod;
    const int target_pod = target / tree_.leaves_per_pod;
    if (source_pod != target_pod) {
      const auto rest = hash / static_cast<std::uint64_t>(tree_.up);
      const int core = static_cast<int>(rest % static_cast<std::uint64_t>(tree_.cores));
      path.add(core_up(source_pod, via, core));
      path.add(core_up(target_pod, via, core) + core_links_);
    }
    path.add(leaf_links_ + target * tree_.up + via);
  }

  bool prefers_rails() const override { return shape_.fabric.rail_optimized; }

  // All leaves below spine 0; with three levels below aggregation switch 0 of their pod, and those
  // below core 0.
  std::vector<TreeSwitch> reduction_tree() const override {
    if (tree_.levels == 1) return {{.name = "switch"}};
    std::vector<TreeSwitch> switches;
    const bool single = tree_.leaves == 1;
    for (int leaf = 0; leaf < tree_.leaves; ++leaf) {
      const int pod = leaf / tree_.leaves_per_pod;
      switches.push_back({.name = fmt::format("leaf{}", leaf),
                          .parent = single ? -1 : tree_.leaves + pod,
                          .up = leaf * tree_.up,
                          .down = leaf_links_ + leaf * tree_.up});
    }
    if (single) return switches;
    if (tree_.levels == 2 || tree_.pods == 1) {
      switches.push_back({.name = tree_.levels == 2 ? "spine0" : "pod0.agg0"});
      return switches;
    }
    for (int pod = 0; pod < tree_.pods; ++pod) {
      switches.push_back({.name = fmt::format("pod{}.agg0", pod),
                          .parent = tree_.leaves + tree_.pods,
                          .up = core_up(pod, 0, 0),
                          .down = core_up(pod, 0, 0) + core_links_});
    }
    switches.push_back({.name = "core0"});
    return switches;
  }

 private:
  int index(NicPort port) const { return port.node * shape_.ports + port.nic; }
  int core_up(int pod, int aggregation, int core) const {
    return 2 * leaf_links_ + (pod * tree_.up + aggregation) * tree_.cores + core;
  }

  FatTreeShape tree_;
  FabricShape shape_;
  int leaf_links_ = 0;
  int core_links_ = 0;
};

// NICs that a tree of this shape can take, without the placement's waste.
double capacity(const FatTreeShape& tree, int radix, int levels) {
  if (levels == 1) return radix;
  if (levels == 2) return static_cast<double>(tree.down) * radix;
  return static_cast<double>(tree.down) * tree.leaves_per_pod * radix;
}

}  // namespace

FatTreeShape fat_tree_shape(const FabricShape& shape) {
  const Fabric& fabric = shape.fabric;
  FatTreeShape tree{.levels = fabric.levels, .uplink = shape.link_bandwidth};
  if (fabric.levels == 1) {
    tree.down = fabric.radix;
    tree.leaves = tree.leaves_per_pod = tree.pods = 1;
    return tree;
  }
  const double speed = shape.link_bandwidth / shape.nic_bandwidth;
  const LeafPorts ports = leaf_ports(fabric.radix, fabric.oversubscription * speed);
  tree.down = ports.down;
  tree.up = ports.up;
  const double exact = ports.down / (fabric.oversubscription * speed * ports.up);
  if (std::abs(exact - 1.0) > 1e-9) tree.uplink *= exact;
  const int groups = (shape.nodes + tree.down - 1) / tree.down;
  const std::int64_t nics = static_cast<std::int64_t>(shape.nodes) * shape.ports;
  tree.leaves = fabric.rail_optimized ? groups * shape.ports
                                      : static_cast<int>((nics + tree.down - 1) / tree.down);
  tree.leaves_per_pod = fabric.levels == 2 ? tree.leaves : std::max(1, fabric.radix / 2);
  if (fabric.levels == 3 && fabric.rail_optimized && tree.leaves_per_pod >= shape.ports) {
    tree.leaves_per_pod -= tree.leaves_per_pod % shape.ports;  // groups stay whole
  }
  tree.pods = (tree.leaves + tree.leaves_per_pod - 1) / tree.leaves_per_pod;
  tree.cores = fabric.levels == 3 ? std::max(1, fabric.radix / 2) : 0;
  return tree;
}

std::string check_fat_tree(const FabricShape& shape) {
  const Fabric& fabric = shape.fabric;
  if (fabric.levels < 1 || fabric.levels > 3) {
    return fmt::format("fabric.levels is {}; a fat tree has 1 to 3", fabric.levels);
  }
  if (fabric.radix < 2)
    return fmt::format("fabric.radix is {}; it must be at least 2", fabric.radix);
  if (!(fabric.oversubscription > 0)) {
    return fmt::format("fabric.oversubscription is {}; it must be above 0",
                       fabric.oversubscription);
  }
  const FatTreeShape tree = fat_tree_shape(shape);
  const std::int64_t nics = static_cast<std::int64_t>(shape.nodes) * shape.ports;
  const bool fits = fabric.levels == 1   ? nics <= fabric.radix
                    : fabric.levels == 2 ? tree.leaves <= fabric.radix
                                         : tree.pods <= fabric.radix;
  if (fits) return "";
  return fmt::format(
      "a fat tree of {} level{} of switches with {} ports{} has room for {:.0f} NICs{}, the "
      "cluster has {} "
      "({} nodes with {} each): take more levels (up to 3) or a larger radix",
      fabric.levels, fabric.levels == 1 ? "" : "s", fabric.radix,
      fabric.levels == 1 ? "" : fmt::format(" ({} down and {} up at a leaf)", tree.down, tree.up),
      capacity(tree, fabric.radix, fabric.levels),
      fabric.rail_optimized ? " at most, less where rail groups are not full" : "", nics,
      shape.nodes, shape.ports);
}

std::unique_ptr<FabricModel> make_fat_tree(const FabricShape& shape) {
  return std::make_unique<FatTree>(shape);
}

}  // namespace windtunnel::sim
