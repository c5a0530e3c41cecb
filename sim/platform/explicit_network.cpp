#include "sim/platform/explicit_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace windtunnel::sim {

void check_explicit_network(const ExplicitNetwork& network, const base::SourceLocation& where,
                            base::Diagnostics& diagnostics) {
  const auto error = [&](std::string text) { diagnostics.error(where, std::move(text)); };
  const std::size_t hosts = network.hosts.size();
  if (hosts == 0) return error("the platform has no hosts");
  if (network.routes.size() != hosts * hosts) {
    return error(fmt::format("the platform has {} hosts, so {} routes are due; it has {}", hosts,
                             hosts * hosts, network.routes.size()));
  }
  for (const ExplicitLink& link : network.links) {
    if (!(std::isfinite(link.latency.value()) && link.latency.value() >= 0)) {
      error(fmt::format("the latency of link '{}' must be 0 or more, and finite", link.name));
    }
    if (std::isfinite(link.bandwidth.value()) && link.bandwidth.value() > 0) continue;
    error(fmt::format("the bandwidth of link '{}' must be above 0, and finite", link.name));
  }
  for (std::size_t pair = 0; pair < network.routes.size(); ++pair) {
    const std::string& from = network.hosts[pair / hosts];
    const std::string& to = network.hosts[pair % hosts];
    const std::vector<int>& route = network.routes[pair];
    const bool known = std::all_of(route.begin(), route.end(), [&](int link) {
      return link >= 0 && static_cast<std::size_t>(link) < network.links.size();
    });
    if (!known)
      error(fmt::format("the route from '{}' to '{}' names a link that is not there", from, to));
    const bool self = pair / hosts == pair % hosts;
    if (self && !route.empty()) error(fmt::format("host '{}' has a route to itself", from));
    if (!self && route.empty()) {
      error(fmt::format("there is no route from host '{}' to host '{}'", from, to));
    }
  }
}

}  // namespace windtunnel::sim
