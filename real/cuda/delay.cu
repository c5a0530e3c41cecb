#include "real/cuda/cuda_stopwatch.hpp"

#include <algorithm>

namespace windtunnel::real {
namespace {

__device__ unsigned long long nanoseconds() {
  unsigned long long now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}

__global__ void delay_kernel(unsigned long long wanted) {
  const unsigned long long start = nanoseconds();
  while (nanoseconds() - start < wanted) {
  }
}

__global__ void empty_kernel() {}

}  // namespace

void queue_delay(base::Seconds time, cudaStream_t stream) {
  const double wanted = std::clamp(time.value() * 1e9, 0.0, 1e7);
  delay_kernel<<<1, 1, 0, stream>>>(static_cast<unsigned long long>(wanted));
  check(cudaGetLastError(), "launch of delay_kernel");
}

void queue_empty_kernel(cudaStream_t stream) {
  empty_kernel<<<1, 1, 0, stream>>>();
  check(cudaGetLastError(), "launch of empty_kernel");
}

}  // namespace windtunnel::real
