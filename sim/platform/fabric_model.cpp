#include "sim/platform/fabric_model.hpp"

#include <algorithm>

#include "sim/base/contract.hpp"

namespace windtunnel::sim {

FabricShape fabric_shape(const Cluster& cluster) {
  FabricShape shape{.fabric = cluster.fabric, .nodes = cluster.nodes};
  shape.ports = port_count(cluster.node);
  for (const NodeOverride& change : cluster.overrides) {
    if (!change.nics) continue;
    Node node = cluster.node;
    node.nics = *change.nics;
    shape.ports = std::max(shape.ports, port_count(node));
  }
  const base::BytesPerSecond nic = cluster.node.nics.bandwidth;
  const base::BytesPerSecond link = cluster.fabric.bandwidth.value_or(nic);
  shape.nic_bandwidth = min(nic, link) * planes(cluster.node);
  shape.link_bandwidth = link * planes(cluster.node);
  return shape;
}

std::unique_ptr<FabricModel> make_fabric(const FabricShape& shape) {
  switch (shape.fabric.kind) {
    case FabricKind::none:
      return nullptr;
    case FabricKind::switched:
      return make_switch(shape);
    case FabricKind::fat_tree:
      return make_fat_tree(shape);
    case FabricKind::rail:
      return make_rail(shape);
    case FabricKind::dragonfly:
      return make_dragonfly(shape);
    case FabricKind::torus:
      return make_torus(shape);
  }
  base::contract_failed("invariant", "unknown kind of fabric", std::source_location::current());
}

std::string check_fabric(const FabricShape& shape) {
  switch (shape.fabric.kind) {
    case FabricKind::none:
    case FabricKind::switched:
    case FabricKind::rail:
      return "";
    case FabricKind::fat_tree:
      return check_fat_tree(shape);
    case FabricKind::dragonfly:
      return check_dragonfly(shape);
    case FabricKind::torus:
      return check_torus(shape);
  }
  base::contract_failed("invariant", "unknown kind of fabric", std::source_location::current());
}

std::uint64_t pair_hash(std::uint64_t from, std::uint64_t to) {
  std::uint64_t z = (from << 32) + to + 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace windtunnel::sim
