#include "real/steps/reference_ops.hpp"

#include <cmath>
#include <numbers>

namespace windtunnel::real::step_reference {
namespace {

constexpr double kRotaryBase = 10000.0;

// Standardised rows and the factor of each.
struct Standard {
  Matrix value;
  Eigen::VectorXd scale;
};
Standard standardise(const Matrix& x, StepShape::Norm kind) {
  Standard out{x, Eigen::VectorXd(x.rows())};
  for (Eigen::Index r = 0; r < x.rows(); ++r) {
    const double mean = kind == StepShape::Norm::layer ? x.row(r).mean() : 0.0;
    out.value.row(r).array() -= mean;
    out.scale(r) = 1.0 / std::sqrt(out.value.row(r).array().square().mean() + kEpsilon);
    out.value.row(r) *= out.scale(r);
  }
  return out;
}

// One query head against its key and value head, all sequences done one by one.
struct HeadView {
  Eigen::Index row, q, k, v;  // first row of the sequence; first columns
};
template <class Visit>
void for_each_head(const StepShape& s, Visit visit) {
  const std::int64_t group = s.heads / s.kv_heads;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      visit(HeadView{b * s.sequence, h * s.head_dim, (s.heads + h / group) * s.head_dim,
                     (s.heads + s.kv_heads + h / group) * s.head_dim},
            h * s.head_dim);
}

// softmax of the causal scores, [query][key]
Matrix probabilities(const Matrix& qkv, const StepShape& s, const HeadView& at) {
  const auto q = qkv.block(at.row, at.q, s.sequence, s.head_dim);
  const auto k = qkv.block(at.row, at.k, s.sequence, s.head_dim);
  Matrix p = q * k.transpose() / std::sqrt(static_cast<double>(s.head_dim));
  for (Eigen::Index i = 0; i < p.rows(); ++i) {
    auto seen = p.row(i).head(i + 1);
    seen = (seen.array() - seen.maxCoeff()).exp().matrix();
    seen /= seen.sum();
    p.row(i).tail(p.cols() - i - 1).setZero();
  }
  return p;
}

constexpr double kGeluCubic = 0.044715;
double gelu_inner(double x) {
  return std::sqrt(2.0 * std::numbers::inv_pi) * (x + kGeluCubic * x * x * x);
}
double gelu(double x) {
  return 0.5 * x * (1.0 + std::tanh(gelu_inner(x)));
}
double gelu_slope(double x) {
  const double t = std::tanh(gelu_inner(x));
  const double inner = std::sqrt(2.0 * std::numbers::inv_pi) * (1.0 + 3.0 * kGeluCubic * x * x);
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner;
}
double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}
double silu(double x) {
  return x * sigmoid(x);
}
double silu_slope(double x) {
  return sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)));
}

}  // namespace

Matrix norm(const Matrix& x, const NormWeights& weights) {
  Matrix y = standardise(x, weights.kind).value * weights.gain.asDiagonal();
  if (weights.kind == StepShape::Norm::layer) y.rowwise() += weights.bias;
  return y;
}

NormGradient norm_backward(const Matrix& x, const Matrix& dy, const NormWeights& weights) {
  const Standard unit = standardise(x, weights.kind);
  NormGradient out;
  out.gain = (dy.array() * unit.value.array()).colwise().sum();
  out.bias = dy.colwise().sum();
  out.x = dy * weights.gain.asDiagonal();  // gradient of the standardised rows
  for (Eigen::Index r = 0; r < x.rows(); ++r) {
    const auto u = unit.value.row(r);
    const double along = out.x.row(r).dot(u) / static_cast<double>(x.cols());
    const double mean = weights.kind == StepShape::Norm::layer ? out.x.row(r).mean() : 0.0;
    out.x.row(r) = ((out.x.row(r).array() - mean).matrix() - along * u) * unit.scale(r);
  }
  return out;
}

void rotate(Matrix& qkv, const StepShape& s, double direction) {
  const std::int64_t half = s.head_dim / 2;
  for (Eigen::Index r = 0; r < qkv.rows(); ++r)
    for (std::int64_t h = 0; h < s.heads + s.kv_heads; ++h)
      for (std::int64_t i = 0; i < half; ++i) {
        const double turn =
            direction * static_cast<double>(r % s.sequence) *
            std::pow(kRotaryBase, -2.0 * static_cast<double>(i) / static_cast<double>(s.head_dim));
        double& first = qkv(r, h * s.head_dim + i);
        double& second = qkv(r, h * s.head_dim + i + half);
        const double a = first, b = second;
        first = a * std::cos(turn) - b * std::sin(turn);
        second = b * std::cos(turn) + a * std::sin(turn);
      }
}

Matrix attention(const Matrix& qkv, const StepShape& s) {
  Matrix out(qkv.rows(), s.attention_width());
  for_each_head(s, [&](const HeadView& at, Eigen::Index column) {
    out.block(at.row, column, s.sequence, s.head_dim) =
        probabilities(qkv, s, at) * qkv.block(at.row, at.v, s.sequence, s.head_dim);
  });
  return out;
}

Matrix attention_backward(const Matrix& qkv, const Matrix& d_out, const StepShape& s) {
  Matrix d_qkv = Matrix::Zero(qkv.rows(), qkv.cols());
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.head_dim));
  for_each_head(s, [&](const HeadView& at, Eigen::Index column) {
    const auto slice = [&](auto& matrix, Eigen::Index from) {
      return matrix.block(at.row, from, s.sequence, s.head_dim);
    };
    const Matrix p = probabilities(qkv, s, at);
    const Matrix d_head = slice(d_out, column);
    const Matrix dp = d_head * slice(qkv, at.v).transpose();
    const Eigen::VectorXd along = (dp.array() * p.array()).rowwise().sum();
    const Matrix ds = (p.array() * (dp.colwise() - along).array()).matrix() * scale;
    slice(d_qkv, at.q) += ds * slice(qkv, at.k);
    slice(d_qkv, at.k) += ds.transpose() * slice(qkv, at.q);
    slice(d_qkv, at.v) += p.transpose() * d_head;
  });
  return d_qkv;
}

Matrix activation(const Matrix& up, StepShape::Mlp kind) {
  if (kind == StepShape::Mlp::plain) return up.unaryExpr(&gelu);
  const Eigen::Index half = up.cols() / 2;
  return (up.leftCols(half).unaryExpr(&silu).array() * up.rightCols(half).array()).matrix();
}

Matrix activation_backward(const Matrix& up, const Matrix& dy, StepShape::Mlp kind) {
  if (kind == StepShape::Mlp::plain)
    return (up.unaryExpr(&gelu_slope).array() * dy.array()).matrix();
  const Eigen::Index half = up.cols() / 2;
  const auto gate = up.leftCols(half), linear = up.rightCols(half);
  Matrix dx(up.rows(), up.cols());
  dx.leftCols(half) = (dy.array() * linear.array() * gate.unaryExpr(&silu_slope).array()).matrix();
  dx.rightCols(half) = (dy.array() * gate.unaryExpr(&silu).array()).matrix();
  return dx;
}

double cross_entropy(const Matrix& logits, const std::int32_t* targets, Matrix& d_logits) {
  const double rows = static_cast<double>(logits.rows());
  double loss = 0.0;
  d_logits.resize(logits.rows(), logits.cols());
  for (Eigen::Index r = 0; r < logits.rows(); ++r) {
    const double top = logits.row(r).maxCoeff();
    const Vector e = (logits.row(r).array() - top).exp().matrix();
    loss += top + std::log(e.sum()) - logits(r, targets[r]);
    d_logits.row(r) = e / (e.sum() * rows);
    d_logits(r, targets[r]) -= 1.0 / rows;
  }
  return loss / rows;
}

}  // namespace windtunnel::real::step_reference
