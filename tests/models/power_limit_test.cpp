// What products keep up within a board's power limit.
#include "models/kernels/power_limit.hpp"

#include <gtest/gtest.h>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

base::Seconds sustained(const std::string& gpu, double rate) {
  const base::Flops products(1e12);
  return sustained_time(*gpu_named(gpu), NumberFormat::fp16, products,
                        products / base::FlopsPerSecond(rate));
}

TEST(PowerLimit, NeverMakesAProductFasterAndKeepsTheOrderOfKernels) {
  for (const auto* gpu : {"a100-sxm-80gb", "v100-sxm-32gb", "h100-sxm"}) {
    base::Seconds last = base::Seconds::infinity();
    for (double rate = 10e12; rate < 400e12; rate *= 1.05) {
      const base::Seconds time = sustained(gpu, rate);
      EXPECT_GE(time, base::Flops(1e12) / base::FlopsPerSecond(rate)) << gpu;
      EXPECT_LE(time, last) << gpu << " at " << rate;
      last = time;
    }
  }
}

TEST(PowerLimit, LeavesTheBestProductsOfAnA100ThePowerOverTheEnergyOfAFlop) {
  const double rate = 1e12 / sustained("a100-sxm-80gb", 0.915 * 312e12).value();
  EXPECT_NEAR(rate, 400 / 1.7e-12, 1e9);
  // Kernels that reach less at full clock lose as well, but for those far below the limit.
  EXPECT_LT(1e12 / sustained("a100-sxm-80gb", 235e12).value(), 215e12);
  EXPECT_DOUBLE_EQ(1e12 / sustained("a100-sxm-80gb", 100e12).value(), 100e12);
}

}  // namespace
}  // namespace windtunnel::models
