// The step as the device runs it (which tensor each kernel reads and writes, strides, layouts, order,
// streams), with kernels in plain loops behind the same calls, against the double-precision reference.
#include <gtest/gtest.h>

#include <cmath>

#include "real/steps/device/step_runner.hpp"
#include "tests/real/step_case.hpp"
#include "tests/real/wiring/fake_cuda.hpp"

namespace windtunnel::real {
namespace {

class StepWiring : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override { fake::reset(1, GetParam()); }
};

TEST_P(StepWiring, GradientsAreTheReferencesForEveryKindOfNetwork) {
  StepShape wide_heads = tiny_step();
  wide_heads.head_dim = 32;
  wide_heads.kv_heads = 1;
  for (const StepShape& shape :
       {tiny_step(), gpt_like_step(), wide_heads, block_of(tiny_step(), 2)}) {
    const StepCase c(shape);
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
  const StepCase c(tiny_step());
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
  const StepCase c(gpt_like_step());
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
  const StepCase c(tiny_step());
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
  for (const StepShape& shape : {tiny_step(), gpt_like_step(), block_of(tiny_step(), 1)}) {
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
  StepRunner runner({.shape = tiny_step()}, stream);
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
  for (const StepShape& shape : {tiny_step(), gpt_like_step()}) {
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
  StepRunner runner({tiny_step(), GradientExchange::overlapped, std::get<1>(GetParam())}, clique);
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
