// Norms, softmax and cross-entropy as the GPU would run them, held against double precision.
#include <gtest/gtest.h>

#include "real/kernels/norm.cuh"
#include "real/kernels/softmax.cuh"
#include "tests/real/kernel_data.hpp"
#include "tests/real/simt_emulator.hpp"

namespace windtunnel::real {
namespace {

struct Size {
  std::int64_t rows, columns;
};
// One warp a row, with and without whole packs; one block a row; more rows than one turn of the grid.
const std::vector<Size> kSizes = {{3, 8}, {21, 72}, {9, 1024}, {2, 1032}, {3, 2056}, {40, 64}};
// Softmax takes rows that are no whole packs, too.
const std::vector<Size> kOddSizes = {{3, 8}, {21, 77}, {9, 1024}, {3, 2051}, {7, 3}};
constexpr int kMultiprocessors = 1;

float* floats(std::byte* shared) {
  return reinterpret_cast<float*>(shared);
}
EmulatedGrid grid_of(const RowPlan& plan, std::int64_t shared_floats = kRowScratchFloats) {
  return {.x = plan.blocks, .threads = plan.threads(), .shared_bytes = shared_floats * 4};
}
std::int64_t reduction_floats(const RowPlan& plan, std::int64_t columns) {
  return kRowScratchFloats + (plan.groups > 1 ? columns : 0);
}
std::int64_t norm_workspace_floats(std::int64_t columns) {
  return reduction_blocks(columns, kMultiprocessors) * columns;
}
reference::Values as_doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}
std::vector<float> finished(const std::vector<float>& partials, std::int64_t rows,
                            std::int64_t columns) {
  std::vector<float> out(static_cast<std::size_t>(columns), NAN);
  const PartialSums args{partials.data(), out.data(), rows, columns};
  emulate({.x = static_cast<int>(ceil_div(columns, kWarp)),
           .threads = kFinishThreads,
           .shared_bytes = kFinishThreads * 4},
          [&](std::byte* shared) { finish_column_sums_body(args, floats(shared)); });
  return out;
}

template <class T>
class EmulatedRows : public testing::Test {};
using Formats = testing::Types<float, Fp16, Bf16>;
TYPED_TEST_SUITE(EmulatedRows, Formats);

TYPED_TEST(EmulatedRows, LayerNormIsTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : kSizes) {
    auto x = random_values<T>(rows * columns, "x", {-1.0, 3.0});
    auto gamma = random_values<T>(columns, "gamma"), beta = random_values<T>(columns, "beta");
    Stored<T> y(rows * columns);
    const RowPlan plan = row_plan(rows, columns, kMultiprocessors);
    const LayerNorm args{.x = x.data(),
                         .gamma = gamma.data(),
                         .beta = beta.data(),
                         .y = y.data(),
                         .rows = rows,
                         .columns = columns,
                         .type = kElementOf<T>};
    emulate(grid_of(plan),
            [&](std::byte* shared) { layer_norm_body<T>(args, plan, floats(shared)); });
    expect_close(
        y.values(),
        reference::layer_norm(x.matrix(rows, columns), gamma.values(), beta.values(), 1e-5).values,
        rounding<T>(), "y");
  }
}

TYPED_TEST(EmulatedRows, LayerNormBackwardIsTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : kSizes) {
    auto x = random_values<T>(rows * columns, "x", {-1.0, 3.0});
    auto dy = random_values<T>(rows * columns, "dy"), gamma = random_values<T>(columns, "gamma");
    Stored<T> y(rows * columns), dx(rows * columns);
    std::vector<float> mean(static_cast<std::size_t>(rows)), rstd(mean);
    const RowPlan plan = row_plan(rows, columns, kMultiprocessors);
    const LayerNorm forward{.x = x.data(),
                            .gamma = gamma.data(),
                            .beta = gamma.data(),
                            .y = y.data(),
                            .mean = mean.data(),
                            .rstd = rstd.data(),
                            .rows = rows,
                            .columns = columns};
    emulate(grid_of(plan),
            [&](std::byte* shared) { layer_norm_body<T>(forward, plan, floats(shared)); });

    const RowPlan back = reduction_plan(rows, columns, kMultiprocessors);
    std::vector<float> partials(static_cast<std::size_t>(2 * norm_workspace_floats(columns)), NAN);
    float* const beta_partials = partials.data() + norm_workspace_floats(columns);
    const NormBackward args{NormKind::layer, dy.data(),   x.data(),  gamma.data(),
                            mean.data(),     rstd.data(), dx.data(), partials.data(),
                            beta_partials,   rows,        columns};
    emulate(grid_of(back, reduction_floats(back, columns)),
            [&](std::byte* shared) { norm_backward_body<T>(args, back, floats(shared)); });
    const auto expected = reference::layer_norm_backward(
        dy.matrix(rows, columns), x.matrix(rows, columns), gamma.values(), 1e-5);
    expect_close(dx.values(), expected.dx.values, rounding<T>(), "dx");
    expect_close(as_doubles(finished(partials, back.blocks, columns)), expected.dgamma, 1e-4,
                 "dgamma");
    const std::vector<float> second(beta_partials, beta_partials + norm_workspace_floats(columns));
    expect_close(as_doubles(finished(second, back.blocks, columns)), expected.dbeta, 1e-4, "dbeta");
  }
}

TYPED_TEST(EmulatedRows, RmsNormAndItsBackwardAreTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : kSizes) {
    auto x = random_values<T>(rows * columns, "x", {-1.0, 3.0});
    auto dy = random_values<T>(rows * columns, "dy"), gamma = random_values<T>(columns, "gamma");
    Stored<T> y(rows * columns), dx(rows * columns);
    std::vector<float> rrms(static_cast<std::size_t>(rows));
    const RowPlan plan = row_plan(rows, columns, kMultiprocessors);
    const RmsNorm forward{.x = x.data(),
                          .gamma = gamma.data(),
                          .y = y.data(),
                          .rrms = rrms.data(),
                          .rows = rows,
                          .columns = columns};
    emulate(grid_of(plan),
            [&](std::byte* shared) { rms_norm_body<T>(forward, plan, floats(shared)); });
    expect_close(y.values(),
                 reference::rms_norm(x.matrix(rows, columns), gamma.values(), 1e-5).values,
                 rounding<T>(), "y");

    const RowPlan back = reduction_plan(rows, columns, kMultiprocessors);
    std::vector<float> partials(static_cast<std::size_t>(norm_workspace_floats(columns)), NAN);
    const NormBackward args{NormKind::rms, dy.data(),   x.data(),  gamma.data(),
                            nullptr,       rrms.data(), dx.data(), partials.data(),
                            nullptr,       rows,        columns};
    emulate(grid_of(back, reduction_floats(back, columns)),
            [&](std::byte* shared) { norm_backward_body<T>(args, back, floats(shared)); });
    const auto expected = reference::rms_norm_backward(
        dy.matrix(rows, columns), x.matrix(rows, columns), gamma.values(), 1e-5);
    expect_close(dx.values(), expected.dx.values, rounding<T>(), "dx");
    expect_close(as_doubles(finished(partials, back.blocks, columns)), expected.dgamma, 1e-4,
                 "dgamma");
  }
}

TYPED_TEST(EmulatedRows, ColumnSumAddsEveryRowOnce) {
  using T = TypeParam;
  for (const auto& [rows, columns] : kSizes) {
    auto x = random_values<T>(rows * columns, "x");
    std::vector<float> partials(static_cast<std::size_t>(norm_workspace_floats(columns)), NAN);
    const RowPlan plan = reduction_plan(rows, columns, kMultiprocessors);
    const ColumnSum args{
        .x = x.data(), .workspace = partials.data(), .rows = rows, .columns = columns};
    emulate(grid_of(plan, reduction_floats(plan, columns)),
            [&](std::byte* shared) { column_sum_body<T>(args, plan, floats(shared)); });
    expect_close(as_doubles(finished(partials, plan.blocks, columns)),
                 reference::column_sum(x.matrix(rows, columns)), 1e-5, "sums");
  }
}

TYPED_TEST(EmulatedRows, SoftmaxIsTheFormulaWithAndWithoutACausalMask) {
  using T = TypeParam;
  for (const auto& [rows, columns] : kOddSizes) {
    for (const std::int64_t causal_rows : {std::int64_t{0}, std::int64_t{3}}) {
      auto x = random_values<T>(rows * columns, "x", {-8.0, 8.0});
      Stored<T> y(rows * columns);
      const RowPlan plan = row_plan(rows, columns, kMultiprocessors);
      const Softmax args{.x = x.data(),
                         .y = y.data(),
                         .rows = rows,
                         .columns = columns,
                         .causal_rows = causal_rows,
                         .scale = 0.5F};
      emulate(grid_of(plan),
              [&](std::byte* shared) { softmax_body<T>(args, plan, floats(shared)); });
      expect_close(y.values(), reference::softmax(x.matrix(rows, columns), 0.5, causal_rows).values,
                   rounding<T>(), "y");
    }
  }
}

TYPED_TEST(EmulatedRows, SoftmaxBackwardSeesTheMaskThatTheForwardCallDrew) {
  using T = TypeParam;
  const std::int64_t rows = 9, columns = 203;
  auto x = random_values<T>(rows * columns, "x", {-4.0, 4.0});
  auto dy = random_values<T>(rows * columns, "dy");
  Stored<T> y(rows * columns), p(rows * columns), dx(rows * columns);
  const RowPlan plan = row_plan(rows, columns, kMultiprocessors);
  const Softmax forward{.x = x.data(),
                        .y = y.data(),
                        .p = p.data(),
                        .rows = rows,
                        .columns = columns,
                        .probability = 0.25F,
                        .seed = 3};
  emulate(grid_of(plan),
          [&](std::byte* shared) { softmax_body<T>(forward, plan, floats(shared)); });
  reference::Matrix g = dy.matrix(rows, columns);
  const auto kept = y.values(), whole = p.values();
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < g.values.size(); ++i) {
    const bool drop = kept[i] == 0.0 && whole[i] > 0.0;
    dropped += drop ? 1U : 0U;
    g.values[i] *= drop ? 0.0 : 4.0 / 3.0;
    EXPECT_NEAR(kept[i], drop ? 0.0 : whole[i] * 4.0 / 3.0, 2 * rounding<T>());
  }
  // 1827 draws of probability 1/4: six standard deviations are 0.061.
  EXPECT_NEAR(static_cast<double>(dropped) / static_cast<double>(g.values.size()), 0.25, 0.061);
  const SoftmaxBackward args{.dy = dy.data(),
                             .p = p.data(),
                             .dx = dx.data(),
                             .rows = rows,
                             .columns = columns,
                             .scale = 0.5F,
                             .probability = 0.25F,
                             .seed = 3};
  emulate(grid_of(plan),
          [&](std::byte* shared) { softmax_backward_body<T>(args, plan, floats(shared)); });
  expect_close(dx.values(), reference::softmax_backward(g, p.matrix(rows, columns), 0.5).values,
               rounding<T>(), "dx");
}

TYPED_TEST(EmulatedRows, CrossEntropyAndItsGradientAreTheFormula) {
  using T = TypeParam;
  for (const auto& [rows, columns] : {Size{4, 5}, Size{3, 1000}, Size{2, 5003}}) {
    auto logits = random_values<T>(rows * columns, "logits", {-6.0, 6.0});
    const auto targets = random_tokens(rows, columns);
    std::vector<float> loss(static_cast<std::size_t>(rows), NAN), lse(loss);
    const CrossEntropy forward{.logits = logits.data(),
                               .targets = targets.data(),
                               .loss = loss.data(),
                               .lse = lse.data(),
                               .rows = rows,
                               .columns = columns};
    const EmulatedGrid grid{.x = 2, .threads = 64, .shared_bytes = kRowScratchFloats * 4};
    emulate(grid, [&](std::byte* shared) { cross_entropy_body<T>(forward, floats(shared)); });
    const auto values = logits.matrix(rows, columns);
    expect_close(as_doubles(loss), reference::cross_entropy(values, targets), 1e-5, "loss");
    const CrossEntropyBackward args{.logits = logits.data(),
                                    .targets = targets.data(),
                                    .lse = lse.data(),
                                    .dlogits = logits.data(),
                                    .rows = rows,
                                    .columns = columns,
                                    .scale = 0.5F};
    emulate(grid, [&](std::byte*) { cross_entropy_backward_body<T>(args); });
    expect_close(logits.values(), reference::cross_entropy_backward(values, targets, 0.5).values,
                 rounding<T>(), "gradient");
  }
}

}  // namespace
}  // namespace windtunnel::real
