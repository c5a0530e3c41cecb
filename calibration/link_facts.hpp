// What a GPU name and a few words about the interconnect say about the links: the known part of the
// model, which is never fitted.
//
// Intra-node ring bandwidth is what NCCL counts (design/nccl.md section 6: 20 GB/s a link and
// direction for NVLink 2 and 3, 20.6 for 4, 40 for 5, times the links a GPU has): V100 with
// NVSwitch 120, A100 240, Hopper 360, Blackwell 680 GB/s; PCIe x16 of generation 3/4/5/6:
// 10/20/42/84. A V100 hybrid cube mesh has
// 1 2 4 2 2 4 6 rings of 20 GB/s over its first g = 2..8 GPUs: read off the v100-node-vtrain rows
// (all GPU counts), then found to agree with a count of links; for 5 GPUs no ring exists and the 2
// is an assumption. Hold-outs over GPU counts of that fabric are therefore no independent test. The
// NIC rate is read from the text
// ("EFAv2 32x100Gb/s per node", "400Gb/s per GPU"); a text without a rate gets its technology's
// usual one, which `guessed` says. A GPU nobody listed counts as the nearest generation that its
// name suggests.
// AMD's MI300X to MI355X join every two GPUs of a node by one xGMI link: RCCL, whose code is NCCL's, is
// taken to run as many rings as other GPUs take part, with Hopper's start-up costs (no row of its own
// was at hand).
#pragma once

#include <string>

namespace windtunnel::calibration {

enum class Transport { none, infiniband, roce, efa, slingshot, tcpx, tcpxo, tcp, nvlink };
std::string to_text(Transport transport);

enum class IntraLink { nvlink, pcie };

struct LinkFacts {
  int compute_capability = 80;  // 70 80 86 89 90 100 103 120
  IntraLink intra = IntraLink::nvlink;
  double intra_ring = 240e9;  // bytes/s, all rings of a GPU together
  int intra_channels = 12;
  Transport transport = Transport::none;
  double node_rate = 0.0;  // bytes/s, all NICs that the GPUs used can reach, one direction
  int nics = 0;
  bool nvls = false;               // in-switch reduction at hand
  bool ll128 = true;               // NCCL lets LL128 run
  int nccl_minor = 20;             // 2.x
  bool guessed = false;            // the GPU or the NIC rate was not stated
  std::string generation() const;  // "volta" "ampere" "hopper" "blackwell" "pcie"
};

struct LinkWords {
  std::string gpu, interconnect, stack;
  int nodes = 1;
  int gpus_per_node = 1;
  double nic_rate = 0.0;  // bytes/s per NIC, where it is known apart from the text; else 0
  int nics_per_node = 0;
};

LinkFacts link_facts(const LinkWords& words);

}  // namespace windtunnel::calibration
