#include "sim/engine/choose_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_set>
#include <vector>

#include "sim/base/unit_text.hpp"

namespace windtunnel::sim {
namespace {

constexpr double kRounding = 1e-9;  // relative; sums of equal bandwidths are not exact

std::uint64_t pair_key(std::int32_t a, std::int32_t b) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) << 32) |
         static_cast<std::uint32_t>(b);
}

// What one link may be asked for.
struct Demand {
  int pairs = 0;
  int passing = 0;              // of them, those that `analytic` does not make wait for this link
  double from_senders = 0.0;    // bytes/s, over distinct sending ports
  double from_receivers = 0.0;  // bytes/s, over distinct receiving ports
  double offered() const { return std::min(from_senders, from_receivers); }
};

// What one endpoint port serves.
struct PortUse {
  int pairs = 0;
  double narrowest = std::numeric_limits<double>::infinity();  // bytes/s, of its pairs' routes
};

class Survey {
 public:
  explicit Survey(const Network& network) : network_(network), links_(network.links()) {}

  void add(const EndpointPair& pair) {
    if (pair.from == pair.to ||
        !pairs_.insert(pair_key(pair.from.index(), pair.to.index())).second) {
      return;
    }
    const Route route = network_.route(pair.from, pair.to);
    for (const LinkId link : route.links) {
      if (links_[link.slot()].fat_pipe) continue;
      Demand& demand = demands_[link];
      ++demand.pairs;
      if (link != route.out_port && link != route.in_port) ++demand.passing;
      demand.from_senders += offer(link, route.out_port, route, senders_);
      demand.from_receivers += offer(link, route.in_port, route, receivers_);
    }
    use_port(route.out_port, route);
    if (route.in_port != route.out_port) use_port(route.in_port, route);
  }

  EngineDecision decide() const {
    for (const auto& [link, demand] : demands_) {
      const double bandwidth = links_[link.slot()].bandwidth.value();
      if (demand.pairs < 2 || demand.passing == 0 ||
          demand.offered() <= bandwidth * (1.0 + kRounding)) {
        continue;
      }
      return {EngineKind::simgrid,
              fmt::format("{} pairs can share {} at once and offer {} to its {}", demand.pairs,
                          network_.link_name(link),
                          base::to_text(base::BytesPerSecond(demand.offered())),
                          base::to_text(base::BytesPerSecond(bandwidth)))};
    }
    for (const auto& [port, use] : ports_) {
      const double bandwidth = links_[port.slot()].bandwidth.value();
      if (use.pairs < 2 || use.narrowest >= bandwidth * (1.0 - kRounding)) continue;
      return {
          EngineKind::simgrid,
          fmt::format("{} pairs share {} ({}), one of them through a link of only {}", use.pairs,
                      network_.link_name(port), base::to_text(base::BytesPerSecond(bandwidth)),
                      base::to_text(base::BytesPerSecond(use.narrowest)))};
    }
    return {EngineKind::analytic,
            fmt::format("nothing beyond the endpoint ports can be short of bandwidth ({} pairs, "
                        "{} links between ports)",
                        pairs_.size(), demands_.size())};
  }

 private:
  using LinkAndPort = std::unordered_set<std::uint64_t>;

  // What a pair adds to the demand on `link` by way of `port`: nothing where the port is counted
  // already.
  double offer(LinkId link, LinkId port, const Route& route, LinkAndPort& counted) const {
    if (!port.valid() || links_[port.slot()].fat_pipe) return route.bandwidth.value();
    if (!counted.insert(pair_key(link.index(), port.index())).second) return 0.0;
    return links_[port.slot()].bandwidth.value();
  }

  void use_port(LinkId port, const Route& route) {
    if (!port.valid() || links_[port.slot()].fat_pipe) return;
    PortUse& use = ports_[port];
    ++use.pairs;
    use.narrowest = std::min(use.narrowest, route.bandwidth.value());
  }

  const Network& network_;
  std::span<const Link> links_;
  std::unordered_set<std::uint64_t> pairs_;
  std::map<LinkId, Demand> demands_;  // ordered: the reason names the first link
  std::map<LinkId, PortUse> ports_;
  LinkAndPort senders_;
  LinkAndPort receivers_;
};

}  // namespace

EngineDecision choose_engine(const Network& network,
                             std::span<const EndpointPair> active_together) {
  Survey survey(network);
  for (const EndpointPair& pair : active_together) survey.add(pair);
  return survey.decide();
}

}  // namespace windtunnel::sim
