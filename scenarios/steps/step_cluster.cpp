// The cluster of a measured iteration.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>

#include "scenarios/steps/step_scenario.hpp"

namespace windtunnel::scenarios {
namespace {

using base::BytesPerSecond;
using base::Seconds;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// NICs of a node as the interconnect's words count them ("8x200Gb HDR",
// "4xHDR200"), where that agrees with the rate per GPU; else one a GPU.
std::int64_t nics_of(const std::string& words, double gbit_per_node, std::int64_t gpus) {
  const auto is = [&](std::size_t at, int (*kind)(int)) {
    return at < words.size() && kind(static_cast<unsigned char>(words[at])) != 0;
  };
  for (std::size_t x = words.find('x'); x != std::string::npos; x = words.find('x', x + 1)) {
    std::size_t first = x, rate = x + 1;
    while (first > 0 && is(first - 1, std::isdigit)) --first;
    while (is(rate, std::isalpha)) ++rate;
    if (first == x || !is(rate, std::isdigit)) continue;
    const double count = std::strtod(words.c_str() + first, nullptr);
    const double each = std::strtod(words.c_str() + rate, nullptr);
    if (count * each == gbit_per_node) return static_cast<std::int64_t>(count);
  }
  return gpus;
}

}  // namespace

sim::Cluster cluster_of(const StepRow& row, const sim::Gpu& gpu) {
  sim::Cluster cluster;
  cluster.name = row.interconnect.empty() ? "measured" : row.interconnect;
  const std::int64_t per_node =
      std::min<std::int64_t>(std::max<std::int64_t>(1, row.gpus_per_node.value_or(8)), *row.gpus);
  cluster.node.gpus = static_cast<int>(per_node);
  cluster.nodes = static_cast<int>((*row.gpus + per_node - 1) / per_node);
  cluster.node.gpu = gpu;
  const std::int64_t domain =
      std::max<std::int64_t>(per_node, row.scale_up_size.value_or(per_node));
  const bool nvlink = gpu.nvlink_bandwidth.value() > 0;
  // xGMI joins the GPUs of an AMD node pair by pair.
  const bool mesh = gpu.architecture.starts_with("cdna");
  cluster.node.scale_up = {.kind = mesh     ? sim::ScaleUpKind::nvlink_mesh
                                   : nvlink ? sim::ScaleUpKind::nvswitch
                                            : sim::ScaleUpKind::pcie,
                           .bandwidth = nvlink ? gpu.nvlink_bandwidth : gpu.pcie_bandwidth,
                           .latency = Seconds(1e-6),
                           .size = static_cast<int>(domain)};
  // The only node of eight of these whose NCCL was measured.
  if (gpu.name == "a100-sxm-80gb") cluster.fabric.measured_as = "a100-node-vtrain";
  if (cluster.nodes > 1) {
    const double gbit = row.nic_gbit_per_gpu.value_or(200.0);
    const double node_gbit = gbit * static_cast<double>(per_node);
    const std::int64_t nics = nics_of(row.interconnect, node_gbit, per_node);
    cluster.node.nics = {
        .count = static_cast<int>(nics),
        .bandwidth = BytesPerSecond(node_gbit * 1e9 / 8 / static_cast<double>(nics)),
        .latency = Seconds(2e-6)};
    cluster.fabric.kind = sim::FabricKind::switched;
    cluster.fabric.levels = 1;
    cluster.fabric.switch_latency = Seconds(300e-9);
    cluster.fabric.interconnect = has(row.interconnect, "Slingshot")   ? "Slingshot-11"
                                  : has(row.interconnect, "RoCE")      ? "RoCE"
                                  : has(row.interconnect, "Omni-Path") ? "Omni-Path"
                                                                       : "InfiniBand";
  }
  return cluster;
}

}  // namespace windtunnel::scenarios
