// The pointwise ops, the tables and the loss of a step; see bind_ops.cpp.
#include "real/cuda/kernels.hpp"
#include "real/steps/device/device_step.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using K = StepOpKind;
using T = StepTensor;

}  // namespace

DeviceStep::Launch DeviceStep::bind_activation(const StepOp& op) const {
  const std::int64_t l = op.layer, t = shape_.tokens();
  const bool forward = op.kind == K::activation;
  if (shape_.mlp == StepShape::Mlp::gated) {
    if (forward) {
      SwiGlu args;
      args.x = at(T::up, l);
      args.y = at(T::activated, l);
      args.rows = t;
      args.columns = shape_.ffn;
      return [args](cudaStream_t stream) { swiglu(args, stream); };
    }
    SwiGluBackward args;
    args.dy = at(T::d_activated);
    args.x = at(T::up, l);
    args.dx = at(T::d_up);
    args.rows = t;
    args.columns = shape_.ffn;
    return [args](cudaStream_t stream) { swiglu_backward(args, stream); };
  }
  if (forward) {
    Gelu args;
    args.x = at(T::up, l);
    args.y = at(T::activated, l);
    args.count = t * shape_.ffn;
    return [args](cudaStream_t stream) { gelu(args, stream); };
  }
  GeluBackward args;
  args.dy = at(T::d_activated);
  args.x = at(T::up, l);
  args.dx = at(T::d_up);
  args.count = t * shape_.ffn;
  return [args](cudaStream_t stream) { gelu_backward(args, stream); };
}

DeviceStep::Launch DeviceStep::bind_add(const StepOp& op) const {
  const std::int64_t l = op.layer;
  Add args;
  args.count = shape_.tokens() * shape_.hidden;
  switch (op.kind) {
    case K::residual1:
      args.a = at(T::x, l);
      args.b = at(T::branch);
      args.y = at(T::x1, l);
      break;
    case K::residual2:
      args.a = at(T::x1, l);
      args.b = at(T::branch);
      args.y = at(T::x, l + 1);
      break;
    case K::residual2_backward:
      args.a = incoming(l);
      args.b = at(T::d_branch);
      args.y = at(T::d_x);
      break;
    default:  // residual1_backward
      args.a = at(T::d_x);
      args.b = at(T::d_branch);
      args.y = at(T::d_x);
  }
  return [args](cudaStream_t stream) { add(args, stream); };
}

DeviceStep::Launch DeviceStep::bind_embedding(const StepOp& op) const {
  const bool positions = shape_.positions == StepShape::Positions::learned;
  if (op.kind == K::embedding) {
    Embedding args;
    args.tokens = at<std::int32_t>(T::tokens);
    args.table = weights(Parameter::embedding, -1);
    if (positions) args.positions = weights(Parameter::positions, -1);
    args.y = at(T::x, 0);
    args.rows = shape_.tokens();
    args.columns = shape_.hidden;
    args.vocabulary = shape_.vocabulary;
    args.sequence = shape_.sequence;
    return [args](cudaStream_t stream) { embedding(args, stream); };
  }
  EmbeddingBackward args;
  args.tokens = at<std::int32_t>(T::tokens);
  args.dy = at(T::d_x);
  args.dtable = gradient_of(Parameter::embedding, -1);
  if (positions) args.dpositions = gradient_of(Parameter::positions, -1);
  args.rows = shape_.tokens();
  args.columns = shape_.hidden;
  args.vocabulary = shape_.vocabulary;
  args.sequence = shape_.sequence;
  // The kernel adds: a tied table already holds the head's gradient, all else starts at zero.
  const bool tied = shape_.head == StepShape::Head::tied;
  const auto table_bytes = static_cast<std::size_t>(4 * shape_.vocabulary * shape_.hidden);
  const auto position_bytes = static_cast<std::size_t>(4 * shape_.sequence * shape_.hidden);
  return [args, tied, table_bytes, position_bytes](cudaStream_t stream) {
    if (!tied) check(cudaMemsetAsync(args.dtable, 0, table_bytes, stream), "cudaMemsetAsync");
    if (args.dpositions)
      check(cudaMemsetAsync(args.dpositions, 0, position_bytes, stream), "cudaMemsetAsync");
    embedding_backward(args, stream);
  };
}

DeviceStep::Launch DeviceStep::bind_loss(const StepOp& op) const {
  const std::int64_t t = shape_.tokens();
  switch (op.kind) {
    case K::cross_entropy: {
      CrossEntropy args;
      args.logits = at(T::logits);
      args.targets = at<std::int32_t>(T::targets);
      args.loss = at<float>(T::loss_rows);
      args.lse = at<float>(T::loss_lse);
      args.rows = t;
      args.columns = shape_.vocabulary;
      return [args](cudaStream_t stream) { cross_entropy(args, stream); };
    }
    case K::loss: {
      Sum args;
      args.in = at<float>(T::loss_rows);
      args.out = at<float>(T::loss);
      args.count = t;
      return [args](cudaStream_t stream) { sum(args, stream); };
    }
    case K::cross_entropy_backward: {
      CrossEntropyBackward args;
      args.logits = at(T::logits);
      args.targets = at<std::int32_t>(T::targets);
      args.lse = at<float>(T::loss_lse);
      args.dlogits = at(T::logits);
      args.rows = t;
      args.columns = shape_.vocabulary;
      args.scale = 1.0F / static_cast<float>(t);
      return [args](cudaStream_t stream) { cross_entropy_backward(args, stream); };
    }
    default:
      base::expects(false, "every op of a step is bound to a kernel");
      return {};
  }
}

}  // namespace windtunnel::real
