// The double-precision step: its gradient against central differences of its own loss, for every
// parameter tensor and every variant of the network. Step 1e-5: truncation is of order 1e-10,
// rounding of order 1e-16 / 1e-5, so 1e-6 of the tensor's largest gradient is a wide margin.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "real/steps/reference_step.hpp"

namespace windtunnel::real {
namespace {

StepShape tiny() {
  StepShape shape;
  shape.name = "tiny";
  shape.layers = 2;
  shape.hidden = 16;
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.head_dim = 16;
  shape.ffn = 24;
  shape.vocabulary = 40;
  shape.sequence = 5;
  shape.batch = 2;
  return shape;
}

double loss_at(const StepShape& shape, const std::vector<double>& parameters,
               const step_reference::StepInput& input) {
  return step_reference::gradient(shape, parameters, input).loss;
}

double difference(const StepShape& shape, std::vector<double>& parameters,
                  const step_reference::StepInput& input, std::size_t i) {
  constexpr double kStep = 1e-5;
  const double kept = parameters[i];
  parameters[i] = kept + kStep;
  const double above = loss_at(shape, parameters, input);
  parameters[i] = kept - kStep;
  const double below = loss_at(shape, parameters, input);
  parameters[i] = kept;
  return (above - below) / (2.0 * kStep);
}

// Up to nine elements spread over the tensor, its first and last among them.
std::vector<std::int64_t> samples(const ParameterTensor& tensor) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < 9; ++i) out.push_back(i * (tensor.count() - 1) / 8);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void expect_gradient_is_right(const StepShape& shape) {
  ASSERT_EQ(shape_refusal(shape), "");
  const ParameterLayout layout(shape);
  std::vector<double> parameters = step_reference::random_parameters(shape, 1);
  const step_reference::StepInput input = step_reference::random_input(shape, 2);
  const step_reference::StepGradient result = step_reference::gradient(shape, parameters, input);
  ASSERT_TRUE(std::isfinite(result.loss));
  for (const ParameterTensor& tensor : layout.tensors()) {
    const auto begin = result.parameters.begin() + tensor.offset;
    const double largest =
        std::abs(*std::max_element(begin, begin + tensor.count(),
                                   [](double a, double b) { return std::abs(a) < std::abs(b); }));
    EXPECT_GT(largest, 1e-6) << name_of(tensor) << " has no gradient at all";
    for (const std::int64_t i : samples(tensor)) {
      const std::size_t at = static_cast<std::size_t>(tensor.offset + i);
      EXPECT_NEAR(result.parameters[at], difference(shape, parameters, input, at), 1e-6 * largest)
          << name_of(tensor) << " element " << i;
    }
  }
}

TEST(ReferenceStep, GradientIsTheSlopeOfTheLossWithSwiGluRmsNormRotaryAndGroupedQueries) {
  expect_gradient_is_right(tiny());
}

TEST(ReferenceStep, GradientIsTheSlopeOfTheLossWithGeluLayerNormLearnedPositionsAndTiedHead) {
  StepShape shape = tiny();
  shape.kv_heads = shape.heads;
  shape.mlp = StepShape::Mlp::plain;
  shape.norm = StepShape::Norm::layer;
  shape.positions = StepShape::Positions::learned;
  shape.head = StepShape::Head::tied;
  expect_gradient_is_right(shape);
}

TEST(ReferenceStep, GradientIsTheSlopeOfTheLossWhenHeadsAreWiderThanTheHiddenSize) {
  StepShape shape = tiny();
  shape.head_dim = 32;
  shape.kv_heads = 1;
  shape.layers = 1;
  expect_gradient_is_right(shape);
}

TEST(ReferenceStep, GradientIsTheSlopeOfTheLossOfBlocksAlone) {
  expect_gradient_is_right(block_of(tiny(), 2));
}

TEST(ReferenceStep, InputGradientOfBlocksIsTheSlopeOfTheLossInTheInput) {
  const StepShape shape = block_of(tiny(), 2);
  const std::vector<double> parameters = step_reference::random_parameters(shape, 3);
  step_reference::StepInput input = step_reference::random_input(shape, 4);
  const step_reference::StepGradient result = step_reference::gradient(shape, parameters, input);
  ASSERT_EQ(result.input.size(), input.input.size());
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < input.input.size(); i += 7) {
    const double kept = input.input[i];
    input.input[i] = kept + kStep;
    const double above = loss_at(shape, parameters, input);
    input.input[i] = kept - kStep;
    const double below = loss_at(shape, parameters, input);
    input.input[i] = kept;
    EXPECT_NEAR(result.input[i], (above - below) / (2 * kStep), 1e-6) << "element " << i;
  }
}

TEST(ReferenceStep, LossOfUniformLogitsIsTheLogarithmOfTheVocabulary) {
  const StepShape shape = tiny();
  std::vector<double> parameters = step_reference::random_parameters(shape, 1);
  const ParameterTensor& head = ParameterLayout(shape).at(Parameter::head);
  std::fill_n(parameters.begin() + head.offset, head.count(), 0.0);
  const auto result =
      step_reference::gradient(shape, parameters, step_reference::random_input(shape, 2));
  EXPECT_NEAR(result.loss, std::log(40.0), 1e-12);
}

TEST(ReferenceStep, LaterTokensDoNotReachEarlierOutputs) {
  const StepShape shape = block_of(tiny(), 1);
  const std::vector<double> parameters = step_reference::random_parameters(shape, 1);
  step_reference::StepInput input = step_reference::random_input(shape, 2);
  // Only the first token's output counts: no gradient may come back to a later one.
  std::fill(input.cotangent.begin() + shape.hidden, input.cotangent.end(), 0.0);
  const auto result = step_reference::gradient(shape, parameters, input);
  for (std::size_t i = static_cast<std::size_t>(shape.hidden); i < result.input.size(); ++i)
    EXPECT_EQ(result.input[i], 0.0);
}

TEST(ReferenceStep, AdamsFirstStepIsTheLearningRateInTheDirectionOfTheGradient) {
  // Step 1: m / correction = g, v / correction = g^2, so the update is sign(g) up to epsilon.
  step_reference::AdamState state{{1.0, 1.0, -2.0}, {0, 0, 0}, {0, 0, 0}};
  step_reference::AdamOptions options;
  options.learning_rate = 0.01;
  options.weight_decay = 0.5;
  const std::vector<double> gradient{3.0, -0.2, 0.0};
  step_reference::adam(state, gradient, options);
  EXPECT_NEAR(state.weights[0], 1.0 - 0.01 * (1.0 + 0.5), 1e-9);
  EXPECT_NEAR(state.weights[1], 1.0 - 0.01 * (-1.0 + 0.5), 1e-9);
  EXPECT_NEAR(state.weights[2], -2.0 - 0.01 * (0.5 * -2.0), 1e-12);
}

TEST(ReferenceStep, AFewAdamStepsLowerTheLoss) {
  const StepShape shape = tiny();
  const step_reference::StepInput input = step_reference::random_input(shape, 5);
  step_reference::AdamState state;
  state.weights = step_reference::random_parameters(shape, 6);
  state.moment1.assign(state.weights.size(), 0.0);
  state.moment2.assign(state.weights.size(), 0.0);
  const double before = loss_at(shape, state.weights, input);
  for (std::int64_t step = 1; step <= 20; ++step) {
    step_reference::AdamOptions options;
    options.learning_rate = 0.02;
    options.step = step;
    const auto g = step_reference::gradient(shape, state.weights, input);
    step_reference::adam(state, g.parameters, options);
  }
  EXPECT_LT(loss_at(shape, state.weights, input), 0.5 * before);
}

}  // namespace
}  // namespace windtunnel::real
