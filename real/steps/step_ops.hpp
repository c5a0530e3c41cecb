// A training step as a list of ops in the order in which they run: forward, backward, optimizer. The
// device runs this list, the timer times it entry by entry, and each entry knows its work as the
// query that a kernel time model answers, so that a step is held against a prediction op by op.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/kernel_query.hpp"
#include "real/steps/parameters.hpp"
#include "real/steps/step_shape.hpp"

namespace windtunnel::real {

enum class StepOpKind {
  embedding,
  norm1,
  qkv,
  rotary,
  attention,
  projection,
  residual1,
  norm2,
  up,
  activation,
  down,
  residual2,
  final_norm,
  head,
  cross_entropy,
  loss,
  cross_entropy_backward,
  head_input_gradient,
  head_weight_gradient,
  final_norm_backward,
  down_input_gradient,
  down_weight_gradient,
  activation_backward,
  up_input_gradient,
  up_weight_gradient,
  norm2_backward,
  residual2_backward,
  projection_input_gradient,
  projection_weight_gradient,
  attention_backward,
  rotary_backward,
  qkv_input_gradient,
  qkv_weight_gradient,
  norm1_backward,
  residual1_backward,
  embedding_backward,
  optimizer,
};
enum class StepPhase { forward, backward, optimizer };

std::string_view to_text(StepOpKind kind);
std::string_view to_text(StepPhase phase);

struct StepOp {
  StepOpKind kind = StepOpKind::embedding;
  StepPhase phase = StepPhase::forward;
  std::int64_t layer = -1;    // -1: of no block
  models::KernelQuery query;  // memory ops: bytes read and written, each tensor once
};

// Forward GEMMs have m = tokens, n = outputs, k = inputs; an input gradient swaps n and k, a weight
// gradient is m = outputs, n = inputs, k = tokens.
std::vector<StepOp> step_ops(const StepShape& shape);

// The tensors whose gradient is final once this op is done. With a tied head the embedding's is so
// after `embedding_backward`, not after the head's.
std::vector<Parameter> gradients_of(const StepShape& shape, StepOpKind kind);

}  // namespace windtunnel::real
