// What the kernels compute, in double precision on the host, as plainly as the formulas read. Tests
// hold the kernels against these; sizes are small, speed is no aim.
//
// Matrices are row-major and packed.
#pragma once

#include <cstdint>
#include <vector>

#include "real/kernels/attention_arguments.hpp"
#include "real/kernels/kernel_arguments.hpp"

namespace windtunnel::real::reference {

using Values = std::vector<double>;

struct Matrix {
  std::int64_t rows = 0, columns = 0;
  Values values;
  double at(std::int64_t row, std::int64_t column) const {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
};
Matrix zeros(std::int64_t rows, std::int64_t columns);

struct NormGradients {
  Matrix dx;
  Values dgamma, dbeta;
};
Matrix layer_norm(const Matrix& x, const Values& gamma, const Values& beta, double epsilon);
NormGradients layer_norm_backward(const Matrix& dy, const Matrix& x, const Values& gamma,
                                  double epsilon);
Matrix rms_norm(const Matrix& x, const Values& gamma, double epsilon);
NormGradients rms_norm_backward(const Matrix& dy, const Matrix& x, const Values& gamma,
                                double epsilon);
Values column_sum(const Matrix& x);

// causal_rows, scale: as Softmax has them; before dropout.
Matrix softmax(const Matrix& x, double scale, std::int64_t causal_rows);
// g: the gradient after the dropout mask.
Matrix softmax_backward(const Matrix& g, const Matrix& p, double scale);
Values cross_entropy(const Matrix& logits, const std::vector<std::int32_t>& targets);
Matrix cross_entropy_backward(const Matrix& logits, const std::vector<std::int32_t>& targets,
                              double scale);

double gelu(double x);
double gelu_slope(double x);
double silu(double x);
double silu_slope(double x);
void rotary(Matrix& x, const Rotary& args);

// C[m x n] += A * B of row-major packed operands, each transposed as it is stored.
enum class Stored { plain, transposed };
Matrix multiply(const Matrix& a, Stored a_stored, const Matrix& b, Stored b_stored);

// Packed [batch][tokens][heads][head_dim] tensors.
struct AttentionTensors {
  Values q, k, v;
};
struct AttentionOutput {
  Values o, lse;  // lse [batch][heads][q_len]
};
struct AttentionGradients {
  Values dq, dk, dv;
};
AttentionOutput attention(const AttentionShape& shape, const AttentionTensors& in);
AttentionGradients attention_backward(const AttentionShape& shape, const AttentionTensors& in,
                                      const Values& d_o);

}  // namespace windtunnel::real::reference
