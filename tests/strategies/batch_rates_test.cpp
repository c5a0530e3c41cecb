// Rates of products in fused graphs, and of what a board's power leaves, against their laws.
#include "strategies/serve/step/batch_rates.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "models/gpu_library.hpp"
#include "models/kernels/power_limit.hpp"
#include "models/kernels/roofline_model.hpp"

namespace windtunnel::strategies {
namespace {

using models::NumberFormat;

BatchRates rates(const sim::Gpu& gpu, NumberFormat format) {
  return batch_rates(gpu, models::RooflineModel(gpu), format);
}

sim::Gpu gpu_of(const char* name) {
  return *models::gpu_named(name);
}

TEST(BatchRates, HalfThePowerKeepsTwoThirdsOfTheRate) {
  sim::Gpu gpu = gpu_of("h100-sxm");
  const double full = rates(gpu, NumberFormat::int8).sustained;
  gpu.power *= 0.5;
  EXPECT_NEAR(rates(gpu, NumberFormat::int8).sustained / full, std::pow(0.5, 0.6), 1e-9);
  EXPECT_DOUBLE_EQ(rates(gpu, NumberFormat::int8).convolution,
                   rates(gpu_of("h100-sxm"), NumberFormat::int8).convolution);
}

TEST(BatchRates, TwiceTheBoardDoesTwiceTheWork) {
  sim::Gpu gpu = gpu_of("l4");
  const double one = rates(gpu, NumberFormat::int8).sustained;
  gpu.power *= 2.0;
  gpu.streaming_multiprocessors *= 2;
  EXPECT_NEAR(rates(gpu, NumberFormat::int8).sustained / one, 2.0, 1e-9);
}

TEST(BatchRates, WiderFormatsAreSlowerAndNothingPassesThePeak) {
  for (const char* name : {"h100-sxm", "h100-pcie", "l40s", "l4", "a100-sxm-80gb", "t4"}) {
    const sim::Gpu gpu = gpu_of(name);
    const BatchRates narrow = rates(gpu, NumberFormat::int8);
    const BatchRates wide = rates(gpu, NumberFormat::fp16);
    EXPECT_LE(wide.sustained, narrow.sustained) << name;
    EXPECT_LT(wide.convolution, narrow.convolution) << name;
    EXPECT_LT(wide.product, narrow.product) << name;
    EXPECT_LE(narrow.convolution, gpu.peak.at("int8").value()) << name;
    EXPECT_LE(narrow.product, gpu.peak.at("int8").value()) << name;
  }
}

// Without measured batches of an architecture, every kernel keeps within the general power limit.
TEST(BatchRates, OfOtherArchitecturesAreTheProfilesWithinTheGeneralLimit) {
  const sim::Gpu gpu = gpu_of("a100-sxm-80gb");
  const BatchRates got = rates(gpu, NumberFormat::int8);
  EXPECT_TRUE(std::isinf(got.sustained));
  EXPECT_TRUE(std::isinf(got.lookups));
  EXPECT_DOUBLE_EQ(got.convolution, got.product);
  EXPECT_LE(got.product, models::sustained_rate(gpu, NumberFormat::int8).value());
}

}  // namespace
}  // namespace windtunnel::strategies
