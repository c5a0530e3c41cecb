// The memory-bound kernels on a device, held against double precision. Every body is held against the
// same references on the CPU (emulated_*_test.cpp); here the launches, architectures and instructions.
#include <gtest/gtest.h>

#include "real/cuda/kernels.hpp"

#include "sim/base/contract.hpp"
#include "tests/real/gpu/device_fixture.hpp"

namespace windtunnel::real {
namespace {

struct Size {
  std::int64_t rows, columns;
};
const std::vector<Size> kSizes = {{3, 8}, {1000, 768}, {300, 4096}, {33, 16384}};
const std::vector<std::int64_t> kCounts = {7, 4096, 1000003};

template <class T>
class Kernels : public OnGpu {};
using Formats = testing::Types<float, Fp16, Bf16>;
TYPED_TEST_SUITE(Kernels, Formats);

TYPED_TEST(Kernels, LayerNormForwardAndBackwardAreTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : kSizes) {
    const OnDevice<T> x(rows * columns, "x", {-1.0, 3.0}), dy(rows * columns, "dy");
    const OnDevice<T> gamma(columns, "gamma"), beta(columns, "beta");
    const OnDevice<T> y(rows * columns), dx(rows * columns);
    const OnDevice<float> mean(rows), rstd(rows), dgamma(columns), dbeta(columns);
    const DeviceBuffer workspace(norm_workspace_bytes(columns));
    layer_norm({.x = x.data(),
                .gamma = gamma.data(),
                .beta = beta.data(),
                .y = y.data(),
                .mean = mean.data(),
                .rstd = rstd.data(),
                .rows = rows,
                .columns = columns,
                .type = kElementOf<T>},
               this->stream());
    layer_norm_backward({.dy = dy.data(),
                         .x = x.data(),
                         .gamma = gamma.data(),
                         .mean = mean.data(),
                         .rstd = rstd.data(),
                         .dx = dx.data(),
                         .dgamma = dgamma.data(),
                         .dbeta = dbeta.data(),
                         .workspace = workspace.as<float>(),
                         .rows = rows,
                         .columns = columns,
                         .type = kElementOf<T>},
                        this->stream());
    this->wait();
    const auto in = x.given(rows, columns);
    expect_close(y.values(), reference::layer_norm(in, gamma.given(), beta.given(), 1e-5).values,
                 rounding<T>(), "y");
    const auto expected =
        reference::layer_norm_backward(dy.given(rows, columns), in, gamma.given(), 1e-5);
    expect_close(dx.values(), expected.dx.values, rounding<T>(), "dx");
    expect_close(dgamma.values(), expected.dgamma, 2e-4, "dgamma");
    expect_close(dbeta.values(), expected.dbeta, 2e-4, "dbeta");
  }
}

TYPED_TEST(Kernels, RmsNormForwardAndBackwardAndColumnSumsAreTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : kSizes) {
    const OnDevice<T> x(rows * columns, "x", {-1.0, 3.0}), dy(rows * columns, "dy");
    const OnDevice<T> gamma(columns, "gamma"), y(rows * columns), dx(rows * columns);
    const OnDevice<float> rrms(rows), dgamma(columns), sums(columns);
    const DeviceBuffer workspace(norm_workspace_bytes(columns));
    rms_norm({.x = x.data(),
              .gamma = gamma.data(),
              .y = y.data(),
              .rrms = rrms.data(),
              .rows = rows,
              .columns = columns,
              .type = kElementOf<T>},
             this->stream());
    rms_norm_backward({.dy = dy.data(),
                       .x = x.data(),
                       .gamma = gamma.data(),
                       .rrms = rrms.data(),
                       .dx = dx.data(),
                       .dgamma = dgamma.data(),
                       .workspace = workspace.as<float>(),
                       .rows = rows,
                       .columns = columns,
                       .type = kElementOf<T>},
                      this->stream());
    column_sum({.x = dy.data(),
                .out = sums.data(),
                .workspace = workspace.as<float>(),
                .rows = rows,
                .columns = columns,
                .type = kElementOf<T>},
               this->stream());
    this->wait();
    const auto in = x.given(rows, columns);
    expect_close(y.values(), reference::rms_norm(in, gamma.given(), 1e-5).values, rounding<T>(),
                 "y");
    const auto expected =
        reference::rms_norm_backward(dy.given(rows, columns), in, gamma.given(), 1e-5);
    expect_close(dx.values(), expected.dx.values, rounding<T>(), "dx");
    expect_close(dgamma.values(), expected.dgamma, 2e-4, "dgamma");
    expect_close(sums.values(), reference::column_sum(dy.given(rows, columns)), 2e-4, "sums");
  }
}

TYPED_TEST(Kernels, SoftmaxAndItsBackwardAreTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : {Size{64, 64}, Size{100, 1001}, Size{40, 8192}}) {
    const std::int64_t causal_rows = columns > 2000 ? 0 : 20;
    const OnDevice<T> x(rows * columns, "x", {-8.0, 8.0}), dy(rows * columns, "dy");
    const OnDevice<T> y(rows * columns), dx(rows * columns);
    softmax({.x = x.data(),
             .y = y.data(),
             .rows = rows,
             .columns = columns,
             .causal_rows = causal_rows,
             .scale = 0.5F,
             .type = kElementOf<T>},
            this->stream());
    softmax_backward({.dy = dy.data(),
                      .p = y.data(),
                      .dx = dx.data(),
                      .rows = rows,
                      .columns = columns,
                      .scale = 0.5F,
                      .type = kElementOf<T>},
                     this->stream());
    this->wait();
    expect_close(y.values(), reference::softmax(x.given(rows, columns), 0.5, causal_rows).values,
                 rounding<T>(), "y");
    const reference::Matrix p{rows, columns, y.values()};
    expect_close(dx.values(), reference::softmax_backward(dy.given(rows, columns), p, 0.5).values,
                 rounding<T>(), "dx");
  }
}

TYPED_TEST(Kernels, CrossEntropyAndItsGradientAreTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : {Size{5, 17}, Size{64, 50257}}) {
    const OnDevice<T> logits(rows * columns, "logits", {-6.0, 6.0}), gradient(rows * columns);
    const OnDevice<float> loss(rows), lse(rows);
    const auto targets = random_tokens(rows, columns);
    const DeviceBuffer on_device = to_device(targets);
    cross_entropy({.logits = logits.data(),
                   .targets = on_device.as<std::int32_t>(),
                   .loss = loss.data(),
                   .lse = lse.data(),
                   .rows = rows,
                   .columns = columns,
                   .type = kElementOf<T>},
                  this->stream());
    cross_entropy_backward({.logits = logits.data(),
                            .targets = on_device.as<std::int32_t>(),
                            .lse = lse.data(),
                            .dlogits = gradient.data(),
                            .rows = rows,
                            .columns = columns,
                            .scale = 0.5F,
                            .type = kElementOf<T>},
                           this->stream());
    this->wait();
    const auto in = logits.given(rows, columns);
    expect_close(loss.values(), reference::cross_entropy(in, targets), 1e-5, "loss");
    expect_close(gradient.values(), reference::cross_entropy_backward(in, targets, 0.5).values,
                 rounding<T>(), "gradient");
  }
}

TYPED_TEST(Kernels, ActivationsAddAndCastAreTheFormula) {
  using T = TypeParam;
  for (const std::int64_t count : kCounts) {
    const OnDevice<T> x(count, "x", {-6.0, 6.0}), dy(count, "dy"), y(count), dx(count), sum(count);
    const OnDevice<float> wide(count);
    const Element type = kElementOf<T>;
    gelu({x.data(), y.data(), count, type}, this->stream());
    gelu_backward({dy.data(), x.data(), dx.data(), count, type}, this->stream());
    add({x.data(), dy.data(), sum.data(), count, type}, this->stream());
    cast({x.data(), wide.data(), type, Element::fp32, count}, this->stream());
    this->wait();
    reference::Values out, slope, total;
    for (std::size_t i = 0; i < x.given().size(); ++i) {
      out.push_back(reference::gelu(x.given()[i]));
      slope.push_back(dy.given()[i] * reference::gelu_slope(x.given()[i]));
      total.push_back(x.given()[i] + dy.given()[i]);
    }
    expect_close(y.values(), out, rounding<T>(), "gelu");
    expect_close(dx.values(), slope, rounding<T>(), "gelu backward");
    expect_close(sum.values(), total, rounding<T>(), "sum");
    EXPECT_EQ(wide.values(), x.given());
  }
}

TYPED_TEST(Kernels, DropoutDrawsTheSameMaskForwardAndBackward) {
  using T = TypeParam;
  const std::int64_t count = 1000003;
  const OnDevice<T> x(count, "x", {1.0, 2.0}), residual(count, "residual"), y(count), dx(count);
  residual_dropout({x.data(), residual.data(), y.data(), count, 0.2F, 11, kElementOf<T>},
                   this->stream());
  dropout_backward({x.data(), dx.data(), count, 0.2F, 11, kElementOf<T>}, this->stream());
  this->wait();
  const auto back = dx.values();
  reference::Values expected;
  std::int64_t dropped = 0;
  for (std::size_t i = 0; i < back.size(); ++i) {
    dropped += back[i] == 0.0 ? 1 : 0;
    expected.push_back(residual.given()[i] + back[i]);
  }
  expect_close(y.values(), expected, 2 * rounding<T>(), "y");
  // Six standard deviations of a share of 0.2 among a million.
  EXPECT_NEAR(static_cast<double>(dropped) / static_cast<double>(count), 0.2, 0.0024);
}

TYPED_TEST(Kernels, RotaryTurnsThereAndBack) {
  using T = TypeParam;
  Rotary args{.rows = 200, .sequence = 50, .heads = 4, .head_dim = 64, .type = kElementOf<T>};
  const OnDevice<T> x(args.rows * args.heads * args.head_dim, "x");
  args.x = x.data();
  reference::Matrix expected = x.given(args.rows, args.heads * args.head_dim);
  reference::rotary(expected, args);
  rotary(args, this->stream());
  this->wait();
  expect_close(x.values(), expected.values, rounding<T>(), "turned");
  args.rotation = Rotation::inverse;
  rotary(args, this->stream());
  this->wait();
  expect_close(x.values(), x.given(), 3 * rounding<T>(), "turned back");
}

using SmallKernels = OnGpu;

TEST_F(SmallKernels, CopySumAndRandomTokensDoWhatTheySay) {
  const std::int64_t count = 1000001;
  const OnDevice<float> in(count, "in"), out(count), total(1);
  copy_bytes({in.data(), out.data(), 4 * count}, stream());
  sum({in.data(), total.data(), count}, stream());
  const DeviceBuffer tokens(4 * count);
  fill_random_tokens({.out = tokens.as<std::int32_t>(), .count = count, .limit = 100}, stream());
  wait();
  EXPECT_EQ(out.values(), in.given());
  double expected = 0.0;
  for (const double value : in.given()) expected += value;
  EXPECT_NEAR(total.values()[0], expected, 0.05);
  for (const std::int32_t token : to_host<std::int32_t>(tokens.data(), count)) {
    ASSERT_TRUE(token >= 0 && token < 100);
  }
}

TEST_F(SmallKernels, AnErrorNamesTheCallAndItsStatus) {
  try {
    const DeviceBuffer impossible(1LL << 50);
    FAIL() << "a PiB of device memory";
  } catch (const base::EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("cudaErrorMemoryAllocation"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("cudaMalloc"), std::string::npos) << error.what();
  }
  (void)cudaGetLastError();
}

}  // namespace
}  // namespace windtunnel::real
