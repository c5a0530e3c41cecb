// The CPU's kernels: GEMM by Eigen, and the memory-bound operations of a training step, all on
// row-major fp32 (GEMM also fp64), on a given number of threads.
//
// They are compiled once for any x86-64 and once for each wider instruction set; `cpu_kernels()`
// gives the widest that this processor has. Contract: pointers are valid for the stated counts and do
// not overlap unless "in place" is said; threads >= 1.
#pragma once

#include <cstdint>
#include <string_view>

namespace windtunnel::real {

// How the operands are stored, named after their use in a linear layer y = x W^T: `forward` A[m][k],
// B[n][k]; `input_gradient` A[m][k], B[k][n]; `weight_gradient` A[k][m], B[k][n]. C[m][n] = A B.
enum class CpuLayout { forward, input_gradient, weight_gradient };
std::string_view to_text(CpuLayout layout);

template <class Scalar>
struct CpuGemm {
  const Scalar *a = nullptr, *b = nullptr;
  Scalar* c = nullptr;
  std::int64_t m = 1, n = 1, k = 1;
  CpuLayout layout = CpuLayout::forward;
  int threads = 1;
};

// y and its inputs have `count` elements; which of a, b, c are read depends on the kernel.
struct CpuPointwise {
  const float *a = nullptr, *b = nullptr;
  float* y = nullptr;
  std::int64_t count = 0;
  int threads = 1;
};

// Over the columns of each of `rows` rows.
struct CpuRowwise {
  const float *x = nullptr, *gamma = nullptr, *beta = nullptr;
  float* y = nullptr;
  std::int64_t rows = 0, columns = 0;
  int threads = 1;
};

struct CpuCrossEntropy {
  const float* logits = nullptr;
  const std::int32_t* targets = nullptr;
  float *gradient = nullptr, *loss = nullptr;  // gradient of the mean loss; loss [rows]
  std::int64_t rows = 0, columns = 0;
  int threads = 1;
};

struct CpuOptimizer {
  float *weights = nullptr, *moment1 = nullptr, *moment2 = nullptr;  // SGD reads no moments
  const float* gradient = nullptr;
  std::int64_t count = 0;
  float learning_rate = 1e-3F, beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F;
  std::int64_t step = 1;  // from 1, for Adam's bias corrections
  int threads = 1;
};

struct CpuKernels {
  std::string_view name;  // instruction set: "sse2", "avx2", "avx512"
  void (*gemm_fp32)(const CpuGemm<float>&);
  void (*gemm_fp64)(const CpuGemm<double>&);
  void (*copy)(const CpuPointwise&);           // y = a
  void (*triad)(const CpuPointwise&);          // y = a + 3 b
  void (*gelu)(const CpuPointwise&);           // y = gelu(a), tanh form
  void (*gelu_backward)(const CpuPointwise&);  // y = a * gelu'(b)
  void (*add_bias)(const CpuRowwise&);         // y[r] = x[r] + beta; in place allowed
  void (*column_sum)(const CpuRowwise&);       // y[c] = sum over rows of x[r][c]
  void (*layer_norm)(const CpuRowwise&);       // y = (x - mean) / std * gamma + beta
  void (*softmax)(const CpuRowwise&);
  void (*cross_entropy)(const CpuCrossEntropy&);  // forward and gradient
  void (*adam)(const CpuOptimizer&);
  void (*sgd)(const CpuOptimizer&);
  void (*empty_region)(int threads);  // wakes the threads and waits for them
};

const CpuKernels& cpu_kernels();
// All that this processor can run, narrowest first.
const CpuKernels& cpu_kernels_baseline();
const CpuKernels* cpu_kernels_avx2();    // null where not compiled in
const CpuKernels* cpu_kernels_avx512();  // null where not compiled in

}  // namespace windtunnel::real
