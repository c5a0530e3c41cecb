// What an op is run on and how: the batch a device group sees, how the group shares it, and what the
// software does with it.
#pragma once

#include <cstdint>

#include "models/kernels/kernel_query.hpp"
#include "models/networks/op.hpp"

namespace windtunnel::models {

// The sequences of one micro-batch or engine step, all of one shape. Lengths are of whole
// sequences: context parallelism divides them in lowering. Groups of different lengths are lowered
// one after the other (attention), or together by their total of tokens (everything else).
struct BatchShape {
  std::int64_t sequences = 1;
  std::int64_t query_tokens = 1;    // new tokens of each
  std::int64_t kv_tokens = 0;       // keys that each attends to, prefix included; 0: query_tokens
  std::int64_t encoder_tokens = 0;  // encoder-decoder: of each source

  std::int64_t keys() const { return kv_tokens > 0 ? kv_tokens : query_tokens; }
};

// off: the parts of a layer outside the tensor-parallel regions run on every tensor rank alike;
// on: each runs 1/tensor of the tokens (Korthikanti et al. 2022).
enum class SequenceParallel { off, on };
// ring: keys and values go round, causal work balanced by zigzag; all_gather: each rank sees all
// keys; all_to_all: heads for sequence (DeepSpeed-Ulysses).
enum class ContextScheme { ring, all_gather, all_to_all };

// Ranks that share one micro-batch. `expert` divides tensor x context x data and adds no ranks;
// `expert_tensor` splits the matrices of an expert.
struct Layout {
  std::int64_t tensor = 1;
  SequenceParallel sequence = SequenceParallel::off;
  std::int64_t context = 1;
  ContextScheme context_scheme = ContextScheme::ring;
  std::int64_t expert = 1;
  std::int64_t expert_tensor = 1;
};

enum class Mode { training, prefill, decode };
// input_gradient and weight_gradient are the two halves of a backward pass, which zero-bubble
// schedules run apart; `step`: what runs once an optimizer step (casts of weights).
enum class Pass { forward, input_gradient, weight_gradient, step };

// Fused or not, as the named framework does it.
enum class Form { fused, unfused };
// What selective recomputation runs again. attention_core: the softmax of attention; every_other_
// product: all but attention and every second matrix product of a layer, beginning with the first
// (torchtitan's selective_ac_option `op`).
enum class SelectiveRecompute { attention_core, every_other_product };
// An unfused loss as kernels that go along rows (log-softmax) or as element-wise ones in FP32
// (Megatron's cast, maximum, difference, exponential, sum, quotient).
enum class LossKernels { rows, elementwise };
// Where the scale of an 8-bit operand comes from. delayed: the largest value of earlier steps, known
// beforehand; current: its own largest value, for which it is read once more. Formats with scales
// by block need neither.
enum class Scaling { delayed, current };
struct Software {
  AttentionKernel attention = AttentionKernel::fused;
  Form softmax = Form::fused;  // of unfused attention: scale, mask and softmax as one kernel
  // Of that kernel where it is Megatron's, for 16-bit elements: heads x sequences come in groups of so
  // many, and it takes so many keys at most; any other shape runs unfused. 1, 0: any.
  std::int64_t softmax_group = 1, softmax_keys = 0;
  Form norm = Form::fused;
  Form rotary = Form::fused;
  Form activation = Form::fused;
  Form residual = Form::fused;
  Form cross_entropy = Form::fused;
  LossKernels loss = LossKernels::rows;  // of an unfused one
  Form projections = Form::fused;        // q, k, v as one GEMM; gate and up as one
  SelectiveRecompute selective = SelectiveRecompute::attention_core;
  Form experts = Form::unfused;  // of 8 bits: gated activation and casts within their grouped GEMMs
  Scaling scaling = Scaling::delayed;
};

// What each kind of product multiplies. 8- and 4-bit formats are for linear layers; attention, the
// head and the router usually stay at 16 bits.
struct Formats {
  NumberFormat linear = NumberFormat::bf16;
  NumberFormat experts = NumberFormat::bf16;
  NumberFormat attention = NumberFormat::bf16;
  NumberFormat head = NumberFormat::bf16;
  NumberFormat kv_cache = NumberFormat::bf16;
};
Formats formats_of(NumberFormat precision);  // as training stacks do for `precision`

// Bytes of an element between ops: 4 for fp32 and tf32, else 2.
double element_bytes(const Formats& formats);
// Bytes of a linear layer's kept input: 1 where the product is 8 bits wide, plus scales.
double gemm_input_bytes(const Formats& formats);

std::int64_t ceil_div(std::int64_t value, std::int64_t parts);

// Rows that an op has in all (no layout), and on one rank. Pre: tensor, context >= 1.
std::int64_t total_rows(const Rows& rows, const BatchShape& batch, Mode mode);
std::int64_t rows_on_rank(const Op& op, const BatchShape& batch, const Layout& layout, Mode mode);
// Key/value heads of an op on one rank: at least 1 where there are fewer than tensor ranks.
std::int64_t kv_heads_on_rank(std::int64_t kv_heads, const Layout& layout);

}  // namespace windtunnel::models
