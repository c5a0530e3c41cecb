#include "real/steps/step_ops.hpp"

#include <array>

#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using K = StepOpKind;
using models::MemoryOp;

constexpr std::int64_t kHalf = 2, kFloat = 4;  // bytes of bf16 and fp32

class OpList {
 public:
  explicit OpList(const StepShape& shape) : s_(shape) {}

  std::vector<StepOp> take() && { return std::move(ops_); }

  void forward() {
    phase_ = StepPhase::forward;
    const std::int64_t t = s_.tokens(), h = s_.hidden;
    if (s_.vocabulary > 0) {
      const std::int64_t tables = s_.positions == StepShape::Positions::learned ? 2 : 1;
      memory(K::embedding, MemoryOp::embedding, kHalf * t * h * (1 + tables) + kFloat * t);
    }
    for (layer_ = 0; layer_ < s_.layers; ++layer_) block_forward();
    layer_ = -1;
    if (s_.vocabulary == 0) return;
    norm(K::final_norm);
    gemm(K::head, t, s_.vocabulary, h);
    memory(K::cross_entropy, MemoryOp::cross_entropy, kHalf * t * s_.vocabulary + 3 * kFloat * t);
    memory(K::loss, MemoryOp::cross_entropy, kFloat * t);
  }

  void backward() {
    phase_ = StepPhase::backward;
    const std::int64_t t = s_.tokens(), h = s_.hidden;
    if (s_.vocabulary > 0) {
      memory(K::cross_entropy_backward, MemoryOp::cross_entropy,
             2 * kHalf * t * s_.vocabulary + 2 * kFloat * t);
      gemm(K::head_input_gradient, t, h, s_.vocabulary);
      gemm(K::head_weight_gradient, s_.vocabulary, h, t);
      norm_backward(K::final_norm_backward);
    }
    for (layer_ = s_.layers - 1; layer_ >= 0; --layer_) block_backward();
    layer_ = -1;
    if (s_.vocabulary == 0) return;
    const std::int64_t tables = s_.positions == StepShape::Positions::learned ? 2 : 1;
    // Gradients read and written per token, after the tables have been cleared (a tied one holds the
    // head's share already).
    const std::int64_t cleared =
        (s_.head == StepShape::Head::tied ? 0 : s_.vocabulary) + (tables == 2 ? s_.sequence : 0);
    memory(K::embedding_backward, MemoryOp::embedding,
           (kHalf + 2 * kFloat * tables) * t * h + kFloat * t + kFloat * cleared * h);
  }

  void optimizer() {
    phase_ = StepPhase::optimizer;
    // Master weight and two moments read and written, gradient read, bf16 weight written.
    memory(K::optimizer, MemoryOp::optimizer,
           ParameterLayout(s_).size() * (6 * kFloat + kFloat + kHalf), 0);
  }

 private:
  void add(K kind, models::KernelQuery query) { ops_.push_back({kind, phase_, layer_, query}); }
  void gemm(K kind, std::int64_t m, std::int64_t n, std::int64_t k) {
    models::GemmQuery query;
    query.m = m;
    query.n = n;
    query.k = k;
    add(kind, query);
  }
  void memory(K kind, MemoryOp op, std::int64_t bytes, std::int64_t rows) {
    add(kind, models::MemoryQuery{op, base::Bytes(static_cast<double>(bytes)), rows});
  }
  void memory(K kind, MemoryOp op, std::int64_t bytes) { memory(kind, op, bytes, s_.tokens()); }
  MemoryOp norm_op() const {
    return s_.norm == StepShape::Norm::rms ? MemoryOp::rms_norm : MemoryOp::layer_norm;
  }
  void norm(K kind) { memory(kind, norm_op(), 2 * kHalf * s_.tokens() * s_.hidden); }
  void norm_backward(K kind) { memory(kind, norm_op(), 3 * kHalf * s_.tokens() * s_.hidden); }
  void residual(K kind) { memory(kind, MemoryOp::add, 3 * kHalf * s_.tokens() * s_.hidden); }
  void rotary(K kind) {
    if (s_.positions != StepShape::Positions::rotary) return;
    memory(kind, MemoryOp::rotary,
           2 * kHalf * s_.tokens() * (s_.heads + s_.kv_heads) * s_.head_dim);
  }
  void attention(K kind, models::AttentionPhase phase) {
    models::AttentionQuery query;
    query.phase = phase;
    query.batch = s_.batch;
    query.heads = s_.heads;
    query.kv_heads = s_.kv_heads;
    query.head_dim = s_.head_dim;
    query.q_len = query.kv_len = s_.sequence;
    add(kind, query);
  }
  MemoryOp activation_op() const {
    return s_.mlp == StepShape::Mlp::gated ? MemoryOp::swiglu : MemoryOp::gelu;
  }

  void block_forward() {
    const std::int64_t t = s_.tokens(), h = s_.hidden;
    norm(K::norm1);
    gemm(K::qkv, t, s_.qkv_width(), h);
    rotary(K::rotary);
    attention(K::attention, models::AttentionPhase::context);
    gemm(K::projection, t, h, s_.attention_width());
    residual(K::residual1);
    norm(K::norm2);
    gemm(K::up, t, s_.up_width(), h);
    memory(K::activation, activation_op(), kHalf * t * (s_.up_width() + s_.ffn));
    gemm(K::down, t, h, s_.ffn);
    residual(K::residual2);
  }

  void block_backward() {
    const std::int64_t t = s_.tokens(), h = s_.hidden;
    gemm(K::down_input_gradient, t, s_.ffn, h);
    gemm(K::down_weight_gradient, h, s_.ffn, t);
    memory(K::activation_backward, activation_op(), kHalf * t * (2 * s_.up_width() + s_.ffn));
    gemm(K::up_input_gradient, t, h, s_.up_width());
    gemm(K::up_weight_gradient, s_.up_width(), h, t);
    norm_backward(K::norm2_backward);
    residual(K::residual2_backward);
    gemm(K::projection_input_gradient, t, s_.attention_width(), h);
    gemm(K::projection_weight_gradient, h, s_.attention_width(), t);
    attention(K::attention_backward, models::AttentionPhase::backward);
    rotary(K::rotary_backward);
    gemm(K::qkv_input_gradient, t, h, s_.qkv_width());
    gemm(K::qkv_weight_gradient, s_.qkv_width(), h, t);
    norm_backward(K::norm1_backward);
    residual(K::residual1_backward);
  }

  const StepShape& s_;
  StepPhase phase_ = StepPhase::forward;
  std::int64_t layer_ = -1;
  std::vector<StepOp> ops_;
};

}  // namespace

std::string_view to_text(StepPhase phase) {
  static constexpr std::array<std::string_view, 3> kWords{"forward", "backward", "optimizer"};
  return kWords.at(static_cast<std::size_t>(phase));
}

std::string_view to_text(StepOpKind kind) {
  static constexpr std::array<std::string_view, 37> kWords{
      "embedding",
      "norm1",
      "qkv",
      "rotary",
      "attention",
      "projection",
      "residual1",
      "norm2",
      "up",
      "activation",
      "down",
      "residual2",
      "final_norm",
      "head",
      "cross_entropy",
      "loss",
      "cross_entropy_backward",
      "head_input_gradient",
      "head_weight_gradient",
      "final_norm_backward",
      "down_input_gradient",
      "down_weight_gradient",
      "activation_backward",
      "up_input_gradient",
      "up_weight_gradient",
      "norm2_backward",
      "residual2_backward",
      "projection_input_gradient",
      "projection_weight_gradient",
      "attention_backward",
      "rotary_backward",
      "qkv_input_gradient",
      "qkv_weight_gradient",
      "norm1_backward",
      "residual1_backward",
      "embedding_backward",
      "optimizer",
  };
  return kWords.at(static_cast<std::size_t>(kind));
}

std::vector<StepOp> step_ops(const StepShape& shape) {
  base::expects(shape_refusal(shape).empty(), "the shape of a step is sound");
  OpList list(shape);
  list.forward();
  list.backward();
  list.optimizer();
  return std::move(list).take();
}

std::vector<Parameter> gradients_of(const StepShape& shape, StepOpKind kind) {
  const bool biased = shape.norm == StepShape::Norm::layer;
  const auto norm = [&](Parameter gain, Parameter bias) {
    return biased ? std::vector{gain, bias} : std::vector{gain};
  };
  switch (kind) {
    case K::head_weight_gradient:
      if (shape.head == StepShape::Head::tied) return {};
      return {Parameter::head};
    case K::final_norm_backward:
      return norm(Parameter::final_gain, Parameter::final_bias);
    case K::down_weight_gradient:
      return {Parameter::down};
    case K::up_weight_gradient:
      return {Parameter::up};
    case K::norm2_backward:
      return norm(Parameter::norm2_gain, Parameter::norm2_bias);
    case K::projection_weight_gradient:
      return {Parameter::projection};
    case K::qkv_weight_gradient:
      return {Parameter::qkv};
    case K::norm1_backward:
      return norm(Parameter::norm1_gain, Parameter::norm1_bias);
    case K::embedding_backward:
      if (shape.positions == StepShape::Positions::learned)
        return {Parameter::positions, Parameter::embedding};
      return {Parameter::embedding};
    default:
      return {};
  }
}

}  // namespace windtunnel::real
