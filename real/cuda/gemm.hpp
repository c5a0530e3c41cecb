// GEMM and batched GEMM through cuBLASLt, in the three layouts of a transformer's linear layer.
//
// C[m x n] (row-major) = alpha * A * B + beta * C, contraction k, per batch. `forward`: A is stored
// [m][k], B [n][k] (activations times a weight [out][in]; cuBLAS's TN); `input_gradient`: A [m][k],
// B [k][n] (NN); `weight_gradient`: A [k][m], B [k][n] (NT). Formats: fp32, tf32, fp16, bf16 (fp32
// accumulation, C as A unless `output` says fp32), fp8 (E4M3 times E4M3 with one fp32 scale a tensor,
// C bf16, fast accumulation as Transformer Engine's forward pass; compute capability 8.9+), int8 (C
// int32, alpha 1, beta 0 or 1).
//
// Contract: a problem that cuBLASLt has no algorithm for is refused by GemmPlan's constructor with
// NoAlgorithm, which names it; a plan may be run on any stream of the device it was made on, but
// runs of plans of one CublasLt share its workspace, so they go to one stream at a time.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/kernels/number_format.hpp"
#include "real/cuda/device.hpp"
#include "real/kernels/gemm_layout.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {

// Throws EnvironmentError unless `status` is CUBLAS_STATUS_SUCCESS.
void check(cublasStatus_t status, std::string_view call);

class NoAlgorithm : public base::EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

// One library handle with its workspace (32 MiB, as cuBLAS recommends on Hopper).
class CublasLt {
 public:
  static constexpr std::int64_t kWorkspaceBytes = 32LL << 20;

  CublasLt();
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  cublasLtHandle_t get() const { return handle_; }
  void* workspace() const { return workspace_.data(); }
  static std::string version();  // "13.0.2"

 private:
  cublasLtHandle_t handle_ = nullptr;
  DeviceBuffer workspace_;
};

enum class Epilogue { none, bias, gelu, bias_gelu };
enum class GemmOutput { as_format, fp32 };

struct GemmProblem {
  std::int64_t m = 1, n = 1, k = 1, batch = 1;
  models::NumberFormat format = models::NumberFormat::bf16;
  GemmLayout layout = GemmLayout::forward;
  Epilogue epilogue = Epilogue::none;
  GemmOutput output = GemmOutput::as_format;
  // Leading dimensions and batch strides in elements; 0: packed.
  std::int64_t lda = 0, ldb = 0, ldc = 0;
  std::int64_t stride_a = 0, stride_b = 0, stride_c = 0;
  std::int64_t alignment = 16;  // bytes that every operand's address is a multiple of
};
std::string describe(const GemmProblem& problem);  // "forward GEMM 64 x 128 x 256 bf16"
// Bytes of one operand over all batches, packed.
std::int64_t bytes_of_a(const GemmProblem& problem);
std::int64_t bytes_of_b(const GemmProblem& problem);
std::int64_t bytes_of_c(const GemmProblem& problem);

struct GemmOperands {
  const void *a = nullptr, *b = nullptr;
  void* c = nullptr;
  const void* bias = nullptr;                          // [n], of C's type; epilogue bias only
  const float *scale_a = nullptr, *scale_b = nullptr;  // device, fp8 only; null: 1
  float alpha = 1.0F, beta = 0.0F;
};

class GemmPlan {
 public:
  // Takes cuBLASLt's first choice; keeps up to `candidates` for `tune`.
  GemmPlan(CublasLt& library, const GemmProblem& problem, int candidates = 8);
  // Times every candidate on these operands (C is overwritten) and keeps the fastest from here on.
  // Returns the times in the order of the library's own ranking.
  std::vector<base::Seconds> tune(const GemmOperands& operands, const Stream& stream);
  void run(const GemmOperands& operands, cudaStream_t stream) const;

  const GemmProblem& problem() const { return problem_; }
  int candidates() const { return static_cast<int>(heuristics_.size()); }
  // "algo 66 tile 20 stages 36 split-k 1": of the algorithm that runs.
  std::string algorithm() const;

 private:
  // The library's descriptors.
  struct Parts {
    Parts() = default;
    Parts(Parts&& other) noexcept;
    Parts& operator=(Parts&& other) noexcept;
    ~Parts();
    cublasLtMatmulDesc_t description = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  };

  void run_with(const cublasLtMatmulAlgo_t& algorithm, const GemmOperands& operands,
                cudaStream_t stream) const;

  CublasLt* library_;
  GemmProblem problem_;
  Parts parts_;
  std::vector<cublasLtMatmulHeuristicResult_t> heuristics_;
  std::size_t chosen_ = 0;
};

}  // namespace windtunnel::real
