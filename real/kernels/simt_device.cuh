// What simt.cuh promises, as instructions of a GPU of compute capability 8.0 or more.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace windtunnel::real::simt {

WINDTUNNEL_DEVICE int thread() {
  return static_cast<int>(threadIdx.x);
}
WINDTUNNEL_DEVICE int threads() {
  return static_cast<int>(blockDim.x);
}
WINDTUNNEL_DEVICE int block_x() {
  return static_cast<int>(blockIdx.x);
}
WINDTUNNEL_DEVICE int block_y() {
  return static_cast<int>(blockIdx.y);
}
WINDTUNNEL_DEVICE int block_z() {
  return static_cast<int>(blockIdx.z);
}
WINDTUNNEL_DEVICE int blocks_x() {
  return static_cast<int>(gridDim.x);
}

WINDTUNNEL_DEVICE void block_sync() {
  __syncthreads();
}
WINDTUNNEL_DEVICE void warp_sync() {
  __syncwarp();
}
WINDTUNNEL_DEVICE float shuffle_xor(float value, int lane_mask) {
  return __shfl_xor_sync(0xffffffffU, value, lane_mask);
}

WINDTUNNEL_DEVICE std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}
WINDTUNNEL_DEVICE void load_matrices(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
WINDTUNNEL_DEVICE void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

WINDTUNNEL_DEVICE void multiply_add(Fp16, float (&d)[4], const std::uint32_t (&a)[4],
                                    std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
WINDTUNNEL_DEVICE void multiply_add(Bf16, float (&d)[4], const std::uint32_t (&a)[4],
                                    std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

WINDTUNNEL_DEVICE void copy_async(void* shared, const void* global, int valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)), "r"(valid)
               : "memory");
}
WINDTUNNEL_DEVICE void copy_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
// The count is an immediate operand: only 0 and 1 are used.
WINDTUNNEL_DEVICE void copy_async_wait(int groups_left) {
  if (groups_left == 0) {
    asm volatile("cp.async.wait_group 0;" ::: "memory");
  } else {
    asm volatile("cp.async.wait_group 1;" ::: "memory");
  }
}

WINDTUNNEL_DEVICE void atomic_add(float* address, float value) {
  ::atomicAdd(address, value);
}
WINDTUNNEL_DEVICE void atomic_add_pair(float* address, float first, float second) {
#if __CUDA_ARCH__ >= 900
  ::atomicAdd(reinterpret_cast<float2*>(address), make_float2(first, second));
#else
  ::atomicAdd(address, first);
  ::atomicAdd(address + 1, second);
#endif
}

WINDTUNNEL_DEVICE Words load_words(const void* address) {
  const uint4 v = *static_cast<const uint4*>(address);
  return {{v.x, v.y, v.z, v.w}};
}
WINDTUNNEL_DEVICE void store_words(void* address, const Words& words) {
  *static_cast<uint4*>(address) = make_uint4(words.w[0], words.w[1], words.w[2], words.w[3]);
}
WINDTUNNEL_DEVICE std::uint32_t high_product(std::uint32_t a, std::uint32_t b) {
  return __umulhi(a, b);
}
WINDTUNNEL_DEVICE std::uint32_t bits_of(float value) {
  return __float_as_uint(value);
}
WINDTUNNEL_DEVICE float float_of(std::uint32_t bits) {
  return __uint_as_float(bits);
}
WINDTUNNEL_DEVICE float half_to_float(std::uint16_t bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
WINDTUNNEL_DEVICE std::uint16_t float_to_half(float value) {
  std::uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
WINDTUNNEL_DEVICE std::uint16_t float_to_bfloat16(float value) {
  std::uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

WINDTUNNEL_DEVICE float greater(float a, float b) {
  return fmaxf(a, b);
}
// Approximate instructions, 2 units in the last place or better over the ranges used here.
WINDTUNNEL_DEVICE float exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
WINDTUNNEL_DEVICE float log2(float x) {
  return __log2f(x);
}
WINDTUNNEL_DEVICE float reciprocal_root(float x) {
  return rsqrtf(x);
}
WINDTUNNEL_DEVICE float root(float x) {
  return sqrtf(x);
}
WINDTUNNEL_DEVICE float quotient(float a, float b) {
  return __fdividef(a, b);
}
WINDTUNNEL_DEVICE float sine(float x) {
  return ::sinf(x);
}
WINDTUNNEL_DEVICE float cosine(float x) {
  return ::cosf(x);
}

}  // namespace windtunnel::real::simt
