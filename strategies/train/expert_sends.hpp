// How often a token crosses the network between nodes on its way to its experts.
//
// per_expert: once for each of its top_k experts elsewhere, as a plain all-to-all sends it.
// per_node: once for each node that holds any of them, and over the node's own links from there
// (DeepEP and HybridEP, the dispatchers of Megatron-Bridge's recipes).
// Model of the traffic between n nodes with balanced, independent choices: k (1 - 1/n) copies
// against (n - 1)(1 - (1 - 1/n)^k). The way inside the node is taken as hidden behind the network.
#pragma once

#include <cmath>
#include <cstdint>

namespace windtunnel::strategies {

enum class ExpertSends { per_expert, per_node };

// Traffic of per_node over that of per_expert, in (0, 1]. Pre: nodes >= 1, top_k >= 1.
inline double per_node_share(std::int64_t nodes, std::int64_t top_k) {
  if (nodes <= 1) return 1.0;
  const auto n = static_cast<double>(nodes);
  const auto k = static_cast<double>(top_k);
  return (n - 1.0) * (1.0 - std::pow(1.0 - 1.0 / n, k)) / (k * (1.0 - 1.0 / n));
}

}  // namespace windtunnel::strategies
