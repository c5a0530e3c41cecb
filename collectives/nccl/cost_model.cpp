#include "collectives/nccl/cost_model.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

namespace windtunnel::collectives::nccl {
namespace {

using base::BytesPerSecond;
using base::Seconds;

bool is_gather(Op op) {
  return op == Op::all_gather || op == Op::reduce_scatter;
}

bool rooted(Op op) {
  return op == Op::broadcast || op == Op::reduce;
}

bool is_nvls(NcclAlgorithm algorithm) {
  return algorithm == NcclAlgorithm::nvls || algorithm == NcclAlgorithm::nvls_tree;
}

bool is_collnet(NcclAlgorithm algorithm) {
  return algorithm == NcclAlgorithm::collnet_direct || algorithm == NcclAlgorithm::collnet_chain;
}

// Whether NCCL has `algorithm` for `op` at all.
bool candidate(Op op, NcclAlgorithm algorithm) {
  if (rooted(op)) return algorithm == NcclAlgorithm::ring;
  if (op == Op::all_reduce) return algorithm != NcclAlgorithm::pat;
  if (!is_gather(op)) return false;
  return algorithm == NcclAlgorithm::ring || algorithm == NcclAlgorithm::nvls ||
         algorithm == NcclAlgorithm::collnet_direct || algorithm == NcclAlgorithm::pat;
}

bool simple_only(NcclAlgorithm algorithm) {
  return algorithm != NcclAlgorithm::ring && algorithm != NcclAlgorithm::tree;
}

int floor_log2(int value) {
  return static_cast<int>(std::bit_width(static_cast<unsigned>(value))) - 1;
}

}  // namespace

CostModel::CostModel(Topology topology, Constants constants)
    : topology_(std::move(topology)),
      constants_(std::move(constants)),
      graphs_(search_channels(topology_, constants_)) {}

std::vector<TableEntry> CostModel::table(Op op) const {
  std::vector<TableEntry> out;
  if (topology_.layout.ranks < 2) return out;
  for (const NcclAlgorithm algorithm : kNcclAlgorithms) {
    if (!candidate(op, algorithm)) continue;
    for (const Protocol protocol : kProtocols) {
      if (simple_only(algorithm) && protocol != Protocol::simple) continue;
      TableEntry entry{algorithm, protocol, Seconds(0), BytesPerSecond(0),
                       disabled(op, algorithm, protocol)};
      if (entry.disabled.empty()) {
        entry.latency = latency(op, algorithm, protocol);
        entry.bandwidth = bandwidth(op, algorithm, protocol);
      }
      out.push_back(std::move(entry));
    }
  }
  return out;
}

Seconds CostModel::time(Op op, const TableEntry& entry, base::Bytes bytes) const {
  BytesPerSecond bandwidth = entry.bandwidth;
  Seconds latency = entry.latency;
  if (op == Op::all_reduce && entry.algorithm == NcclAlgorithm::tree) {
    const auto units = static_cast<std::uint64_t>(std::max(0.0, bytes.value() / 64.0));
    const auto& correction = constants_.tree_correction[index_of(entry.protocol)];
    const auto index = static_cast<int>(std::bit_width(units)) - 1;
    if (index >= 0 && static_cast<std::size_t>(index) < correction.size()) {
      bandwidth *= correction[static_cast<std::size_t>(index)];
    }
  }
  const double share = bytes.value() / (double{1.0} * graphs_.channels * topology_.layout.ranks);
  if (op == Op::all_reduce && entry.algorithm == NcclAlgorithm::ring &&
      entry.protocol == Protocol::simple && topology_.layout.nodes > 1 &&
      share >= constants_.plateau_bytes) {
    latency *= topology_.compute_capability < 80 ? constants_.plateau_factor_before_sm80
                                                 : constants_.plateau_factor;
  }
  return latency + bytes / bandwidth;
}

std::size_t CostModel::node_index() const {
  return static_cast<std::size_t>(std::min(topology_.layout.nodes, 3) - 1);
}

double CostModel::steps(Op op) const {
  const int ranks = topology_.layout.ranks;
  if (op == Op::all_reduce) return 2.0 * (ranks - 1);
  return is_gather(op) ? ranks - 1 : ranks;
}

BytesPerSecond CostModel::channel_speed(const Graph& graph) const {
  return topology_.layout.nodes <= 2 ? graph.intra : graph.inter;
}

BytesPerSecond CostModel::ll_cap() const {
  if (topology_.layout.nodes == 1) return constants_.caps_of(topology_.generation()).ll;
  const std::size_t index = topology_.layout.nodes == 2 ? 0 : 1;
  return topology_.cpu == CpuVendor::amd ? constants_.ll_multi_node_amd[index]
                                         : constants_.ll_multi_node_other[index];
}

BytesPerSecond CostModel::ring_bus(Protocol protocol) const {
  const Caps& caps = constants_.caps_of(topology_.generation());
  const BytesPerSecond bus = channel_speed(graphs_.ring) * graphs_.ring.channels;
  if (protocol == Protocol::ll) return base::min(ll_cap(), bus * constants_.efficiency.ring_ll);
  if (protocol == Protocol::simple) return bus;
  return base::min(bus * constants_.efficiency.ring_ll128,
                   caps.ll128_ring[node_index()] * graphs_.ring.channels);
}

BytesPerSecond CostModel::tree_bus(Protocol protocol) const {
  const Caps& caps = constants_.caps_of(topology_.generation());
  const Efficiencies& efficiency = constants_.efficiency;
  const int channels = graphs_.tree.channels;
  const BytesPerSecond bus = base::min(channel_speed(graphs_.tree) * channels * efficiency.tree,
                                       caps.tree[node_index()] * channels);
  if (protocol == Protocol::simple) return bus;
  if (protocol == Protocol::ll) return base::min(bus / efficiency.tree_ll_divisor, ll_cap());
  const double share =
      topology_.layout.nodes == 1 ? efficiency.tree_ll128_one_node : efficiency.tree_ll128;
  return base::min(bus * share, caps.ll128_tree[node_index()] * channels);
}

BytesPerSecond CostModel::nvls_bus(Op op, NcclAlgorithm algorithm) const {
  const Caps& caps = constants_.caps_of(topology_.generation());
  const Graph& graph = graphs_.nvls;
  const double ranks_per_node = topology_.layout.ranks_per_node();
  const bool tree = algorithm == NcclAlgorithm::nvls_tree;
  const bool two_nodes = topology_.layout.nodes <= 2;
  if (constants_.nvls_model == NvlsModel::graph) {
    BytesPerSecond speed = base::min(graph.intra, graph.inter);
    if (tree) speed = base::min(graph.intra, two_nodes ? graph.inter : graph.inter / 2.0);
    if (is_gather(op)) {
      speed = base::min(graph.intra * ((ranks_per_node - 1) / ranks_per_node),
                        graph.inter * constants_.efficiency.gather_inter);
    }
    return speed * graph.channels;
  }
  const double heads = graph.channels;
  const double share = op == Op::all_reduce ? 2.0 : (ranks_per_node - 1) / ranks_per_node;
  BytesPerSecond speed =
      base::min(graph.intra * (caps.nvls_efficiency * (heads - 1) / heads * share),
                graph.inter * (tree && two_nodes ? constants_.nvls_tree_two_node_factor : 1.0));
  if (tree) speed = base::min(speed, caps.nvls_tree[node_index()]);
  return speed * heads;
}

BytesPerSecond CostModel::collnet_direct_bus(Op op) const {
  const Graph& graph = graphs_.collnet;
  const double ranks_per_node = topology_.layout.ranks_per_node();
  if (is_gather(op)) {
    return base::min(graph.intra, graph.inter * constants_.efficiency.gather_inter) *
           ranks_per_node;
  }
  double factor = ranks_per_node / graph.channels;
  factor -= (factor - 1) / 2;
  BytesPerSecond bus = graph.intra * graph.channels / factor;
  if (topology_.compute_capability >= 90) bus *= constants_.efficiency.collnet_direct_sm90;
  return bus;
}

BytesPerSecond CostModel::bandwidth(Op op, NcclAlgorithm algorithm, Protocol protocol) const {
  const double ring_ratio = topology_.layout.ranks / steps(op);
  const double half = is_gather(op) ? 1.0 : constants_.efficiency.half_ratio;
  const double nvls_ratio = is_gather(op)                      ? 1.0
                            : constants_.nvls_base_ratio > 0.0 ? constants_.nvls_base_ratio
                                                               : ring_ratio;
  switch (algorithm) {
    case NcclAlgorithm::ring:
      return ring_bus(protocol) * ring_ratio;
    case NcclAlgorithm::tree:
      return tree_bus(protocol) * half;
    case NcclAlgorithm::nvls:
    case NcclAlgorithm::nvls_tree:
      return nvls_bus(op, algorithm) * nvls_ratio;
    case NcclAlgorithm::collnet_direct:
      return collnet_direct_bus(op) * half;
    case NcclAlgorithm::collnet_chain:
      return graphs_.collnet.intra * graphs_.collnet.channels * half;
    case NcclAlgorithm::pat:
      return channel_speed(graphs_.tree) * graphs_.tree.channels * constants_.efficiency.pat * half;
  }
  return BytesPerSecond(0);
}

Seconds CostModel::inter_latency(NcclAlgorithm algorithm, Protocol protocol) const {
  const bool one_rank_per_node = topology_.layout.ranks == topology_.layout.nodes;
  const NcclAlgorithm hop = one_rank_per_node ? NcclAlgorithm::tree : algorithm;
  const int nic_crossings = protocol == Protocol::simple ? 2 : 1;  // Simple flushes
  return constants_.net_hop[index_of(hop)][index_of(protocol)] +
         constants_.nic_latency * nic_crossings;
}

Seconds CostModel::ring_latency(Op op, Protocol protocol) const {
  const std::size_t p = index_of(protocol);
  const std::size_t ring = index_of(NcclAlgorithm::ring);
  const Latencies& hops =
      topology_.intra == IntraPath::nvlink ? constants_.nvlink_hop : constants_.pcie_hop;
  const int nodes = topology_.layout.nodes;
  const Seconds start = constants_.base_latency[ring][p];
  if (rooted(op)) {
    const Latencies& slowest = nodes == 1 ? hops : constants_.net_hop;
    if (graphs_.same_order) return start + slowest[ring][p];
    const bool simple = protocol == Protocol::simple;
    return start + slowest[simple ? index_of(NcclAlgorithm::tree) : ring][p] * steps(op);
  }
  Seconds overhead(0);
  if (nodes > 1) {
    overhead = topology_.cpu == CpuVendor::amd ? constants_.net_overhead_amd
                                               : constants_.net_overhead_other;
    if (protocol == Protocol::simple) overhead *= constants_.net_overhead_simple_factor;
  }
  const double between = (op == Op::all_reduce ? 2.0 : 1.0) * (nodes - 1);
  return start + base::max(hops[ring][p], overhead) * (steps(op) - between) +
         inter_latency(NcclAlgorithm::ring, protocol) * between;
}

Seconds CostModel::latency(Op op, NcclAlgorithm algorithm, Protocol protocol) const {
  if (algorithm == NcclAlgorithm::ring) return ring_latency(op, protocol);
  const std::size_t a = index_of(algorithm);
  const std::size_t p = index_of(protocol);
  const Latencies& hops =
      topology_.intra == IntraPath::nvlink ? constants_.nvlink_hop : constants_.pcie_hop;
  const Seconds start = constants_.base_latency[a][p];
  const Seconds inside = hops[a][p];
  const Seconds between = inter_latency(algorithm, protocol);
  const int nodes = topology_.layout.nodes;
  const double local = topology_.layout.ranks_per_node() - 1;
  const int levels = floor_log2(nodes);
  switch (algorithm) {
    case NcclAlgorithm::tree:
      return start + (inside * local + between * levels) * 2.0;
    case NcclAlgorithm::nvls:
      return start + (nodes > 1 ? inside + between : inside);
    case NcclAlgorithm::nvls_tree:
      return start + inside + between * (2.0 * levels);
    case NcclAlgorithm::collnet_direct:
      return start +
             (inside * std::min(1.0, local) + constants_.collnet_direct_per_rank * local) * 2.0 +
             between;
    case NcclAlgorithm::collnet_chain:
      return start + inside * (2.0 * local) + between;
    case NcclAlgorithm::pat:
      return start + between * (levels / constants_.pat_latency_divisor) +
             constants_.pat_per_rank * topology_.layout.ranks;
    case NcclAlgorithm::ring:
      break;
  }
  return start;
}

std::string CostModel::disabled(Op op, NcclAlgorithm algorithm, Protocol protocol) const {
  const int nodes = topology_.layout.nodes;
  const bool one_rank_per_node = topology_.layout.ranks == nodes;
  if (is_nvls(algorithm)) {
    if (!topology_.nvls) return "no NVLS: it needs Hopper or newer on an NVSwitch that reduces";
    if (graphs_.nvls.channels < 2) return "NVLS needs at least two heads";
    if (algorithm == NcclAlgorithm::nvls_tree && nodes == 1) return "NVLSTree is for several nodes";
    if (algorithm == NcclAlgorithm::nvls && nodes > 1 && !topology_.collnet)
      return "NVLS over several nodes needs CollNet (SHARP)";
    if (is_gather(op) && !constants_.nvls_gathers) return "not in this version of NCCL";
  }
  if (is_collnet(algorithm)) {
    if (nodes == 1 || graphs_.collnet.channels == 0) return "CollNet needs a network that reduces";
    if (algorithm == NcclAlgorithm::collnet_direct &&
        (!topology_.nvswitch ||
         topology_.layout.ranks_per_node() > constants_.collnet_direct_max_ranks))
      return "CollNetDirect needs an NVSwitch and at most 8 ranks a node";
  }
  if (algorithm == NcclAlgorithm::pat) {
    if (!constants_.pat_available) return "not in this version of NCCL";
    if (!one_rank_per_node || nodes == 1) return "PAT needs exactly one rank a node";
  }
  if (protocol == Protocol::ll128) {
    if (topology_.compute_capability < 70 || !topology_.uniform_gpus)
      return "LL128 needs one GPU architecture, Volta or newer";
    if (topology_.intra == IntraPath::pcie && !one_rank_per_node)
      return "LL128 needs NVLink between the GPUs of a node";
    if (nodes > 1 && topology_.compute_capability < 90 && !topology_.nics_near_gpus)
      return "LL128 before Hopper needs a NIC on the PCIe switch of the GPU";
  }
  return "";
}

}  // namespace windtunnel::collectives::nccl
