// The emulator finds what it is there to find: broken kernels.
#include "tests/real/simt_emulator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "real/kernels/simt.cuh"
#include "tests/real/storage.hpp"

namespace windtunnel::real {
namespace {

enum class Barrier { there, missing };
// Every thread reads what its neighbour in the next warp wrote.
std::vector<float> neighbours(Barrier barrier, std::uint64_t seed) {
  std::vector<float> out(128);
  emulate({.threads = 128, .shared_bytes = 512, .seed = seed}, [&](std::byte* shared) {
    auto* values = reinterpret_cast<float*>(shared);
    values[simt::thread()] = static_cast<float>(simt::thread());
    if (barrier == Barrier::there) simt::block_sync();
    out[static_cast<std::size_t>(simt::thread())] = values[(simt::thread() + 32) % 128];
  });
  return out;
}

TEST(SimtEmulator, AMissingBarrierIsSeenAsNan) {
  bool seen = false;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto right = neighbours(Barrier::there, seed);
    for (std::size_t i = 0; i < right.size(); ++i) {
      EXPECT_EQ(right[i], static_cast<float>((i + 32) % 128));
    }
    for (const float value : neighbours(Barrier::missing, seed)) seen = seen || std::isnan(value);
  }
  EXPECT_TRUE(seen);
}

TEST(SimtEmulator, AWarpWideInstructionWithoutAllLanesIsAnError) {
  EXPECT_THROW(emulate({.threads = 32},
                       [](std::byte*) {
                         if (simt::thread() < 16) simt::shuffle_xor(1.0F, 1);
                       }),
               std::runtime_error);
}

TEST(SimtEmulator, AnAsynchronousCopyIsNotThereBeforeItsWait) {
  alignas(16) const float source[4] = {1, 2, 3, 4};
  float early = 0.0F, late = 0.0F;
  emulate({.threads = 32, .shared_bytes = 16}, [&](std::byte* shared) {
    if (simt::thread() == 0) simt::copy_async(shared, source, 16);
    simt::copy_async_commit();
    if (simt::thread() == 0) early = *reinterpret_cast<float*>(shared);
    simt::copy_async_wait(0);
    if (simt::thread() == 0) late = *reinterpret_cast<float*>(shared);
  });
  EXPECT_TRUE(std::isnan(early));
  EXPECT_EQ(late, 1.0F);
}

TEST(SimtEmulator, FormatsRoundToNearestEvenAndBack) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto word = static_cast<std::uint16_t>(bits);
    if (std::isfinite(double_of_half(word))) {
      EXPECT_EQ(half_of(double_of_half(word)), word);
    }
    if (std::isfinite(double_of_bfloat16(word))) {
      EXPECT_EQ(bfloat16_of(double_of_bfloat16(word)), word);
    }
  }
  EXPECT_EQ(double_of_half(half_of(2049.0)), 2048.0);
  EXPECT_EQ(double_of_half(half_of(2051.0)), 2052.0);
  EXPECT_EQ(double_of_bfloat16(bfloat16_of(257.0)), 256.0);
  EXPECT_TRUE(std::isinf(double_of_half(half_of(65520.0))));
}

}  // namespace
}  // namespace windtunnel::real
