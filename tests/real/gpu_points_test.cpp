// What a GPU sweep consists of, and the arithmetic of launches: no device needed.
#include "real/kernels/gpu_points.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <tuple>

#include "real/kernels/attention_arguments.hpp"
#include "real/kernels/host_values.hpp"
#include "real/kernels/launch_plan.hpp"
#include "sim/base/contract.hpp"
#include "tests/real/storage.hpp"

namespace windtunnel::real {
namespace {

using models::NumberFormat;

Selection quick() {
  Selection selection;
  selection.effort = Effort::quick;
  return selection;
}

TEST(GpuPoints, NoGemmIsListedTwice) {
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, int, int, int>> seen;
  for (const GpuGemm& gemm : gpu_gemms({})) {
    const auto& q = gemm.query;
    EXPECT_TRUE(seen.emplace(q.m, q.n, q.k, q.batch, static_cast<int>(q.format),
                             static_cast<int>(gemm.layout), static_cast<int>(gemm.library))
                    .second)
        << q.m << " x " << q.n << " x " << q.k;
  }
}

TEST(GpuPoints, TheSweepHasTheComparisonWithCublasAtEightThousandCubed) {
  for (const Selection& selection : {Selection{}, quick()}) {
    std::set<GemmLibrary> libraries;
    for (const GpuGemm& gemm : gpu_gemms(selection)) {
      const auto& q = gemm.query;
      if (q.m == 8192 && q.n == 8192 && q.k == 8192 && q.format == NumberFormat::bf16) {
        libraries.insert(gemm.library);
      }
    }
    EXPECT_EQ(libraries.size(), 3u);
  }
}

TEST(GpuPoints, QuickIsAThinSliceOfFull) {
  EXPECT_LT(10 * gpu_gemms(quick()).size(), gpu_gemms({}).size());
  EXPECT_LT(5 * gpu_attentions(quick()).size(), gpu_attentions({}).size());
  EXPECT_LT(4 * gpu_memories(quick()).size(), gpu_memories({}).size());
}

TEST(GpuPoints, OnlyTheAskedFormatsAreMultiplied) {
  Selection selection;
  selection.formats = {NumberFormat::fp16};
  for (const GpuGemm& gemm : gpu_gemms(selection)) {
    EXPECT_EQ(gemm.query.format, NumberFormat::fp16);
  }
  EXPECT_FALSE(gpu_gemms(selection).empty());
}

TEST(GpuPoints, AskedShapesAreTakenAsTheyAre) {
  Selection selection;
  selection.gemms = {{.m = 17, .n = 108, .k = 40}};
  ASSERT_EQ(gpu_gemms(selection).size(), 1u);
  EXPECT_EQ(gpu_gemms(selection)[0].query.n, 108);
  EXPECT_TRUE(gpu_attentions(selection).empty());
}

TEST(GpuPoints, TheFusedKernelCanDoEveryAttentionOfTheSweep) {
  for (const auto& q : gpu_attentions({})) {
    const AttentionShape shape{.batch = q.batch,
                               .heads = q.heads,
                               .kv_heads = q.kv_heads,
                               .head_dim = q.head_dim,
                               .q_len = q.q_len,
                               .kv_len = q.kv_len,
                               .mask = q.mask};
    EXPECT_EQ(attention_refusal(shape), "");
  }
}

TEST(GpuPoints, AttentionThatTheKernelCannotDoIsRefusedWithAReason) {
  AttentionShape shape;
  shape.head_dim = 192;
  EXPECT_NE(attention_refusal(shape).find("192"), std::string::npos);
  shape = {.heads = 6, .kv_heads = 4};
  EXPECT_NE(attention_refusal(shape).find("no multiple"), std::string::npos);
  shape = {.q_len = 20, .kv_len = 10};
  EXPECT_NE(attention_refusal(shape).find("some would see none"), std::string::npos);
  shape = {.type = Element::fp32};
  EXPECT_NE(attention_refusal(shape), "");
}

// Each tensor once: x and y of a norm, x, dy and dx of its backward pass.
TEST(GpuPoints, TrafficCountsEachTensorOnce) {
  GpuMemory kernel{.op = models::MemoryOp::rms_norm, .rows = 10, .columns = 4096};
  EXPECT_EQ(traffic(kernel).value(), 2.0 * 10 * 4096 * 2);
  kernel.pass = MemoryPass::backward;
  EXPECT_EQ(traffic(kernel).value(), 3.0 * 10 * 4096 * 2);
  kernel = {.op = models::MemoryOp::optimizer, .rows = 10, .columns = 4096};
  EXPECT_EQ(traffic(kernel).value(), 30.0 * 10 * 4096);
  for (const GpuMemory& point : gpu_memories({})) EXPECT_GT(traffic(point).value(), 0.0);
}

TEST(LaunchPlan, AGroupHoldsItsRowInRegisters) {
  for (std::int64_t columns = 1; columns <= 16384; columns += 37) {
    const RowPlan plan = row_plan(100, columns, 132);
    EXPECT_GE(std::int64_t{plan.group_threads} * kCachedPacks * kPackElements, columns);
    EXPECT_LE(plan.threads(), 512);
    EXPECT_EQ(plan.group_threads % kWarp, 0);
    EXPECT_TRUE(plan.groups == 1 || plan.group_threads == kWarp);
  }
}

TEST(LaunchPlan, ReductionsLeaveNoMoreRowsThanTheirWorkspaceHas) {
  for (const std::int64_t columns : {8, 768, 1024, 1032, 4096, 16384}) {
    for (const std::int64_t rows : {1, 100, 8192, 1000000}) {
      for (const int multiprocessors : {1, 132, 148}) {
        EXPECT_LE(reduction_plan(rows, columns, multiprocessors).blocks,
                  reduction_blocks(columns, multiprocessors));
      }
    }
  }
}

TEST(LaunchPlan, ARowBeyondTheKernelIsABug) {
  EXPECT_THROW(row_plan(1, 16385, 132), base::ContractViolation);
  EXPECT_THROW(row_plan(1, 0, 132), base::ContractViolation);
}

TEST(HostValues, EFourM3IsTheOcpFormat) {
  EXPECT_EQ(e4m3_value(0x38), 1.0);
  EXPECT_EQ(e4m3_value(0xb8), -1.0);
  EXPECT_EQ(e4m3_value(0x7e), 448.0);
  EXPECT_EQ(e4m3_value(0x01), std::ldexp(1.0, -9));
  EXPECT_TRUE(std::isnan(e4m3_value(0x7f)));
  // The mask of random fp8 operands: finite, below 2.
  for (int bits = 0; bits < 256; ++bits) {
    EXPECT_LT(std::fabs(e4m3_value(static_cast<std::uint8_t>(bits & 0xbf))), 2.0);
  }
}

TEST(HostValues, SixteenBitFormatsReadAsTheTestsOwn) {
  for (int bits = 0; bits < 0x10000; bits += 7) {
    const auto word = static_cast<std::uint16_t>(bits);
    if (std::isfinite(half_value(word))) {
      EXPECT_EQ(half_value(word), double_of_half(word));
    }
    if (std::isfinite(bfloat16_value(word))) {
      EXPECT_EQ(bfloat16_value(word), double_of_bfloat16(word));
    }
  }
}

}  // namespace
}  // namespace windtunnel::real
