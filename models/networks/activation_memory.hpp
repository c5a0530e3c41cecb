// Activations that a block keeps from its forward to its backward pass.
//
// The sum of what each op keeps. For a GPT layer with 16-bit elements, unfused attention and dropout
// this is Korthikanti et al. 2022 (arXiv 2205.05198), with s tokens, b sequences, h hidden, a heads,
// t tensor ranks:
//   none                        s b h (34 + 5 a s / h)                    eq. 1
//   tensor                      s b h (10 + 24 / t + 5 a s / (h t))       eq. 2
//   tensor and sequence         s b h / t (34 + 5 a s / h)                eq. 4
//   and selective recomputation s b h 34 / t                              eq. 6
//   full recomputation          2 s b h (divided by t with sequence parallelism)
// Fused attention keeps no square; other layers, formats and fusions follow from their ops.
// Where every other product is kept (torchtitan), a layer keeps its input, the outputs of attention
// and of its first, third, ... matrix product: of q, k, v, out, gate, up, down those of q, v, gate
// and down, so s b (2 h + 2 h + 2 kv + 2 h + 2 f + 2 h) in 16 bits.
// Modules (LoweringOptions::again, recompute_modules.hpp): core_attn drops the softmax or its sum, and
// an output kept for attention alone; layernorm what the part behind a norm keeps of it; mla_up_proj
// queries, keys and values; moe_act what enters the second matrix of experts; mlp, moe and
// shared_experts all but what they were given. Each drops what it can whatever the format: Transformer
// Engine then keeps inputs in 16 bits and casts again (save_original_input).
#pragma once

#include <vector>

#include "models/networks/lowering.hpp"

namespace windtunnel::models {

// selective: what Software::selective says is computed again; full: all but the input of each layer.
enum class Recompute { none, selective, full };

// Pre for an op alone: selective recomputation is of the attention core.
base::Bytes activation_memory(const Op& op, const BatchShape& batch, const LoweringOptions& options,
                              Recompute recompute);
base::Bytes activation_memory(const Block& block, const BatchShape& batch,
                              const LoweringOptions& options, Recompute recompute);

// Whether the activation of these experts runs again, and nothing else of the op.
bool activation_runs_again(const Op& op, const LoweringOptions& options, Recompute recompute);

// The part of each op's forward pass that the backward pass runs again, 0 to 1. Embedding and head
// never do. With every other product kept, a fused projection counts by the widths of its pieces.
std::vector<double> recomputed_shares(const Block& block, const LoweringOptions& options,
                                      Recompute recompute);

}  // namespace windtunnel::models
