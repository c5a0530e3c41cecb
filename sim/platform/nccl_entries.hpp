// What an NCCL topology file lists, element by element, before it is made a node
// (nccl_topology.cpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/base/diagnostics.hpp"
#include "sim/base/quantity.hpp"
#include "sim/platform/xml_text.hpp"

namespace windtunnel::sim {

enum class NvlinkTarget { nvswitch, gpu, other };

struct NcclNvlink {
  std::string target{};
  int count = 1;
  NvlinkTarget kind = NvlinkTarget::other;
  base::SourceLocation where{};
};

struct NcclGpu {
  int dev = 0;
  int sm = 0;
  std::string bus{};
  std::string device{};  // PCI device id, may be empty
  int pcie_switch = -1;  // number of the outermost bridge above it
  base::BytesPerSecond pcie{0};
  base::BytesPerSecond chip_to_chip{0};  // NVLink-C2C to the CPU
  std::vector<NcclNvlink> nvlinks{};
  base::SourceLocation where{};
};

struct NcclNet {
  base::BytesPerSecond speed{0};
  base::Seconds latency{0};
  base::SourceLocation where{};
};

struct NcclEntries {
  std::string cpu;               // as in Node::cpu
  base::SourceLocation where{};  // of <system>
  std::vector<NcclGpu> gpus;
  std::vector<NcclNet> nets;
  std::vector<base::BytesPerSecond> uplinks;  // of the outermost bridges
};

// Warnings and errors go to `diagnostics`; what could be read is returned in any case.
NcclEntries read_nccl_entries(const XmlText& xml, base::Diagnostics& diagnostics);

}  // namespace windtunnel::sim
