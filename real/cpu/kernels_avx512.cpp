// Compiled with -mavx512f and its kin on x86-64; elsewhere there is no such set.
#include "real/cpu/kernels.hpp"

#ifdef __AVX512F__
#define Eigen EigenAvx512
#define WINDTUNNEL_ISA_NAME "avx512"
#include "real/cpu/kernels_body.hpp"
#endif

namespace windtunnel::real {

const CpuKernels* cpu_kernels_avx512() {
#ifdef __AVX512F__
  return &kKernels;
#else
  return nullptr;
#endif
}

}  // namespace windtunnel::real
