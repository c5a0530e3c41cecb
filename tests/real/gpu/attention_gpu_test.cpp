// The fused attention kernels on a device, held against double precision, in both formats, all head
// sizes and layouts; and how fast they are, printed.
#include <gtest/gtest.h>

#include "real/cuda/attention.hpp"

#include <fmt/format.h>

#include "real/cuda/gemm.hpp"
#include "real/cuda/kernels.hpp"
#include "tests/real/gpu/device_fixture.hpp"

namespace windtunnel::real {
namespace {

using models::AttentionMask;

template <class T>
class FusedAttention : public OnGpu {};
using Formats = testing::Types<Fp16, Bf16>;
TYPED_TEST_SUITE(FusedAttention, Formats);

template <class T>
void expect_attention(const AttentionShape& shape, cudaStream_t stream) {
  const std::int64_t q_size = shape.batch * shape.q_len * shape.heads * shape.head_dim;
  const std::int64_t kv_size = shape.batch * shape.kv_len * shape.kv_heads * shape.head_dim;
  const OnDevice<T> q(q_size, "q", {-2.0, 2.0}), k(kv_size, "k", {-2.0, 2.0}), v(kv_size, "v");
  const OnDevice<T> d_o(q_size, "d_o"), o(q_size), dq(q_size), dk(kv_size), dv(kv_size);
  const OnDevice<float> lse(shape.batch * shape.heads * shape.q_len);
  const DeviceBuffer workspace(attention_backward_workspace_bytes(shape));
  const Strides qs = packed_strides(shape.q_len, shape.heads, shape.head_dim);
  const Strides ks = packed_strides(shape.kv_len, shape.kv_heads, shape.head_dim);
  attention_forward({shape, q.data(), k.data(), v.data(), o.data(), lse.data(), qs, ks, ks, qs},
                    stream);
  attention_backward({.shape = shape,
                      .q = q.data(),
                      .k = k.data(),
                      .v = v.data(),
                      .o = o.data(),
                      .d_o = d_o.data(),
                      .lse = lse.data(),
                      .dq = dq.data(),
                      .dk = dk.data(),
                      .dv = dv.data(),
                      .workspace = workspace.data(),
                      .q_strides = qs,
                      .k_strides = ks,
                      .v_strides = ks,
                      .o_strides = qs},
                     stream);
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  const reference::AttentionTensors in{q.given(), k.given(), v.given()};
  const auto forward = reference::attention(shape, in);
  expect_close(o.values(), forward.o, rounding<T>(), "o");
  expect_close(lse.values(), forward.lse, 1e-4, "lse");
  const auto gradients = reference::attention_backward(shape, in, d_o.given());
  // p and ds are rounded to the format before the products that sum over them.
  expect_close(dq.values(), gradients.dq, 4 * rounding<T>(), "dq");
  expect_close(dk.values(), gradients.dk, 4 * rounding<T>(), "dk");
  expect_close(dv.values(), gradients.dv, 4 * rounding<T>(), "dv");
}

TYPED_TEST(FusedAttention, IsTheFormulaAtEveryHeadSizeAndMask) {
  for (const std::int64_t head_dim : {32, 64, 80, 96, 104, 128}) {
    for (const AttentionMask mask : {AttentionMask::causal, AttentionMask::full}) {
      expect_attention<TypeParam>({.batch = 2,
                                   .heads = 4,
                                   .kv_heads = 2,
                                   .head_dim = head_dim,
                                   .q_len = 200,
                                   .kv_len = 333,
                                   .mask = mask,
                                   .type = kElementOf<TypeParam>},
                                  this->stream());
    }
  }
}

TYPED_TEST(FusedAttention, IsTheFormulaAtTheEdgesOfItsTiles) {
  for (const std::int64_t length : {1, 63, 64, 65, 127, 128, 129, 256}) {
    expect_attention<TypeParam>({.heads = 2,
                                 .kv_heads = 2,
                                 .head_dim = 64,
                                 .q_len = length,
                                 .kv_len = length,
                                 .type = kElementOf<TypeParam>},
                                this->stream());
  }
}

// One point of a sweep: batch 4, 32 heads, 8 kv heads, 4096 tokens, causal.
struct Speed {
  double forward = 0.0, backward = 0.0, gemm = 0.0;  // FLOP/s
};

double flops_per_second(const Stream& stream, double flops, const std::function<void()>& queue) {
  constexpr int kRuns = 10;
  queue();
  const Event start, stop;
  start.record(stream);
  for (int run = 0; run < kRuns; ++run) queue();
  stop.record(stream);
  stop.wait();
  return kRuns * flops / stop.since(start).value();
}

DeviceBuffer random_tensor(std::int64_t count, const Stream& stream) {
  DeviceBuffer buffer(2 * count);
  fill_random({.out = buffer.data(), .count = count}, stream.get());
  return buffer;
}

Speed measure(std::int64_t head_dim, const Stream& stream) {
  const AttentionShape shape{
      .batch = 4, .heads = 32, .kv_heads = 8, .head_dim = head_dim, .q_len = 4096, .kv_len = 4096};
  const std::int64_t q_size = 4LL * 4096 * 32 * head_dim, kv_size = q_size / 4;
  const DeviceBuffer q = random_tensor(q_size, stream), o = random_tensor(q_size, stream),
                     d_o = random_tensor(q_size, stream), dq = random_tensor(q_size, stream),
                     k = random_tensor(kv_size, stream), v = random_tensor(kv_size, stream),
                     dk = random_tensor(kv_size, stream), dv = random_tensor(kv_size, stream),
                     lse(4LL * 32 * 4096 * 4), workspace(attention_backward_workspace_bytes(shape));
  const Strides qs = packed_strides(4096, 32, head_dim), ks = packed_strides(4096, 8, head_dim);
  const double flops = models::flops(models::AttentionQuery{.batch = 4,
                                                            .heads = 32,
                                                            .kv_heads = 8,
                                                            .head_dim = head_dim,
                                                            .q_len = 4096,
                                                            .kv_len = 4096})
                           .value();
  Speed speed;
  speed.forward = flops_per_second(stream, flops, [&] {
    attention_forward(
        {shape, q.data(), k.data(), v.data(), o.data(), lse.as<float>(), qs, ks, ks, qs},
        stream.get());
  });
  speed.backward = flops_per_second(stream, 2.5 * flops, [&] {
    attention_backward({.shape = shape,
                        .q = q.data(),
                        .k = k.data(),
                        .v = v.data(),
                        .o = o.data(),
                        .d_o = d_o.data(),
                        .lse = lse.as<float>(),
                        .dq = dq.data(),
                        .dk = dk.data(),
                        .dv = dv.data(),
                        .workspace = workspace.data(),
                        .q_strides = qs,
                        .k_strides = ks,
                        .v_strides = ks,
                        .o_strides = qs},
                       stream.get());
  });
  return speed;
}

using AttentionSpeed = OnGpu;

// Honestly: the share of what cuBLASLt reaches here on a large product, which is itself below the
// data sheet's peak.
TEST_F(AttentionSpeed, IsPrintedAsAShareOfALargeGemm) {
  CublasLt library;
  GemmPlan plan(library, {.m = 8192, .n = 8192, .k = 8192, .alignment = 256});
  const DeviceBuffer a = random_tensor(8192 * 8192, own_stream()),
                     b = random_tensor(8192 * 8192, own_stream()),
                     c = random_tensor(8192 * 8192, own_stream());
  const double gemm = flops_per_second(own_stream(), 2.0 * 8192 * 8192 * 8192, [&] {
    plan.run({.a = a.data(), .b = b.data(), .c = c.data()}, stream());
  });
  fmt::print("cuBLASLt GEMM 8192 cubed bf16: {:.0f} TFLOP/s\n", gemm * 1e-12);
  for (const std::int64_t head_dim : {64, 128}) {
    const Speed speed = measure(head_dim, own_stream());
    fmt::print(
        "fused attention, head size {}, 4096 tokens, causal, bf16: forward {:.0f} TFLOP/s "
        "({:.0f} % of the GEMM), backward {:.0f} TFLOP/s ({:.0f} %)\n",
        head_dim, speed.forward * 1e-12, 100 * speed.forward / gemm, speed.backward * 1e-12,
        100 * speed.backward / gemm);
    EXPECT_GT(speed.forward, 0.05 * gemm);
    EXPECT_GT(speed.backward, 0.05 * gemm);
  }
}

}  // namespace
}  // namespace windtunnel::real
