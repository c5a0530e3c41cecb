// Alpha-beta times of collectives in closed form: what a textbook writes, and what the engines give
// on the network the textbook assumes.
//
// Assumptions: every pair of ranks is the same: a message of m bytes takes alpha + m / beta alone;
// each rank has one port out and one in of beta, all else is free; messages that meet in a port
// share it equally. With domains (ScheduleRequest::domain, all of one size) alpha_n, beta_n hold
// inside one, on ports of their own, alpha, beta between them. n ranks, S bytes, N domains of g, c
// chunks of s = S/c (of a domain's g lanes each carries s/g), p the largest power of two not above
// n. Reducing switches store and forward a chunk; up and down together take the latency of a
// message.
//   ring                all_reduce 2(n-1)(alpha + S/(n beta)); all_gather, reduce_scatter half of it
//                       broadcast, reduce (n-2+c)(alpha + s/beta)
//                       all_to_all (n-1) alpha + (n-1) S/(2 beta)
//   tree                fill + (c-1) period: fill is the longest way up and down at alpha + k s/beta a
//                       level with k children, period = max(alpha + k s/beta, 3 s/beta) (all_reduce)
//   double_binary_tree  the same for two halves: period = max(alpha + 2 s/beta, 4 s/beta)
//   recursive_doubling  all_reduce log2(p) (alpha + S/beta)
//                       all_gather log2(p) alpha + (p-1)/p S/beta
//   halving_doubling    all_reduce 2 log2(p) alpha + 2 (p-1)/p S/beta; others half; n > p: two steps more
//   direct              alpha + (n-1) S/(n beta) a phase; broadcast, reduce alpha + (n-1) S/beta
//   pairwise            (n-1)(alpha + S/(n beta))
//   parameter_server    k servers: each way alpha + max((n-1) S/k, S)/beta
//   hierarchical        all_reduce 2 (alpha_n + (g-1)/g s/beta_n) + 2(N-1)(alpha + s/(gN beta)),
//                       + (c-1) times the busiest stage
//   in_network          all_reduce 2 alpha_n + 2(1 + 1/g) s/beta_n + alpha + 2 s/(g beta),
//                       + (c-1) times the busiest stage
// Equal to the engines on a uniform switch: tests/collectives/closed_form_test.cpp has the
// tolerances. Sources: Thakur, Rabenseifner and Gropp 2005; Chan et al. 2007; Sanders, Speck and
// Traeff 2009.
#pragma once

#include <optional>
#include <string>

#include "collectives/placement.hpp"
#include "collectives/request.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::collectives {

struct UniformFabric {
  base::Seconds latency{0};                                                // alpha
  base::BytesPerSecond bandwidth = base::BytesPerSecond::infinity();       // beta
  base::Seconds near_latency{0};                                           // alpha_n
  base::BytesPerSecond near_bandwidth = base::BytesPerSecond::infinity();  // beta_n
};

struct ClosedForm {
  base::Seconds time{0};      // latency + transfer
  base::Seconds latency{0};   // the terms with alpha
  base::Seconds transfer{0};  // the terms with S
  std::string formula;        // of this case, in the symbols above
};

// The slowest route between neighbours of a group's ring, in a domain and between two; where there
// is only one sort both are that one. `ranks` by rank.
UniformFabric uniform_fabric(const sim::Network& network, const Placement& placement,
                             std::int32_t ranks);

// Nothing where the request has no schedule.
std::optional<ClosedForm> closed_form(const ScheduleRequest& request, const UniformFabric& fabric);

// The chunk_bytes for which the closed form is least, 0 for one piece: `chunk: auto`. Powers of two
// of the size are tried, down to 4 KiB.
std::int64_t best_chunk(const ScheduleRequest& request, const UniformFabric& fabric);

}  // namespace windtunnel::collectives
