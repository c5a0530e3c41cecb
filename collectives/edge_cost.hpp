// What a message takes from one participant to another on an unloaded network.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "collectives/flow_plan.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::collectives {

// Remembers the latency and bandwidth of every route it was asked for. Refers to its arguments.
class EdgeCosts {
 public:
  EdgeCosts(std::span<const sim::EndpointId> endpoints, const sim::Network& network,
            const MessageCosts& costs)
      : endpoints_(endpoints), network_(network), costs_(costs) {}

  // Overhead, latency, and bytes that share the edge with those of `connections` - 1 others.
  double message_s(std::int32_t from, std::int32_t to, double bytes, std::int32_t connections) {
    const Edge& edge = find(from, to);
    const double slower = std::max(connections / edge.bandwidth, 1.0 / costs_.rate_limit.value());
    return costs_.overhead.value() + edge.latency + bytes * slower;
  }
  // Latency and bytes of a flow by itself.
  double flow_s(const Flow& flow) {
    const Edge& edge = find(flow.from, flow.to);
    return edge.latency +
           flow.bytes / std::min(edge.bandwidth, flow.connections * costs_.rate_limit.value());
  }

  struct Edge {
    double latency;    // s
    double bandwidth;  // bytes/s, of the narrowest link
    sim::LinkId out_port;
    sim::LinkId in_port;
  };
  const Edge& find(std::int32_t from, std::int32_t to) {
    const auto count = static_cast<std::uint64_t>(endpoints_.size());
    const std::uint64_t key =
        static_cast<std::uint64_t>(from) * count + static_cast<std::uint64_t>(to);
    const auto found = edges_.find(key);
    if (found != edges_.end()) return found->second;
    const sim::Route route = network_.route(endpoints_[static_cast<std::size_t>(from)],
                                            endpoints_[static_cast<std::size_t>(to)]);
    return edges_
        .emplace(key, Edge{route.latency.value(), route.bandwidth.value(), route.out_port,
                           route.in_port})
        .first->second;
  }

 private:
  std::span<const sim::EndpointId> endpoints_;
  const sim::Network& network_;
  MessageCosts costs_;
  std::unordered_map<std::uint64_t, Edge> edges_;
};

}  // namespace windtunnel::collectives
