#include "collectives/ring_order.hpp"

#include <algorithm>
#include <map>

namespace windtunnel::collectives {

std::vector<std::vector<std::int32_t>> domains_of(const ScheduleRequest& request) {
  std::vector<std::vector<std::int32_t>> domains;
  std::map<std::int32_t, std::size_t> seen;
  for (std::int32_t rank = 0; rank < request.ranks; ++rank) {
    const std::int32_t domain =
        request.domain.empty() ? rank : request.domain[static_cast<std::size_t>(rank)];
    const auto [place, added] = seen.try_emplace(domain, domains.size());
    if (added) domains.emplace_back();
    domains[place->second].push_back(rank);
  }
  return domains;
}

std::vector<std::int32_t> ring_order(const ScheduleRequest& request, std::int32_t channel) {
  std::vector<std::vector<std::int32_t>> domains = domains_of(request);
  const std::size_t size = domains.front().size();
  const bool alike =
      std::ranges::all_of(domains, [size](const auto& d) { return d.size() == size; });
  std::vector<std::int32_t> order;
  order.reserve(static_cast<std::size_t>(request.ranks));
  for (std::size_t i = 0; i < domains.size(); ++i) {
    std::vector<std::int32_t>& ranks = domains[i];
    std::ranges::rotate(ranks, ranks.begin() + channel % static_cast<std::int32_t>(ranks.size()));
    if (alike && i % 2 == 1) std::ranges::reverse(ranks);
    order.insert(order.end(), ranks.begin(), ranks.end());
  }
  return order;
}

}  // namespace windtunnel::collectives
