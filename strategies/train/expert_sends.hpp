// How often a token crosses the network between nodes on its way to its experts, and what that
// takes.
//
// per_expert: once for each of its top_k experts elsewhere, as a plain all-to-all sends it.
// per_node: once for each node that holds any of them, and over the node's own links from there
// (DeepEP and HybridEP, the dispatchers of Megatron-Bridge's recipes).
// Model of the traffic between N nodes with balanced, independent choices, S bytes that count a token
// once for each of its k experts, n ranks, g = n / N of a node:
//   far = S (1 - 1/N) share(N, k), share = (N - 1)(1 - (1 - 1/N)^k) / (k (1 - 1/N))
//   near = S (1 - 1/g)
//   time = start + max(near / (e_near beta_near), far / (e_far beta_far))
// beta: of a GPU and direction. The way inside a node is pipelined behind the network. start 0.15 ms
// (0.05 to 0.25: finding who goes where, permuting), e_near 0.68, e_far 0.88: the published benchmark
// of HybridEP (deepseek-ai/DeepEP, docs/README_Hybrid-EP.md: 4,096 tokens of 7,168, top 8; 536 to 750
// GB/s on B200 and GB200 NVL36, 42 to 50 GB/s between nodes on 64 H100). Bands: 0.75 to 1.4 times.
// It takes 32 multiprocessors (moe_hybridep_num_sms of Megatron-Bridge's scripts/performance), which
// products beside it do without.
#pragma once

#include <cmath>
#include <cstdint>

#include "sim/base/quantity.hpp"

namespace windtunnel::strategies {

enum class ExpertSends { per_expert, per_node };
inline constexpr double kDispatchMultiprocessors = 32;

// Traffic of per_node over that of per_expert, in (0, 1]. Pre: nodes >= 1, top_k >= 1.
inline double per_node_share(std::int64_t nodes, std::int64_t top_k) {
  if (nodes <= 1) return 1.0;
  const auto n = static_cast<double>(nodes);
  const auto k = static_cast<double>(top_k);
  return (n - 1.0) * (1.0 - std::pow(1.0 - 1.0 / n, k)) / (k * (1.0 - 1.0 / n));
}

struct Dispatch {
  std::int64_t ranks = 1, nodes = 1, copies = 1;
  base::Bytes routed{0};
  base::BytesPerSecond near{0}, far{0};
};
struct DispatchTime {
  base::Seconds time{0}, low{0}, high{0};
  base::Bytes far{0};  // that a rank sends between nodes
};
enum class DispatchRates { measured, data_sheet };  // data_sheet: no start, links in full

// Of tokens that travel once to each node. Pre: ranks >= nodes >= 1, copies >= 1.
DispatchTime dispatch_time(const Dispatch& dispatch, DispatchRates rates);

}  // namespace windtunnel::strategies
