// Rows of steps and of their ops: columns that exist, shapes and calls that are right.
#include <gtest/gtest.h>

#include <algorithm>

#include "real/steps/step_rows.hpp"

namespace windtunnel::real {
namespace {

StepShape small_llama() {
  StepShape shape = *step_shape_of("llama3-8b").shape;
  shape.layers = 3;
  shape.sequence = 1024;
  shape.batch = 2;
  return shape;
}

std::vector<Fields> op_rows(const StepShape& shape) {
  const std::vector<StepOp> ops = step_ops(shape);
  std::vector<base::Seconds> times;
  for (std::size_t i = 0; i < ops.size(); ++i)
    times.emplace_back(1e-6 * static_cast<double>(ops[i].layer + 2));
  return step_op_rows(shape, ops, times);
}

void expect_columns(const Fields& row) {
  for (const auto& [name, value] : row)
    EXPECT_EQ(std::count(columns().begin(), columns().end(), name), 1) << name;
}

TEST(StepRows, EveryFieldIsAColumnOfTheFile) {
  expect_columns(
      step_fields(small_llama(), {.gpus = 8, .overlap = "gradients", .bucket_bytes = 1}));
  for (const Fields& row : op_rows(small_llama())) expect_columns(row);
}

TEST(StepRows, AnOpsRowIsItsMeanOverTheBlocksWithTheNumberOfItsCalls) {
  const auto rows = op_rows(small_llama());
  const auto qkv = std::find_if(rows.begin(), rows.end(),
                                [](const Fields& row) { return field(row, "op") == "qkv"; });
  ASSERT_NE(qkv, rows.end());
  EXPECT_EQ(field(*qkv, "layers"), "3");
  EXPECT_EQ(field(*qkv, "m"), "2048");
  EXPECT_EQ(field(*qkv, "n"), "6144");
  EXPECT_EQ(field(*qkv, "k"), "4096");
  EXPECT_EQ(field(*qkv, "phase"), "forward");
  EXPECT_EQ(field(*qkv, "time_s"), "3e-06");  // of 2, 3 and 4 us
}

TEST(StepRows, OpsOfAStepAreEachNamedOnce) {
  const auto rows = op_rows(small_llama());
  std::vector<std::string> names;
  for (const Fields& row : rows) names.push_back(field(row, "op"));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_EQ(names.size(), 37U);
}

TEST(StepRows, ReplicasMultiplyTheGlobalBatchAndBlocksSayThatTheyAreAlone) {
  const Fields shared = step_fields(small_llama(), {.gpus = 8, .gpus_per_node = 8});
  EXPECT_EQ(field(shared, "data"), "8");
  EXPECT_EQ(field(shared, "micro_batch"), "2");
  EXPECT_EQ(field(shared, "global_batch"), "16");
  EXPECT_EQ(field(shared, "notes"), "");
  const Fields block = step_fields(block_of(small_llama(), 1), {});
  EXPECT_EQ(field(block, "vocab"), "0");
  EXPECT_NE(field(block, "notes"), "");
}

}  // namespace
}  // namespace windtunnel::real
