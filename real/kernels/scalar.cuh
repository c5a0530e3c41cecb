// Elements in and out of registers: conversions, and packs of eight.
//
// A pack is kPack consecutive elements as fp32 registers: one 16-byte access for the 16-bit formats,
// two for fp32, where the address allows it and all eight are inside; else element by element, with
// zeros for what is outside.
#pragma once

#include "real/kernels/simt.cuh"

namespace windtunnel::real {

inline constexpr int kPack = 8;
inline constexpr float kLog2E = 1.4426950408889634F;
inline constexpr float kLn2 = 0.6931471805599453F;

WINDTUNNEL_DEVICE float to_float(float value) {
  return value;
}
WINDTUNNEL_DEVICE float to_float(Fp16 value) {
  return simt::half_to_float(value.bits);
}
WINDTUNNEL_DEVICE float to_float(Bf16 value) {
  return simt::float_of(static_cast<std::uint32_t>(value.bits) << 16U);
}
WINDTUNNEL_DEVICE void store_as(float* out, float value) {
  *out = value;
}
WINDTUNNEL_DEVICE void store_as(Fp16* out, float value) {
  out->bits = simt::float_to_half(value);
}
WINDTUNNEL_DEVICE void store_as(Bf16* out, float value) {
  out->bits = simt::float_to_bfloat16(value);
}

// Two elements in one register, the first in the low half.
WINDTUNNEL_DEVICE std::uint32_t pack_pair(Fp16, float first, float second) {
  return static_cast<std::uint32_t>(simt::float_to_half(second)) << 16U |
         simt::float_to_half(first);
}
WINDTUNNEL_DEVICE std::uint32_t pack_pair(Bf16, float first, float second) {
#ifdef __CUDACC__
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return static_cast<std::uint32_t>(simt::float_to_bfloat16(second)) << 16U |
         simt::float_to_bfloat16(first);
#endif
}
WINDTUNNEL_DEVICE void unpack_pair(Fp16, std::uint32_t pair, float& first, float& second) {
  first = simt::half_to_float(static_cast<std::uint16_t>(pair & 0xffffU));
  second = simt::half_to_float(static_cast<std::uint16_t>(pair >> 16U));
}
WINDTUNNEL_DEVICE void unpack_pair(Bf16, std::uint32_t pair, float& first, float& second) {
  first = simt::float_of(pair << 16U);
  second = simt::float_of(pair & 0xffff0000U);
}

template <class T>
WINDTUNNEL_DEVICE void load_aligned(const T* p, float (&v)[kPack]) {
  const Words words = simt::load_words(p);
  WINDTUNNEL_UNROLL
  for (int i = 0; i < 4; ++i) unpack_pair(T{}, words.w[i], v[2 * i], v[2 * i + 1]);
}
WINDTUNNEL_DEVICE void load_aligned(const float* p, float (&v)[kPack]) {
  const Words low = simt::load_words(p), high = simt::load_words(p + 4);
  WINDTUNNEL_UNROLL
  for (int i = 0; i < 4; ++i) {
    v[i] = simt::float_of(low.w[i]);
    v[4 + i] = simt::float_of(high.w[i]);
  }
}
template <class T>
WINDTUNNEL_DEVICE void store_aligned(T* p, const float (&v)[kPack]) {
  Words words;
  WINDTUNNEL_UNROLL
  for (int i = 0; i < 4; ++i) words.w[i] = pack_pair(T{}, v[2 * i], v[2 * i + 1]);
  simt::store_words(p, words);
}
WINDTUNNEL_DEVICE void store_aligned(float* p, const float (&v)[kPack]) {
  Words low, high;
  WINDTUNNEL_UNROLL
  for (int i = 0; i < 4; ++i) {
    low.w[i] = simt::bits_of(v[i]);
    high.w[i] = simt::bits_of(v[4 + i]);
  }
  simt::store_words(p, low);
  simt::store_words(p + 4, high);
}

template <class T>
WINDTUNNEL_DEVICE bool is_aligned(const T* p) {
  return (reinterpret_cast<std::uintptr_t>(p) & 15U) == 0;
}

// The pack at p, of which `left` elements are there (any number, also none).
template <class T>
WINDTUNNEL_DEVICE void load_pack(const T* p, std::int64_t left, float (&v)[kPack]) {
  if (left >= kPack && is_aligned(p)) {
    load_aligned(p, v);
    return;
  }
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kPack; ++i) v[i] = i < left ? to_float(p[i]) : 0.0F;
}
template <class T>
WINDTUNNEL_DEVICE void store_pack(T* p, std::int64_t left, const float (&v)[kPack]) {
  if (left >= kPack && is_aligned(p)) {
    store_aligned(p, v);
    return;
  }
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kPack; ++i) {
    if (i < left) store_as(p + i, v[i]);
  }
}

// The same of rows that are whole packs on 16-byte addresses: all eight are there or none.
template <class T>
WINDTUNNEL_DEVICE void load_whole(const T* p, std::int64_t left, float (&v)[kPack]) {
  if (left > 0) {
    load_aligned(p, v);
    return;
  }
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kPack; ++i) v[i] = 0.0F;
}
template <class T>
WINDTUNNEL_DEVICE void store_whole(T* p, std::int64_t left, const float (&v)[kPack]) {
  if (left > 0) store_aligned(p, v);
}

WINDTUNNEL_DEVICE float exponential(float x) {
  return simt::exp2(x * kLog2E);
}
// 1 - 2 / (exp(2x) + 1): absolute error below 1e-6.
WINDTUNNEL_DEVICE float hyperbolic_tangent(float x) {
  const float bounded = x > 15.0F ? 15.0F : (x < -15.0F ? -15.0F : x);
  return 1.0F - simt::quotient(2.0F, exponential(2.0F * bounded) + 1.0F);
}
WINDTUNNEL_DEVICE float logistic(float x) {
  const float bounded = x < -80.0F ? -80.0F : x;
  return simt::quotient(1.0F, 1.0F + exponential(-bounded));
}

}  // namespace windtunnel::real
