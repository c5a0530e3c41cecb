#define Eigen EigenBaseline
#define WINDTUNNEL_ISA_NAME "sse2"
#include "real/cpu/kernels_body.hpp"

namespace windtunnel::real {

const CpuKernels& cpu_kernels_baseline() {
  return kKernels;
}

}  // namespace windtunnel::real
