// Memory-bound kernels around 8-bit products and in experts, by what the software fuses.
#include <gtest/gtest.h>

#include "models/networks/lowering.hpp"

namespace windtunnel::models {
namespace {

double bytes_of(const Kernels& kernels, MemoryOp op) {
  double sum = 0;
  for (const Kernel& kernel : kernels)
    if (const auto* query = std::get_if<MemoryQuery>(&kernel.query); query && query->op == op)
      sum += query->bytes.value() * static_cast<double>(kernel.count);
  return sum;
}

Kernels forward(const Op& op, const LoweringOptions& options) {
  Kernels out;
  lower(op, {.sequences = 1, .query_tokens = 1024}, options, Pass::forward, out);
  return out;
}

Op experts(ExpertBias bias) {
  return {
      .name = "experts",
      .work = MoeWork{.hidden = 512, .intermediate = 1024, .experts = 8, .top_k = 2, .bias = bias}};
}

TEST(ExpertLowering, CurrentScalingReadsAnOperandOnceMore) {
  const Op op{.name = "linear", .work = LinearWork{.inputs = 512, .outputs = 256}};
  LoweringOptions options{.formats = formats_of(NumberFormat::fp8)};
  const double delayed = bytes_of(forward(op, options), MemoryOp::cast);
  options.software.scaling = Scaling::current;
  const double current = bytes_of(forward(op, options), MemoryOp::cast);
  EXPECT_DOUBLE_EQ(current - delayed, 1024.0 * 512.0 * 2.0);
  options.formats = formats_of(NumberFormat::nvfp4);  // has a scale of the tensor in any case
  const double narrow = bytes_of(forward(op, options), MemoryOp::cast);
  EXPECT_DOUBLE_EQ(narrow, 1024.0 * 512.0 * (2.0 * 2.0 + 2.0 * (0.5 + 1.0 / 16)));
  options.formats = formats_of(NumberFormat::mxfp8);  // scales by block
  const double block = bytes_of(forward(op, options), MemoryOp::cast);
  options.software.scaling = Scaling::delayed;
  EXPECT_DOUBLE_EQ(block, bytes_of(forward(op, options), MemoryOp::cast));
}

TEST(ExpertLowering, FusedGroupedProductsHaveNoActivationOrCastsBesideThem) {
  LoweringOptions options{.formats = formats_of(NumberFormat::mxfp8)};
  options.software.experts = Form::fused;
  const Kernels fused = forward(experts(ExpertBias::none), options);
  EXPECT_EQ(bytes_of(fused, MemoryOp::cast), 0.0);
  EXPECT_EQ(bytes_of(fused, MemoryOp::swiglu), 0.0);
  EXPECT_TRUE(fuses_experts(std::get<MoeWork>(experts(ExpertBias::none).work), options));
  options.formats = formats_of(NumberFormat::bf16);  // 16 bits: as everywhere
  EXPECT_FALSE(fuses_experts(std::get<MoeWork>(experts(ExpertBias::none).work), options));
  EXPECT_GT(bytes_of(forward(experts(ExpertBias::none), options), MemoryOp::swiglu), 0.0);
}

TEST(ExpertLowering, ExpertsWithBiasesMoveNineTimesTheActivationBytes) {
  const LoweringOptions options{};
  const double plain = bytes_of(forward(experts(ExpertBias::none), options), MemoryOp::swiglu);
  const double biased = bytes_of(forward(experts(ExpertBias::each), options), MemoryOp::swiglu);
  EXPECT_DOUBLE_EQ(biased / plain, 27.0 / 3.0);
}

}  // namespace
}  // namespace windtunnel::models
