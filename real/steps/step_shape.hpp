// What a measured training step computes: a stack of pre-norm transformer blocks, alone or as a small
// GPT with embedding, final norm, head and cross-entropy.
//
// Block: x1 = x + attention(norm(x)) W_o, y = x1 + mlp(norm(x1)); multi-head or grouped-query causal
// attention, gated (SwiGLU) or plain (GELU, tanh form) MLP, no biases but those of layer norm, no
// dropout. `vocabulary` 0: the blocks alone, driven by a given input and output gradient.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/base/quantity.hpp"

namespace windtunnel::real {

struct StepShape {
  enum class Mlp { gated, plain };
  enum class Norm { rms, layer };
  enum class Positions { rotary, learned };  // learned ones need a vocabulary
  enum class Head { untied, tied };

  std::string name;
  std::int64_t layers = 1;
  std::int64_t hidden = 64;
  std::int64_t heads = 1, kv_heads = 1, head_dim = 64;
  std::int64_t ffn = 256;
  std::int64_t vocabulary = 0;
  std::int64_t sequence = 128, batch = 1;
  Mlp mlp = Mlp::gated;
  Norm norm = Norm::rms;
  Positions positions = Positions::rotary;
  Head head = Head::untied;

  std::int64_t tokens() const { return batch * sequence; }
  std::int64_t attention_width() const { return heads * head_dim; }
  std::int64_t qkv_width() const { return (heads + 2 * kv_heads) * head_dim; }
  std::int64_t up_width() const { return mlp == Mlp::gated ? 2 * ffn : ffn; }
};

// The reason in words why no step of this shape can be made; empty where it can.
std::string shape_refusal(const StepShape& shape);

// Weights of the matrices that a token is multiplied with (the embedding's look-up not counted).
std::int64_t matrix_parameters(const StepShape& shape);
// Three times the forward's: 2 x matrix parameters per token, attention counted full.
base::Flops model_flops(const StepShape& shape);

// The step of a decoder-only transformer of the model library: dense, rotary or learned positions,
// with its vocabulary padded to a multiple of 128 (as Megatron-LM does), without biases of linear
// layers and dropout. `reason` says why there is none (experts, latent or sliding attention, ...).
struct ShapeOfModel {
  std::optional<StepShape> shape;
  std::string reason;
};
ShapeOfModel step_shape_of(std::string_view model_name);
// `blocks` blocks of it without embedding and head.
StepShape block_of(StepShape shape, std::int64_t blocks);

}  // namespace windtunnel::real
