// Ops of a measured step are predicted as kernels and add up to the step.
#include <gtest/gtest.h>

#include "calibration/kernels/step_ops.hpp"
#include "models/gpu_library.hpp"

namespace windtunnel::calibration {
namespace {

GenericRow row(int line, const std::string& kind, std::map<std::string, std::string> fields) {
  fields["gpu"] = "h200-sxm";
  fields["model"] = "llama3-8b block";
  return {{"steps.csv", line}, kind, std::move(fields)};
}

std::vector<GenericRow> block() {
  return {
      row(2, "step_op",
          {{"op", "qkv"},
           {"phase", "forward"},
           {"kernel", "gemm"},
           {"layers", "2"},
           {"m", "8192"},
           {"n", "6144"},
           {"k", "4096"},
           {"precision", "bf16"},
           {"time_s", "7e-4"}}),
      row(3, "step_op",
          {{"op", "attention_backward"},
           {"phase", "backward"},
           {"kernel", "attention"},
           {"layers", "2"},
           {"batch", "2"},
           {"heads", "32"},
           {"kv_heads", "8"},
           {"head_dim", "128"},
           {"q_len", "4096"},
           {"kv_len", "4096"},
           {"causal", "1"},
           {"precision", "bf16"},
           {"time_s", "2e-3"}}),
      row(4, "step_op",
          {{"op", "residual1"},
           {"phase", "forward"},
           {"kernel", "add"},
           {"layers", "4"},
           {"bytes", "201326592"},
           {"rows", "8192"},
           {"precision", "bf16"},
           {"time_s", "6e-5"}}),
      row(5, "step_op",
          {{"op", "up"},
           {"kernel", "gemm"},
           {"m", "1"},
           {"n", "1"},
           {"k", "1"},
           {"precision", "bf16"},
           {"time_s", "nan"}}),
      row(6, "step", {{"gpus", "1"}, {"implementation", "cuda_graph"}, {"time_s", "0.004"}}),
      row(7, "step", {{"gpus", "1"}, {"implementation", "eager"}, {"time_s", "0.006"}}),
      row(8, "step", {{"gpus", "8"}, {"implementation", "eager"}, {"time_s", "0.009"}}),
  };
}

TEST(StepOps, EachIsPredictedAsTheKernelThatItIsAndAStepIsTheirSumTimesTheirCalls) {
  ModelShelf shelf;
  const StepOpValidation out = validate_step_ops(shelf, block());
  ASSERT_EQ(out.ops.rows.size(), 3U);
  EXPECT_EQ(out.names, (std::vector<std::string>{"qkv", "attention_backward", "residual1"}));
  const auto model = shelf.model_for("h200-sxm", "");
  models::GemmQuery qkv;
  qkv.m = 8192;
  qkv.n = 6144;
  qkv.k = 4096;
  EXPECT_EQ(out.ops.rows[0].predicted.time, model->time(qkv).time);
  EXPECT_TRUE(out.ops.rows[1].kind.starts_with("attention"));
  ASSERT_EQ(out.steps.size(), 1U);
  const StepOfOps& step = out.steps[0];
  EXPECT_EQ(step.ops, 3);
  EXPECT_DOUBLE_EQ(step.measured_ops, 2 * 7e-4 + 2 * 2e-3 + 4 * 6e-5);
  EXPECT_DOUBLE_EQ(step.predicted_ops, 2 * out.ops.rows[0].predicted.time.value() +
                                           2 * out.ops.rows[1].predicted.time.value() +
                                           4 * out.ops.rows[2].predicted.time.value());
  EXPECT_LE(step.predicted_low, step.predicted_ops);
  EXPECT_GE(step.predicted_high, step.predicted_ops);
}

TEST(StepOps, TheWholeStepIsTheEagerOneOnOneGpu) {
  ModelShelf shelf;
  const StepOpValidation out = validate_step_ops(shelf, block());
  EXPECT_DOUBLE_EQ(out.steps.at(0).measured_step, 0.006);
}

TEST(StepOps, AnOpWithoutATimeIsSkippedWithItsLineAndReason) {
  ModelShelf shelf;
  const StepOpValidation out = validate_step_ops(shelf, block());
  ASSERT_EQ(out.ops.skipped.size(), 1U);
  EXPECT_EQ(out.ops.skipped[0].origin.line, 5);
  EXPECT_NE(out.ops.skipped[0].reason.find("time_s"), std::string::npos);
}

TEST(StepOps, RowsOfOtherKindsAreNoneOfThem) {
  ModelShelf shelf;
  EXPECT_TRUE(validate_step_ops(shelf, {row(2, "step", {{"time_s", "1"}})}).empty());
}

}  // namespace
}  // namespace windtunnel::calibration
