// cuBLAS by itself (cublasGemmStridedBatchedEx): what cuBLASLt through gemm.hpp is held against.
//
// Same problems and layouts as gemm.hpp, for fp32, tf32, fp16 and bf16, packed, without an epilogue;
// cuBLAS chooses its algorithm and takes its own workspace.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include "real/cuda/gemm.hpp"

namespace windtunnel::real {

class Cublas {
 public:
  Cublas();
  ~Cublas();
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  // Throws NoAlgorithm for a format or epilogue it is not asked for here.
  void run(const GemmProblem& problem, const GemmOperands& operands, cudaStream_t stream) const;

 private:
  cublasHandle_t handle_ = nullptr;
};

}  // namespace windtunnel::real
