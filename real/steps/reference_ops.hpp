// The ops of a transformer block in double precision, forward and backward, written for clarity: what
// the device kernels and the whole step are held against. Matrices are row-major, one token a row.
#pragma once

#include <Eigen/Core>
#include <cstdint>

#include "real/steps/step_shape.hpp"

namespace windtunnel::real::step_reference {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::Matrix<double, 1, Eigen::Dynamic>;
using ConstMatrixMap = Eigen::Map<const Matrix>;
using ConstVectorMap = Eigen::Map<const Vector>;

inline constexpr double kEpsilon = 1e-5;

// y = (x - mean) / sqrt(var + eps) * gain + bias over each row; rms: no mean, no bias.
struct NormWeights {
  StepShape::Norm kind = StepShape::Norm::rms;
  ConstVectorMap gain{nullptr, 0};
  ConstVectorMap bias{nullptr, 0};  // layer only
};
Matrix norm(const Matrix& x, const NormWeights& weights);
struct NormGradient {
  Matrix x;
  Vector gain, bias;
};
NormGradient norm_backward(const Matrix& x, const Matrix& dy, const NormWeights& weights);

// Rotates pairs (i, i + head_dim / 2) of the query and key heads of packed qkv rows by
// position * 10000^(-2i / head_dim); `direction` -1 turns back.
void rotate(Matrix& qkv, const StepShape& shape, double direction);

// Causal attention on packed qkv rows [q heads | k heads | v heads].
Matrix attention(const Matrix& qkv, const StepShape& shape);
Matrix attention_backward(const Matrix& qkv, const Matrix& d_out, const StepShape& shape);

// SwiGLU on [gate | up], or GELU in its tanh form.
Matrix activation(const Matrix& up, StepShape::Mlp kind);
Matrix activation_backward(const Matrix& up, const Matrix& dy, StepShape::Mlp kind);

// Mean over rows of log(sum(exp(logits))) - logits[target]; `d_logits` becomes its gradient.
double cross_entropy(const Matrix& logits, const std::int32_t* targets, Matrix& d_logits);

}  // namespace windtunnel::real::step_reference
