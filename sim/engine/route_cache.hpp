// What an engine needs of a route, remembered for the pairs that were asked for last.
//
// Model: direct-mapped by a hash of the pair, at most 2^16 entries (a table of all pairs of 16,384
// GPUs would have 2.7e8); a pair that loses its place is asked of the network again. The table
// starts small and grows fourfold when it has replaced as many routes as it holds.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/platform/network.hpp"

namespace windtunnel::sim {

struct CachedRoute {
  EndpointId from = EndpointId::none();
  EndpointId to = EndpointId::none();
  double latency = 0.0;              // s
  double bandwidth = 0.0;            // bytes/s, of the narrowest link
  LinkId out_port = LinkId::none();  // none where the port is a fat pipe, which nobody waits for
  LinkId in_port = LinkId::none();
  std::vector<LinkId> links;  // only where asked for at construction
};

class RouteCache {
 public:
  enum class Keep { summary, links };
  RouteCache(const Network& network, Keep keep);

  // Valid until the next call.
  const CachedRoute& find(EndpointId from, EndpointId to) {
    CachedRoute& entry = entries_[slot(from, to)];
    if (entry.from == from && entry.to == to) return entry;
    return fill(from, to);
  }

 private:
  std::size_t slot(EndpointId from, EndpointId to) const {
    const auto pair = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(from.index())) << 32) |
                      static_cast<std::uint32_t>(to.index());
    return (pair * 0x9E3779B97F4A7C15ULL) >> shift_;  // Fibonacci hashing: the high bits
  }
  const CachedRoute& fill(EndpointId from, EndpointId to);
  void grow();

  const Network& network_;
  Keep keep_;
  int shift_;
  std::size_t replaced_ = 0;
  std::vector<CachedRoute> entries_;
};

}  // namespace windtunnel::sim
