#include "collectives/traffic.hpp"

#include <algorithm>

namespace windtunnel::collectives {
namespace {

using Pairs = std::vector<sim::EndpointPair>;

void sort_once(Pairs& pairs) {
  const auto key = [](const sim::EndpointPair& pair) { return std::pair(pair.from, pair.to); };
  std::ranges::sort(pairs, {}, key);
  const auto repeated = std::ranges::unique(pairs, {}, key);
  pairs.erase(repeated.begin(), repeated.end());
}

sim::EndpointPair pair_of(std::int32_t from, std::int32_t to,
                          std::span<const sim::EndpointId> endpoints) {
  return {endpoints[static_cast<std::size_t>(from)], endpoints[static_cast<std::size_t>(to)]};
}

}  // namespace

std::vector<Pairs> traffic_by_phase(const Schedule& schedule,
                                    std::span<const sim::EndpointId> endpoints) {
  std::vector<Pairs> phases;
  for (const Message& m : schedule.messages) {
    if (m.local() || m.bytes == 0) continue;
    if (phases.size() <= m.phase) phases.resize(std::size_t{m.phase} + 1);
    phases[m.phase].push_back(pair_of(m.from, m.to, endpoints));
  }
  for (Pairs& pairs : phases) sort_once(pairs);
  std::erase_if(phases, [](const Pairs& pairs) { return pairs.empty(); });
  return phases;
}

Pairs traffic(const Schedule& schedule, std::span<const sim::EndpointId> endpoints) {
  Pairs all;
  for (const Pairs& pairs : traffic_by_phase(schedule, endpoints)) {
    all.insert(all.end(), pairs.begin(), pairs.end());
  }
  sort_once(all);
  return all;
}

Pairs traffic(const FlowPlan& plan, std::span<const sim::EndpointId> endpoints) {
  Pairs all;
  for (const Flow& flow : plan.flows) {
    if (!flow.local() && flow.bytes > 0.0) all.push_back(pair_of(flow.from, flow.to, endpoints));
  }
  sort_once(all);
  return all;
}

}  // namespace windtunnel::collectives
