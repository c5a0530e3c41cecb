#include "strategies/collective/interconnect_words.hpp"

#include <fmt/format.h>

namespace windtunnel::strategies {
namespace {

// What the links inside a node are, where that is not NVSwitch.
std::string_view inside_words(sim::ScaleUpKind kind) {
  switch (kind) {
    case sim::ScaleUpKind::nvlink_mesh:
    case sim::ScaleUpKind::nvlink_ring:
      return ", no NVSwitch";
    case sim::ScaleUpKind::pcie:
      return "; PCIe";
    case sim::ScaleUpKind::nvswitch:
    case sim::ScaleUpKind::none:
      break;
  }
  return "";
}

}  // namespace

std::string interconnect_words(const sim::Node& node, const sim::Fabric& fabric, int nodes) {
  const bool one_domain =
      node.scale_up.kind == sim::ScaleUpKind::nvswitch && node.scale_up.size >= nodes * node.gpus;
  if (nodes > 1 && one_domain) return "NVLink + NVSwitch, MNNVL in rack";
  if (nodes > 1 && node.nics.count > 0) {
    return fmt::format("{}{}{}x{:g}Gb/s per node{}", fabric.interconnect,
                       fabric.interconnect.empty() ? "" : " ", node.nics.count,
                       node.nics.bandwidth.value() * 8e-9, inside_words(node.scale_up.kind));
  }
  switch (node.scale_up.kind) {
    case sim::ScaleUpKind::nvswitch:
      return "NVLink + NVSwitch";
    case sim::ScaleUpKind::nvlink_mesh:
    case sim::ScaleUpKind::nvlink_ring:
      return "NVLink, no NVSwitch";
    case sim::ScaleUpKind::pcie:
      return "PCIe";
    case sim::ScaleUpKind::none:
      break;
  }
  return "";
}

}  // namespace windtunnel::strategies
