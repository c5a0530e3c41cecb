// The least time an op can take on a network, whatever the algorithm: from what must cross cuts,
// and how fast the ports on them are.
//
// Model: for a set A of ranks (each rank, each node) the data that must leave A and must enter it
// follow from the op alone; they pass distinct endpoint ports of A, which have a bandwidth each,
// and no byte arrives before the least latency of a route across the cut. So for every cut
//   T >= least latency across + bytes across / sum of the bandwidths of the ports across.
// Bytes across, with a = |A|, N sets, part(A) the parts of A's ranks, S = bytes:
//   broadcast, reduce   S out of the root's set (into it), S into (out of) every other
//   all_reduce          S out of and S into every set (an element's sum over A, the sum over the
//   rest) all_gather          part(A) out, S - part(A) in;  reduce_scatter the other way round
//   all_to_all          a (S - part(A)) out, (n - a) part(A) in
//   send_recv           S for every rank of A whose successor is not in A, and the other way round
// Where no switch reduces or multicasts, N sets also have to exchange in all
//   2 (N-1) S (all_reduce), (N-1) S (all_gather, reduce_scatter, broadcast, reduce)
// (gossip among N needs 2 (N-1) one-way messages), over all their ports together.
// And information takes a path: T >= the least sum of latencies over any relays, between any two
// ranks one of which needs what the other has (computed for up to 96 participants). Holds on every
// engine: it counts the ports that `analytic` serialises, and never a link in the fabric. Not
// tight: it knows no algorithm, and no fabric that is short of bandwidth.
// Source: Chan et al. 2007 for uniform networks.
#pragma once

#include <memory>
#include <span>

#include "collectives/request.hpp"
#include "sim/base/quantity.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::collectives {

// Made once for a network and its ranks (all routes between up to 2,048 of them are walked; with
// more, only cuts around a sample of ranks and nodes count), then asked for any op and size.
class LowerBound {
 public:
  LowerBound(const sim::Network& network, std::span<const sim::EndpointId> ranks);
  ~LowerBound();
  LowerBound(LowerBound&&) noexcept;
  LowerBound& operator=(LowerBound&&) noexcept;

  // Of request.op, bytes, root and element_bytes; switches count as reducing if the algorithm is
  // in_network. Precondition: request.ranks is the number of ranks given above.
  base::Seconds of(const ScheduleRequest& request) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace windtunnel::collectives
