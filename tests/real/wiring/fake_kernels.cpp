// The calls of kernels.hpp, attention.hpp and gemm.hpp that a step makes, in plain loops in double
// precision on memory as the device would hold it.
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "real/cuda/attention.hpp"
#include "real/cuda/cuda_stopwatch.hpp"
#include "real/cuda/gemm.hpp"
#include "real/cuda/kernels.hpp"
#include "real/nccl/device/pattern_kernels.hpp"
#include "real/steps/bfloat16.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

namespace windtunnel::real {
namespace {

using fake::launch;

// A tensor of elements; reads and writes doubles.
class View {
 public:
  View(const void* at, Element type)
      : at_(const_cast<char*>(static_cast<const char*>(at))), type_(type) {}
  double get(std::int64_t i) const {
    if (type_ == Element::fp32) {
      float value;
      std::memcpy(&value, at_ + 4 * i, 4);
      return static_cast<double>(value);
    }
    std::uint16_t bits;
    std::memcpy(&bits, at_ + 2 * i, 2);
    return static_cast<double>(from_bfloat16(bits));
  }
  void set(std::int64_t i, double value) const {
    if (type_ == Element::fp32) {
      const auto single = static_cast<float>(value);
      std::memcpy(at_ + 4 * i, &single, 4);
      return;
    }
    const std::uint16_t bits = to_bfloat16(static_cast<float>(value));
    std::memcpy(at_ + 2 * i, &bits, 2);
  }

 private:
  char* at_;
  Element type_;
};

double root(double x) {
  return 1.0 / std::sqrt(x);
}

struct NormRow {
  double mean = 0, scale = 0;
};

// Backward of a normalised row given its statistics; adds to the gradients of gain and bias.
template <class Args>
void norm_row_backward(const Args& a, std::int64_t r, NormRow row, bool centred,
                       std::vector<double>& dgamma, std::vector<double>& dbeta) {
  const View dy(a.dy, a.type), x(a.x, a.type), gamma(a.gamma, a.type), dx(a.dx, a.type);
  double along = 0, mean = 0;
  const auto n = static_cast<double>(a.columns);
  for (std::int64_t c = 0; c < a.columns; ++c) {
    const double unit = (x.get(r * a.columns + c) - row.mean) * row.scale;
    const double g = dy.get(r * a.columns + c);
    dgamma[static_cast<std::size_t>(c)] += g * unit;
    dbeta[static_cast<std::size_t>(c)] += g;
    along += g * gamma.get(c) * unit / n;
    if (centred) mean += g * gamma.get(c) / n;
  }
  for (std::int64_t c = 0; c < a.columns; ++c) {
    const double unit = (x.get(r * a.columns + c) - row.mean) * row.scale;
    dx.set(r * a.columns + c,
           (dy.get(r * a.columns + c) * gamma.get(c) - mean - along * unit) * row.scale);
  }
}

void write(float* out, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = static_cast<float>(values[i]);
}

double gelu_inner(double x) {
  return 0.7978845608028654 * (x + 0.044715 * x * x * x);
}
double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

}  // namespace

void layer_norm(const LayerNorm& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.x, a.type), gamma(a.gamma, a.type), beta(a.beta, a.type), y(a.y, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r) {
      double mean = 0, square = 0;
      const auto n = static_cast<double>(a.columns);
      for (std::int64_t c = 0; c < a.columns; ++c) mean += x.get(r * a.columns + c) / n;
      for (std::int64_t c = 0; c < a.columns; ++c)
        square += std::pow(x.get(r * a.columns + c) - mean, 2) / n;
      const double scale = root(square + static_cast<double>(a.epsilon));
      for (std::int64_t c = 0; c < a.columns; ++c)
        y.set(r * a.columns + c,
              (x.get(r * a.columns + c) - mean) * scale * gamma.get(c) + beta.get(c));
      a.mean[r] = static_cast<float>(mean);
      a.rstd[r] = static_cast<float>(scale);
    }
  });
}

void layer_norm_backward(const LayerNormBackward& a, cudaStream_t stream) {
  launch(stream, [a] {
    std::vector<double> dgamma(static_cast<std::size_t>(a.columns)), dbeta = dgamma;
    for (std::int64_t r = 0; r < a.rows; ++r)
      norm_row_backward(a, r, {static_cast<double>(a.mean[r]), static_cast<double>(a.rstd[r])},
                        true, dgamma, dbeta);
    write(a.dgamma, dgamma);
    write(a.dbeta, dbeta);
  });
}

void rms_norm(const RmsNorm& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.x, a.type), gamma(a.gamma, a.type), y(a.y, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r) {
      double square = 0;
      for (std::int64_t c = 0; c < a.columns; ++c)
        square += std::pow(x.get(r * a.columns + c), 2) / static_cast<double>(a.columns);
      const double scale = root(square + static_cast<double>(a.epsilon));
      for (std::int64_t c = 0; c < a.columns; ++c)
        y.set(r * a.columns + c, x.get(r * a.columns + c) * scale * gamma.get(c));
      a.rrms[r] = static_cast<float>(scale);
    }
  });
}

void rms_norm_backward(const RmsNormBackward& a, cudaStream_t stream) {
  launch(stream, [a] {
    std::vector<double> dgamma(static_cast<std::size_t>(a.columns)), unused = dgamma;
    for (std::int64_t r = 0; r < a.rows; ++r)
      norm_row_backward(a, r, {0.0, static_cast<double>(a.rrms[r])}, false, dgamma, unused);
    write(a.dgamma, dgamma);
  });
}

std::int64_t norm_workspace_bytes(std::int64_t columns) {
  return 4 * columns;
}

void gelu(const Gelu& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.x, a.type), y(a.y, a.type);
    for (std::int64_t i = 0; i < a.count; ++i)
      y.set(i, 0.5 * x.get(i) * (1 + std::tanh(gelu_inner(x.get(i)))));
  });
}

void gelu_backward(const GeluBackward& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.x, a.type), dy(a.dy, a.type), dx(a.dx, a.type);
    for (std::int64_t i = 0; i < a.count; ++i) {
      const double v = x.get(i), t = std::tanh(gelu_inner(v));
      const double slope =
          0.5 * (1 + t) + 0.5 * v * (1 - t * t) * 0.7978845608028654 * (1 + 3 * 0.044715 * v * v);
      dx.set(i, dy.get(i) * slope);
    }
  });
}

void swiglu(const SwiGlu& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.x, a.type), y(a.y, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r)
      for (std::int64_t c = 0; c < a.columns; ++c) {
        const double gate = x.get(2 * r * a.columns + c);
        y.set(r * a.columns + c, gate * sigmoid(gate) * x.get((2 * r + 1) * a.columns + c));
      }
  });
}

void swiglu_backward(const SwiGluBackward& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.x, a.type), dy(a.dy, a.type), dx(a.dx, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r)
      for (std::int64_t c = 0; c < a.columns; ++c) {
        const std::int64_t g = 2 * r * a.columns + c, u = g + a.columns;
        const double gate = x.get(g), up = x.get(u), d = dy.get(r * a.columns + c);
        const double s = sigmoid(gate);
        dx.set(g, d * up * s * (1 + gate * (1 - s)));
        dx.set(u, d * gate * s);
      }
  });
}

void add(const Add& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.a, a.type), y(a.b, a.type), out(a.y, a.type);
    for (std::int64_t i = 0; i < a.count; ++i) out.set(i, x.get(i) + y.get(i));
  });
}

void rotary(const Rotary& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View x(a.x, a.type);
    const double sign = a.rotation == Rotation::forward ? 1.0 : -1.0;
    const std::int64_t stride = a.stride ? a.stride : a.heads * a.head_dim, half = a.head_dim / 2;
    for (std::int64_t r = 0; r < a.rows; ++r)
      for (std::int64_t h = 0; h < a.heads; ++h)
        for (std::int64_t i = 0; i < half; ++i) {
          const double turn =
              sign * static_cast<double>(r % a.sequence) *
              std::pow(static_cast<double>(a.base),
                       -2.0 * static_cast<double>(i) / static_cast<double>(a.head_dim));
          const std::int64_t at = r * stride + h * a.head_dim + i;
          const double p = x.get(at), q = x.get(at + half);
          x.set(at, p * std::cos(turn) - q * std::sin(turn));
          x.set(at + half, q * std::cos(turn) + p * std::sin(turn));
        }
  });
}

void embedding(const Embedding& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View table(a.table, a.type), positions(a.positions, a.type), y(a.y, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r)
      for (std::int64_t c = 0; c < a.columns; ++c)
        y.set(r * a.columns + c,
              table.get(a.tokens[r] * a.columns + c) +
                  (a.positions ? positions.get(r % a.sequence * a.columns + c) : 0.0));
  });
}

void embedding_backward(const EmbeddingBackward& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View dy(a.dy, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r)
      for (std::int64_t c = 0; c < a.columns; ++c) {
        const auto g = static_cast<float>(dy.get(r * a.columns + c));
        a.dtable[a.tokens[r] * a.columns + c] += g;
        if (a.dpositions) a.dpositions[r % a.sequence * a.columns + c] += g;
      }
  });
}

void cross_entropy(const CrossEntropy& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View logits(a.logits, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r) {
      double total = 0;
      for (std::int64_t c = 0; c < a.columns; ++c) total += std::exp(logits.get(r * a.columns + c));
      a.lse[r] = static_cast<float>(std::log(total));
      a.loss[r] = static_cast<float>(std::log(total) - logits.get(r * a.columns + a.targets[r]));
    }
  });
}

void cross_entropy_backward(const CrossEntropyBackward& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View logits(a.logits, a.type), out(a.dlogits, a.type);
    for (std::int64_t r = 0; r < a.rows; ++r)
      for (std::int64_t c = 0; c < a.columns; ++c) {
        const double p = std::exp(logits.get(r * a.columns + c) - static_cast<double>(a.lse[r]));
        out.set(r * a.columns + c,
                static_cast<double>(a.scale) * (p - (c == a.targets[r] ? 1.0 : 0.0)));
      }
  });
}

void sum(const Sum& a, cudaStream_t stream) {
  launch(stream, [a] {
    double total = 0;
    for (std::int64_t i = 0; i < a.count; ++i) total += static_cast<double>(a.in[i]);
    *a.out = static_cast<float>(total);
  });
}

void adam_step(const AdamStep& a, cudaStream_t stream) {
  launch(stream, [a] {
    const View gradient(a.gradient, a.gradient_type), weights(a.weights, a.type);
    const double b1 = static_cast<double>(a.beta1), b2 = static_cast<double>(a.beta2);
    const double c1 = 1 - std::pow(b1, static_cast<double>(a.step));
    const double c2 = 1 - std::pow(b2, static_cast<double>(a.step));
    for (std::int64_t i = 0; i < a.count; ++i) {
      const double g = gradient.get(i) * static_cast<double>(a.gradient_scale);
      const double m = b1 * static_cast<double>(a.moment1[i]) + (1 - b1) * g;
      const double v = b2 * static_cast<double>(a.moment2[i]) + (1 - b2) * g * g;
      const double update = m / c1 / (std::sqrt(v / c2) + static_cast<double>(a.epsilon));
      const double w = static_cast<double>(a.master[i]);
      a.moment1[i] = static_cast<float>(m);
      a.moment2[i] = static_cast<float>(v);
      a.master[i] = static_cast<float>(w - static_cast<double>(a.learning_rate) *
                                               (update + static_cast<double>(a.weight_decay) * w));
      weights.set(i, static_cast<double>(a.master[i]));
    }
  });
}

void cast(const Cast& a, cudaStream_t stream) {
  launch(stream, [a] {
    for (std::int64_t i = 0; i < a.count; ++i) View(a.out, a.to).set(i, View(a.in, a.from).get(i));
  });
}

void fill_random(const RandomFill& a, cudaStream_t stream) {
  launch(stream, [a] {
    std::mt19937_64 random(a.seed);
    std::uniform_real_distribution<double> value(static_cast<double>(a.low),
                                                 static_cast<double>(a.high));
    for (std::int64_t i = 0; i < a.count; ++i) View(a.out, a.type).set(i, value(random));
  });
}

void fill_random_tokens(const RandomTokens& a, cudaStream_t stream) {
  launch(stream, [a] {
    std::mt19937_64 random(a.seed);
    for (std::int64_t i = 0; i < a.count; ++i)
      a.out[i] = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(a.limit));
  });
}

void fill_pattern(const PatternFill& a, cudaStream_t stream) {
  launch(stream, [a] {
    for (std::int64_t i = 0; i < a.count; ++i)
      View(a.out, a.type).set(i, pattern_value(a.mask, a.rank, i));
  });
}

void check_pattern(const PatternCheck& a, cudaStream_t stream) {
  launch(stream, [a] {
    for (std::int64_t i = 0; i < a.count; ++i) {
      const double expected = expected_value(a.expectation, i);
      const double off = std::abs(View(a.data, a.type).get(i) - expected);
      if (off <= a.tolerance * expected) continue;
      ++a.found->count;
      a.found->first = std::min(a.found->first, static_cast<unsigned long long>(i));
    }
  });
}

void queue_delay(base::Seconds, cudaStream_t stream) {
  launch(stream, [] {});
}

void check(cublasStatus_t, std::string_view) {}
CublasLt::CublasLt() = default;
CublasLt::~CublasLt() = default;

GemmPlan::GemmPlan(CublasLt& library, const GemmProblem& problem, int)
    : library_(&library), problem_(problem) {}
GemmPlan::Parts::~Parts() = default;

std::vector<base::Seconds> GemmPlan::tune(const GemmOperands& operands, const Stream& stream) {
  run(operands, stream.get());
  return {};
}

void GemmPlan::run(const GemmOperands& args, cudaStream_t stream) const {
  launch(stream, [p = problem_, args] {
    const View a(args.a, Element::bf16), b(args.b, Element::bf16);
    const View c(args.c, p.output == GemmOutput::fp32 ? Element::fp32 : Element::bf16);
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j) {
        double total = 0;
        for (std::int64_t k = 0; k < p.k; ++k)
          total += a.get(p.layout == GemmLayout::weight_gradient ? k * p.m + i : i * p.k + k) *
                   b.get(p.layout == GemmLayout::forward ? j * p.k + k : k * p.n + j);
        c.set(i * p.n + j, total);
      }
  });
}

}  // namespace windtunnel::real
