#include "real/cpu/kernels.hpp"

namespace windtunnel::real {

std::string_view to_text(CpuLayout layout) {
  switch (layout) {
    case CpuLayout::forward:
      return "forward";
    case CpuLayout::input_gradient:
      return "input_gradient";
    case CpuLayout::weight_gradient:
      return "weight_gradient";
  }
  return "";
}

const CpuKernels& cpu_kernels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (avx512 && cpu_kernels_avx512() != nullptr) return *cpu_kernels_avx512();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && cpu_kernels_avx2() != nullptr) return *cpu_kernels_avx2();
#endif
  return cpu_kernels_baseline();
}

}  // namespace windtunnel::real
