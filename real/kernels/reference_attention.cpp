#include <cmath>

#include "real/kernels/reference.hpp"

namespace windtunnel::real::reference {
namespace {

// One query row of one head against its keys.
struct Row {
  std::int64_t batch = 0, head = 0, query = 0;
};

double scale_of(const AttentionShape& shape) {
  return shape.scale > 0.0F ? static_cast<double>(shape.scale)
                            : 1.0 / std::sqrt(static_cast<double>(shape.head_dim));
}

std::size_t q_at(const AttentionShape& shape, const Row& row, std::int64_t dim) {
  return static_cast<std::size_t>(
      ((row.batch * shape.q_len + row.query) * shape.heads + row.head) * shape.head_dim + dim);
}

std::size_t kv_at(const AttentionShape& shape, const Row& row, std::int64_t key, std::int64_t dim) {
  const std::int64_t kv_head = row.head / (shape.heads / shape.kv_heads);
  return static_cast<std::size_t>(
      ((row.batch * shape.kv_len + key) * shape.kv_heads + kv_head) * shape.head_dim + dim);
}

struct Probabilities {
  Values p;  // of the keys the row sees
  double lse = 0.0;
};

Probabilities probabilities(const AttentionShape& shape, const AttentionTensors& in,
                            const Row& row) {
  const bool causal = shape.mask == models::AttentionMask::causal;
  const std::int64_t seen = causal ? row.query + shape.kv_len - shape.q_len + 1 : shape.kv_len;
  Probabilities out;
  double greatest = -INFINITY, total = 0.0;
  for (std::int64_t key = 0; key < seen; ++key) {
    double score = 0.0;
    for (std::int64_t d = 0; d < shape.head_dim; ++d) {
      score += in.q[q_at(shape, row, d)] * in.k[kv_at(shape, row, key, d)];
    }
    out.p.push_back(score * scale_of(shape));
    greatest = std::fmax(greatest, out.p.back());
  }
  for (double& p : out.p) total += p = std::exp(p - greatest);
  for (double& p : out.p) p /= total;
  out.lse = greatest + std::log(total);
  return out;
}

template <class F>
void for_rows(const AttentionShape& shape, F f) {
  for (std::int64_t batch = 0; batch < shape.batch; ++batch) {
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      for (std::int64_t query = 0; query < shape.q_len; ++query) f(Row{batch, head, query});
    }
  }
}

}  // namespace

AttentionOutput attention(const AttentionShape& shape, const AttentionTensors& in) {
  AttentionOutput out;
  out.o.resize(in.q.size());
  for_rows(shape, [&](const Row& row) {
    const Probabilities found = probabilities(shape, in, row);
    out.lse.push_back(found.lse);
    for (std::size_t key = 0; key < found.p.size(); ++key) {
      for (std::int64_t d = 0; d < shape.head_dim; ++d) {
        out.o[q_at(shape, row, d)] +=
            found.p[key] * in.v[kv_at(shape, row, static_cast<std::int64_t>(key), d)];
      }
    }
  });
  return out;
}

AttentionGradients attention_backward(const AttentionShape& shape, const AttentionTensors& in,
                                      const Values& d_o) {
  AttentionGradients out{Values(in.q.size()), Values(in.k.size()), Values(in.v.size())};
  const double scale = scale_of(shape);
  for_rows(shape, [&](const Row& row) {
    const Probabilities found = probabilities(shape, in, row);
    Values dp(found.p.size());
    double delta = 0.0;
    for (std::size_t key = 0; key < found.p.size(); ++key) {
      for (std::int64_t d = 0; d < shape.head_dim; ++d) {
        dp[key] +=
            d_o[q_at(shape, row, d)] * in.v[kv_at(shape, row, static_cast<std::int64_t>(key), d)];
      }
      delta += dp[key] * found.p[key];
    }
    for (std::size_t key = 0; key < found.p.size(); ++key) {
      const double ds = found.p[key] * (dp[key] - delta) * scale;
      for (std::int64_t d = 0; d < shape.head_dim; ++d) {
        const std::size_t q = q_at(shape, row, d);
        const std::size_t kv = kv_at(shape, row, static_cast<std::int64_t>(key), d);
        out.dq[q] += ds * in.k[kv];
        out.dk[kv] += ds * in.q[q];
        out.dv[kv] += found.p[key] * d_o[q];
      }
    }
  });
  return out;
}

}  // namespace windtunnel::real::reference
