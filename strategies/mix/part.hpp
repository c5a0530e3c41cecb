// The part of a cluster that one job of a mix runs on, as a cluster of its own.
//
// Model: the job has some GPUs of each of its nodes, the same on all; its ranks are numbered node by
// node in the order given. Alone it sees these GPUs, the NICs that belong to them (a NIC that
// several GPUs share counts whole, also where others have some of those GPUs) and the fabric. What
// it has to share shows on the whole cluster's network, where its GPUs are those of `gpus`.
// Not representable, and refused: a piece of an NVLink domain over several nodes that does not begin
// with the domain, part of several NVLink domains of a node, clusters without nodes (imported
// platforms).
#pragma once

#include <optional>
#include <vector>

#include "sim/base/diagnostics.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::strategies {

struct PartChoice {
  std::vector<int> nodes{};  // empty: all
  std::vector<int> gpus{};   // of each node; empty: all
};

struct ClusterPart {
  sim::ValidCluster cluster;  // as if there was nothing else
  std::vector<int> gpus;      // of the whole cluster, in the order of the part's own
};

// Errors, as sentences about the job, go to `diagnostics` at `where`.
std::optional<ClusterPart> part_of(const sim::ValidCluster& whole, const PartChoice& choice,
                                   const base::SourceLocation& where,
                                   base::Diagnostics& diagnostics);

}  // namespace windtunnel::strategies
