// cuBLASLt through gemm.hpp: layouts, formats, epilogues against double precision, and its speed
// against cuBLAS by itself.
#include <gtest/gtest.h>

#include "real/cuda/gemm.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "real/cuda/cublas.hpp"
#include "real/cuda/kernels.hpp"
#include "real/cuda/session.hpp"
#include "tests/real/gpu/device_fixture.hpp"

namespace windtunnel::real {
namespace {

using models::NumberFormat;

class Gemm : public OnGpu {
 protected:
  void SetUp() override {
    OnGpu::SetUp();
    if (!IsSkipped()) library_ = std::make_unique<CublasLt>();
  }
  CublasLt& library() { return *library_; }

  template <class T>
  void expect_layout(NumberFormat format, GemmLayout layout, double tolerance);

 private:
  std::unique_ptr<CublasLt> library_;
};

template <class T>
void Gemm::expect_layout(NumberFormat format, GemmLayout layout, double tolerance) {
  const std::int64_t m = 72, n = 200, k = 136;
  const bool a_turned = layout == GemmLayout::weight_gradient;
  const bool b_turned = layout == GemmLayout::forward;
  const OnDevice<T> a(m * k, "a"), b(n * k, "b"), c(m * n);
  const GemmPlan plan(library(), {.m = m, .n = n, .k = k, .format = format, .layout = layout});
  plan.run({.a = a.data(), .b = b.data(), .c = c.data()}, stream());
  wait();
  const auto expected =
      reference::multiply(a_turned ? a.given(k, m) : a.given(m, k),
                          a_turned ? reference::Stored::transposed : reference::Stored::plain,
                          b_turned ? b.given(n, k) : b.given(k, n),
                          b_turned ? reference::Stored::transposed : reference::Stored::plain);
  expect_close(c.values(), expected.values, tolerance, describe(plan.problem()));
}

TEST_F(Gemm, EveryLayoutOfEveryFormatIsTheProduct) {
  for (const GemmLayout layout :
       {GemmLayout::forward, GemmLayout::input_gradient, GemmLayout::weight_gradient}) {
    expect_layout<float>(NumberFormat::fp32, layout, 1e-5);
    expect_layout<float>(NumberFormat::tf32, layout, 0x1p-7);
    expect_layout<Fp16>(NumberFormat::fp16, layout, rounding<Fp16>());
    expect_layout<Bf16>(NumberFormat::bf16, layout, rounding<Bf16>());
  }
}

TEST_F(Gemm, AWeightGradientAddsUpInFp32) {
  const std::int64_t m = 64, n = 96, k = 128;
  const OnDevice<Bf16> a(k * m, "a"), b(k * n, "b");
  const OnDevice<float> c(m * n, "c");
  const GemmPlan plan(
      library(),
      {.m = m, .n = n, .k = k, .layout = GemmLayout::weight_gradient, .output = GemmOutput::fp32});
  plan.run({.a = a.data(), .b = b.data(), .c = c.data(), .beta = 1.0F}, stream());
  wait();
  auto expected = reference::multiply(a.given(k, m), reference::Stored::transposed, b.given(k, n),
                                      reference::Stored::plain);
  for (std::size_t i = 0; i < expected.values.size(); ++i) expected.values[i] += c.given()[i];
  expect_close(c.values(), expected.values, 1e-4, "c");
}

TEST_F(Gemm, BiasAndGeluComeAfterTheProduct) {
  const std::int64_t m = 64, n = 128, k = 64;
  const OnDevice<Bf16> a(m * k, "a"), b(n * k, "b"), bias(n, "bias"), c(m * n);
  const GemmPlan plan(library(), {.m = m, .n = n, .k = k, .epilogue = Epilogue::bias_gelu});
  plan.run({.a = a.data(), .b = b.data(), .c = c.data(), .bias = bias.data()}, stream());
  wait();
  auto expected = reference::multiply(a.given(m, k), reference::Stored::plain, b.given(n, k),
                                      reference::Stored::transposed);
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    expected.values[i] =
        reference::gelu(expected.values[i] + bias.given()[i % static_cast<std::size_t>(n)]);
  }
  expect_close(c.values(), expected.values, 2 * rounding<Bf16>(), "c");
}

TEST_F(Gemm, ABatchMultipliesEachOfItsProducts) {
  const std::int64_t m = 40, n = 64, k = 48, batch = 5;
  const OnDevice<Bf16> a(batch * m * k, "a"), b(batch * n * k, "b"), c(batch * m * n);
  const GemmPlan plan(library(), {.m = m, .n = n, .k = k, .batch = batch});
  plan.run({.a = a.data(), .b = b.data(), .c = c.data()}, stream());
  wait();
  const auto part = [](const reference::Values& values, std::int64_t at, std::int64_t count) {
    return reference::Values(values.begin() + at * count, values.begin() + (at + 1) * count);
  };
  for (std::int64_t at = 0; at < batch; ++at) {
    const reference::Matrix left{m, k, part(a.given(), at, m * k)};
    const reference::Matrix right{n, k, part(b.given(), at, n * k)};
    const auto expected =
        reference::multiply(left, reference::Stored::plain, right, reference::Stored::transposed);
    expect_close(part(c.values(), at, m * n), expected.values, rounding<Bf16>(), "c");
  }
}

TEST_F(Gemm, AFormatThatIsNotThereIsRefusedWithItsName) {
  try {
    const GemmPlan plan(library(), {.m = 16, .n = 16, .k = 16, .format = NumberFormat::nvfp4});
    FAIL() << "nvfp4 went through";
  } catch (const NoAlgorithm& refusal) {
    EXPECT_NE(std::string(refusal.what()).find("nvfp4"), std::string::npos) << refusal.what();
  }
}

TEST_F(Gemm, ReachesNinetyFivePerCentOfCublasByItself) {
  constexpr std::int64_t kSize = 8192;
  constexpr int kRounds = 5, kRuns = 10;
  const GemmProblem problem{.m = kSize, .n = kSize, .k = kSize, .alignment = 256};
  DeviceBuffer a(2 * kSize * kSize), b(2 * kSize * kSize), c(2 * kSize * kSize);
  fill_random({.out = a.data(), .count = kSize * kSize, .seed = 1}, stream());
  fill_random({.out = b.data(), .count = kSize * kSize, .seed = 2}, stream());
  const GemmOperands operands{.a = a.data(), .b = b.data(), .c = c.data()};
  const GemmPlan plan(library(), problem);
  const Cublas cublas;
  const auto time = [&](const auto& queue) {
    const Event start, stop;
    queue();
    start.record(own_stream());
    for (int run = 0; run < kRuns; ++run) queue();
    stop.record(own_stream());
    stop.wait();
    return stop.since(start).value() / kRuns;
  };
  // In turns, so that both meet the same clocks; the best of each.
  double ours = 1e9, theirs = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    ours = std::min(ours, time([&] { plan.run(operands, stream()); }));
    theirs = std::min(theirs, time([&] { cublas.run(problem, operands, stream()); }));
  }
  const double flops = 2.0 * kSize * kSize * kSize;
  fmt::print("8192 cubed bf16: cuBLASLt {:.1f} TFLOP/s, cuBLAS {:.1f} TFLOP/s\n",
             flops / ours * 1e-12, flops / theirs * 1e-12);
  EXPECT_GE(theirs / ours, 0.95);
}

}  // namespace
}  // namespace windtunnel::real
