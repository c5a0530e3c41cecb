// How each op of a step becomes a kernel call: which tensors it reads and writes.
#include <fmt/format.h>

#include "real/benchmark.hpp"
#include "real/cuda/attention.hpp"
#include "real/cuda/kernels.hpp"
#include "real/steps/device/device_step.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using K = StepOpKind;
using T = StepTensor;

GemmLayout gemm_layout(K kind) {
  switch (kind) {
    case K::qkv:
    case K::projection:
    case K::up:
    case K::down:
    case K::head:
      return GemmLayout::forward;
    case K::qkv_input_gradient:
    case K::projection_input_gradient:
    case K::up_input_gradient:
    case K::down_input_gradient:
    case K::head_input_gradient:
      return GemmLayout::input_gradient;
    default:
      return GemmLayout::weight_gradient;
  }
}

}  // namespace

DeviceStep::Launch DeviceStep::bind(const StepOp& op) {
  if (std::holds_alternative<models::GemmQuery>(op.query)) return bind_gemm(op);
  if (std::holds_alternative<models::AttentionQuery>(op.query)) return bind_attention(op);
  switch (op.kind) {
    case K::norm1:
    case K::norm2:
    case K::final_norm:
      return bind_norm(op);
    case K::norm1_backward:
    case K::norm2_backward:
    case K::final_norm_backward:
      return bind_norm_backward(op);
    case K::rotary:
    case K::rotary_backward:
      return bind_rotary(op);
    case K::activation:
    case K::activation_backward:
      return bind_activation(op);
    case K::residual1:
    case K::residual2:
    case K::residual1_backward:
    case K::residual2_backward:
      return bind_add(op);
    case K::embedding:
    case K::embedding_backward:
      return bind_embedding(op);
    case K::optimizer:
      return [adam = adam_.get()](cudaStream_t stream) {
        adam_step(*adam, stream);
        ++adam->step;
      };
    default:
      return bind_loss(op);
  }
}

GemmOperands DeviceStep::operands(const StepOp& op) const {
  const std::int64_t l = op.layer;
  const auto product = [](const void* a, const void* b, void* c) {
    GemmOperands out;
    out.a = a;
    out.b = b;
    out.c = c;
    return out;
  };
  switch (op.kind) {
    case K::qkv:
      return product(at(T::norm1, l), weights(Parameter::qkv, l), at(T::qkv, l));
    case K::projection:
      return product(at(T::heads, l), weights(Parameter::projection, l), at(T::branch));
    case K::up:
      return product(at(T::norm2, l), weights(Parameter::up, l), at(T::up, l));
    case K::down:
      return product(at(T::activated, l), weights(Parameter::down, l), at(T::branch));
    case K::head:
      return product(at(T::final_norm), weights(Parameter::head, -1), at(T::logits));
    case K::head_input_gradient:
      return product(at(T::logits), weights(Parameter::head, -1), at(T::d_norm));
    case K::head_weight_gradient:
      return product(at(T::logits), at(T::final_norm), gradient_of(Parameter::head, -1));
    case K::down_input_gradient:
      return product(incoming(l), weights(Parameter::down, l), at(T::d_activated));
    case K::down_weight_gradient:
      return product(incoming(l), at(T::activated, l), gradient_of(Parameter::down, l));
    case K::up_input_gradient:
      return product(at(T::d_up), weights(Parameter::up, l), at(T::d_norm));
    case K::up_weight_gradient:
      return product(at(T::d_up), at(T::norm2, l), gradient_of(Parameter::up, l));
    case K::projection_input_gradient:
      return product(at(T::d_x), weights(Parameter::projection, l), at(T::d_heads));
    case K::projection_weight_gradient:
      return product(at(T::d_x), at(T::heads, l), gradient_of(Parameter::projection, l));
    case K::qkv_input_gradient:
      return product(at(T::d_qkv), weights(Parameter::qkv, l), at(T::d_norm));
    case K::qkv_weight_gradient:
      return product(at(T::d_qkv), at(T::norm1, l), gradient_of(Parameter::qkv, l));
    default:
      base::expects(false, "the op is a matrix product");
      return {};
  }
}

DeviceStep::Launch DeviceStep::bind_gemm(const StepOp& op) {
  std::shared_ptr<GemmPlan>& plan = plans_[op.kind];
  if (!plan) {
    const auto& query = std::get<models::GemmQuery>(op.query);
    GemmProblem problem;
    problem.m = query.m;
    problem.n = query.n;
    problem.k = query.k;
    problem.layout = gemm_layout(op.kind);
    if (problem.layout == GemmLayout::weight_gradient) problem.output = GemmOutput::fp32;
    plan = std::make_shared<GemmPlan>(library_, problem);
  }
  return [plan, args = operands(op)](cudaStream_t stream) { plan->run(args, stream); };
}

DeviceStep::Launch DeviceStep::bind_norm(const StepOp& op) const {
  const std::int64_t l = op.layer;
  const bool first = op.kind == K::norm1, last = op.kind == K::final_norm;
  const void* const x = last ? at(T::x, shape_.layers) : first ? at(T::x, l) : at(T::x1, l);
  void* const y = last ? at(T::final_norm) : first ? at(T::norm1, l) : at(T::norm2, l);
  float* const stats = last    ? at<float>(T::final_stats)
                       : first ? at<float>(T::stats1, l)
                               : at<float>(T::stats2, l);
  const Parameter gain = last    ? Parameter::final_gain
                         : first ? Parameter::norm1_gain
                                 : Parameter::norm2_gain;
  if (shape_.norm == StepShape::Norm::rms) {
    RmsNorm args;
    args.x = x;
    args.gamma = weights(gain, l);
    args.y = y;
    args.rrms = stats;
    args.rows = shape_.tokens();
    args.columns = shape_.hidden;
    return [args](cudaStream_t stream) { rms_norm(args, stream); };
  }
  const Parameter bias = last    ? Parameter::final_bias
                         : first ? Parameter::norm1_bias
                                 : Parameter::norm2_bias;
  LayerNorm args;
  args.x = x;
  args.gamma = weights(gain, l);
  args.beta = weights(bias, l);
  args.y = y;
  args.mean = stats;
  args.rstd = stats + shape_.tokens();
  args.rows = shape_.tokens();
  args.columns = shape_.hidden;
  return [args](cudaStream_t stream) { layer_norm(args, stream); };
}

DeviceStep::Launch DeviceStep::bind_norm_backward(const StepOp& op) const {
  const std::int64_t l = op.layer;
  const bool first = op.kind == K::norm1_backward, last = op.kind == K::final_norm_backward;
  const void* const x = last ? at(T::x, shape_.layers) : first ? at(T::x, l) : at(T::x1, l);
  const float* const stats = last    ? at<float>(T::final_stats)
                             : first ? at<float>(T::stats1, l)
                                     : at<float>(T::stats2, l);
  void* const dx = last ? at(T::d_x) : at(T::d_branch);
  const Parameter gain = last    ? Parameter::final_gain
                         : first ? Parameter::norm1_gain
                                 : Parameter::norm2_gain;
  if (shape_.norm == StepShape::Norm::rms) {
    RmsNormBackward args;
    args.dy = at(T::d_norm);
    args.x = x;
    args.gamma = weights(gain, l);
    args.rrms = stats;
    args.dx = dx;
    args.dgamma = gradient_of(gain, l);
    args.workspace = norm_workspace_.as<float>();
    args.rows = shape_.tokens();
    args.columns = shape_.hidden;
    return [args](cudaStream_t stream) { rms_norm_backward(args, stream); };
  }
  const Parameter bias = last    ? Parameter::final_bias
                         : first ? Parameter::norm1_bias
                                 : Parameter::norm2_bias;
  LayerNormBackward args;
  args.dy = at(T::d_norm);
  args.x = x;
  args.gamma = weights(gain, l);
  args.mean = stats;
  args.rstd = stats + shape_.tokens();
  args.dx = dx;
  args.dgamma = gradient_of(gain, l);
  args.dbeta = gradient_of(bias, l);
  args.workspace = norm_workspace_.as<float>();
  args.rows = shape_.tokens();
  args.columns = shape_.hidden;
  return [args](cudaStream_t stream) { layer_norm_backward(args, stream); };
}

DeviceStep::Launch DeviceStep::bind_attention(const StepOp& op) const {
  const std::int64_t l = op.layer, s = shape_.sequence, d = shape_.head_dim;
  AttentionShape shape;
  shape.batch = shape_.batch;
  shape.heads = shape_.heads;
  shape.kv_heads = shape_.kv_heads;
  shape.head_dim = d;
  shape.q_len = shape.kv_len = s;
  // Heads of packed [q | k | v] rows: a head is head_dim elements, a token a row of the projection.
  const Strides packed{s * shape_.qkv_width(), shape_.qkv_width(), d};
  const Strides out{s * shape_.attention_width(), shape_.attention_width(), d};
  const std::int64_t k_at = shape_.heads * d, v_at = (shape_.heads + shape_.kv_heads) * d;
  const auto* const qkv = at<std::uint16_t>(T::qkv, l);
  if (op.kind == K::attention) {
    AttentionForward args;
    args.shape = shape;
    args.q = qkv;
    args.k = qkv + k_at;
    args.v = qkv + v_at;
    args.o = at(T::heads, l);
    args.lse = at<float>(T::lse, l);
    args.q_strides = args.k_strides = args.v_strides = packed;
    args.o_strides = out;
    return [args](cudaStream_t stream) { attention_forward(args, stream); };
  }
  auto* const d_qkv = at<std::uint16_t>(T::d_qkv);
  AttentionBackward args;
  args.shape = shape;
  args.q = qkv;
  args.k = qkv + k_at;
  args.v = qkv + v_at;
  args.o = at(T::heads, l);
  args.d_o = at(T::d_heads);
  args.lse = at<float>(T::lse, l);
  args.dq = d_qkv;
  args.dk = d_qkv + k_at;
  args.dv = d_qkv + v_at;
  args.workspace = attention_workspace_.data();
  args.q_strides = args.k_strides = args.v_strides = packed;
  args.o_strides = out;
  return [args](cudaStream_t stream) { attention_backward(args, stream); };
}

DeviceStep::Launch DeviceStep::bind_rotary(const StepOp& op) const {
  const bool forward = op.kind == K::rotary;
  Rotary args;
  args.x = forward ? at(T::qkv, op.layer) : at(T::d_qkv);
  args.rows = shape_.tokens();
  args.sequence = shape_.sequence;
  args.heads = shape_.heads + shape_.kv_heads;  // queries and keys lie side by side
  args.head_dim = shape_.head_dim;
  args.stride = shape_.qkv_width();
  args.rotation = forward ? Rotation::forward : Rotation::inverse;
  return [args](cudaStream_t stream) { rotary(args, stream); };
}

}  // namespace windtunnel::real
