#include "strategies/collective/derated_network.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace windtunnel::strategies {
namespace {

using base::BytesPerSecond;
using base::Seconds;
using collectives::LinkCosts;

constexpr std::size_t kMostKept = 4;

// 0 stands for "not known": then the data sheet counts.
BytesPerSecond narrower(BytesPerSecond sheet, BytesPerSecond found) {
  return found.value() > 0 ? base::min(sheet, found) : sheet;
}

void derate_scale_up(sim::ScaleUp& scale_up, const LinkCosts& costs) {
  if (scale_up.kind == sim::ScaleUpKind::none) return;
  scale_up.bandwidth = narrower(scale_up.bandwidth, costs.scale_up);
  scale_up.latency = base::max(scale_up.latency, costs.intra_latency);
}

void derate_nics(sim::Nics& nics, const LinkCosts& costs, Seconds missing) {
  if (nics.count == 0) return;
  nics.bandwidth = narrower(nics.bandwidth, costs.nic);
  nics.latency = nics.latency + missing * 0.5;
}

// What a message from the first node to the second takes less than the model found.
Seconds missing_latency(const sim::Network& network, const LinkCosts& costs) {
  if (network.node_count() < 2) return Seconds(0);
  const int per_node = network.gpu_count() / network.node_count();
  const Seconds found = network.route(network.gpu(0), network.gpu(per_node)).latency;
  return base::max(Seconds(0), costs.net_latency - found);
}

std::optional<sim::ValidCluster> checked(const sim::Cluster& cluster) {
  base::Diagnostics diagnostics;
  return sim::validate(cluster, {}, diagnostics);
}

}  // namespace

std::shared_ptr<const DeratedNetwork> derate(const sim::ValidCluster& cluster,
                                             const sim::Network& network, const LinkCosts& costs) {
  if (cluster->explicit_network) return nullptr;
  sim::Cluster copy = *cluster;
  derate_scale_up(copy.node.scale_up, costs);
  for (sim::NodeOverride& other : copy.overrides) {
    if (other.scale_up) derate_scale_up(*other.scale_up, costs);
  }
  // The way to a NIC may lead over links that were just derated (PCIe), else it is as it was.
  Seconds missing = missing_latency(network, costs);
  if (copy.node.scale_up.kind == sim::ScaleUpKind::pcie && missing > Seconds(0)) {
    if (const auto half_done = checked(copy)) {
      missing = missing_latency(sim::Network(*half_done), costs);
    }
  }
  derate_nics(copy.node.nics, costs, missing);
  for (sim::NodeOverride& other : copy.overrides) {
    if (other.nics) derate_nics(*other.nics, costs, missing);
  }
  const auto valid = checked(copy);
  if (!valid) return nullptr;
  return std::make_shared<const DeratedNetwork>(DeratedNetwork{*valid, sim::Network(*valid)});
}

std::shared_ptr<const DeratedNetwork> DeratedNetworks::at(const sim::ValidCluster& cluster,
                                                          const sim::Network& network,
                                                          const LinkCosts& costs) {
  std::string key = fmt::format("{} {} {} {}", costs.scale_up.value(), costs.nic.value(),
                                costs.intra_latency.value(), costs.net_latency.value());
  const auto known = std::find_if(kept_.begin(), kept_.end(),
                                  [&key](const auto& entry) { return entry.first == key; });
  if (known != kept_.end()) return known->second;
  auto made = derate(cluster, network, costs);
  kept_.emplace_back(std::move(key), made);
  if (kept_.size() > kMostKept) kept_.pop_front();
  return made;
}

}  // namespace windtunnel::strategies
