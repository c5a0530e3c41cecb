// Attention on strided bf16 memory in plain loops; see fake_kernels.cpp.
#include <cmath>
#include <cstring>
#include <vector>

#include "real/cuda/attention.hpp"
#include "real/steps/bfloat16.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

namespace windtunnel::real {
namespace {

// One head's matrix inside a strided tensor.
struct HeadView {
  std::uint16_t* at;
  std::int64_t stride;
  HeadView(const void* tensor, const Strides& strides, std::int64_t batch, std::int64_t head)
      : at(const_cast<std::uint16_t*>(static_cast<const std::uint16_t*>(tensor)) +
           batch * strides.batch + head * strides.head),
        stride(strides.token) {}
  double get(std::int64_t token, std::int64_t i) const {
    return static_cast<double>(from_bfloat16(at[token * stride + i]));
  }
  void set(std::int64_t token, std::int64_t i, double value) const {
    at[token * stride + i] = to_bfloat16(static_cast<float>(value));
  }
};

double dot(const HeadView& a, std::int64_t i, const HeadView& b, std::int64_t j, std::int64_t n) {
  double total = 0;
  for (std::int64_t d = 0; d < n; ++d) total += a.get(i, d) * b.get(j, d);
  return total;
}

}  // namespace

void attention_forward(const AttentionForward& a, cudaStream_t stream) {
  fake::launch(stream, [a] {
    const AttentionShape& s = a.shape;
    const double scale = 1.0 / std::sqrt(static_cast<double>(s.head_dim));
    for (std::int64_t b = 0; b < s.batch; ++b)
      for (std::int64_t h = 0; h < s.heads; ++h) {
        const std::int64_t kv = h / (s.heads / s.kv_heads);
        const HeadView q(a.q, a.q_strides, b, h), k(a.k, a.k_strides, b, kv),
            v(a.v, a.v_strides, b, kv), o(a.o, a.o_strides, b, h);
        for (std::int64_t i = 0; i < s.q_len; ++i) {
          std::vector<double> p;
          double total = 0;
          for (std::int64_t j = 0; j <= i; ++j) {
            p.push_back(std::exp(scale * dot(q, i, k, j, s.head_dim)));
            total += p.back();
          }
          for (std::int64_t d = 0; d < s.head_dim; ++d) {
            double out = 0;
            for (std::int64_t j = 0; j <= i; ++j)
              out += p[static_cast<std::size_t>(j)] / total * v.get(j, d);
            o.set(i, d, out);
          }
          a.lse[(b * s.heads + h) * s.q_len + i] = static_cast<float>(std::log(total));
        }
      }
  });
}

void attention_backward(const AttentionBackward& a, cudaStream_t stream) {
  fake::launch(stream, [a] {
    const AttentionShape& s = a.shape;
    const double scale = 1.0 / std::sqrt(static_cast<double>(s.head_dim));
    const std::int64_t group = s.heads / s.kv_heads, n = s.head_dim;
    const auto size = static_cast<std::size_t>(s.kv_len * n);
    for (std::int64_t b = 0; b < s.batch; ++b)
      for (std::int64_t kv = 0; kv < s.kv_heads; ++kv) {
        const HeadView k(a.k, a.k_strides, b, kv), v(a.v, a.v_strides, b, kv);
        std::vector<double> dk(size), dv(size);
        for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
          const HeadView q(a.q, a.q_strides, b, h), o(a.o, a.o_strides, b, h),
              d_o(a.d_o, a.o_strides, b, h), dq(a.dq, a.q_strides, b, h);
          for (std::int64_t i = 0; i < s.q_len; ++i) {
            const double lse = static_cast<double>(a.lse[(b * s.heads + h) * s.q_len + i]);
            const double along = dot(d_o, i, o, i, n);
            std::vector<double> row(static_cast<std::size_t>(n));
            for (std::int64_t j = 0; j <= i; ++j) {
              const double p = std::exp(scale * dot(q, i, k, j, n) - lse);
              const double ds = scale * p * (dot(d_o, i, v, j, n) - along);
              for (std::int64_t d = 0; d < n; ++d) {
                row[static_cast<std::size_t>(d)] += ds * k.get(j, d);
                dk[static_cast<std::size_t>(j * n + d)] += ds * q.get(i, d);
                dv[static_cast<std::size_t>(j * n + d)] += p * d_o.get(i, d);
              }
            }
            for (std::int64_t d = 0; d < n; ++d) dq.set(i, d, row[static_cast<std::size_t>(d)]);
          }
        }
        const HeadView dk_out(a.dk, a.k_strides, b, kv), dv_out(a.dv, a.v_strides, b, kv);
        for (std::int64_t j = 0; j < s.kv_len; ++j)
          for (std::int64_t d = 0; d < n; ++d) {
            dk_out.set(j, d, dk[static_cast<std::size_t>(j * n + d)]);
            dv_out.set(j, d, dv[static_cast<std::size_t>(j * n + d)]);
          }
      }
  });
}

}  // namespace windtunnel::real
