// The channels NCCL finds on a topology: how many rings, trees or NVLS heads fit side by side, and
// at what speed each runs inside a node and between nodes.
//
// Model (nccl.md section 6; src/graph/search.cc): speeds are tried in falling order from a list; at
// speed s as many channels fit as links carry, and the greatest channels x s wins, down to 0.49 of
// the best speed.
//   one node, NVSwitch or PCIe:  floor(B / s);  mesh: least over GPUs of the sum of floor(edge / s)
//   several nodes: at most nics x floor(R / s); inside a node a channel is an open path that starts
//   at another GPU each time, so n GPUs carry n/(n-1) of a ring's channels tree: as many channels
//   as the ring; two GPUs use each link one way a channel, so twice the speed fits NVLS: one head a
//   GPU, (heads + 1) x s <= B
// Channels of 25 GB/s or more are then split in two, except above sm80, below 50 GB/s and past 4
// channels.
#pragma once

#include <vector>

#include "collectives/nccl/topology.hpp"

namespace windtunnel::collectives::nccl {

struct Graph {
  int channels = 0;  // 0: not possible
  base::BytesPerSecond intra{0};
  base::BytesPerSecond inter{0};
};

struct Graphs {
  Graph ring, tree, nvls, collnet;
  int channels = 0;        // of the communicator, after doubling
  int nvls_channels = 0;   // that NVLS kernels use
  bool same_order = true;  // all rings visit the GPUs in one order
  const Graph& of(NcclAlgorithm algorithm) const;
};

Graphs search_channels(const Topology& topology, const Constants& constants);

}  // namespace windtunnel::collectives::nccl
