// A small training step with its true gradients, for tests of the step with and without a GPU.
//
// Tolerance: tensors between ops are rounded to bf16 (relative 2^-9), a gradient passes through some
// twenty of them, errors are independent: a gradient tensor may be off by 3 % of its norm. A wrong
// tensor, stride or order is off by 100 %.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "real/steps/bfloat16.hpp"
#include "real/steps/reference_step.hpp"

namespace windtunnel::real {

inline constexpr double kGradientTolerance = 0.03;

inline StepShape tiny_step() {
  StepShape shape;
  shape.name = "tiny";
  shape.layers = 2;
  shape.hidden = 32;
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.head_dim = 16;
  shape.ffn = 40;
  shape.vocabulary = 48;
  shape.sequence = 6;
  shape.batch = 2;
  return shape;
}

inline StepShape gpt_like_step() {
  StepShape shape = tiny_step();
  shape.kv_heads = shape.heads;
  shape.mlp = StepShape::Mlp::plain;
  shape.norm = StepShape::Norm::layer;
  shape.positions = StepShape::Positions::learned;
  shape.head = StepShape::Head::tied;
  return shape;
}

// Weights and inputs as bf16 holds them, so that both sides start from the same numbers.
struct StepCase {
  StepShape shape;
  std::vector<double> parameters;
  step_reference::StepInput input;
  step_reference::StepGradient expected;

  explicit StepCase(const StepShape& s)
      : shape(s),
        parameters(step_reference::random_parameters(s, 1)),
        input(step_reference::random_input(s, 2)) {
    round_to_bfloat16(parameters);
    round_to_bfloat16(input.input);
    round_to_bfloat16(input.cotangent);
    expected = step_reference::gradient(shape, parameters, input);
  }
};

inline double relative_error(const float* got, const double* expected, std::int64_t count) {
  double off = 0, norm = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    off += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(off / norm);
}

// `Step`: a DeviceStep that has run.
template <class Step>
void expect_gradients(const Step& step, const StepCase& c) {
  const std::vector<float> got = step.gradients();
  for (const ParameterTensor& tensor : step.layout().tensors())
    EXPECT_LT(relative_error(got.data() + tensor.offset,
                             c.expected.parameters.data() + tensor.offset, tensor.count()),
              kGradientTolerance)
        << c.shape.name << ": " << name_of(tensor);
  if (c.shape.vocabulary > 0) {
    EXPECT_NEAR(step.loss(), c.expected.loss, 0.01 * c.expected.loss);
  }
}

}  // namespace windtunnel::real
