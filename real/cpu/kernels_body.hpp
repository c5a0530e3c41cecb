// The kernels of kernels.hpp, included once by each kernels_<instruction set>.cpp, which sets
// WINDTUNNEL_ISA_NAME and compiles with that set's flags.
//
// Eigen's templates come out differently for each instruction set under the same names, and a linker
// keeps one of each name; so every translation unit has its own namespace for Eigen, by macro, and
// nothing else that is inline and shared is used here.
#pragma once

#ifndef WINDTUNNEL_ISA_NAME
#define WINDTUNNEL_ISA_NAME "unnamed"
#endif

#include <Eigen/Core>
#include <cmath>
#include <cstdint>

#include "real/cpu/kernels.hpp"

namespace windtunnel::real {
namespace {

using Index = Eigen::Index;
template <class Scalar>
using RowMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Array = Eigen::Array<float, Eigen::Dynamic, 1>;
using In = Eigen::Map<const Array>;
using Out = Eigen::Map<Array>;

// Elements handled at once by pointwise kernels: 16 KiB of fp32 stay in the first-level cache.
constexpr std::int64_t kBlock = 4096;

template <class Body>
void for_blocks(std::int64_t count, int threads, const Body& body) {
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t first = block * kBlock;
    body(first, count - first < kBlock ? count - first : kBlock);
  }
}

template <class Body>
void for_rows(std::int64_t rows, int threads, const Body& body) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (std::int64_t row = 0; row < rows; ++row) body(row);
}

template <class Scalar>
void gemm(const CpuGemm<Scalar>& args) {
  using Matrix = RowMajor<Scalar>;
  Eigen::setNbThreads(args.threads);
  const Index m = args.m, n = args.n, k = args.k;
  Eigen::Map<Matrix> c(args.c, m, n);
  switch (args.layout) {
    case CpuLayout::forward:
      c.noalias() = Eigen::Map<const Matrix>(args.a, m, k) *
                    Eigen::Map<const Matrix>(args.b, n, k).transpose();
      return;
    case CpuLayout::input_gradient:
      c.noalias() = Eigen::Map<const Matrix>(args.a, m, k) * Eigen::Map<const Matrix>(args.b, k, n);
      return;
    case CpuLayout::weight_gradient:
      c.noalias() = Eigen::Map<const Matrix>(args.a, k, m).transpose() *
                    Eigen::Map<const Matrix>(args.b, k, n);
      return;
  }
}

void copy(const CpuPointwise& args) {
  for_blocks(args.count, args.threads, [&](std::int64_t at, std::int64_t count) {
    Out(args.y + at, count) = In(args.a + at, count);
  });
}

void triad(const CpuPointwise& args) {
  for_blocks(args.count, args.threads, [&](std::int64_t at, std::int64_t count) {
    Out(args.y + at, count) = In(args.a + at, count) + 3.0F * In(args.b + at, count);
  });
}

constexpr float kGeluScale = 0.7978845608F;  // sqrt(2 / pi)
constexpr float kGeluCubic = 0.044715F;

void gelu(const CpuPointwise& args) {
  for_blocks(args.count, args.threads, [&](std::int64_t at, std::int64_t count) {
    const In x(args.a + at, count);
    Out(args.y + at, count) =
        0.5F * x * (1.0F + (kGeluScale * (x + kGeluCubic * x * x * x)).tanh());
  });
}

void gelu_backward(const CpuPointwise& args) {
  for_blocks(args.count, args.threads, [&](std::int64_t at, std::int64_t count) {
    const In dy(args.a + at, count), x(args.b + at, count);
    Out y(args.y + at, count);
    float tanh_of[kBlock];
    Out t(tanh_of, count);
    t = (kGeluScale * (x + kGeluCubic * x * x * x)).tanh();
    y = dy * (0.5F * (1.0F + t) +
              0.5F * x * (1.0F - t * t) * kGeluScale * (1.0F + 3.0F * kGeluCubic * x * x));
  });
}

void add_bias(const CpuRowwise& args) {
  for_rows(args.rows, args.threads, [&](std::int64_t row) {
    const std::int64_t at = row * args.columns;
    Out(args.y + at, args.columns) = In(args.x + at, args.columns) + In(args.beta, args.columns);
  });
}

void column_sum(const CpuRowwise& args) {
  for_blocks(args.columns, args.threads, [&](std::int64_t at, std::int64_t count) {
    Out sum(args.y + at, count);
    sum.setZero();
    for (std::int64_t row = 0; row < args.rows; ++row)
      sum += In(args.x + row * args.columns + at, count);
  });
}

void layer_norm(const CpuRowwise& args) {
  const float n = static_cast<float>(args.columns);
  for_rows(args.rows, args.threads, [&](std::int64_t row) {
    const In x(args.x + row * args.columns, args.columns);
    const float mean = x.sum() / n;
    const float variance = (x - mean).square().sum() / n;
    const float scale = 1.0F / std::sqrt(variance + 1e-5F);
    Out(args.y + row * args.columns, args.columns) =
        (x - mean) * scale * In(args.gamma, args.columns) + In(args.beta, args.columns);
  });
}

void softmax(const CpuRowwise& args) {
  for_rows(args.rows, args.threads, [&](std::int64_t row) {
    const In x(args.x + row * args.columns, args.columns);
    Out y(args.y + row * args.columns, args.columns);
    y = (x - x.maxCoeff()).exp();
    y *= 1.0F / y.sum();
  });
}

void cross_entropy(const CpuCrossEntropy& args) {
  const float scale = 1.0F / static_cast<float>(args.rows);
  for_rows(args.rows, args.threads, [&](std::int64_t row) {
    const In logits(args.logits + row * args.columns, args.columns);
    Out gradient(args.gradient + row * args.columns, args.columns);
    const float most = logits.maxCoeff();
    gradient = (logits - most).exp();
    const float sum = gradient.sum();
    const std::int64_t target = args.targets[row];
    args.loss[row] = std::log(sum) + most - logits[target];
    gradient *= scale / sum;
    gradient[target] -= scale;
  });
}

void adam(const CpuOptimizer& args) {
  const float steps = static_cast<float>(args.step);
  const float rate = args.learning_rate / (1.0F - std::pow(args.beta1, steps));
  const float correction = 1.0F / (1.0F - std::pow(args.beta2, steps));
  for_blocks(args.count, args.threads, [&](std::int64_t at, std::int64_t count) {
    const In g(args.gradient + at, count);
    Out w(args.weights + at, count), m(args.moment1 + at, count), v(args.moment2 + at, count);
    m = args.beta1 * m + (1.0F - args.beta1) * g;
    v = args.beta2 * v + (1.0F - args.beta2) * g * g;
    w -= rate * m / ((v * correction).sqrt() + args.epsilon);
  });
}

void sgd(const CpuOptimizer& args) {
  for_blocks(args.count, args.threads, [&](std::int64_t at, std::int64_t count) {
    Out(args.weights + at, count) -= args.learning_rate * In(args.gradient + at, count);
  });
}

void empty_region(int threads) {
#pragma omp parallel num_threads(threads) if (threads > 1)
  { asm volatile("" ::: "memory"); }
}

constexpr CpuKernels kKernels = {WINDTUNNEL_ISA_NAME,
                                 gemm<float>,
                                 gemm<double>,
                                 copy,
                                 triad,
                                 gelu,
                                 gelu_backward,
                                 add_bias,
                                 column_sum,
                                 layer_norm,
                                 softmax,
                                 cross_entropy,
                                 adam,
                                 sgd,
                                 empty_region};

}  // namespace
}  // namespace windtunnel::real
