#include "real/kernels/reference.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sim/base/contract.hpp"

namespace windtunnel::real::reference {
namespace {

std::size_t index(std::int64_t at) {
  return static_cast<std::size_t>(at);
}

double& element(Matrix& matrix, std::int64_t row, std::int64_t column) {
  return matrix.values[index(row * matrix.columns + column)];
}

// Mean and 1 / sqrt(variance + epsilon) of a row; mean 0 for RMS norm.
struct Moments {
  double mean = 0.0, rstd = 1.0;
};
Moments layer_moments(const Matrix& x, std::int64_t row, double epsilon) {
  const auto columns = static_cast<double>(x.columns);
  double mean = 0.0, variance = 0.0;
  for (std::int64_t c = 0; c < x.columns; ++c) mean += x.at(row, c) / columns;
  for (std::int64_t c = 0; c < x.columns; ++c) {
    variance += (x.at(row, c) - mean) * (x.at(row, c) - mean) / columns;
  }
  return {mean, 1.0 / std::sqrt(variance + epsilon)};
}
Moments rms_moments(const Matrix& x, std::int64_t row, double epsilon) {
  double square = 0.0;
  for (std::int64_t c = 0; c < x.columns; ++c) square += x.at(row, c) * x.at(row, c);
  return {0.0, 1.0 / std::sqrt(square / static_cast<double>(x.columns) + epsilon)};
}

template <class MomentsOf>
NormGradients norm_backward(const Matrix& dy, const Matrix& x, const Values& gamma,
                            const MomentsOf& moments_of, double mean_weight) {
  NormGradients out{zeros(x.rows, x.columns), Values(gamma.size()), Values(gamma.size())};
  const auto columns = static_cast<double>(x.columns);
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const Moments moments = moments_of(r);
    const auto xhat = [&](std::int64_t c) { return (x.at(r, c) - moments.mean) * moments.rstd; };
    double shift = 0.0, projection = 0.0;
    for (std::int64_t c = 0; c < x.columns; ++c) {
      const double g = dy.at(r, c) * gamma[index(c)];
      shift += mean_weight * g / columns;
      projection += g * xhat(c) / columns;
      out.dgamma[index(c)] += dy.at(r, c) * xhat(c);
      out.dbeta[index(c)] += dy.at(r, c);
    }
    for (std::int64_t c = 0; c < x.columns; ++c) {
      const double g = dy.at(r, c) * gamma[index(c)];
      element(out.dx, r, c) = moments.rstd * (g - shift - xhat(c) * projection);
    }
  }
  return out;
}

}  // namespace

Matrix zeros(std::int64_t rows, std::int64_t columns) {
  return {rows, columns, Values(index(rows * columns))};
}

Matrix layer_norm(const Matrix& x, const Values& gamma, const Values& beta, double epsilon) {
  Matrix y = zeros(x.rows, x.columns);
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const Moments moments = layer_moments(x, r, epsilon);
    for (std::int64_t c = 0; c < x.columns; ++c) {
      element(y, r, c) =
          (x.at(r, c) - moments.mean) * moments.rstd * gamma[index(c)] + beta[index(c)];
    }
  }
  return y;
}

NormGradients layer_norm_backward(const Matrix& dy, const Matrix& x, const Values& gamma,
                                  double epsilon) {
  const auto moments = [&](std::int64_t row) { return layer_moments(x, row, epsilon); };
  return norm_backward(dy, x, gamma, moments, 1.0);
}

Matrix rms_norm(const Matrix& x, const Values& gamma, double epsilon) {
  Matrix y = zeros(x.rows, x.columns);
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const Moments moments = rms_moments(x, r, epsilon);
    for (std::int64_t c = 0; c < x.columns; ++c) {
      element(y, r, c) = x.at(r, c) * moments.rstd * gamma[index(c)];
    }
  }
  return y;
}

NormGradients rms_norm_backward(const Matrix& dy, const Matrix& x, const Values& gamma,
                                double epsilon) {
  const auto moments = [&](std::int64_t row) { return rms_moments(x, row, epsilon); };
  return norm_backward(dy, x, gamma, moments, 0.0);
}

Values column_sum(const Matrix& x) {
  Values out(index(x.columns));
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) out[index(c)] += x.at(r, c);
  }
  return out;
}

Matrix softmax(const Matrix& x, double scale, std::int64_t causal_rows) {
  Matrix y = zeros(x.rows, x.columns);
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const std::int64_t seen =
        causal_rows > 0 ? x.columns - causal_rows + r % causal_rows + 1 : x.columns;
    double greatest = -INFINITY, total = 0.0;
    for (std::int64_t c = 0; c < seen; ++c) greatest = std::max(greatest, scale * x.at(r, c));
    for (std::int64_t c = 0; c < seen; ++c) total += std::exp(scale * x.at(r, c) - greatest);
    for (std::int64_t c = 0; c < seen; ++c) {
      element(y, r, c) = std::exp(scale * x.at(r, c) - greatest) / total;
    }
  }
  return y;
}

Matrix softmax_backward(const Matrix& g, const Matrix& p, double scale) {
  Matrix dx = zeros(g.rows, g.columns);
  for (std::int64_t r = 0; r < g.rows; ++r) {
    double inner = 0.0;
    for (std::int64_t c = 0; c < g.columns; ++c) inner += g.at(r, c) * p.at(r, c);
    for (std::int64_t c = 0; c < g.columns; ++c) {
      element(dx, r, c) = scale * p.at(r, c) * (g.at(r, c) - inner);
    }
  }
  return dx;
}

Values cross_entropy(const Matrix& logits, const std::vector<std::int32_t>& targets) {
  Values loss;
  for (std::int64_t r = 0; r < logits.rows; ++r) {
    double greatest = -INFINITY, total = 0.0;
    for (std::int64_t c = 0; c < logits.columns; ++c) {
      greatest = std::max(greatest, logits.at(r, c));
    }
    for (std::int64_t c = 0; c < logits.columns; ++c) {
      total += std::exp(logits.at(r, c) - greatest);
    }
    loss.push_back(greatest + std::log(total) - logits.at(r, targets[index(r)]));
  }
  return loss;
}

Matrix cross_entropy_backward(const Matrix& logits, const std::vector<std::int32_t>& targets,
                              double scale) {
  Matrix gradient = softmax(logits, 1.0, 0);
  for (std::int64_t r = 0; r < logits.rows; ++r) {
    element(gradient, r, targets[index(r)]) -= 1.0;
  }
  for (double& value : gradient.values) value *= scale;
  return gradient;
}

double gelu(double x) {
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + std::tanh(inner));
}

double gelu_slope(double x) {
  const double root = std::sqrt(2.0 / std::numbers::pi);
  const double t = std::tanh(root * (x + 0.044715 * x * x * x));
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * root * (1.0 + 3.0 * 0.044715 * x * x);
}

double silu(double x) {
  return x / (1.0 + std::exp(-x));
}

double silu_slope(double x) {
  const double s = 1.0 / (1.0 + std::exp(-x));
  return s * (1.0 + x * (1.0 - s));
}

void rotary(Matrix& x, const Rotary& args) {
  const std::int64_t half = args.head_dim / 2;
  const double turn = args.rotation == Rotation::forward ? 1.0 : -1.0;
  for (std::int64_t r = 0; r < args.rows; ++r) {
    for (std::int64_t at = 0; at < args.heads * half; ++at) {
      const std::int64_t first = at / half * args.head_dim + at % half;
      const double exponent =
          -2.0 * static_cast<double>(at % half) / static_cast<double>(args.head_dim);
      const double angle = static_cast<double>(r % args.sequence) *
                           std::pow(static_cast<double>(args.base), exponent);
      const double a = x.at(r, first), b = x.at(r, first + half);
      element(x, r, first) = a * std::cos(angle) - b * turn * std::sin(angle);
      element(x, r, first + half) = a * turn * std::sin(angle) + b * std::cos(angle);
    }
  }
}

Matrix multiply(const Matrix& a, Stored a_stored, const Matrix& b, Stored b_stored) {
  const std::int64_t m = a_stored == Stored::plain ? a.rows : a.columns;
  const std::int64_t k = a_stored == Stored::plain ? a.columns : a.rows;
  const std::int64_t n = b_stored == Stored::plain ? b.columns : b.rows;
  base::expects(k == (b_stored == Stored::plain ? b.rows : b.columns), "contractions differ");
  Matrix c = zeros(m, n);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double total = 0.0;
      for (std::int64_t l = 0; l < k; ++l) {
        total += (a_stored == Stored::plain ? a.at(i, l) : a.at(l, i)) *
                 (b_stored == Stored::plain ? b.at(l, j) : b.at(j, l));
      }
      element(c, i, j) = total;
    }
  }
  return c;
}

}  // namespace windtunnel::real::reference
