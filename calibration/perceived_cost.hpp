// What NCCL's selector believes each (algorithm, protocol) would cost: the basis of which one is
// taken.
//
// Model (design/nccl.md sections 1-5; NVIDIA/nccl src/graph/tuning.cc, 2.28): cost = latency +
// bytes / bandwidth, with the constants of section 2, on the link facts known of a measured
// cluster. Assumptions: a communicator finds min(NVLink ring, 0.96 x NICs) of bandwidth; on two
// nodes the tree pattern may use both directions of the NICs; one CPU vendor. It is a reduced form
// of collectives/nccl (which has the channel search and wants a whole cluster); its choices, not
// its times, enter the fit.
#pragma once

#include <array>
#include <string_view>

#include "calibration/link_facts.hpp"
#include "collectives/collective.hpp"

namespace windtunnel::calibration {

// Candidates of the model. `peer` is grouped send/recv (all_to_all, send_recv).
enum class Candidate {
  tree_ll,
  tree_ll128,
  tree_simple,
  ring_ll,
  ring_ll128,
  ring_simple,
  nvls,
  peer
};
inline constexpr int kCandidates = 8;
collectives::Algorithm algorithm_of(Candidate candidate);
collectives::Protocol protocol_of(Candidate candidate);

struct CollectiveCase {
  collectives::Op op = collectives::Op::all_reduce;
  collectives::Algorithm algorithm = collectives::Algorithm::automatic;
  collectives::Protocol protocol = collectives::Protocol::automatic;
  double bytes = 0.0;
  double nodes = 1.0;
  double gpus_per_node = 1.0;
  bool one_process = false;  // drives all GPUs of a node
  LinkFacts links;

  double ranks() const { return nodes * gpus_per_node; }
  bool multi_node() const { return nodes > 1.0; }
};

// Microseconds; infinity where the candidate does not exist or was ruled out by algorithm or
// protocol.
using Costs = std::array<double, kCandidates>;
Costs perceived_costs(const CollectiveCase& the_case);

}  // namespace windtunnel::calibration
