#include "sim/platform/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"
#include "sim/platform/explicit_network.hpp"
#include "sim/platform/fabric_model.hpp"

namespace windtunnel::sim {
namespace {

constexpr int kMostEndpoints = 1 << 22;  // GPUs of a cluster
constexpr int kMostMeshGpus = 256;       // links of a mesh grow with the square

// Collects what is wrong with one cluster.
class Check {
 public:
  Check(const Cluster& cluster, const base::SourceLocation& where, base::Diagnostics& diagnostics)
      : cluster_(cluster), where_(where), diagnostics_(diagnostics) {}

  void all();

 private:
  template <class... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) {
    ++errors_;
    diagnostics_.error(where_, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class Quantity>
  void not_negative(Quantity value, const std::string& name) {
    if (std::isfinite(value.value()) && value.value() >= 0) return;
    error("{} must be 0 or more, and finite", name);
  }

  void node(const Node& node, const std::string& name);
  void scale_up(const Node& node, const std::string& name);
  void domain(const Node& node, const std::string& name);
  void mesh(const Node& node, const std::string& name);
  void pcie(const Node& node, const std::string& name);
  void nics(const Node& node, const std::string& name);
  void overrides();
  void uniform_overrides(const NodeOverride& change, const std::string& name);
  void stragglers();
  void fabric();
  void reduction();

  const Cluster& cluster_;
  const base::SourceLocation& where_;
  base::Diagnostics& diagnostics_;
  int errors_ = 0;
};

bool has_nvlink(ScaleUpKind kind) {
  return kind == ScaleUpKind::nvswitch || kind == ScaleUpKind::nvlink_mesh ||
         kind == ScaleUpKind::nvlink_ring;
}

Node with(Node node, const NodeOverride& change) {
  if (change.gpu) node.gpu = *change.gpu;
  if (change.scale_up) node.scale_up = *change.scale_up;
  if (change.nics) node.nics = *change.nics;
  return node;
}

bool is_on(const SlowPart& part, int node) {
  return std::find(part.nodes.begin(), part.nodes.end(), node) != part.nodes.end();
}

void Check::all() {
  if (cluster_.explicit_network) {
    return check_explicit_network(*cluster_.explicit_network, where_, diagnostics_);
  }
  if (cluster_.nodes < 1) error("nodes is {}; a cluster has at least 1", cluster_.nodes);
  if (cluster_.node.gpus < 1) error("node.gpus is {}; it must be at least 1", cluster_.node.gpus);
  if (errors_ > 0) return;
  if (static_cast<std::int64_t>(cluster_.nodes) * cluster_.node.gpus > kMostEndpoints) {
    return error("{} nodes with {} GPUs each are more than the {} GPUs that can be simulated",
                 cluster_.nodes, cluster_.node.gpus, kMostEndpoints);
  }
  node(cluster_.node, "node");
  overrides();
  stragglers();
  if (errors_ == 0) fabric();
}

void Check::node(const Node& node, const std::string& name) {
  scale_up(node, name + ".scale_up");
  nics(node, name + ".nics");
}

void Check::scale_up(const Node& node, const std::string& name) {
  const ScaleUp& scale_up = node.scale_up;
  not_negative(scale_up.bandwidth, name + ".bandwidth");
  not_negative(scale_up.latency, name + ".latency");
  domain(node, name);
  if (scale_up.kind == ScaleUpKind::nvlink_mesh) {
    mesh(node, name);
  } else if (!scale_up.links.empty()) {
    error("{}.links is for kind nvlink_mesh only", name);
  }
  pcie(node, name);
  const bool needs_bandwidth = has_nvlink(scale_up.kind) && domain_size(node) > 1;
  if (needs_bandwidth && !(scale_up_bandwidth(node) > base::BytesPerSecond{0})) {
    error(
        "{}.bandwidth is missing, and the GPU{}{} states no NVLink bandwidth: give the bandwidth "
        "of a GPU "
        "in one direction, such as 450GB/s",
        name, node.gpu.name.empty() ? "" : " ", node.gpu.name);
  }
  if (scale_up.in_switch_reduction && scale_up.kind != ScaleUpKind::nvswitch) {
    error("{}.in_switch_reduction needs kind nvswitch: only a switch can reduce", name);
  }
}

void Check::domain(const Node& node, const std::string& name) {
  const int size = node.scale_up.size;
  if (size == 0 || size == node.gpus) return;
  if (size < 0) return error("{}.size is {}; it must be 1 or more", name, size);
  if (!has_nvlink(node.scale_up.kind)) {
    return error("{}.size is for NVLink domains; this kind of scale-up has none", name);
  }
  if (size > node.gpus && node.scale_up.kind != ScaleUpKind::nvswitch) {
    return error("{}.size is {}, more than the {} GPUs of a node: only nvswitch reaches over nodes",
                 name, size, node.gpus);
  }
  if (size > node.gpus ? size % node.gpus != 0 : node.gpus % size != 0) {
    error("{}.size is {} with {} GPUs a node: a domain holds whole nodes, or a node whole domains",
          name, size, node.gpus);
  }
}

void Check::mesh(const Node& node, const std::string& name) {
  const int size = domain_size(node);
  if (size > kMostMeshGpus) {
    return error("{} joins {} GPUs in a mesh; at most {} can be simulated", name, size,
                 kMostMeshGpus);
  }
  for (const MeshLink& link : node.scale_up.links) {
    if (link.a < 0 || link.b < 0 || link.a >= node.gpus || link.b >= node.gpus) {
      error("{}.links holds [{}, {}, {}]; the GPUs of a node are 0 to {}", name, link.a, link.b,
            link.count, node.gpus - 1);
    } else if (link.a == link.b) {
      error("{}.links holds [{}, {}, {}]: a GPU is not linked to itself", name, link.a, link.b,
            link.count);
    } else if (link.count < 1) {
      error("{}.links holds [{}, {}, {}]: the count must be at least 1", name, link.a, link.b,
            link.count);
    } else if (size > 0 && link.a / size != link.b / size) {
      error("{}.links holds [{}, {}, {}]: the two GPUs are in different domains of {}", name,
            link.a, link.b, link.count, size);
    }
  }
}

void Check::pcie(const Node& node, const std::string& name) {
  const ScaleUp& scale_up = node.scale_up;
  not_negative(scale_up.uplink_bandwidth, name + ".uplink_bandwidth");
  not_negative(scale_up.host_bandwidth, name + ".host_bandwidth");
  not_negative(scale_up.root_bandwidth, name + ".root_bandwidth");
  not_negative(scale_up.chip_bandwidth, name + ".chip_bandwidth");
  if (scale_up.gpus_per_switch < 0) {
    error("{}.gpus_per_switch is {}; it must be 0 or more", name, scale_up.gpus_per_switch);
  }
  if (scale_up.switches_per_chip < 1) {
    error("{}.switches_per_chip is {}; it must be at least 1", name, scale_up.switches_per_chip);
  }
  if (scale_up.kind == ScaleUpKind::pcie) {
    if (scale_up.gpus_per_switch > 0) return;
    if (scale_up.switches_per_chip > 1 || scale_up.uplink_bandwidth.value() > 0 ||
        scale_up.chip_bandwidth.value() > 0) {
      error("{}: uplinks and chips need PCIe switches, and gpus_per_switch is 0", name);
    }
    return;
  }
  const bool stated = scale_up.gpus_per_switch != 0 || scale_up.switches_per_chip != 1 ||
                      scale_up.uplink_bandwidth.value() > 0 ||
                      scale_up.chip_bandwidth.value() > 0 || scale_up.host_bandwidth.value() > 0 ||
                      scale_up.root_bandwidth.value() > 0;
  if (stated) {
    error(
        "{}: fields of PCIe (gpus_per_switch, switches_per_chip, uplink_bandwidth, chip_bandwidth, "
        "host_bandwidth, root_bandwidth) are for kind pcie only",
        name);
  }
}

void Check::nics(const Node& node, const std::string& name) {
  const Nics& nics = node.nics;
  not_negative(nics.bandwidth, name + ".bandwidth");
  not_negative(nics.latency, name + ".latency");
  if (nics.count < 0) return error("{}.count is {}; it must be 0 or more", name, nics.count);
  if (nics.count > node.gpus && nics.count % node.gpus != 0) {
    error(
        "{}.count is {} with {} GPUs a node: more NICs than GPUs must be a whole number for each "
        "GPU",
        name, nics.count, node.gpus);
  }
  if (cluster_.fabric.kind == FabricKind::none || cluster_.nodes == 1) return;
  if (nics.count == 0) {
    error("{}.count is 0: nodes without a NIC cannot reach the fabric", name);
  } else if (!(nics.bandwidth > base::BytesPerSecond{0})) {
    error("{}.bandwidth is missing: give that of one NIC in one direction, such as 400Gb/s", name);
  }
}

void Check::overrides() {
  for (const NodeOverride& change : cluster_.overrides) {
    const std::string name = fmt::format("heterogeneous (nodes {}-{})", change.first, change.last);
    if (change.first < 0 || change.last < change.first || change.last >= cluster_.nodes) {
      error("{}: the nodes of this cluster are 0 to {}", name, cluster_.nodes - 1);
      continue;
    }
    uniform_overrides(change, name);
    node(with(cluster_.node, change), name);
  }
}

// What all nodes have to agree on.
void Check::uniform_overrides(const NodeOverride& change, const std::string& name) {
  const Node changed = with(cluster_.node, change);
  const bool joined = domain_size(cluster_.node) > cluster_.node.gpus;
  const bool spans = joined || domain_size(changed) > changed.gpus;
  if (spans && (domain_size(changed) != domain_size(cluster_.node) ||
                changed.scale_up.kind != cluster_.node.scale_up.kind)) {
    error("{}: a scale-up domain that reaches over nodes is the same on all of them", name);
  }
  const bool reduces = cluster_.node.scale_up.in_switch_reduction;
  if (changed.scale_up.in_switch_reduction != reduces ||
      (reduces && domain_size(changed) != domain_size(cluster_.node))) {
    error("{}: in_switch_reduction, and the domains where it is on, are the same on all nodes",
          name);
  }
  const bool rails = cluster_.fabric.kind == FabricKind::rail || cluster_.fabric.rail_optimized;
  if (rails && port_count(changed) != port_count(cluster_.node)) {
    error("{}: {} NICs, but {} on the other nodes; with rails every node has as many", name,
          changed.nics.count, cluster_.node.nics.count);
  }
  if (planes(changed) != planes(cluster_.node)) {
    error("{}: the number of NICs for each GPU is the same on all nodes", name);
  }
}

void Check::stragglers() {
  for (const SlowPart& part : cluster_.stragglers.slow) {
    if (part.nodes.empty() == part.gpus.empty()) {
      error("stragglers.slow names either 'nodes' or 'gpus': which are slow");
    }
    for (const int node : part.nodes) {
      if (node < cluster_.nodes) continue;
      error("stragglers.slow: there is no node {}; those of this cluster are 0 to {}", node,
            cluster_.nodes - 1);
      break;
    }
    for (const int gpu : part.gpus) {
      if (gpu < cluster_.gpu_count()) continue;
      error("stragglers.slow: there is no GPU {}; those of this cluster are 0 to {}", gpu,
            cluster_.gpu_count() - 1);
      break;
    }
    if (!part.gpus.empty() && part.nic_share < 1.0) {
      error("stragglers.slow: nic_share is of nodes; say which with 'nodes'");
    }
  }
}

void Check::fabric() {
  const Fabric& fabric = cluster_.fabric;
  not_negative(fabric.switch_latency, "fabric.switch_latency");
  if (fabric.bandwidth &&
      !(std::isfinite(fabric.bandwidth->value()) && fabric.bandwidth->value() > 0)) {
    error("fabric.bandwidth must be above 0");
  }
  if (fabric.rail_optimized && fabric.kind != FabricKind::fat_tree) {
    error(
        "fabric.rail_optimized is for kind fat_tree only; a fabric of one switch a rail is kind "
        "rail");
  }
  reduction();
  if (errors_ > 0) return;
  if (fabric.kind == FabricKind::none) {
    if (cluster_.nodes > 1 && domain_size(cluster_.node) < cluster_.gpu_count()) {
      error("{} nodes need a fabric, and fabric.kind is none", cluster_.nodes);
    }
    return;
  }
  if (cluster_.nodes == 1 && cluster_.node.nics.count == 0) return;
  if (fabric.kind == FabricKind::rail && cluster_.nodes > 1 && port_count(cluster_.node) > 1 &&
      cluster_.node.scale_up.kind == ScaleUpKind::none) {
    error(
        "a rail fabric joins NICs of the same rail only, and without scale-up (kind none) a node's "
        "GPUs "
        "cannot change rails: take fabric.kind switch or fat_tree, or give the node a scale_up");
  }
  const FabricShape shape = fabric_shape(cluster_);
  if (!(shape.nic_bandwidth > base::BytesPerSecond{0})) return;
  const std::string problem = check_fabric(shape);
  if (!problem.empty()) error("{}", problem);
}

void Check::reduction() {
  const FabricKind kind = cluster_.fabric.kind;
  if (!cluster_.fabric.in_network_reduction) return;
  if (kind == FabricKind::switched || kind == FabricKind::rail || kind == FabricKind::fat_tree) {
    return;
  }
  error("fabric.in_network_reduction is modelled for kinds switch, rail and fat_tree");
}

}  // namespace

Node ValidCluster::node_at(int node) const {
  base::expects(node >= 0 && node < cluster_.nodes, "no such node");
  Node result = cluster_.node;
  for (const NodeOverride& change : cluster_.overrides) {
    if (node >= change.first && node <= change.last) result = with(std::move(result), change);
  }
  for (const SlowPart& part : cluster_.stragglers.slow) {
    if (is_on(part, node)) result.nics.bandwidth *= part.nic_share;
  }
  return result;
}

std::optional<ValidCluster> validate(const Cluster& cluster, const base::SourceLocation& where,
                                     base::Diagnostics& diagnostics) {
  const int before = diagnostics.error_count();
  Check(cluster, where, diagnostics).all();
  if (diagnostics.error_count() > before) return std::nullopt;
  return ValidCluster(cluster);
}

}  // namespace windtunnel::sim
