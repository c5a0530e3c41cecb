#include "real/cuda/cublas.hpp"

#include <fmt/format.h>

namespace windtunnel::real {
namespace {

using models::NumberFormat;

struct Types {
  cudaDataType_t element;
  cublasComputeType_t compute;
};

Types types_of(const GemmProblem& problem) {
  const bool plain = problem.epilogue == Epilogue::none && problem.output == GemmOutput::as_format;
  if (plain) {
    switch (problem.format) {
      case NumberFormat::fp32:
        return {CUDA_R_32F, CUBLAS_COMPUTE_32F};
      case NumberFormat::tf32:
        return {CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32};
      case NumberFormat::fp16:
        return {CUDA_R_16F, CUBLAS_COMPUTE_32F};
      case NumberFormat::bf16:
        return {CUDA_R_16BF, CUBLAS_COMPUTE_32F};
      default:
        break;
    }
  }
  throw NoAlgorithm(
      fmt::format("{}: cuBLAS by itself multiplies fp32, tf32, fp16 and bf16, without "
                  "an epilogue",
                  describe(problem)));
}

}  // namespace

Cublas::Cublas() {
  check(cublasCreate(&handle_), "cublasCreate");
}
Cublas::~Cublas() {
  if (handle_ != nullptr) cublasDestroy(handle_);
}

void Cublas::run(const GemmProblem& p, const GemmOperands& operands, cudaStream_t stream) const {
  const Types types = types_of(p);
  const bool b_turned = p.layout == GemmLayout::forward;
  const bool a_turned = p.layout == GemmLayout::weight_gradient;
  const auto as_int = [](std::int64_t count) { return static_cast<int>(count); };
  check(cublasSetStream(handle_, stream), "cublasSetStream");
  // Column-major: C^T = B^T A^T.
  const cublasStatus_t status = cublasGemmStridedBatchedEx(
      handle_, b_turned ? CUBLAS_OP_T : CUBLAS_OP_N, a_turned ? CUBLAS_OP_T : CUBLAS_OP_N,
      as_int(p.n), as_int(p.m), as_int(p.k), &operands.alpha, operands.b, types.element,
      as_int(b_turned ? p.k : p.n), p.n * p.k, operands.a, types.element,
      as_int(a_turned ? p.m : p.k), p.m * p.k, &operands.beta, operands.c, types.element,
      as_int(p.n), p.m * p.n, as_int(p.batch), types.compute, CUBLAS_GEMM_DEFAULT);
  if (status != CUBLAS_STATUS_SUCCESS) {
    check(status, fmt::format("cublasGemmStridedBatchedEx of the {}", describe(p)));
  }
}

}  // namespace windtunnel::real
