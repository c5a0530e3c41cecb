#include <cmath>

#include "calibration/collective_model.hpp"

namespace windtunnel::calibration {
namespace {

using P = Param;
using G = ParamGroup;
constexpr std::array<ParamInfo, kParams> kTable{{
    {P::host, "host", "us", 5.0, 0.8, G::host, "launch floor of one process a GPU"},
    {P::host_per_gpu, "host_per_gpu", "us", 4.0, 0.6, G::host,
     "more per further GPU that one process drives"},
    {P::intra_ll, "intra_ll", "us", 0.6, 0.6, G::intra_latency, "ring hop inside a node, LL"},
    {P::intra_ll128, "intra_ll128", "us", 1.6, 0.6, G::intra_latency,
     "ring hop inside a node, LL128"},
    {P::intra_simple, "intra_simple", "us", 3.4, 0.5, G::intra_latency,
     "ring hop inside a node, Simple"},
    {P::net_ll, "net_ll", "us", 4.0, 0.6, G::net_latency, "ring hop over the network, LL"},
    {P::net_ll128, "net_ll128", "us", 6.0, 0.6, G::net_latency, "ring hop over the network, LL128"},
    {P::net_simple, "net_simple", "us", 14.0, 0.6, G::net_latency, "hop over the network, Simple"},
    {P::tree_intra, "tree_intra", "1", 1.0, 0.4, G::other, "tree hop over ring hop, inside a node"},
    {P::tree_net, "tree_net", "1", 1.5, 0.4, G::other, "tree hop over ring hop, network"},
    {P::ring_net_simple, "ring_net_simple", "1", 1.0, 0.8, G::other,
     "ring over plain network hop, Simple"},
    {P::rendezvous, "rendezvous", "1", 0.3, 1.0, G::other,
     "tenth of the growth of an LL hop past rendezvous_bytes"},
    {P::rendezvous_bytes, "rendezvous_bytes", "bytes", 8192.0, 1.0, G::other,
     "message where eager sending ends"},
    {P::intra_rate_ll, "intra_rate_ll", "1", 0.35, 0.4, G::intra_rate,
     "LL rate over NVLink or PCIe ring rate"},
    {P::intra_rate_ll128, "intra_rate_ll128", "1", 0.85, 0.25, G::intra_rate,
     "LL128 rate over ring rate"},
    {P::intra_rate_simple, "intra_rate_simple", "1", 1.0, 0.15, G::intra_rate,
     "Simple rate over ring rate"},
    {P::net_rate_ll, "net_rate_ll", "1", 0.25, 0.7, G::net_rate_low,
     "LL rate over the node's NIC rate"},
    {P::net_rate_ll128, "net_rate_ll128", "1", 0.8, 0.3, G::net_rate_low,
     "LL128 rate over NIC rate"},
    {P::net_rate_simple, "net_rate_simple", "1", 0.95, 0.25, G::net_rate,
     "Simple rate over NIC rate"},
    {P::tree_rate_two, "tree_rate_two", "1", 1.62, 0.2, G::other, "tree over ring rate, two nodes"},
    {P::tree_rate, "tree_rate", "1", 0.75, 0.4, G::other,
     "tree over ring rate, three or more nodes"},
    {P::tree_rate_low, "tree_rate_low", "1", 0.5, 0.5, G::other,
     "further factor for LL and LL128 trees over the network"},
    {P::tree_rate_intra, "tree_rate_intra", "1", 0.7, 0.3, G::other,
     "tree over ring rate inside a node"},
    {P::nvls_rate, "nvls_rate", "1", 1.3, 0.15, G::intra_rate,
     "in-switch reduction's busbw over NVLink ring rate"},
    {P::nvls_latency, "nvls_latency", "us", 20.0, 0.5, G::intra_latency,
     "in-switch reduction, one node"},
    {P::nvls_net, "nvls_net", "us", 25.0, 0.5, G::net_latency, "NVLSTree, a tree level"},
    {P::nvls_rate_net, "nvls_rate_net", "1", 0.95, 0.2, G::net_rate,
     "NVLSTree's busbw over NIC rate"},
    {P::overlap_ring, "overlap_ring", "1", 0.8, 0.25, G::other,
     "overlap exponent p, ring in a node"},
    {P::overlap_ring_net, "overlap_ring_net", "1", 1.5, 0.4, G::other, "p, ring over nodes"},
    {P::overlap_tree, "overlap_tree", "1", 0.8, 0.25, G::other, "p, tree in a node"},
    {P::overlap_tree_net, "overlap_tree_net", "1", 1.0, 0.3, G::other, "p, tree over nodes"},
    {P::overlap_nvls, "overlap_nvls", "1", 0.8, 0.25, G::other, "p, in-switch reduction"},
    {P::overlap_peer, "overlap_peer", "1", 0.8, 0.25, G::other, "p, send and receive"},
    {P::congestion, "congestion", "1", 0.006, 0.7, G::other,
     "gamma: ring NIC rate falls as nodes^-gamma"},
    {P::congestion_tree, "congestion_tree", "1", 0.03, 0.3, G::other,
     "gamma of trees and all_to_all"},
    {P::peer_base, "peer_base", "us", 10.0, 0.8, G::host, "grouped send/recv, start"},
    {P::peer_intra, "peer_intra", "us", 2.0, 0.8, G::intra_latency, "per peer inside the node"},
    {P::peer_net, "peer_net", "us", 5.0, 0.8, G::net_latency, "per peer over the network"},
    {P::peer_power, "peer_power", "1", 0.7, 1.0, G::other,
     "exponent of the peers' latencies, less 0.3, at most 0.7"},
    {P::peer_small, "peer_small", "1", 0.1, 1.5, G::other,
     "growth of peer latency below peer_small_bytes a peer"},
    {P::peer_small_bytes, "peer_small_bytes", "bytes", 256.0, 0.3, G::other,
     "bytes a peer where small sends end"},
    {P::peer_rate_intra, "peer_rate_intra", "1", 0.95, 0.2, G::intra_rate,
     "send/recv rate over ring rate"},
    {P::peer_rate_net, "peer_rate_net", "1", 0.8, 0.3, G::net_rate,
     "all_to_all rate over NIC rate"},
    {P::pair_rate_net, "pair_rate_net", "1", 0.9, 0.3, G::net_rate,
     "send_recv rate over a GPU's share of the NICs"},
    {P::rate_all_gather, "rate_all_gather", "1", 1.0, 0.1, G::other,
     "all_gather over all_reduce ring rate inside a node"},
    {P::rate_reduce_scatter, "rate_reduce_scatter", "1", 1.0, 0.1, G::other,
     "reduce_scatter over all_reduce ring rate inside a node"},
    {P::rate_broadcast, "rate_broadcast", "1", 1.0, 0.15, G::other,
     "broadcast and reduce over all_reduce ring rate inside a node"},
    {P::choice_tree, "choice_tree", "1", 1.0, 0.2, G::other, "bias on NCCL's cost of trees"},
    {P::choice_ll, "choice_ll", "1", 1.0, 0.2, G::other, "bias on NCCL's cost of LL"},
    {P::choice_ll128, "choice_ll128", "1", 1.0, 0.2, G::other, "bias on NCCL's cost of LL128"},
    {P::choice_nvls, "choice_nvls", "1", 1.0, 0.2, G::other,
     "bias on NCCL's cost of in-switch reduction"},
}};

}  // namespace

const std::array<ParamInfo, kParams>& param_table() {
  return kTable;
}

ParamVector initial_params() {
  ParamVector params;
  for (int i = 0; i < kParams; ++i)
    params[i] = std::log(kTable[static_cast<std::size_t>(i)].initial);
  return params;
}

ParamVector prior_spread() {
  ParamVector spread;
  for (int i = 0; i < kParams; ++i) spread[i] = kTable[static_cast<std::size_t>(i)].spread;
  return spread;
}

}  // namespace windtunnel::calibration
