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
#pragma once

#include "models/networks/lowering.hpp"

namespace windtunnel::models {

// selective: the softmax of attention is computed again; full: all but the input of each layer.
enum class Recompute { none, selective, full };

base::Bytes activation_memory(const Op& op, const BatchShape& batch, const LoweringOptions& options,
                              Recompute recompute);
base::Bytes activation_memory(const Block& block, const BatchShape& batch,
                              const LoweringOptions& options, Recompute recompute);

// Whether the backward pass runs the op's forward pass again. Embedding and head never do.
bool recomputed(const Op& op, const Block& block, const LoweringOptions& options,
                Recompute recompute);

}  // namespace windtunnel::models
