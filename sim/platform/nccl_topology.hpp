// The node that an NCCL topology file describes: what NCCL writes with NCCL_TOPO_DUMP_FILE, and
// what cloud providers ship for NCCL_TOPO_FILE.
//
// Model (NCCL 2.28, src/graph/xml.cc and topo.cc): <system> holds <cpu>s, these a tree of <pci>
// bridges; a leaf is a <gpu> (with <nvlink>s to NVSwitches, GPUs or CPUs) or a <nic> (with <net>s).
//   - PCIe: lane rate x width x encoding (8b/10b to 5 GT/s, 128/130 above), per direction.
//   - NVLink: links x the rate that NCCL counts for the GPU's generation (20 GB/s on sm70 and
//   sm80, 20.6 on
//     sm90, 40.1 on sm100), which is what its rings reach and below the data sheet's 25 and 50
//     GB/s. NVSwitch targets (class 0x068000) give kind nvswitch, GPU targets a mesh, no NVLink
//     kind pcie.
//   - net: speed is in Mb/s. NICs slower than the fastest are taken for management and left out.
// What the file does not tell, and what stands in: latencies (NCCL's per-hop constants: 0.6 us
// NVLink, 1 us PCIe, 1.35 us for each NIC), the fabric (the scenario gives it), which GPU it is
// where there is no device id (the usual one of that generation). Each is reported as a warning.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sim/base/diagnostics.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::sim {

// `node.gpu` has the name of a data sheet (models/gpus), its architecture and its links; the rest
// of the sheet is the caller's to fill in. GPUs are in the order of `dev`, by PCIe switch where
// that differs. Nothing, with errors at their lines, where the file is no use.
std::optional<Node> read_nccl_topology(std::string_view text, const std::string& file,
                                       base::Diagnostics& diagnostics);

}  // namespace windtunnel::sim
