// Every CPU kernel of every instruction set against double precision, and the MLP's gradients against
// finite differences.
#include "real/cpu/kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "real/cpu/buffers.hpp"
#include "real/cpu/mlp_step.hpp"

namespace windtunnel::real {
namespace {

std::vector<const CpuKernels*> all_kernels() {
  std::vector<const CpuKernels*> out = {&cpu_kernels_baseline()};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (cpu_kernels_avx2() != nullptr && __builtin_cpu_supports("avx2") &&
      __builtin_cpu_supports("fma"))
    out.push_back(cpu_kernels_avx2());
  if (cpu_kernels_avx512() != nullptr && cpu_kernels().name == "avx512")
    out.push_back(cpu_kernels_avx512());
#endif
  return out;
}

template <class Scalar>
double element(const CpuGemm<Scalar>& g, std::int64_t row, std::int64_t column) {
  double sum = 0;
  for (std::int64_t i = 0; i < g.k; ++i) {
    const double a = static_cast<double>(
        g.layout == CpuLayout::weight_gradient ? g.a[i * g.m + row] : g.a[row * g.k + i]);
    const double b = static_cast<double>(g.layout == CpuLayout::forward ? g.b[column * g.k + i]
                                                                        : g.b[i * g.n + column]);
    sum += a * b;
  }
  return sum;
}

template <class Scalar>
void expect_gemm(void (*gemm)(const CpuGemm<Scalar>&), double tolerance) {
  for (const CpuLayout layout :
       {CpuLayout::forward, CpuLayout::input_gradient, CpuLayout::weight_gradient}) {
    for (const int threads : {1, 2}) {
      const std::int64_t m = 37, n = 53, k = 129;
      const auto a = random_values<Scalar>(m * k, 1), b = random_values<Scalar>(n * k, 2);
      std::vector<Scalar> c(static_cast<std::size_t>(m * n), Scalar(99));
      const CpuGemm<Scalar> args{a.data(), b.data(), c.data(), m, n, k, layout, threads};
      gemm(args);
      for (std::int64_t at = 0; at < m * n; ++at)
        ASSERT_NEAR(static_cast<double>(c[static_cast<std::size_t>(at)]),
                    element(args, at / n, at % n), tolerance)
            << to_text(layout) << " " << at;
    }
  }
}

TEST(CpuKernels, ProductsAgreeWithDoublePrecisionInEveryLayout) {
  for (const CpuKernels* kernels : all_kernels()) {
    SCOPED_TRACE(std::string(kernels->name));
    // 129 products of size 1: rounding of the sum is below sqrt(129) * 16 epsilon.
    expect_gemm<float>(kernels->gemm_fp32, 2.2e-5);
    expect_gemm<double>(kernels->gemm_fp64, 4.1e-14);
  }
}

double gelu_of(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

TEST(CpuKernels, PointwiseKernelsAgreeWithDoublePrecision) {
  const std::int64_t count = 10007;  // two whole blocks and a bit
  const auto a = random_values<float>(count, 1), b = random_values<float>(count, 2);
  for (const CpuKernels* kernels : all_kernels()) {
    for (const int threads : {1, 2}) {
      SCOPED_TRACE(std::string(kernels->name));
      std::vector<float> y(a.size());
      const CpuPointwise args{a.data(), b.data(), y.data(), count, threads};
      kernels->copy(args);
      EXPECT_EQ(y, a);
      kernels->triad(args);
      for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], a[i] + 3 * b[i], 5e-7);
      kernels->gelu(args);
      for (std::size_t i = 0; i < y.size(); ++i)
        ASSERT_NEAR(y[i], gelu_of(static_cast<double>(a[i])), 1e-6);
      kernels->gelu_backward(args);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double x = static_cast<double>(b[i]), h = 1e-6;
        const double slope = (gelu_of(x + h) - gelu_of(x - h)) / (2 * h);
        ASSERT_NEAR(y[i], static_cast<double>(a[i]) * slope, 2e-6);
      }
    }
  }
}

TEST(CpuKernels, RowwiseKernelsAgreeWithDoublePrecision) {
  const std::int64_t rows = 5, columns = 301;
  const auto x = random_values<float>(rows * columns, 1);
  const auto gamma = random_values<float>(columns, 2), beta = random_values<float>(columns, 3);
  for (const CpuKernels* kernels : all_kernels()) {
    SCOPED_TRACE(std::string(kernels->name));
    std::vector<float> y(x.size());
    const CpuRowwise args{x.data(), gamma.data(), beta.data(), y.data(), rows, columns, 1};
    const auto at = [&](std::int64_t row, std::int64_t column) {
      return static_cast<double>(x[static_cast<std::size_t>(row * columns + column)]);
    };
    kernels->layer_norm(args);
    for (std::int64_t row = 0; row < rows; ++row) {
      double mean = 0, square = 0;
      for (std::int64_t c = 0; c < columns; ++c) mean += at(row, c) / static_cast<double>(columns);
      for (std::int64_t c = 0; c < columns; ++c)
        square += std::pow(at(row, c) - mean, 2) / static_cast<double>(columns);
      for (std::int64_t c = 0; c < columns; ++c)
        ASSERT_NEAR(y[static_cast<std::size_t>(row * columns + c)],
                    (at(row, c) - mean) / std::sqrt(square + 1e-5) *
                            static_cast<double>(gamma[static_cast<std::size_t>(c)]) +
                        static_cast<double>(beta[static_cast<std::size_t>(c)]),
                    5e-6);
    }
    kernels->softmax(args);
    for (std::int64_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (std::int64_t c = 0; c < columns; ++c) sum += std::exp(at(row, c));
      for (std::int64_t c = 0; c < columns; ++c)
        ASSERT_NEAR(y[static_cast<std::size_t>(row * columns + c)], std::exp(at(row, c)) / sum,
                    1e-7);
    }
    kernels->column_sum(args);
    for (std::int64_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (std::int64_t row = 0; row < rows; ++row) sum += at(row, c);
      ASSERT_NEAR(y[static_cast<std::size_t>(c)], sum, 1e-6);
    }
  }
}

double loss_of(MlpStep& step) {
  for (const MlpOp& op : step.forward_and_backward()) op.run();
  return step.loss();
}

TEST(MlpStep, GradientsAreThoseOfFiniteDifferences) {
  const MlpShape shape{{5, 7, 6, 4}, 3, MlpShape::Optimizer::sgd};
  MlpStep step(shape, 1, 1, 2);
  loss_of(step);
  const std::vector<float> gradients = step.gradients();
  ASSERT_EQ(gradients.size(), 5u * 7 + 7 + 7 * 6 + 6 + 6 * 4 + 4);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const float kept = step.parameters()[i];
    const float h = 1e-2F;
    step.parameters()[i] = kept + h;
    const double above = loss_of(step);
    step.parameters()[i] = kept - h;
    const double below = loss_of(step);
    step.parameters()[i] = kept;
    // fp32 losses of about 1.5 leave 1.5 * 6e-8 / 2e-2 of noise; the third derivative gives h^2.
    EXPECT_NEAR(gradients[i], (above - below) / 2e-2, 2e-4) << "parameter " << i;
  }
}

TEST(MlpStep, BothOptimizersBringTheLossDown) {
  for (const auto optimizer : {MlpShape::Optimizer::sgd, MlpShape::Optimizer::adam}) {
    MlpStep step({{16, 32, 8}, 24, optimizer}, 1, 1, 2);
    step.run();
    const double before = step.loss();
    for (int i = 0; i < 50; ++i) step.run();
    EXPECT_LT(step.loss(), before);
  }
}

// Mean over ranks of the gradients of each rank's part is the gradient of the whole batch; here by
// the loss being a mean over rows.
TEST(MlpStep, TheKernelsOfAStepAreThoseItRuns) {
  const MlpShape shape{{16, 32, 8}, 24, MlpShape::Optimizer::adam};
  const MlpStep step(shape, 1, 1, 2);
  EXPECT_EQ(kernels_of(shape).size(), step.forward_and_backward().size() + step.update().size());
  double flops = 0;
  for (const auto& query : kernels_of(shape)) {
    if (const auto* gemm = std::get_if<models::GemmQuery>(&query))
      flops += models::flops(*gemm).value();
  }
  // Forward and weight gradient of both layers, input gradient of the second alone.
  EXPECT_DOUBLE_EQ(flops, 2.0 * 24 * (2 * 16 * 32 + 3 * 32 * 8));
}

}  // namespace
}  // namespace windtunnel::real
