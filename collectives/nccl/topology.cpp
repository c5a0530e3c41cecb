#include "collectives/nccl/topology.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::collectives::nccl {
namespace {

using base::BytesPerSecond;

int nearest_by_precisions(const sim::Gpu& gpu) {
  if (gpu.peak.contains("nvfp4")) return 100;
  if (gpu.peak.contains("fp8")) return 90;
  return gpu.peak.contains("bf16") ? 80 : 70;
}

int compute_capability(const sim::Gpu& gpu, std::vector<std::string>& notes) {
  const bool workstation = gpu.nvlink_bandwidth.value() <= 0 || gpu.name.starts_with("rtx");
  if (gpu.architecture == "volta") return 70;
  if (gpu.architecture == "turing") return 75;
  if (gpu.architecture == "ampere") return gpu.name.starts_with("rtx") ? 86 : 80;
  if (gpu.architecture == "ada") return 89;
  if (gpu.architecture == "hopper") return 90;
  if (gpu.architecture == "blackwell") return workstation ? 120 : 100;
  if (gpu.architecture.starts_with("cdna")) {
    notes.push_back("RCCL on " + gpu.name +
                    ": counted as NCCL on compute capability 9.0 over a mesh of its links");
    return 90;
  }
  const int nearest = nearest_by_precisions(gpu);
  notes.push_back("NCCL's constants do not know the architecture '" + gpu.architecture + "' of " +
                  (gpu.name.empty() ? "this GPU" : gpu.name) + "; counted as compute capability " +
                  std::to_string(nearest / 10) + "." + std::to_string(nearest % 10));
  return nearest;
}

CpuVendor cpu_vendor(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, CpuVendor>, 4> kVendors{
      {{"intel", CpuVendor::intel},
       {"amd", CpuVendor::amd},
       {"arm", CpuVendor::arm},
       {"power", CpuVendor::power}}};
  const auto* found = std::find_if(kVendors.begin(), kVendors.end(),
                                   [&](const auto& entry) { return entry.first == text; });
  return found == kVendors.end() ? CpuVendor::unknown : found->second;
}

// GPUs that NCCL takes for one node: an NVLink domain that spans hosts, else a host.
int gpus_of_node(const sim::Cluster& cluster) {
  if (cluster.explicit_network) return 1;
  const bool spans = cluster.node.scale_up.kind == sim::ScaleUpKind::nvswitch;
  return spans ? std::max(cluster.node.gpus, cluster.node.scale_up.size) : cluster.node.gpus;
}

// Links of every pair of GPUs of a mesh or ring of `gpus`.
std::vector<std::vector<double>> links_of_pairs(const sim::ScaleUp& scale_up, int gpus) {
  const auto size = static_cast<std::size_t>(gpus);
  std::vector<std::vector<double>> links(size, std::vector<double>(size, 0.0));
  if (scale_up.kind == sim::ScaleUpKind::nvlink_ring) {
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t next = (i + 1) % size;
      if (next != i) links[i][next] = links[next][i] = 1.0;
    }
  } else if (scale_up.links.empty()) {
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j < size; ++j) links[i][j] = i == j ? 0.0 : 1.0;
  }
  for (const sim::MeshLink& link : scale_up.links) {
    links[static_cast<std::size_t>(link.a)][static_cast<std::size_t>(link.b)] += link.count;
    links[static_cast<std::size_t>(link.b)][static_cast<std::size_t>(link.a)] += link.count;
  }
  return links;
}

std::vector<std::vector<BytesPerSecond>> used_edges(const sim::Node& node,
                                                    const Topology& topology) {
  const std::vector<std::vector<double>> links = links_of_pairs(node.scale_up, node.gpus);
  const std::vector<int>& used = topology.layout.local_gpus;
  std::vector<std::vector<BytesPerSecond>> edges(used.size(),
                                                 std::vector<BytesPerSecond>(used.size()));
  for (std::size_t i = 0; i < used.size(); ++i) {
    const std::vector<double>& row = links[static_cast<std::size_t>(used[i])];
    const double all = std::accumulate(row.begin(), row.end(), 0.0);
    for (std::size_t j = 0; j < used.size(); ++j) {
      const double share = all > 0 ? row[static_cast<std::size_t>(used[j])] / all : 0.0;
      edges[i][j] = topology.intra_bandwidth * share;
    }
  }
  return edges;
}

// Whether a path over all vertices from `path.back()` closes into a ring over `edges`.
bool extends_to_ring(const std::vector<std::vector<BytesPerSecond>>& edges,
                     std::vector<std::size_t>& path, std::vector<bool>& visited) {
  if (path.size() == edges.size()) return edges[path.back()][path.front()].value() > 0;
  for (std::size_t next = 0; next < edges.size(); ++next) {
    if (visited[next] || edges[path.back()][next].value() <= 0) continue;
    visited[next] = true;
    path.push_back(next);
    if (extends_to_ring(edges, path, visited)) return true;
    path.pop_back();
    visited[next] = false;
  }
  return false;
}

bool has_ring(const std::vector<std::vector<BytesPerSecond>>& edges) {
  if (edges.size() < 2) return true;
  constexpr std::size_t kExhaustive =
      16;  // larger meshes are dense; the search would only cost time
  if (edges.size() > kExhaustive) return true;
  std::vector<std::size_t> path{0};
  std::vector<bool> visited(edges.size(), false);
  visited[0] = true;
  return extends_to_ring(edges, path, visited);
}

BytesPerSecond inter_socket(const Constants& constants, CpuVendor cpu, BytesPerSecond pcie) {
  switch (cpu) {
    case CpuVendor::amd:
      return constants.socket_amd;
    case CpuVendor::arm:
      return constants.socket_arm;
    case CpuVendor::power:
      return constants.socket_power;
    case CpuVendor::intel:
    case CpuVendor::unknown:
      break;
  }
  // The generation of the CPU follows that of its PCIe: Skylake, Ice Lake, Sapphire Rapids.
  constexpr double kGeneration5 = 40e9;
  constexpr double kGeneration4 = 20e9;
  if (pcie.value() > kGeneration5) return constants.socket_intel[2];
  return constants.socket_intel[pcie.value() > kGeneration4 ? 1 : 0];
}

// Without NVLink: over PCIe switches, the root complex and, past four GPUs, the link between
// sockets.
void describe_pcie(const sim::Node& node, const Constants& constants, Topology& topology) {
  const bool stated = node.scale_up.kind == sim::ScaleUpKind::pcie;
  BytesPerSecond pcie = stated ? node.scale_up.bandwidth : node.gpu.pcie_bandwidth;
  if (pcie.value() <= 0) pcie = BytesPerSecond(32e9);
  topology.intra = IntraPath::pcie;
  topology.nvswitch = false;
  topology.edges.clear();
  topology.intra_bandwidth = pcie * constants.pcie_fraction;
  const auto used = static_cast<int>(topology.layout.local_gpus.size());
  const int below_switch = node.scale_up.gpus_per_switch;
  if (stated && below_switch > 0 && used <= below_switch) return;
  BytesPerSecond bridge = topology.intra_bandwidth;
  if (stated && below_switch > 0 && node.scale_up.uplink_bandwidth.value() > 0) {
    bridge = node.scale_up.uplink_bandwidth * constants.pcie_fraction;
  }
  if (topology.cpu == CpuVendor::intel) bridge = bridge / constants.pcie_intel_peer_factor;
  constexpr int kGpusOfOneSocket = 4;
  if (used > kGpusOfOneSocket) {
    bridge = base::min(bridge, inter_socket(constants, topology.cpu, pcie));
    topology.notes.push_back(
        "NCCL's choice assumes two CPU sockets, as PCIe nodes of more than four GPUs have");
  }
  topology.bridge_bandwidth = bridge;
}

void describe_nvlink(const sim::Node& node, const Constants& constants, Topology& topology) {
  topology.intra = IntraPath::nvlink;
  topology.intra_bandwidth =
      node.scale_up.bandwidth * constants.nvlink_fraction(topology.compute_capability);
  topology.nvswitch = node.scale_up.kind == sim::ScaleUpKind::nvswitch;
  if (topology.nvswitch) return;
  topology.edges = used_edges(node, topology);
  if (has_ring(topology.edges)) return;
  topology.notes.push_back(
      "the GPUs used have no NVLink ring through all of them; NCCL falls back to PCIe");
  describe_pcie(node, constants, topology);
}

void describe_network(const sim::Cluster& cluster, const sim::Node& node,
                      const Constants& constants, Topology& topology) {
  const int used = static_cast<int>(topology.layout.local_gpus.size());
  const int hosts = std::max(1, gpus_of_node(cluster) / std::max(1, node.gpus));
  const int nics = node.nics.count * hosts;
  const int gpus = node.gpus * hosts;
  topology.nics = std::max(1, (nics * used + gpus - 1) / std::max(1, gpus));
  topology.nic_bandwidth =
      node.nics.bandwidth.value() > 0 ? node.nics.bandwidth : constants.default_nic;
  // A NIC feeds one GPU over that GPU's PCIe link.
  if (node.gpu.pcie_bandwidth.value() > 0) {
    topology.nic_bandwidth =
        base::min(topology.nic_bandwidth, node.gpu.pcie_bandwidth * constants.pcie_fraction);
  }
  topology.nics_near_gpus = 2 * nics >= gpus;
  topology.collnet = cluster.fabric.in_network_reduction;
}

void describe_explicit(const sim::ExplicitNetwork& network, const Constants& constants,
                       Topology& topology) {
  topology.nics = 1;
  topology.nic_bandwidth = constants.default_nic;
  if (network.hosts.size() > 1 && !network.routes.at(1).empty()) {
    BytesPerSecond narrowest = BytesPerSecond::infinity();
    for (const int link : network.routes.at(1)) {
      narrowest = base::min(narrowest, network.links.at(static_cast<std::size_t>(link)).bandwidth);
    }
    topology.nic_bandwidth = narrowest;
  }
  topology.notes.push_back(
      "NCCL's choice takes each host of the imported platform for a node of one GPU and one NIC");
}

bool uniform(const sim::ValidCluster& cluster, int capability) {
  std::vector<std::string> ignored;
  return std::all_of(cluster->overrides.begin(), cluster->overrides.end(), [&](const auto& change) {
    if (!change.gpu) return true;
    const int other = compute_capability(*change.gpu, ignored);
    return other == capability || (other >= 90 && capability >= 90);
  });
}

}  // namespace

Generation Topology::generation() const {
  if (compute_capability >= 100) return Generation::blackwell;
  if (compute_capability >= 90) return Generation::hopper;
  return compute_capability >= 80 ? Generation::ampere : Generation::volta;
}

RankLayout regular_layout(int nodes, int ranks_per_node) {
  base::expects(nodes >= 1 && ranks_per_node >= 1, "at least one node and one rank a node");
  RankLayout layout{nodes, nodes * ranks_per_node, {}};
  layout.local_gpus.resize(static_cast<std::size_t>(ranks_per_node));
  std::iota(layout.local_gpus.begin(), layout.local_gpus.end(), 0);
  return layout;
}

RankLayout layout_of(const sim::ValidCluster& cluster, std::span<const int> gpus) {
  base::expects(!gpus.empty(), "a group has at least one GPU");
  const int size = gpus_of_node(*cluster);
  std::set<int> nodes;
  RankLayout layout;
  const int first_node = gpus.front() / size;
  for (const int gpu : gpus) {
    nodes.insert(gpu / size);
    if (gpu / size == first_node) layout.local_gpus.push_back(gpu % size);
  }
  std::sort(layout.local_gpus.begin(), layout.local_gpus.end());
  layout.nodes = static_cast<int>(nodes.size());
  layout.ranks = static_cast<int>(gpus.size());
  return layout;
}

Topology topology_of(const sim::ValidCluster& cluster, const RankLayout& layout,
                     const Constants& constants) {
  base::expects(layout.nodes >= 1 && layout.ranks >= layout.nodes,
                "a rank on every node of a layout");
  Topology topology;
  topology.layout = layout;
  const sim::Node node = cluster.node_at(0);
  topology.compute_capability = compute_capability(node.gpu, topology.notes);
  topology.uniform_gpus = uniform(cluster, topology.compute_capability);
  topology.cpu = cpu_vendor(node.cpu);
  if (cluster->explicit_network) {
    describe_explicit(*cluster->explicit_network, constants, topology);
    return topology;
  }
  const sim::ScaleUpKind kind = node.scale_up.kind;
  if (kind == sim::ScaleUpKind::pcie || kind == sim::ScaleUpKind::none) {
    describe_pcie(node, constants, topology);
  } else {
    describe_nvlink(node, constants, topology);
  }
  describe_network(*cluster, node, constants, topology);
  topology.nvls = topology.nvswitch && node.scale_up.in_switch_reduction &&
                  topology.compute_capability >= 90 && layout.local_gpus.size() >= 2;
  return topology;
}

}  // namespace windtunnel::collectives::nccl
