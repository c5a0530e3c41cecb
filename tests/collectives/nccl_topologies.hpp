// Hand-made topologies of known machines, in NCCL's own accounting.
#pragma once

#include "collectives/nccl/tuner.hpp"

namespace windtunnel::collectives::nccl::test {

inline base::BytesPerSecond gigabytes(double value) {
  return base::BytesPerSecond(value * 1e9);
}

// `nodes` machines with an NVSwitch, `gpus` used in each.
inline Topology nvswitch_node(int capability, double counted_nvlink, int nodes, int gpus) {
  Topology topology;
  topology.layout = regular_layout(nodes, gpus);
  topology.compute_capability = capability;
  topology.nvswitch = true;
  topology.intra_bandwidth = gigabytes(counted_nvlink);
  topology.nics = gpus;
  topology.nvls = capability >= 90 && gpus >= 2;
  return topology;
}

// H100 or H200: 18 links of 20.6 GB/s; a 400 Gb/s NIC a GPU, of which PCIe generation 5 carries 48
// GB/s.
inline Topology hopper(int nodes, int gpus) {
  Topology topology = nvswitch_node(90, 18 * 20.6, nodes, gpus);
  topology.nic_bandwidth = gigabytes(48);
  return topology;
}
inline Topology blackwell(int nodes, int gpus) {
  Topology topology = nvswitch_node(100, 18 * 40.1, nodes, gpus);
  topology.nic_bandwidth = gigabytes(48);
  return topology;
}
inline Topology ampere(int nodes, int gpus) {
  Topology topology = nvswitch_node(80, 12 * 20, nodes, gpus);
  topology.nic_bandwidth = gigabytes(25);
  return topology;
}

inline Tuner tuner(const Topology& topology, std::string_view version = kDefaultVersion) {
  return {topology, constants(version)};
}

inline TableEntry entry(const Tuner& tuner, Op op, NcclAlgorithm algorithm, Protocol protocol) {
  for (const TableEntry& row : tuner.model().table(op)) {
    if (row.algorithm == algorithm && row.protocol == protocol) return row;
  }
  return {algorithm, protocol, base::Seconds(0), base::BytesPerSecond(0), "not in the table"};
}

}  // namespace windtunnel::collectives::nccl::test
