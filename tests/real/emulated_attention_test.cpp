// The fused attention kernels as the GPU would run them, held against double precision.
#include <gtest/gtest.h>

#include "real/kernels/attention_backward.cuh"
#include "real/kernels/attention_forward.cuh"
#include "tests/real/kernel_data.hpp"
#include "tests/real/simt_emulator.hpp"

namespace windtunnel::real {
namespace {

using models::AttentionMask;

AttentionShape shape_of(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim,
                        std::int64_t q_len, std::int64_t kv_len,
                        AttentionMask mask = AttentionMask::causal) {
  return {.heads = heads,
          .kv_heads = kv_heads,
          .head_dim = head_dim,
          .q_len = q_len,
          .kv_len = kv_len,
          .mask = mask};
}

// Operands of a shape, packed, with scores of a few units so that the softmax is neither flat nor a
// single key.
template <class T>
struct Problem {
  explicit Problem(const AttentionShape& of)
      : shape(of),
        q(random_values<T>(of.batch * of.q_len * of.heads * of.head_dim, "q", {-2.0, 2.0})),
        k(random_values<T>(of.batch * of.kv_len * of.kv_heads * of.head_dim, "k", {-2.0, 2.0})),
        v(random_values<T>(k.size(), "v")),
        d_o(random_values<T>(q.size(), "d_o")),
        o(q.size()),
        lse(static_cast<std::size_t>(of.batch * of.heads * of.q_len), NAN) {}

  reference::AttentionTensors tensors() { return {q.values(), k.values(), v.values()}; }
  Strides q_strides() const { return packed_strides(shape.q_len, shape.heads, shape.head_dim); }
  Strides kv_strides() const {
    return packed_strides(shape.kv_len, shape.kv_heads, shape.head_dim);
  }
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(shape.head_dim)); }

  AttentionShape shape;
  Stored<T> q, k, v, d_o, o;
  std::vector<float> lse;
};

template <class T, int D>
void run_forward(Problem<T>& problem) {
  const AttentionForward args{.shape = problem.shape,
                              .q = problem.q.data(),
                              .k = problem.k.data(),
                              .v = problem.v.data(),
                              .o = problem.o.data(),
                              .lse = problem.lse.data(),
                              .q_strides = problem.q_strides(),
                              .k_strides = problem.kv_strides(),
                              .v_strides = problem.kv_strides(),
                              .o_strides = problem.q_strides()};
  using Geometry = ForwardGeometry<D>;
  const EmulatedGrid grid{.x = static_cast<int>(ceil_div(problem.shape.q_len, Geometry::kQueries)),
                          .y = static_cast<int>(problem.shape.heads),
                          .z = static_cast<int>(problem.shape.batch),
                          .threads = Geometry::kThreads,
                          .shared_bytes = Geometry::kSharedBytes};
  emulate(grid, [&](std::byte* shared) {
    attention_forward_body<T, D>(args, problem.scale(), reinterpret_cast<T*>(shared));
  });
}

template <class T, int D>
void expect_forward(const AttentionShape& shape) {
  Problem<T> problem(shape);
  run_forward<T, D>(problem);
  const auto expected = reference::attention(shape, problem.tensors());
  expect_close(problem.o.values(), expected.o, rounding<T>(), "o");
  expect_close({problem.lse.begin(), problem.lse.end()}, expected.lse, 1e-5, "lse");
}

TEST(EmulatedAttention, ForwardIsTheFormulaOnOneTile) {
  expect_forward<Bf16, 64>(shape_of(1, 1, 64, 128, 64, AttentionMask::full));
  expect_forward<Fp16, 64>(shape_of(1, 1, 64, 64, 64));
}

TEST(EmulatedAttention, ForwardIsTheFormulaOnRaggedLengthsAndACausalDiagonal) {
  expect_forward<Bf16, 64>(shape_of(1, 1, 64, 150, 150));
  expect_forward<Bf16, 64>(shape_of(1, 1, 64, 33, 201));
  expect_forward<Fp16, 64>(shape_of(1, 1, 64, 130, 77, AttentionMask::full));
  expect_forward<Bf16, 64>(shape_of(1, 1, 64, 1, 1));
}

TEST(EmulatedAttention, ForwardKnowsEveryHeadSize) {
  expect_forward<Bf16, 80>(shape_of(1, 1, 80, 70, 100));
  expect_forward<Bf16, 96>(shape_of(1, 1, 96, 70, 100));
  expect_forward<Fp16, 128>(shape_of(1, 1, 128, 70, 100));
  expect_forward<Bf16, 128>(shape_of(1, 1, 104, 40, 70));
  expect_forward<Bf16, 64>(shape_of(1, 1, 32, 40, 70));
}

TEST(EmulatedAttention, ForwardReadsTheKeyHeadOfTheQueryHeadsGroup) {
  AttentionShape shape = shape_of(4, 2, 64, 40, 70);
  shape.batch = 2;
  expect_forward<Bf16, 64>(shape);
}

template <class T, int D>
void expect_backward(const AttentionShape& shape) {
  Problem<T> problem(shape);
  run_forward<T, D>(problem);
  Stored<T> dq(problem.q.size()), dk(problem.k.size()), dv(problem.k.size());
  const std::int64_t rows = shape.batch * shape.heads * shape.q_len;
  std::vector<float> scratch(
      static_cast<std::size_t>(attention_backward_workspace_bytes(shape) / 4), 0.0F);
  const BackwardScratch parts{scratch.data(), scratch.data() + rows * shape.head_dim};
  const AttentionBackward args{.shape = shape,
                               .q = problem.q.data(),
                               .k = problem.k.data(),
                               .v = problem.v.data(),
                               .o = problem.o.data(),
                               .d_o = problem.d_o.data(),
                               .lse = problem.lse.data(),
                               .dq = dq.data(),
                               .dk = dk.data(),
                               .dv = dv.data(),
                               .q_strides = problem.q_strides(),
                               .k_strides = problem.kv_strides(),
                               .v_strides = problem.kv_strides(),
                               .o_strides = problem.q_strides()};
  using Geometry = BackwardGeometry<D>;
  emulate({.x = 3, .threads = 64}, [&](std::byte*) { attention_delta_body<T>(args, parts.delta); });
  const EmulatedGrid grid{.x = static_cast<int>(ceil_div(shape.kv_len, Geometry::kKeys)),
                          .y = static_cast<int>(shape.kv_heads),
                          .z = static_cast<int>(shape.batch),
                          .threads = Geometry::kThreads,
                          .shared_bytes = Geometry::kSharedBytes};
  emulate(grid, [&](std::byte* shared) {
    attention_backward_body<T, D>(args, parts, problem.scale(), reinterpret_cast<T*>(shared));
  });
  emulate({.x = 2, .threads = 64},
          [&](std::byte*) { attention_dq_body<T>(args, parts.dq_sums, problem.scale()); });
  const auto expected =
      reference::attention_backward(shape, problem.tensors(), problem.d_o.values());
  // p and ds are rounded to T before the products that sum over up to kv_len of them.
  const double tolerance = 3 * rounding<T>();
  expect_close(dq.values(), expected.dq, tolerance, "dq");
  expect_close(dk.values(), expected.dk, tolerance, "dk");
  expect_close(dv.values(), expected.dv, tolerance, "dv");
}

TEST(EmulatedAttention, BackwardIsTheGradientOnOneTile) {
  expect_backward<Bf16, 64>(shape_of(1, 1, 64, 64, 128, AttentionMask::full));
  expect_backward<Fp16, 64>(shape_of(1, 1, 64, 64, 64));
}

TEST(EmulatedAttention, BackwardIsTheGradientOnRaggedLengthsAndACausalDiagonal) {
  expect_backward<Bf16, 64>(shape_of(1, 1, 64, 150, 150));
  expect_backward<Fp16, 64>(shape_of(1, 1, 64, 33, 201));
  expect_backward<Fp16, 64>(shape_of(1, 1, 64, 130, 77, AttentionMask::full));
}

TEST(EmulatedAttention, BackwardKnowsEveryHeadSize) {
  expect_backward<Bf16, 80>(shape_of(1, 1, 80, 70, 100));
  expect_backward<Fp16, 96>(shape_of(1, 1, 96, 70, 100));
  expect_backward<Fp16, 128>(shape_of(1, 1, 128, 70, 100));
  expect_backward<Bf16, 128>(shape_of(1, 1, 104, 40, 70));
  expect_backward<Bf16, 64>(shape_of(1, 1, 32, 40, 70));
}

TEST(EmulatedAttention, BackwardAddsTheQueryHeadsOfAGroup) {
  AttentionShape shape = shape_of(4, 2, 64, 70, 90);
  shape.batch = 2;
  expect_backward<Fp16, 64>(shape);
}

}  // namespace
}  // namespace windtunnel::real
