// What simt.cuh promises, as the emulator of the tests defines it (tests/real/simt_emulator.cpp).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace windtunnel::real::simt {

int thread();   // of the block
int threads();  // in a block
int block_x();
int block_y();
int block_z();
int blocks_x();

void block_sync();
void warp_sync();
float shuffle_xor(float value, int lane_mask);
// Four 8x8 matrices of 16-bit elements; lane i gives the address of row i mod 8 of matrix i / 8.
void load_matrices(std::uint32_t (&r)[4], const void* row);
void load_matrices_transposed(std::uint32_t (&r)[4], const void* row);
// d += a * b, m16n8k16, fp32 accumulators.
void multiply_add(Fp16 tag, float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                  std::uint32_t b1);
void multiply_add(Bf16 tag, float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                  std::uint32_t b1);
// 16 bytes to shared memory, of which the first `valid` (0 or 16) are read and the others are 0.
void copy_async(void* shared, const void* global, int valid);
void copy_async_commit();
void copy_async_wait(int groups_left);  // until at most that many groups are under way
void atomic_add(float* address, float value);
void atomic_add_pair(float* address, float first, float second);  // 8-byte aligned

inline Words load_words(const void* address) {
  Words words;
  std::memcpy(&words, address, sizeof words);
  return words;
}
inline void store_words(void* address, const Words& words) {
  std::memcpy(address, &words, sizeof words);
}
inline std::uint32_t high_product(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(a) * b) >> 32);
}
inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
float half_to_float(std::uint16_t bits);
std::uint16_t float_to_half(float value);      // round to nearest even
std::uint16_t float_to_bfloat16(float value);  // round to nearest even

inline float greater(float a, float b) {
  return std::fmax(a, b);
}
inline float exp2(float x) {
  return std::exp2(x);
}
inline float log2(float x) {
  return std::log2(x);
}
inline float reciprocal_root(float x) {
  return 1.0F / std::sqrt(x);
}
inline float root(float x) {
  return std::sqrt(x);
}
inline float quotient(float a, float b) {
  return a / b;
}
inline float sine(float x) {
  return std::sin(x);
}
inline float cosine(float x) {
  return std::cos(x);
}

}  // namespace windtunnel::real::simt
