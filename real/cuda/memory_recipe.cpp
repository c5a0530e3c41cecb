#include "real/cuda/memory_recipe.hpp"

#include <fmt/format.h>

#include "real/benchmark.hpp"
#include "real/cuda/kernels.hpp"

namespace windtunnel::real {
namespace {

using models::MemoryOp;
using models::NumberFormat;

constexpr std::int64_t kHeadDim = 128, kSequence = 4096;
constexpr float kDropout = 0.1F;

MemoryRecipe flat(const GpuMemory& kernel) {
  switch (kernel.op) {
    case MemoryOp::copy:
      return {.run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
        copy_bytes(
            {m.at(call, m.tensors.a), m.at(call, m.tensors.out), m.count() * bytes_of(m.type)},
            stream);
      }};
    case MemoryOp::fill:
      return {.a = 0, .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
                check(
                    cudaMemsetAsync(m.at(call, m.tensors.out), 0x5a,
                                    static_cast<std::size_t>(m.count() * bytes_of(m.type)), stream),
                    "cudaMemsetAsync");
              }};
    case MemoryOp::add:
      return {.b = 1, .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
                add({m.at(call, m.tensors.a), m.at(call, m.tensors.b), m.at(call, m.tensors.out),
                     m.count(), m.type},
                    stream);
              }};
    case MemoryOp::cast:  // fp32 to the format: a is counted as fp32 below
      return {
          .a = 4 / bytes_of(kernel.format == NumberFormat::fp32 ? Element::fp32 : Element::bf16),
          .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
            cast({m.at(call, m.tensors.a), m.at(call, m.tensors.out), Element::fp32, m.type,
                  m.count()},
                 stream);
          }};
    default:
      return {};
  }
}

MemoryRecipe activation(const GpuMemory& kernel) {
  const bool backward = kernel.pass == MemoryPass::backward;
  if (kernel.op == MemoryOp::gelu && backward) {
    return {.b = 1, .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
              gelu_backward({m.at(call, m.tensors.a), m.at(call, m.tensors.b),
                             m.at(call, m.tensors.out), m.count(), m.type},
                            stream);
            }};
  }
  if (kernel.op == MemoryOp::gelu) {
    return {.run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
      gelu({m.at(call, m.tensors.a), m.at(call, m.tensors.out), m.count(), m.type}, stream);
    }};
  }
  if (kernel.op == MemoryOp::swiglu && backward) {
    return {.a = 1,
            .b = 2,
            .out = 2,
            .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
              swiglu_backward({m.at(call, m.tensors.a), m.at(call, m.tensors.b),
                               m.at(call, m.tensors.out), m.kernel.rows, m.kernel.columns, m.type},
                              stream);
            }};
  }
  if (kernel.op == MemoryOp::swiglu) {
    return {.a = 2, .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
              swiglu({m.at(call, m.tensors.a), m.at(call, m.tensors.out), m.kernel.rows,
                      m.kernel.columns, m.type},
                     stream);
            }};
  }
  if (backward) {
    return {.run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
      dropout_backward({m.at(call, m.tensors.a), m.at(call, m.tensors.out), m.count(), kDropout,
                        static_cast<std::uint64_t>(call), m.type},
                       stream);
    }};
  }
  return {.b = 1, .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
            residual_dropout(
                {m.at(call, m.tensors.a), m.at(call, m.tensors.b), m.at(call, m.tensors.out),
                 m.count(), kDropout, static_cast<std::uint64_t>(call), m.type},
                stream);
          }};
}

MemoryRecipe gather(const GpuMemory& kernel) {
  if (kernel.op == MemoryOp::rotary) {
    return {.a = 0, .run = [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
              rotary({.x = m.at(call, m.tensors.out),
                      .rows = m.kernel.rows,
                      .sequence = kSequence,
                      .heads = m.kernel.columns / kHeadDim,
                      .head_dim = kHeadDim,
                      .type = m.type},
                     stream);
            }};
  }
  return {.a = 0,
          .run =
              [](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
                embedding({.tokens = m.at<std::int32_t>(call, m.tensors.row1),
                           .table = m.table.data(),
                           .y = m.at(call, m.tensors.out),
                           .rows = m.kernel.rows,
                           .columns = m.kernel.columns,
                           .vocabulary = kEmbeddingVocabulary,
                           .type = m.type},
                          stream);
              },
          .ready = ready_tokens};
}

// a: gradient, b: master weights, c: both moments, all fp32; out: 16-bit weights.
MemoryRecipe optimizer(Element type) {
  const std::int64_t fp32 = 4 / bytes_of(type);
  const auto moments = [](const PreparedMemory& m, std::int64_t call) {
    return m.at<float>(call, m.tensors.c);
  };
  return {.a = fp32,
          .b = fp32,
          .c = 2 * fp32,
          .run =
              [moments](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
                adam_step({.master = m.at<float>(call, m.tensors.b),
                           .moment1 = moments(m, call),
                           .moment2 = moments(m, call) + m.count(),
                           .gradient = m.at(call, m.tensors.a),
                           .weights = m.at(call, m.tensors.out),
                           .count = m.count(),
                           .type = m.type,
                           .step = call + 1},
                          stream);
              },
          .ready =
              [moments](const PreparedMemory& m, std::int64_t call, cudaStream_t stream) {
                // The second moment is a mean of squares.
                fill_random({.out = moments(m, call) + m.count(),
                             .count = m.count(),
                             .type = Element::fp32,
                             .low = 0.0F},
                            stream);
              }};
}

}  // namespace

MemoryRecipe recipe_of(const GpuMemory& kernel, Element type) {
  switch (kernel.op) {
    case MemoryOp::copy:
    case MemoryOp::fill:
    case MemoryOp::add:
    case MemoryOp::cast:
      return flat(kernel);
    case MemoryOp::gelu:
    case MemoryOp::swiglu:
    case MemoryOp::residual_dropout:
      return activation(kernel);
    case MemoryOp::layer_norm:
    case MemoryOp::rms_norm:
    case MemoryOp::softmax:
    case MemoryOp::cross_entropy:
      return row_recipe(kernel);
    case MemoryOp::rotary:
    case MemoryOp::embedding:
      return gather(kernel);
    case MemoryOp::optimizer:
      return optimizer(type);
    case MemoryOp::sampling:
    case MemoryOp::kv_write:
      break;
  }
  throw PointRefused(fmt::format("there is no kernel here for {}", to_text(kernel.op)));
}

}  // namespace windtunnel::real
