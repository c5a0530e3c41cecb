// What fits in the memory of one GPU of an engine, and how many KV blocks remain: under load this
// decides everything.
//
// Model, of the fullest stage's rank:
//   M   memory the process sees: the sheet's, less 1 % and 0.2 GiB that driver and firmware keep
//       (79.2 GiB of an H100, 23.6 GiB of an RTX 4090, as engines report them)
//   W   weights: parameters on the rank x bytes of their format, scales included; 2:4 sparse ones
//       half the elements and two bits for each kept; embedding, head, norms, router at 16 bits
//   A   activation peak of the profiling run: the larger of
//         max_tokens x 16 bits x (2 hidden + widest linear layer's input and output)
//         sequences x vocabulary x logit_bytes       the sampler's copies of the logits
//       (1.26 GiB for Llama 3 8B with 256 sequences: vllm #10511)
//   C   context, communicators, graphs as the engine stack states them
//   KV  by the stack's rule from memory_fraction (engine_stack.hpp)
//   kv_token = sum over layers of 2 kv_heads head_dim bytes (kv_heads / tensor, at least 1; MLA: its
//              latent), windowed layers by the share of a mean sequence that they keep
//   blocks   = KV / (kv_token x block), less the states of max_batch sequences where layers are scans
#pragma once

#include "strategies/serve/step/engine_layout.hpp"
#include "strategies/serve/step/engine_stack.hpp"
#include "strategies/serve/step/rank_times.hpp"

namespace windtunnel::strategies {

// M above.
base::Bytes visible_memory(const sim::Gpu& gpu);

struct MemoryQuestion {
  const ServeJob& job;
  const models::Network& network;
  const EngineLayout& layout;
  const EngineStack& stack;
  const sim::Gpu& gpu;
  const RankOptions& rank;
  const models::Network* draft = nullptr;
  const EngineLayout* draft_layout = nullptr;
};

struct MemoryAnswer {
  EngineMemory memory;
  base::Bytes kv_request_token{0};
  std::string infeasible;  // not empty: blocks is 0
};
MemoryAnswer engine_memory(const MemoryQuestion& question);

// Mean length of the workload's sequences at their end, input and output; at least 1.
double mean_sequence(const ServeWorkload& workload);

// Weights of the fullest stage's rank.
base::Bytes weight_memory(const models::Network& network, const EngineLayout& layout,
                          const RankOptions& options);

}  // namespace windtunnel::strategies
