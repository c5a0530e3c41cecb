// How a cluster's links are called in measurements (`interconnect` of contract.md section 5), so
// that a calibrated model knows what it is asked about: "NVLink + NVSwitch", "InfiniBand
// 8x400Gb/s per node", "4x100Gb/s per node; PCIe".
#pragma once

#include <string>

#include "sim/platform/cluster.hpp"

namespace windtunnel::strategies {

// Of a group that spans `nodes` nodes.
std::string interconnect_words(const sim::Node& node, const sim::Fabric& fabric, int nodes);

}  // namespace windtunnel::strategies
