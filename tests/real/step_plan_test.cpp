// What a step is made of: parameters, ops, gradients, buckets; counts against formulas by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "real/steps/step_arena.hpp"
#include "real/steps/step_ops.hpp"

namespace windtunnel::real {
namespace {

std::vector<StepShape> shapes() {
  std::vector<StepShape> out;
  for (const std::string_view name : {"gpt3-125m", "gpt3-1.3b", "llama2-7b", "llama3-8b"}) {
    StepShape shape = *step_shape_of(name).shape;
    shape.layers = 3;
    out.push_back(shape);
    out.push_back(block_of(shape, 2));
  }
  return out;
}

double gemm_flops(const StepShape& shape, StepPhase phase) {
  double total = 0.0;
  for (const StepOp& op : step_ops(shape))
    if (const auto* gemm = std::get_if<models::GemmQuery>(&op.query); gemm && op.phase == phase)
      total += flops(*gemm).value();
  return total;
}

TEST(StepOps, ForwardGemmsAreTwiceTheMatrixParametersPerTokenAndBackwardTwiceThat) {
  for (const StepShape& shape : shapes()) {
    const double forward =
        2.0 * static_cast<double>(shape.tokens()) * static_cast<double>(matrix_parameters(shape));
    EXPECT_DOUBLE_EQ(gemm_flops(shape, StepPhase::forward), forward) << shape.name;
    EXPECT_DOUBLE_EQ(gemm_flops(shape, StepPhase::backward), 2.0 * forward) << shape.name;
  }
}

TEST(StepOps, EveryTensorGetsItsGradientOnceAndFromTheEndOfTheBuffer) {
  for (const StepShape& shape : shapes()) {
    const ParameterLayout layout(shape);
    std::vector<std::int64_t> offsets;
    for (const StepOp& op : step_ops(shape))
      for (const Parameter which : gradients_of(shape, op.kind))
        offsets.push_back(layout.at(which, op.layer).offset);
    EXPECT_EQ(offsets.size(), layout.tensors().size()) << shape.name;
    EXPECT_EQ(std::set(offsets.begin(), offsets.end()).size(), offsets.size()) << shape.name;
    // Within an op (gain, bias) the order is free; from op to op it falls.
    std::int64_t below = layout.size();
    for (const StepOp& op : step_ops(shape)) {
      std::int64_t least = below;
      for (const Parameter which : gradients_of(shape, op.kind)) {
        EXPECT_LT(layout.at(which, op.layer).offset, below) << shape.name;
        least = std::min(least, layout.at(which, op.layer).offset);
      }
      below = least;
    }
  }
}

TEST(StepOps, EveryKindHasItsOwnNameAndPhasesFollowEachOther) {
  const StepShape shape = *step_shape_of("gpt3-125m").shape;
  StepPhase last = StepPhase::forward;
  for (const StepOp& op : step_ops(shape)) {
    EXPECT_GE(op.phase, last);
    last = op.phase;
  }
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(StepOpKind::optimizer); ++kind)
    EXPECT_TRUE(names.insert(to_text(static_cast<StepOpKind>(kind))).second);
  EXPECT_EQ(to_text(StepOpKind::optimizer), "optimizer");
  EXPECT_EQ(to_text(StepOpKind::attention_backward), "attention_backward");
}

TEST(StepParameters, Gpt3SmallHas125MillionAndLlama3Has8Billion) {
  // 124.4 M with the published vocabulary and 1024 positions; here 2048 positions (0.8 M more) and a
  // vocabulary padded by 47 rows, without the biases of the linear layers (0.1 M fewer).
  const ParameterLayout gpt(*step_shape_of("gpt3-125m").shape);
  EXPECT_NEAR(static_cast<double>(gpt.parameters()), 125.2e6, 0.1e6);
  const ParameterLayout llama(*step_shape_of("llama3-8b").shape);
  EXPECT_NEAR(static_cast<double>(llama.parameters()), 8.03e9, 0.01e9);
}

TEST(StepParameters, TensorsAreAlignedAndDoNotOverlap) {
  for (const StepShape& shape : shapes()) {
    std::int64_t end = 0;
    const ParameterLayout layout(shape);
    for (const ParameterTensor& tensor : layout.tensors()) {
      EXPECT_EQ(tensor.offset % 64, 0);
      EXPECT_GE(tensor.offset, end);
      end = tensor.offset + tensor.count();
    }
    EXPECT_LE(end, layout.size());
  }
}

TEST(StepParameters, HeadOfATiedModelIsItsEmbedding) {
  StepShape shape = *step_shape_of("gpt3-125m").shape;
  const ParameterLayout layout(shape);
  EXPECT_FALSE(layout.has(Parameter::head));
  EXPECT_EQ(layout.at(Parameter::head).offset, layout.at(Parameter::embedding).offset);
}

TEST(StepArena, TensorsLieApartAndAlignedInsideTheBlock) {
  for (const StepShape& shape : shapes()) {
    const StepArena arena(shape);
    std::vector<std::pair<std::int64_t, std::int64_t>> places;  // offset, size
    for (const auto& [which, place] : arena.all()) places.push_back(place);
    std::sort(places.begin(), places.end());
    std::int64_t end = 0;
    for (const auto& [offset, size] : places) {
      EXPECT_EQ(offset % 256, 0);
      EXPECT_GE(offset, end);
      EXPECT_GT(size, 0);
      end = offset + size;
    }
    EXPECT_LE(end, arena.bytes());
  }
}

TEST(StepArena, ParametersTakeEighteenBytesEach) {
  // bf16 weight, fp32 master, two moments and gradient: what a shape needs beyond activations.
  const StepShape shape = *step_shape_of("gpt3-125m").shape;
  const StepArena arena(shape);
  std::int64_t bytes = 0;
  for (const StepTensor tensor : {StepTensor::weights, StepTensor::master, StepTensor::moment1,
                                  StepTensor::moment2, StepTensor::gradient})
    bytes += arena.size(tensor);
  EXPECT_EQ(bytes, 18 * ParameterLayout(shape).size());
}

TEST(GradientBuckets, CoverTheBufferFromItsEndWhateverTheirSize) {
  for (const StepShape& shape : shapes()) {
    const ParameterLayout layout(shape);
    for (const std::int64_t bytes : {1LL, 1000LL, 1LL << 20, 25LL << 20, 1LL << 50}) {
      std::int64_t end = layout.size();
      for (const GradientBucket& bucket : gradient_buckets(layout, bytes)) {
        EXPECT_EQ(bucket.offset + bucket.count, end);
        EXPECT_EQ(bucket.offset, layout.tensors()[bucket.first].offset);
        if (bucket.offset > 0) {
          EXPECT_GE(4 * bucket.count, bytes);
        }
        end = bucket.offset;
      }
      EXPECT_EQ(end, 0);
    }
  }
}

TEST(GradientBuckets, OneByteMakesABucketOfEachTensorAndAHugeSizeOneOfAll) {
  const ParameterLayout layout(*step_shape_of("gpt3-125m").shape);
  EXPECT_EQ(gradient_buckets(layout, 1).size(), layout.tensors().size());
  EXPECT_EQ(gradient_buckets(layout, 1LL << 60).size(), 1U);
}

TEST(StepShape, RefusesWhatNoKernelCanDoInAWordThatNamesIt) {
  StepShape shape = *step_shape_of("llama3-8b").shape;
  EXPECT_EQ(shape_refusal(shape), "");
  shape.kv_heads = 5;
  EXPECT_NE(shape_refusal(shape).find("kv-heads"), std::string::npos);
  shape = *step_shape_of("llama3-8b").shape;
  shape.vocabulary = 50257;
  EXPECT_NE(shape_refusal(shape).find("50304"), std::string::npos);
  shape = block_of(*step_shape_of("gpt3-125m").shape, 1);
  EXPECT_EQ(shape_refusal(shape), "");
  shape.sequence = 0;
  EXPECT_NE(shape_refusal(shape).find("sequence"), std::string::npos);
}

TEST(StepShape, ModelsThatItCannotHoldAreRefusedWithAReason) {
  EXPECT_NE(step_shape_of("mixtral-8x7b").reason.find("experts"), std::string::npos);
  EXPECT_NE(step_shape_of("deepseek-v3").reason, "");
  EXPECT_NE(step_shape_of("resnet50").reason.find("no transformer"), std::string::npos);
  EXPECT_NE(step_shape_of("gpt-9").reason.find("no model"), std::string::npos);
  EXPECT_EQ(step_shape_of("llama3-70b").reason, "");
}

TEST(StepShape, ModelFlopsAreThreeForwards) {
  // By hand: one block, hidden 8, 1 head of 16, ffn 8 gated, 4 tokens: matrices 8*48 + 16*8 + 8*16 +
  // 8*8 = 704 weights; forward 2*4*704 + attention 4*4*4*16.
  StepShape shape;
  shape.hidden = 8;
  shape.heads = shape.kv_heads = 1;
  shape.head_dim = 16;
  shape.ffn = 8;
  shape.sequence = 4;
  EXPECT_EQ(matrix_parameters(shape), 704);
  EXPECT_DOUBLE_EQ(model_flops(shape).value(), 3.0 * (2 * 4 * 704 + 4 * 4 * 4 * 16));
}

}  // namespace
}  // namespace windtunnel::real
