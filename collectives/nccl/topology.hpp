// What NCCL sees of a cluster when it builds a communicator: GPUs, NVLink, PCIe, NICs and CPU of
// one node, in its own accounting of bandwidth.
//
// Model: NCCL counts a share of the data sheet's NVLink bandwidth (0.8 of NVLink 2 and 3, 0.824 of
// 4, 0.802 of 5; 12, 24, 48 GB/s of a PCIe x16 of generation 3, 4, 5). A `node` here is one NVLink
// domain: hosts that share one (NVL72) are one node to it. Assumptions, each also in `notes` where
// it was used: an architecture that the constants do not know counts as its nearest; PCIe nodes of
// more than four GPUs have two sockets; the network adds no latency of its own (as NCCL's
// InfiniBand plug-in reports); SHARP is switched on where the cluster states it; GPUs of a node use
// the NICs next to them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "collectives/nccl/constants.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::collectives::nccl {

// Which ranks there are. `local_gpus` are the positions, in the first node, of the GPUs that it
// uses.
struct RankLayout {
  int nodes = 1;
  int ranks = 1;
  std::vector<int> local_gpus;
  double ranks_per_node() const { return static_cast<double>(ranks) / nodes; }
};

// The first `ranks_per_node` GPUs of each of `nodes` nodes.
RankLayout regular_layout(int nodes, int ranks_per_node);
// A group of global GPU indices on a cluster; nodes as NCCL counts them.
RankLayout layout_of(const sim::ValidCluster& cluster, std::span<const int> gpus);

struct Topology {
  RankLayout layout;
  int compute_capability = 90;  // 70, 80, 86, 89, 90, 100, ...
  bool uniform_gpus = true;     // one architecture, or all from sm90 on
  IntraPath intra = IntraPath::nvlink;
  bool nvswitch = false;
  base::BytesPerSecond intra_bandwidth{0};  // of one GPU and direction as NCCL counts it
  std::vector<std::vector<base::BytesPerSecond>>
      edges;                                 // mesh: between used GPUs; empty: any to any
  base::BytesPerSecond bridge_bandwidth{0};  // pcie: the narrowest bridge a ring crosses; 0: none
  int nics = 0;                              // of a node, next to the used GPUs
  base::BytesPerSecond nic_bandwidth{0};
  bool nics_near_gpus = true;  // GPU and NIC below one PCIe switch
  CpuVendor cpu = CpuVendor::unknown;
  bool nvls = false;
  bool collnet = false;
  std::vector<std::string> notes;

  Generation generation() const;
};

// Pre: layout.ranks >= layout.nodes >= 1. Takes the node that the layout's first rank is on as
// pattern.
Topology topology_of(const sim::ValidCluster& cluster, const RankLayout& layout,
                     const Constants& constants);

}  // namespace windtunnel::collectives::nccl
