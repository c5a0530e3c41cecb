#include "strategies/train/group_flows.hpp"

#include <algorithm>
#include <map>

namespace windtunnel::strategies {

std::vector<GroupFlow> group_flows(std::span<const std::int64_t> members, FlowPattern pattern,
                                   const RankLayout& layout) {
  std::map<std::int64_t, std::vector<std::int64_t>> by_domain;
  for (const std::int64_t rank : members) {
    by_domain[layout.domain_of(rank)].push_back(rank);
  }
  std::vector<const std::vector<std::int64_t>*> domains;
  domains.reserve(by_domain.size());
  for (const auto& [domain, ranks] : by_domain) domains.push_back(&ranks);
  const auto count = static_cast<std::int64_t>(domains.size());
  std::vector<GroupFlow> flows;
  if (count < 2) return flows;
  const std::int64_t partners =
      pattern == FlowPattern::ring ? 1 : std::min(count - 1, kMostPartners);
  for (std::int64_t d = 0; d < count; ++d) {
    const auto& own = *domains[static_cast<std::size_t>(d)];
    for (std::size_t i = 0; i < own.size(); ++i) {
      for (std::int64_t k = 0; k < partners; ++k) {
        const std::int64_t distance = 1 + k * (count - 1) / partners;
        const auto& other = *domains[static_cast<std::size_t>((d + distance) % count)];
        flows.push_back({own[i], other[i % other.size()], 1.0 / static_cast<double>(partners)});
      }
    }
  }
  return flows;
}

}  // namespace windtunnel::strategies
