#include "models/kernels/gemm_alignment.hpp"

#include "models/gpu_library.hpp"

namespace windtunnel::models {

bool is_unaligned(const GemmQuery& query) {
  const bool half = query.format == NumberFormat::fp16 || query.format == NumberFormat::bf16;
  if (!half || query.batch == 1) return false;
  return query.m % kAlignedElements != 0 || query.n % kAlignedElements != 0 ||
         query.k % kAlignedElements != 0;
}

base::Seconds unaligned_time(const sim::Gpu& gpu, const GemmQuery& query) {
  const base::FlopsPerSecond peak = peak_of(gpu, "fp32");
  if (!is_unaligned(query) || peak.value() <= 0) return base::Seconds(0);
  return flops(query) / (peak * kUnalignedShare);
}

}  // namespace windtunnel::models
