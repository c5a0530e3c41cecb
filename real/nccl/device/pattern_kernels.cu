#include <algorithm>

#include "real/cuda/device.hpp"
#include "real/kernels/scalar.cuh"
#include "real/nccl/device/pattern_kernels.hpp"

namespace windtunnel::real {
namespace {

constexpr int kThreads = 256;

int blocks_for(std::int64_t count) {
  return static_cast<int>(std::clamp<std::int64_t>((count + kThreads - 1) / kThreads, 1, 4096));
}

__device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t index_step() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

template <class T>
__global__ void fill_kernel(T* out, std::int64_t count, std::int64_t rank, std::uint64_t mask) {
  for (std::int64_t i = first_index(); i < count; i += index_step())
    store_as(out + i, static_cast<float>(pattern_value(mask, rank, i)));
}

template <class T>
__global__ void check_kernel(const T* data, std::int64_t count, Expectation expectation,
                             double tolerance, Mismatches* found) {
  for (std::int64_t i = first_index(); i < count; i += index_step()) {
    const double expected = expected_value(expectation, i);
    const double got = static_cast<double>(to_float(data[i]));
    const double off = got > expected ? got - expected : expected - got;
    if (off <= tolerance * expected) continue;  // false for a NaN: it counts as wrong
    atomicAdd(&found->count, 1ULL);
    atomicMin(&found->first, static_cast<unsigned long long>(i));
  }
}

// Calls `launch` with a null pointer of the element's storage type.
template <class Launch>
void by_type(Element type, Launch launch) {
  switch (type) {
    case Element::fp32:
      return launch(static_cast<float*>(nullptr));
    case Element::fp16:
      return launch(static_cast<Fp16*>(nullptr));
    case Element::bf16:
      return launch(static_cast<Bf16*>(nullptr));
  }
}

}  // namespace

void fill_pattern(const PatternFill& args, cudaStream_t stream) {
  if (args.count == 0) return;
  by_type(args.type, [&](auto* typed) {
    using T = std::remove_pointer_t<decltype(typed)>;
    fill_kernel<T><<<blocks_for(args.count), kThreads, 0, stream>>>(
        static_cast<T*>(args.out), args.count, args.rank, args.mask);
  });
  check(cudaGetLastError(), "fill_pattern");
}

void check_pattern(const PatternCheck& args, cudaStream_t stream) {
  if (args.count == 0) return;
  by_type(args.type, [&](auto* typed) {
    using T = std::remove_pointer_t<decltype(typed)>;
    check_kernel<T><<<blocks_for(args.count), kThreads, 0, stream>>>(
        static_cast<const T*>(args.data), args.count, args.expectation, args.tolerance, args.found);
  });
  check(cudaGetLastError(), "check_pattern");
}

}  // namespace windtunnel::real
