// The physical model of a collective's time on real hardware, as nccl-tests measures it.
//
// Model. Candidates k are NCCL's (algorithm, protocol) pairs; each costs (us, GB/s)
//   T_k = host + (L_k^p + X_k^p)^(1/p)
// host: launch floor, h0, plus h1 per further GPU where one process drives them all.
// L, the latency of the algorithm's critical path over n ranks = N nodes x g GPUs:
//   ring    (s - k) a_intra + k a_net, s = 2(n-1) or n-1 steps, k = 2(N-1) or N-1 of them over the
//   network;
//           broadcast, reduce: g a_intra / 2 + log2(N) a_net
//   tree    2 [ (g-1) a_intra r_intra + log2(N) a_net r_net ]           (r: tree over ring hop)
//   nvls    a_nvls + 2 log2(N) a_nvls_net
//   peer    b0 + (b_intra (g-1) + b_net (n-g))^q                        (all_to_all; send_recv: one
//   of the two)
//           latency x (1 + s / (1 + (m/m_s)^4)) over nodes, m bytes a peer: some transports send
//           small ones apart
//   LL over the network: a_net x (1 + 10 r / (1 + (m0/m)^3)), m the message: eager below m0,
//   rendezvous above.
// X, the time of the bytes: V / B, V = 2S(n-1)/n all_reduce, S(n-1)/n gather and scatter, S else;
//   1/B^8 = 1/(nvlink ring x e_intra)^8 + 1/(node NICs x e_net x N^-gamma)^8, e by protocol: a
//   smooth minimum of the two links, with congestion gamma over nodes; what an op loses to its
//   kernels (rate_all_gather, ...) slows the link inside the node only.
// p, the overlap: 1 serial, above 1 latency and bytes overlap, 1/2 the optimum of chunked
// pipelining
//   (sqrt(L) + sqrt(X))^2; one for each of ring (one node, several), tree (the same), nvls, peer.
// Which k: NCCL minimises its own cost c_k (perceived_cost.hpp), not T_k, which is why measured
// curves jump.
//   log T = sum w_k log T_k, w_k ~ (c_k x bias_k)^-kappa, biases near 1 are fitted;
//   kappa = 10, towards 40 above 1 GiB, where bandwidth alone decides.
// Parameters are positive and fitted as logarithms with Gaussian priors at `initial` of relative
// width `spread`; initial values are NCCL's constants (design/nccl.md section 2). Assumptions: one
// collective alone on the fabric, GPUs alike, default rank order, warm communicator. Valid: 4 B to
// 16 GiB, 2 to 512 ranks seen; further out it is an extrapolation along the same formulas. T_k is
// monotone in bytes for a given k, but for the drop of `peer` where small sends end; the choice
// between them need not be.
#pragma once

#include <Eigen/Core>
#include <array>
#include <string_view>

#include "calibration/perceived_cost.hpp"

namespace windtunnel::calibration {

enum class Param {
  host,
  host_per_gpu,
  intra_ll,
  intra_ll128,
  intra_simple,
  net_ll,
  net_ll128,
  net_simple,
  tree_intra,
  tree_net,
  ring_net_simple,
  rendezvous,
  rendezvous_bytes,
  intra_rate_ll,
  intra_rate_ll128,
  intra_rate_simple,
  net_rate_ll,
  net_rate_ll128,
  net_rate_simple,
  tree_rate_two,
  tree_rate,
  tree_rate_low,
  tree_rate_intra,
  nvls_rate,
  nvls_latency,
  nvls_net,
  nvls_rate_net,
  overlap_ring,
  overlap_ring_net,
  overlap_tree,
  overlap_tree_net,
  overlap_nvls,
  overlap_peer,
  congestion,
  congestion_tree,
  peer_base,
  peer_intra,
  peer_net,
  peer_power,
  peer_small,
  peer_small_bytes,
  peer_rate_intra,
  peer_rate_net,
  pair_rate_net,
  rate_all_gather,
  rate_reduce_scatter,
  rate_broadcast,
  choice_tree,
  choice_ll,
  choice_ll128,
  choice_nvls,
  count
};
inline constexpr int kParams = static_cast<int>(Param::count);

// What a parameter speaks about: which shared shift (of a GPU generation or a transport) moves it.
enum class ParamGroup {
  host,
  intra_latency,
  intra_rate,
  net_latency,
  net_rate,
  net_rate_low,
  other
};

struct ParamInfo {
  Param param;
  std::string_view name;
  std::string_view unit;  // "us", "bytes", "1" (a ratio)
  double initial;
  double spread;  // prior standard deviation of the logarithm
  ParamGroup group;
  std::string_view meaning;
};
const std::array<ParamInfo, kParams>& param_table();

using ParamVector = Eigen::Matrix<double, kParams, 1>;  // logarithms
ParamVector initial_params();
ParamVector prior_spread();

// A case with the parts that do not depend on parameters worked out once.
struct PreparedCase {
  CollectiveCase the_case;
  std::array<double, kCandidates>
      log_cost{};  // of perceived_costs; +infinity where not a candidate
  double log2_nodes = 0.0;
  double log_time = 0.0;  // measured, log of us; 0 where there is none
};
PreparedCase prepare(const CollectiveCase& the_case);

// log of the time in us. Pre: at least two ranks and one finite cost.
double log_time(const ParamVector& params, const PreparedCase& prepared);
// Share of each candidate in the choice; sums to 1.
std::array<double, kCandidates> choice(const ParamVector& params, const PreparedCase& prepared);
// us, of one candidate whether or not it would be chosen.
double candidate_time(const ParamVector& params, const PreparedCase& prepared, Candidate candidate);

// What the ring's formula takes a message to cost, term by term. `protocol`: 0 LL, 1 LL128, 2
// Simple.
struct LinkTerms {
  double host = 0.0;            // us
  double intra_hop = 0.0;       // us
  double net_hop = 0.0;         // us; 0 on one node
  double intra_rate = 0.0;      // bytes/s of a GPU, all its rings together
  double net_efficiency = 0.0;  // of the NICs' rate: e_net x N^-gamma; 0 on one node
};
LinkTerms link_terms(const ParamVector& params, const PreparedCase& prepared, int protocol);

}  // namespace windtunnel::calibration
