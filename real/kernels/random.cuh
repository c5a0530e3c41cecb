// Random numbers as a pure function of (seed, index): Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011,
// "Parallel random numbers: as easy as 1, 2, 3", section 3.3), written out here.
//
// dropout_threshold and the mask of an element: 16 of the 128 bits of the pack's counter, compared
// with round(probability * 65536).
#pragma once

#include "real/kernels/scalar.cuh"

namespace windtunnel::real {

WINDTUNNEL_DEVICE Words philox(std::uint64_t seed, std::uint64_t index) {
  std::uint32_t k0 = static_cast<std::uint32_t>(seed);
  std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32U);
  Words c = {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32U), 0U, 0U}};
  WINDTUNNEL_UNROLL
  for (int round = 0; round < 10; ++round) {
    const std::uint32_t high0 = simt::high_product(0xD2511F53U, c.w[0]);
    const std::uint32_t low0 = 0xD2511F53U * c.w[0];
    const std::uint32_t high1 = simt::high_product(0xCD9E8D57U, c.w[2]);
    const std::uint32_t low1 = 0xCD9E8D57U * c.w[2];
    c = {{high1 ^ c.w[1] ^ k0, low1, high0 ^ c.w[3] ^ k1, low0}};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

struct DropoutMask {
  std::uint64_t seed;
  std::uint32_t threshold;  // kept: 16 bits at or above it
  float kept_scale;
};
WINDTUNNEL_DEVICE DropoutMask dropout_mask(std::uint64_t seed, float probability) {
  return {seed, static_cast<std::uint32_t>(probability * 65536.0F + 0.5F),
          probability > 0.0F ? 1.0F / (1.0F - probability) : 1.0F};
}
WINDTUNNEL_DEVICE void apply_dropout(const DropoutMask& mask, std::int64_t pack_index,
                                     float (&v)[kPack]) {
  if (mask.threshold == 0) return;
  const Words random = philox(mask.seed, static_cast<std::uint64_t>(pack_index));
  WINDTUNNEL_UNROLL
  for (int i = 0; i < kPack; ++i) {
    const std::uint32_t draw = (random.w[i / 2] >> (16U * static_cast<unsigned>(i % 2))) & 0xffffU;
    v[i] = draw >= mask.threshold ? v[i] * mask.kept_scale : 0.0F;
  }
}

// 24 bits of `word` as a value in [low, high).
WINDTUNNEL_DEVICE float uniform_in(std::uint32_t word, float low, float high) {
  const float unit = static_cast<float>(word >> 8U) * (1.0F / 16777216.0F);
  return low + (high - low) * unit;
}

}  // namespace windtunnel::real
