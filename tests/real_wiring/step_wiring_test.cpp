// The step as the device runs it (which tensor each kernel reads and writes, strides, layouts, order,
// streams), with kernels in plain loops behind the same calls, against the double-precision reference.
//
// Tolerance: tensors between ops are rounded to bf16 (relative 2^-9), a gradient passes through some
// twenty of them, errors are independent: a gradient tensor may be off by 3 % of its norm. A wrong
// tensor, stride or order is off by 100 %.
#include <gtest/gtest.h>

#include <cmath>

#include "real/benchmark.hpp"
#include "real/steps/bfloat16.hpp"
#include "real/steps/device/step_runner.hpp"
#include "tests/real_wiring/fake_cuda.hpp"

namespace windtunnel::real {
namespace {

constexpr double kTolerance = 0.03;

StepShape tiny() {
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

StepShape gpt_like() {
  StepShape shape = tiny();
  shape.kv_heads = shape.heads;
  shape.mlp = StepShape::Mlp::plain;
  shape.norm = StepShape::Norm::layer;
  shape.positions = StepShape::Positions::learned;
  shape.head = StepShape::Head::tied;
  return shape;
}

// Weights and inputs as bf16 holds them, so that both sides start from the same numbers.
struct Case {
  StepShape shape;
  std::vector<double> parameters;
  step_reference::StepInput input;
  step_reference::StepGradient expected;

  explicit Case(const StepShape& s)
      : shape(s),
        parameters(step_reference::random_parameters(s, 1)),
        input(step_reference::random_input(s, 2)) {
    round_to_bfloat16(parameters);
    round_to_bfloat16(input.input);
    round_to_bfloat16(input.cotangent);
    expected = step_reference::gradient(shape, parameters, input);
  }
};

double relative_error(const float* got, const double* expected, std::int64_t count) {
  double off = 0, norm = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    off += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(off / norm);
}

void expect_gradients(const DeviceStep& step, const Case& c) {
  const std::vector<float> got = step.gradients();
  for (const ParameterTensor& tensor : step.layout().tensors())
    EXPECT_LT(relative_error(got.data() + tensor.offset,
                             c.expected.parameters.data() + tensor.offset, tensor.count()),
              kTolerance)
        << c.shape.name << ": " << name_of(tensor);
  if (c.shape.vocabulary > 0) {
    EXPECT_NEAR(step.loss(), c.expected.loss, 0.01 * c.expected.loss);
  }
}

class StepWiring : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override { fake::reset(1, GetParam()); }
};

TEST_P(StepWiring, GradientsAreTheReferencesForEveryKindOfNetwork) {
  StepShape wide_heads = tiny();
  wide_heads.head_dim = 32;
  wide_heads.kv_heads = 1;
  for (const StepShape& shape : {tiny(), gpt_like(), wide_heads, block_of(tiny(), 2)}) {
    const Case c(shape);
    CublasLt library;
    const Stream stream;
    DeviceStep step(shape, library);
    step.load(c.parameters, c.input);
    step.run_all(stream.get());
    stream.wait();
    expect_gradients(step, c);
  }
}

TEST_P(StepWiring, ASecondStepStartsAfresh) {
  // Gradients of the second step are those of the weights after the first, not added to the first's.
  const Case c(tiny());
  CublasLt library;
  const Stream stream;
  DeviceStep step(c.shape, library);
  step.optimizer().learning_rate = 0.0F;
  step.load(c.parameters, c.input);
  for (int i = 0; i < 3; ++i) step.run_all(stream.get());
  stream.wait();
  expect_gradients(step, c);
}

TEST_P(StepWiring, TheOptimizerStepsAsTheReferencesAdam) {
  const Case c(gpt_like());
  CublasLt library;
  const Stream stream;
  DeviceStep step(c.shape, library);
  step.optimizer().learning_rate = 0.01F;
  step.load(c.parameters, c.input);
  step.run_all(stream.get());
  stream.wait();
  const std::vector<float> gradient = step.gradients();
  const std::vector<double> wide(gradient.begin(), gradient.end());
  step_reference::AdamState state{c.parameters, std::vector<double>(wide.size()),
                                  std::vector<double>(wide.size())};
  step_reference::AdamOptions options;
  options.learning_rate = static_cast<double>(0.01F);
  step_reference::adam(state, wide, options);
  const std::vector<float> master = step.master_weights(step.layout().size());
  for (std::size_t i = 0; i < master.size(); ++i)
    ASSERT_NEAR(static_cast<double>(master[i]), state.weights[i], 1e-6) << i;
}

TEST_P(StepWiring, AGraphComputesWhatTheStepDoes) {
  const Case c(tiny());
  CublasLt library;
  const Stream stream;
  DeviceStep step(c.shape, library);
  step.load(c.parameters, c.input);
  const StepGraph graph(step, stream);
  EXPECT_EQ(fake::pending(), 0U) << "capturing runs nothing";
  graph.launch(stream);
  stream.wait();
  expect_gradients(step, c);
}

TEST_P(StepWiring, RandomFillingLeavesNothingUndefined) {
  for (const StepShape& shape : {tiny(), gpt_like(), block_of(tiny(), 1)}) {
    const Stream stream;
    StepRunner runner({.shape = shape}, stream);
    runner.run();
    runner.wait();
    for (const float value : runner.replica(0).gradients()) ASSERT_TRUE(std::isfinite(value));
    const auto all = runner.replica(0).layout().size();
    for (const float value : runner.replica(0).master_weights(all))
      ASSERT_TRUE(std::isfinite(value));
  }
}

TEST_P(StepWiring, EveryOpOfAStepGetsATime) {
  const Stream stream;
  StepRunner runner({.shape = tiny()}, stream);
  const auto times = runner.time_ops(3);
  ASSERT_EQ(times.size(), runner.ops().size());
  for (const base::Seconds time : times) EXPECT_GT(time.value(), 0.0);
}

INSTANTIATE_TEST_SUITE_P(Schedules, StepWiring, testing::Values(1U, 2U, 3U));

// Gradients of one replica by itself, on its own data.
std::vector<float> lone_gradients(const StepShape& shape, std::uint64_t data) {
  CublasLt library;
  const Stream stream;
  DeviceStep step(shape, library);
  step.fill({.parameters = 1, .data = data}, stream);
  step.run_all(stream.get());
  stream.wait();
  return step.gradients();
}

class DataParallelWiring : public testing::TestWithParam<std::tuple<unsigned, std::int64_t>> {
 protected:
  static constexpr int kDevices = 3;
  void SetUp() override {
    ::setenv("WINDTUNNEL_NCCL", "", 1);
    fake::reset(kDevices, std::get<0>(GetParam()));
    use_device(0);
  }
  NoPeers peers;
};

TEST_P(DataParallelWiring, EveryReplicaHoldsTheSumOfAllGradientsWhateverTheOrderOfStreams) {
  for (const StepShape& shape : {tiny(), gpt_like()}) {
    std::vector<double> expected;
    for (std::uint64_t data = 1; data <= kDevices; ++data) {
      const std::vector<float> lone = lone_gradients(shape, data);
      expected.resize(lone.size());
      for (std::size_t i = 0; i < lone.size(); ++i) expected[i] += static_cast<double>(lone[i]);
    }
    for (const GradientExchange exchange :
         {GradientExchange::after_backward, GradientExchange::overlapped}) {
      const NcclClique clique(NcclApi::load(), {0, 1, 2}, peers, {});
      StepRunner runner({shape, exchange, std::get<1>(GetParam())}, clique);
      ASSERT_EQ(runner.replicas(), 3U);
      runner.run();
      runner.wait();
      const auto size = static_cast<std::int64_t>(expected.size());
      const std::vector<float> first = runner.replica(0).master_weights(size);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_LT(relative_error(runner.replica(i).gradients().data(), expected.data(), size), 1e-5)
            << "replica " << i;
        EXPECT_EQ(runner.replica(i).master_weights(size), first) << "replica " << i;
      }
      clique.wait();
    }
  }
}

TEST_P(DataParallelWiring, ReplicasStayTheSameOverManySteps) {
  const NcclClique clique(NcclApi::load(), {0, 1, 2}, peers, {});
  StepRunner runner({tiny(), GradientExchange::overlapped, std::get<1>(GetParam())}, clique);
  for (int step = 0; step < 4; ++step) runner.run();
  runner.wait();
  const auto size = runner.replica(0).layout().size();
  const std::vector<float> first = runner.replica(0).master_weights(size);
  for (std::size_t i = 1; i < 3; ++i) EXPECT_EQ(runner.replica(i).master_weights(size), first);
}

INSTANTIATE_TEST_SUITE_P(SchedulesAndBuckets, DataParallelWiring,
                         testing::Combine(testing::Values(1U, 2U, 3U, 4U),
                                          testing::Values(std::int64_t{1}, std::int64_t{10000},
                                                          std::int64_t{1} << 40)));

}  // namespace
}  // namespace windtunnel::real
