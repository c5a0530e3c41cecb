// Norms, softmax and cross-entropy as points.
#include "real/cuda/kernels.hpp"
#include "real/cuda/memory_recipe.hpp"

namespace windtunnel::real {
namespace {

using models::MemoryOp;

void queue_layer_norm(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  layer_norm({.x = m.at(call, m.tensors.a),
              .gamma = m.weights.data(),
              .beta = m.weights.data(),
              .y = m.at(call, m.tensors.out),
              .mean = m.at<float>(call, m.tensors.row1),
              .rstd = m.at<float>(call, m.tensors.row2),
              .rows = m.kernel.rows,
              .columns = m.kernel.columns,
              .type = m.type},
             stream);
}
void queue_layer_norm_backward(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  layer_norm_backward({.dy = m.at(call, m.tensors.b),
                       .x = m.at(call, m.tensors.a),
                       .gamma = m.weights.data(),
                       .mean = m.at<float>(call, m.tensors.row1),
                       .rstd = m.at<float>(call, m.tensors.row2),
                       .dx = m.at(call, m.tensors.out),
                       .dgamma = m.sums.as<float>(),
                       .dbeta = m.sums.as<float>() + m.kernel.columns,
                       .workspace = m.workspace.as<float>(),
                       .rows = m.kernel.rows,
                       .columns = m.kernel.columns,
                       .type = m.type},
                      stream);
}
void queue_rms_norm(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  rms_norm({.x = m.at(call, m.tensors.a),
            .gamma = m.weights.data(),
            .y = m.at(call, m.tensors.out),
            .rrms = m.at<float>(call, m.tensors.row1),
            .rows = m.kernel.rows,
            .columns = m.kernel.columns,
            .type = m.type},
           stream);
}
void queue_rms_norm_backward(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  rms_norm_backward({.dy = m.at(call, m.tensors.b),
                     .x = m.at(call, m.tensors.a),
                     .gamma = m.weights.data(),
                     .rrms = m.at<float>(call, m.tensors.row1),
                     .dx = m.at(call, m.tensors.out),
                     .dgamma = m.sums.as<float>(),
                     .workspace = m.workspace.as<float>(),
                     .rows = m.kernel.rows,
                     .columns = m.kernel.columns,
                     .type = m.type},
                    stream);
}
void queue_softmax(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  softmax({.x = m.at(call, m.tensors.a),
           .y = m.at(call, m.tensors.out),
           .rows = m.kernel.rows,
           .columns = m.kernel.columns,
           .type = m.type},
          stream);
}
void queue_softmax_backward(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  softmax_backward({.dy = m.at(call, m.tensors.b),
                    .p = m.at(call, m.tensors.a),
                    .dx = m.at(call, m.tensors.out),
                    .rows = m.kernel.rows,
                    .columns = m.kernel.columns,
                    .type = m.type},
                   stream);
}
// a becomes probabilities (in place).
void ready_softmax_backward(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  softmax({.x = m.at(call, m.tensors.a),
           .y = m.at(call, m.tensors.a),
           .rows = m.kernel.rows,
           .columns = m.kernel.columns,
           .type = m.type},
          stream);
}
void queue_cross_entropy(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  cross_entropy({.logits = m.at(call, m.tensors.a),
                 .targets = m.at<std::int32_t>(call, m.tensors.row1),
                 .loss = m.at<float>(call, m.tensors.out),
                 .lse = m.at<float>(call, m.tensors.row2),
                 .rows = m.kernel.rows,
                 .columns = m.kernel.columns,
                 .type = m.type},
                stream);
}
void queue_cross_entropy_backward(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  cross_entropy_backward({.logits = m.at(call, m.tensors.a),
                          .targets = m.at<std::int32_t>(call, m.tensors.row1),
                          .lse = m.at<float>(call, m.tensors.row2),
                          .dlogits = m.at(call, m.tensors.out),
                          .rows = m.kernel.rows,
                          .columns = m.kernel.columns,
                          .scale = 1.0F,
                          .type = m.type},
                         stream);
}

}  // namespace

void ready_tokens(const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
  fill_random_tokens(
      {.out = m.at<std::int32_t>(call, m.tensors.row1),
       .count = m.kernel.rows,
       .limit = m.kernel.op == MemoryOp::embedding ? kEmbeddingVocabulary : m.kernel.columns},
      stream);
}

MemoryRecipe row_recipe(const GpuMemory& kernel) {
  const bool backward = kernel.pass == MemoryPass::backward;
  switch (kernel.op) {
    case MemoryOp::layer_norm:
      return backward
                 ? MemoryRecipe{.b = 1, .run = queue_layer_norm_backward, .ready = queue_layer_norm}
                 : MemoryRecipe{.run = queue_layer_norm};
    case MemoryOp::rms_norm:
      return backward
                 ? MemoryRecipe{.b = 1, .run = queue_rms_norm_backward, .ready = queue_rms_norm}
                 : MemoryRecipe{.run = queue_rms_norm};
    case MemoryOp::softmax:
      return backward ? MemoryRecipe{.b = 1,
                                     .run = queue_softmax_backward,
                                     .ready = ready_softmax_backward}
                      : MemoryRecipe{.run = queue_softmax};
    default:
      break;
  }
  if (!backward) return {.run = queue_cross_entropy, .ready = ready_tokens};
  return {.run = queue_cross_entropy_backward,
          .ready = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
            ready_tokens(m, call, stream);
            queue_cross_entropy(m, call, stream);
          }};
}

}  // namespace windtunnel::real
