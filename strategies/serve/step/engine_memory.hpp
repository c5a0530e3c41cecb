// Memory of a serving engine's GPU: what is there before the KV cache, and how many blocks are left.
//
// Model (vLLM's profiling run): KV cache = share of memory - weights - activation peak - context. The
// activation peak is that of a step of max_tokens tokens: `activation_copies` of the widest tensors
// of a layer (hidden in and out, gate and up, queries, keys and values), and the logits of max_batch
// sequences in FP32 with the sampler's copy. TensorRT-LLM takes its share of what is free after
// weights and activations instead (EngineStack::share).
#pragma once

#include "models/networks/layout.hpp"
#include "models/networks/network.hpp"
#include "sim/platform/gpu.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/step/engine_stack.hpp"

namespace windtunnel::strategies {

struct EngineShape {
  models::Layout layout{};
  std::int64_t stages = 1;
  std::int64_t data_ranks = 1;
  double kept_layers = 1.0;            // share of the layers that pruning leaves
  double weight_share = 1.0;           // of linear weights: 2:4 sparsity keeps 9/16
  std::int64_t typical_length = 1024;  // of a sequence, for windowed layers
};

// Bytes of the weights of one GPU of the fullest stage.
base::Bytes weight_bytes(const models::Network& network, const EngineShape& shape,
                         models::NumberFormat format);

EngineMemory engine_memory(const models::Network& network, const EngineShape& shape,
                           const ServeStrategy& strategy, const sim::Gpu& gpu,
                           const EngineStack& stack);

}  // namespace windtunnel::strategies
