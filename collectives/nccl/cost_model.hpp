// NCCL's prediction for every (algorithm, protocol): time = latency + bytes / bandwidth.
//
// Model (nccl.md sections 1, 3, 4, 5; src/graph/tuning.cc). n ranks on N nodes, ppn = n/N, c
// channels of speed b (inside a node for N <= 2, else between nodes), bus = c b:
//   Ring    bus, halved and capped for LL, 0.92 and capped for LL128; x n/steps
//   Tree    min(0.92 bus, c cap), /3.8 for LL, x 7/9 or 120/128 for LL128; x 1/2
//   NVLS    c min(inside, between, cap), inside = b eff (c-1)/c (2 for all-reduce, else
//   (ppn-1)/ppn) latency: base + hops, a hop inside a node and one between nodes each with its own
//   price
// all-reduce on trees is corrected by size; Ring/Simple over nodes pays 1.4 times its latency past
// a size.
#pragma once

#include <string>
#include <vector>

#include "collectives/nccl/channel_search.hpp"

namespace windtunnel::collectives::nccl {

struct TableEntry {
  NcclAlgorithm algorithm = NcclAlgorithm::ring;
  Protocol protocol = Protocol::simple;
  base::Seconds latency{0};
  base::BytesPerSecond bandwidth{0};  // algorithm bandwidth; 0: disabled
  std::string disabled;               // why, in words; empty where it is enabled
};

class CostModel {
 public:
  CostModel(Topology topology, Constants constants);

  // Every (algorithm, protocol) that NCCL knows for `op`, disabled ones too, in NCCL's order; empty
  // for ops that it has no selector for (all_to_all, send_recv) and for a single rank.
  std::vector<TableEntry> table(Op op) const;
  // The predicted time of an enabled entry.
  base::Seconds time(Op op, const TableEntry& entry, base::Bytes bytes) const;

  const Topology& topology() const { return topology_; }
  const Constants& constants() const { return constants_; }
  const Graphs& graphs() const { return graphs_; }

 private:
  base::BytesPerSecond bandwidth(Op op, NcclAlgorithm algorithm, Protocol protocol) const;
  base::Seconds latency(Op op, NcclAlgorithm algorithm, Protocol protocol) const;
  std::string disabled(Op op, NcclAlgorithm algorithm, Protocol protocol) const;
  base::BytesPerSecond ring_bus(Protocol protocol) const;
  base::BytesPerSecond tree_bus(Protocol protocol) const;
  base::BytesPerSecond nvls_bus(Op op, NcclAlgorithm algorithm) const;
  base::BytesPerSecond collnet_direct_bus(Op op) const;
  base::BytesPerSecond ll_cap() const;
  base::Seconds inter_latency(NcclAlgorithm algorithm, Protocol protocol) const;
  base::Seconds ring_latency(Op op, Protocol protocol) const;
  base::BytesPerSecond channel_speed(const Graph& graph) const;
  std::size_t node_index() const;
  double steps(Op op) const;

  Topology topology_;
  Constants constants_;
  Graphs graphs_;
};

}  // namespace windtunnel::collectives::nccl
