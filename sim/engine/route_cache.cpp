#include "sim/engine/route_cache.hpp"

#include <utility>

namespace windtunnel::sim {
namespace {

constexpr int kInitialBits = 8;
constexpr int kMaximumBits = 16;

}  // namespace

RouteCache::RouteCache(const Network& network, Keep keep)
    : network_(network), keep_(keep), shift_(64 - kInitialBits), entries_(1U << kInitialBits) {}

void RouteCache::grow() {
  std::vector<CachedRoute> old = std::exchange(entries_, {});
  shift_ -= 2;
  entries_.resize(old.size() * 4);
  for (CachedRoute& entry : old) {
    if (entry.from.valid()) entries_[slot(entry.from, entry.to)] = std::move(entry);
  }
  replaced_ = 0;
}

const CachedRoute& RouteCache::fill(EndpointId from, EndpointId to) {
  if (entries_[slot(from, to)].from.valid() && ++replaced_ > entries_.size() &&
      shift_ > 64 - kMaximumBits) {
    grow();
  }
  Route route = network_.route(from, to);
  const auto links = network_.links();
  const auto serving = [&](LinkId port) {
    return port.valid() && !links[port.slot()].fat_pipe ? port : LinkId::none();
  };
  CachedRoute& entry = entries_[slot(from, to)];
  entry.from = from;
  entry.to = to;
  entry.latency = route.latency.value();
  entry.bandwidth = route.bandwidth.value();
  entry.out_port = serving(route.out_port);
  // A link that is both (a PCIe or mesh link) is waited for once.
  entry.in_port = route.in_port == route.out_port ? LinkId::none() : serving(route.in_port);
  if (keep_ == Keep::links) entry.links = std::move(route.links);
  return entry;
}

}  // namespace windtunnel::sim
