#include "models/networks/op_builders.hpp"

#include <utility>

namespace windtunnel::models {
namespace {

// Kernels and elements of the chains of PyTorch's eager mode, per element of the width:
// RMSNorm in FP32: cast 3, square 4, mean 2, scale 4, cast 3, weight 2; about twice that back.
constexpr Traffic kEagerRmsNorm{7, 18.0};
constexpr Traffic kEagerRmsNormBack{12, 30.0};
// rotate-half: cosine 2, negate 1, concatenate 2, sine 2, add 3; for queries and for keys.
constexpr Traffic kEagerRotary{10, 10.0};

// Parameters of a weight matrix and a bias vector under a split.
ParameterCount linear_parameters(const LinearWork& work, TensorSplit split) {
  const std::int64_t kv = work.inputs * work.kv_outputs + (work.bias ? work.kv_outputs : 0);
  const std::int64_t matrix = work.inputs * (work.outputs - work.kv_outputs);
  const std::int64_t bias = work.bias ? work.outputs - work.kv_outputs : 0;
  switch (split) {
    case TensorSplit::column:
    case TensorSplit::heads:
    case TensorSplit::vocabulary:
      return {.tensor = matrix + bias, .kv = kv, .kv_heads = work.kv_heads > 0 ? work.kv_heads : 1};
    case TensorSplit::row:
      return {.tensor = matrix, .replicated = bias};
    case TensorSplit::experts:
    case TensorSplit::replicated:
      break;
  }
  return {.replicated = matrix + bias + kv};
}

}  // namespace

SavedTensor kept(std::string name, double elements, SavedSplit split) {
  return {.name = std::move(name), .elements = elements, .split = split};
}

Op linear_op(std::string name, LinearWork work, TensorSplit split, Rows rows) {
  Op op{.name = std::move(name), .work = work, .rows = rows, .split = split};
  op.parameters = linear_parameters(work, split);
  const bool split_outputs = split == TensorSplit::column || split == TensorSplit::vocabulary;
  if (split_outputs) {
    op.boundary = Boundary::enter;
    op.boundary_width = work.inputs;
  } else if (split == TensorSplit::row) {
    op.boundary = Boundary::leave;
    op.boundary_width = work.outputs;
  }
  SavedTensor input = kept("input", static_cast<double>(work.inputs),
                           split == TensorSplit::row ? SavedSplit::tensor : SavedSplit::sequence);
  input.element = SavedElement::gemm_input;
  op.saved.push_back(std::move(input));
  return op;
}

Op norm_op(std::string name, const Transformer& transformer, std::int64_t width, Rows rows) {
  const bool layer = transformer.norm == NormKind::layer_norm;
  MemoryWork work{.op = layer ? MemoryOp::layer_norm : MemoryOp::rms_norm,
                  .width = static_cast<double>(width),
                  .fusion = Fusion::norm,
                  .forward = {1, 2.0},
                  .backward = {2, 3.0}};
  if (!layer) {
    work.unfused_forward = kEagerRmsNorm;
    work.unfused_backward = kEagerRmsNormBack;
  } else {
    work.unfused_forward = work.forward;
    work.unfused_backward = {2, 5.0};  // the gradients of weight and bias read both again
  }
  Op op{.name = std::move(name), .work = work, .rows = rows};
  op.parameters.replicated = layer && transformer.biases.norm ? 2 * width : width;
  op.saved.push_back(kept("input", static_cast<double>(width), SavedSplit::sequence));
  return op;
}

Op activation_op(std::string name, MlpKind mlp, std::int64_t ffn, Rows rows) {
  const bool gated = mlp == MlpKind::gated;
  const double width = static_cast<double>(ffn);
  MemoryWork work{.op = gated ? MemoryOp::swiglu : MemoryOp::gelu,
                  .width = width,
                  .fusion = Fusion::activation};
  if (gated) {
    work.forward = {1, 3.0};
    work.backward = {1, 5.0};
    work.unfused_forward = {2, 5.0};
    work.unfused_backward = {3, 9.0};
  } else {
    work.forward = {1, 2.0};
    work.backward = {1, 3.0};
    work.unfused_forward = {2, 4.0};
    work.unfused_backward = {2, 4.0};
  }
  Op op{.name = std::move(name), .work = work, .rows = rows, .split = TensorSplit::column};
  op.saved.push_back(kept("input", gated ? 2.0 * width : width, SavedSplit::tensor));
  if (gated) {
    SavedTensor gate = kept("activated gate", width, SavedSplit::tensor);
    gate.condition = SavedIf::unfused_activation;
    op.saved.push_back(std::move(gate));
  }
  return op;
}

// Bias, dropout and addition to the residual stream. Backward: where the branches of the forward
// pass meet, their gradients are added; the dropout mask is applied again.
Op residual_op(std::string name, const Transformer& transformer, Rows rows) {
  const double mask = transformer.dropout > 0.0 ? 0.5 : 0.0;
  const double back = transformer.dropout > 0.0 ? 2.0 + mask : 0.0;
  Op op{.name = std::move(name),
        .work =
            MemoryWork{.op = transformer.dropout > 0.0 ? MemoryOp::residual_dropout : MemoryOp::add,
                       .width = static_cast<double>(transformer.hidden),
                       .fusion = Fusion::residual,
                       .forward = {1, 3.0 + mask},
                       .backward = {back > 0.0 ? 2 : 1, 3.0 + back},
                       .unfused_forward = {back > 0.0 ? 3 : 1, back > 0.0 ? 7.5 : 3.0},
                       .unfused_backward = {back > 0.0 ? 3 : 1, 3.0 + 2.0 * back}},
        .rows = rows};
  if (transformer.dropout == 0.0) return op;
  SavedTensor mask_kept =
      kept("dropout mask", static_cast<double>(transformer.hidden), SavedSplit::sequence);
  mask_kept.element = SavedElement::byte;
  mask_kept.condition = SavedIf::dropout;
  op.saved.push_back(std::move(mask_kept));
  return op;
}

Op rotary_op(std::string name, std::int64_t width, Rows rows) {
  return {.name = std::move(name),
          .work = MemoryWork{.op = MemoryOp::rotary,
                             .width = static_cast<double>(width),
                             .fusion = Fusion::rotary,
                             .forward = {1, 2.0},
                             .backward = {1, 2.0},
                             .unfused_forward = kEagerRotary,
                             .unfused_backward = kEagerRotary},
          .rows = rows,
          .split = TensorSplit::heads};
}

Op embedding_op(std::string name, EmbeddingWork work, TensorSplit split, Rows rows) {
  Op op{.name = std::move(name), .work = work, .rows = rows, .split = split};
  const std::int64_t count = work.rows * work.width;
  if (split == TensorSplit::vocabulary) {
    op.parameters.tensor = count;
    op.boundary = Boundary::leave;
    op.boundary_width = work.width;
  } else {
    op.parameters.replicated = count;
  }
  return op;
}

}  // namespace windtunnel::models
