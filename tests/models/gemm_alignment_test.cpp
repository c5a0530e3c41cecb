// Batched products whose rows do not begin at multiples of 16 bytes.
#include "models/kernels/gemm_alignment.hpp"

#include <gtest/gtest.h>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

GemmQuery scores_of(std::int64_t head_dim) {
  return {.m = 2048, .n = 2048, .k = head_dim, .batch = 32, .format = NumberFormat::fp16};
}

TEST(GemmAlignment, BindsBatchedProductsOfSixteenBitsThatEightDoesNotDivide) {
  for (const std::int64_t head_dim : {64, 96, 104, 112, 128, 144, 192, 224})
    EXPECT_FALSE(is_unaligned(scores_of(head_dim))) << head_dim;
  for (const std::int64_t head_dim : {108, 150, 65})
    EXPECT_TRUE(is_unaligned(scores_of(head_dim))) << head_dim;
  GemmQuery single = scores_of(108);
  single.batch = 1;
  EXPECT_FALSE(is_unaligned(single)) << "a single GEMM has kernels for it";
  GemmQuery wide = scores_of(108);
  wide.format = NumberFormat::fp32;
  EXPECT_FALSE(is_unaligned(wide)) << "4 elements are 16 bytes";
}

TEST(GemmAlignment, LeavesTheRateOfThe32BitUnits) {
  const sim::Gpu gpu = *gpu_named("a100-sxm-80gb");
  EXPECT_EQ(unaligned_time(gpu, scores_of(144)), base::Seconds(0));
  const GemmQuery query = scores_of(108);
  const double rate = flops(query).value() / unaligned_time(gpu, query).value();
  EXPECT_NEAR(rate, kUnalignedShare * 19.5e12, 1e9);
}

}  // namespace
}  // namespace windtunnel::models
