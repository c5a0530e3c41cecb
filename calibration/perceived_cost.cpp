#include "calibration/perceived_cost.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "collectives/nccl/channel_search.hpp"

namespace windtunnel::calibration {
namespace {

using collectives::Algorithm;
using collectives::Op;
using collectives::Protocol;

constexpr double kNever = std::numeric_limits<double>::infinity();
using PerProtocol = std::array<double, 3>;
constexpr PerProtocol kBaseTree{6.8, 14.0, 8.4}, kBaseRing{6.6, 14.0, 8.4};  // us
constexpr PerProtocol kNvlinkTree{0.6, 1.25, 4.0}, kNvlinkRing{0.6, 1.9, 3.4};
constexpr PerProtocol kPcieTree{1.0, 1.9, 4.0}, kPcieRing{1.0, 2.5, 5.7};
constexpr PerProtocol kNetTree{5.0, 8.5, 14.0}, kNetRing{2.7, 4.0, 14.0};
// By floor(log2(bytes / 64)); nccl.md section 1.
constexpr std::array<std::array<double, 23>, 3> kTreeCorrection{
    {{1, 1, 1, 1, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1, 1, 1, 1},
     {1, 1, 1, 1, 1, .9, .8, .8, .8, .7, .6, .6, .6, .6, .6, .6, .8, .9, .9, .9, .9, 1, 1},
     {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .6, .7, .8, .7, .7, .8, .9, .9}}};

// GB/s of the whole communicator, and the caps of section 2.
struct Perceived {
  double bus = 0, tree_bus = 0, channels = 0, ll_cap = 0, ll128_ring = 0, tree_cap = 0,
         ll128_tree = 0;
};

double by_generation(int cc, double volta, double ampere, double hopper, double blackwell) {
  return cc >= 100 ? blackwell : cc >= 90 ? hopper : cc >= 80 ? ampere : volta;
}

// Rings that NCCL's search finds over several nodes: one a NIC at 24 GB/s for 200 Gb/s, two for 400.
double channels_between(const CollectiveCase& c) {
  static const collectives::nccl::Constants constants = collectives::nccl::constants();
  collectives::nccl::Topology topology;
  topology.layout = collectives::nccl::regular_layout(static_cast<int>(c.nodes),
                                                      static_cast<int>(c.gpus_per_node));
  topology.compute_capability = c.links.compute_capability;
  topology.intra = c.links.intra == IntraLink::pcie ? collectives::nccl::IntraPath::pcie
                                                    : collectives::nccl::IntraPath::nvlink;
  topology.intra_bandwidth = base::BytesPerSecond(c.links.intra_ring);
  topology.nics = std::max(1, c.links.nics);
  topology.nic_bandwidth = base::BytesPerSecond(c.links.node_rate / topology.nics);
  return search_channels(topology, constants).ring.channels;
}

Perceived perceive(const CollectiveCase& c) {
  const int cc = c.links.compute_capability;
  const double ring = c.links.intra_ring / 1e9, net = c.links.node_rate / 1e9;
  const bool two = c.nodes == 2.0;
  Perceived p;
  p.bus = c.multi_node() ? std::min(ring, 0.96 * net) : ring;
  p.tree_bus = two ? std::min(ring, 1.92 * net) : p.bus;
  p.channels = c.multi_node() ? channels_between(c) : c.links.intra_channels;
  p.ll_cap = c.multi_node() ? (two ? 39.0 : 20.4) : by_generation(cc, 39.0, 87.7, 141.0, 282.0);
  p.ll128_ring = by_generation(cc, 20.0, 20.0, 36.7, 73.4);
  p.ll128_tree = cc >= 90 ? (c.nodes > 2.0 ? 29.0 : 36.7) : 20.0;
  if (cc >= 90)
    p.tree_cap = c.multi_node() ? (two ? 41.4 : 36.0) : 38.7;
  else if (cc >= 80)
    p.tree_cap = c.multi_node() ? (two ? 23.6 : 17.8) : 24.0;
  else
    p.tree_cap = c.multi_node() ? (two ? 18.5 : 10.0) : 26.5;
  return p;
}

double steps_of(Op op, double n) {
  if (op == Op::all_reduce) return 2.0 * (n - 1.0);
  return op == Op::broadcast || op == Op::reduce ? n : n - 1.0;
}

double ring_cost(const CollectiveCase& c, const Perceived& p, std::size_t protocol) {
  const double n = c.ranks(), steps = steps_of(c.op, n);
  const bool pcie = c.links.intra == IntraLink::pcie;
  const double hop = pcie ? kPcieRing[protocol] : kNvlinkRing[protocol];
  const double net = c.gpus_per_node == 1.0 ? kNetTree[protocol] : kNetRing[protocol];
  double latency = 0.0;
  if (c.op == Op::broadcast || c.op == Op::reduce) {
    latency = kBaseRing[protocol] + hop + (c.multi_node() ? net : 0.0);
  } else {
    const double across = c.multi_node() ? steps_of(c.op, c.nodes) : 0.0;
    const double post = c.multi_node() ? (protocol == 2 ? 3.0 : 1.0) : 0.0;
    latency = kBaseRing[protocol] + (steps - across) * std::max(hop, post) + across * net;
    if (protocol == 2 && c.op == Op::all_reduce && c.multi_node() &&
        c.bytes / (p.channels * n) >= 64.0)
      latency *= 1.4;
  }
  const PerProtocol bus{std::min(p.ll_cap, 0.5 * p.bus),
                        std::min(0.92 * p.bus, p.channels * p.ll128_ring), p.bus};
  return latency + c.bytes / 1e3 / (bus[protocol] * n / steps);
}

double tree_cost(const CollectiveCase& c, const Perceived& p, std::size_t protocol) {
  const bool pcie = c.links.intra == IntraLink::pcie;
  const double hop = pcie ? kPcieTree[protocol] : kNvlinkTree[protocol];
  double latency =
      kBaseTree[protocol] +
      2.0 * ((c.gpus_per_node - 1.0) * hop + std::floor(std::log2(c.nodes)) * kNetTree[protocol]);
  // Before 2.22 a Simple tree hop inside a node counted 28 us.
  if (protocol == 2 && !c.multi_node() && c.links.nccl_minor < 22)
    latency += 2.0 * (c.gpus_per_node - 1.0) * 24.0;
  const double b = std::min(0.92 * p.tree_bus, p.channels * p.tree_cap);
  const double ll128 =
      std::min(b * (c.multi_node() ? 120.0 / 128.0 : 7.0 / 9.0), p.channels * p.ll128_tree);
  const PerProtocol bus{std::min(b / 3.8, p.ll_cap), ll128, b};
  double bandwidth = 0.5 * bus[protocol];
  const int index = c.bytes < 64.0 ? -1 : static_cast<int>(std::floor(std::log2(c.bytes / 64.0)));
  if (index >= 0 && index < 23)
    bandwidth *= kTreeCorrection[protocol][static_cast<std::size_t>(index)];
  return latency + c.bytes / 1e3 / bandwidth;
}

double nvls_cost(const CollectiveCase& c) {
  const double g = c.gpus_per_node, n = c.ranks();
  const bool blackwell = c.links.compute_capability >= 100;
  const double head = (g >= 8.0 ? 40.0 : g >= 6.0 ? 50.0 : 60.0) * (blackwell ? 1.9 : 1.0);
  double bandwidth = head * 0.85 * (g - 1.0) / g * 2.0;
  if (c.multi_node()) {
    const double both = c.nodes == 2.0 ? 2.0 : 1.0;
    const double cap = (c.nodes == 2.0 ? 57.7 : 45.5) * (blackwell ? 1.7 : 1.0);
    bandwidth = std::min({bandwidth, both * c.links.node_rate / 1e9 / g * 0.96, cap});
  }
  const double latency = 25.0 + 2.0 * std::floor(std::log2(c.nodes)) * 20.9;
  return latency + c.bytes / 1e3 / (bandwidth * g * n / (2.0 * (n - 1.0)));
}

bool ruled_out(const CollectiveCase& c, Candidate candidate, bool nvls_exists) {
  const Algorithm want = c.algorithm;
  const Algorithm is = algorithm_of(candidate);
  const bool unmeasured = want != Algorithm::ring && want != Algorithm::double_binary_tree &&
                          want != Algorithm::in_network;
  if (!unmeasured && want != is && !(want == Algorithm::in_network && !nvls_exists)) return true;
  return c.protocol != Protocol::automatic && c.protocol != protocol_of(candidate);
}

}  // namespace

Algorithm algorithm_of(Candidate candidate) {
  switch (candidate) {
    case Candidate::tree_ll:
    case Candidate::tree_ll128:
    case Candidate::tree_simple:
      return Algorithm::double_binary_tree;
    case Candidate::ring_ll:
    case Candidate::ring_ll128:
    case Candidate::ring_simple:
      return Algorithm::ring;
    case Candidate::nvls:
      return Algorithm::in_network;
    case Candidate::peer:
      return Algorithm::direct;
  }
  return Algorithm::ring;
}

Protocol protocol_of(Candidate candidate) {
  switch (candidate) {
    case Candidate::tree_ll:
    case Candidate::ring_ll:
      return Protocol::ll;
    case Candidate::tree_ll128:
    case Candidate::ring_ll128:
      return Protocol::ll128;
    default:
      return Protocol::simple;
  }
}

Costs perceived_costs(const CollectiveCase& c) {
  Costs costs;
  costs.fill(kNever);
  if (c.op == Op::all_to_all || c.op == Op::send_recv) {
    costs[static_cast<std::size_t>(Candidate::peer)] = 1.0;
    return costs;
  }
  const Perceived p = perceive(c);
  for (std::size_t protocol = 0; protocol < 3; ++protocol) {
    if (protocol == 1 && !c.links.ll128) continue;
    if (c.op == Op::all_reduce) costs[protocol] = tree_cost(c, p, protocol);
    costs[3 + protocol] = ring_cost(c, p, protocol);
  }
  const bool nvls =
      c.op == Op::all_reduce && c.links.nvls && c.gpus_per_node >= 2.0 && c.links.nccl_minor >= 18;
  if (nvls) costs[static_cast<std::size_t>(Candidate::nvls)] = nvls_cost(c);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (ruled_out(c, static_cast<Candidate>(i), nvls)) costs[i] = kNever;
  }
  return costs;
}

}  // namespace windtunnel::calibration
