// The least time an op can take in a group whose ranks all have the same links: LowerBound's cuts
// and exchanges in closed form, for those who know a group by its shape and have no network.
//
// n ranks on N nodes, g a node, b and f a rank's bandwidth inside and between nodes, S bytes:
//   ranks  n b' bytes of ports with b' = b (N = 1), f (g = 1), else b + f carry in all, either way,
//          all_reduce 2 (n-1) S (n S where switches reduce), send_recv n S, the others (n-1) S;
//          and a rank that is not the root gets (gives) S of a broadcast (reduce)
//   nodes  n f carries all_reduce 2 (N-1) S (N S), all_to_all (n-g) S, send_recv N S, the others
//          (N-1) S; and a node without the root gets (gives) S by g f
//   T >= least latency across + bytes / bandwidth, the largest of these
// Law: never above LowerBound on a network of such nodes without a sum over relays; falls with
// every bandwidth. Source: as lower_bound.hpp.
#pragma once

#include <cstdint>

#include "collectives/collective.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::collectives {

struct UniformGroup {
  std::int64_t ranks = 1, nodes = 1, gpus_per_node = 1;  // the last: the most on one node
  base::BytesPerSecond near{0}, far{0};  // of a rank, per direction; far: its share of the NICs
  base::Seconds near_latency{0}, far_latency{0};  // of the shortest route
};

// `algorithm` says whether switches reduce (in_network). Bytes as in nccl-tests.
// Pre: 1 <= nodes <= ranks; bandwidths that the group uses are > 0.
base::Seconds uniform_lower_bound(Op op, Algorithm algorithm, base::Bytes bytes,
                                  const UniformGroup& group);

}  // namespace windtunnel::collectives
