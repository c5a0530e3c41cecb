// Compiled with -mavx2 -mfma on x86-64; elsewhere there is no such set.
#include "real/cpu/kernels.hpp"

#ifdef __AVX2__
#define Eigen EigenAvx2
#define WINDTUNNEL_ISA_NAME "avx2"
#include "real/cpu/kernels_body.hpp"
#endif

namespace windtunnel::real {

const CpuKernels* cpu_kernels_avx2() {
#ifdef __AVX2__
  return &kKernels;
#else
  return nullptr;
#endif
}

}  // namespace windtunnel::real
