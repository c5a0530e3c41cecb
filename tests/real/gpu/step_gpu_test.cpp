// The whole step on a real GPU against the double-precision reference.
#include <gtest/gtest.h>

#include "real/cuda/device.hpp"
#include "real/steps/device/step_runner.hpp"
#include "tests/real/step_case.hpp"

namespace windtunnel::real {
namespace {

class StepOnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (device_count() == 0) GTEST_SKIP() << "skipped: no CUDA device";
    use_device(0);
  }
};

// Widths and lengths that no tile divides, beside some that all do.
std::vector<StepShape> shapes() {
  StepShape odd = tiny_step();
  odd.hidden = 88;
  odd.head_dim = 80;
  odd.ffn = 136;
  odd.vocabulary = 328;
  odd.sequence = 77;
  StepShape even = tiny_step();
  even.hidden = 256;
  even.head_dim = 64;
  even.ffn = 512;
  even.vocabulary = 1024;
  even.sequence = 128;
  StepShape gpt = gpt_like_step();
  gpt.hidden = 192;
  gpt.heads = gpt.kv_heads = 3;
  gpt.head_dim = 64;
  gpt.ffn = 768;
  gpt.vocabulary = 640;
  gpt.sequence = 100;
  StepShape multi_query = even;
  multi_query.kv_heads = 1;
  multi_query.head_dim = 128;
  return {odd, even, gpt, multi_query, block_of(even, 2)};
}

TEST_F(StepOnGpu, GradientsAreTheReferences) {
  for (const StepShape& shape : shapes()) {
    const StepCase c(shape);
    CublasLt library;
    const Stream stream;
    DeviceStep step(shape, library);
    step.load(c.parameters, c.input);
    step.tune(stream);
    step.run_all(stream.get());
    stream.wait();
    expect_gradients(step, c);
  }
}

TEST_F(StepOnGpu, AGraphOfTheStepComputesTheSame) {
  const StepCase c(shapes()[1]);
  CublasLt library;
  const Stream stream;
  DeviceStep step(c.shape, library);
  step.load(c.parameters, c.input);
  step.optimizer().learning_rate = 0.0F;
  step.run_all(stream.get());  // kernels and heuristics are loaded outside the capture
  stream.wait();
  const StepGraph graph(step, stream);
  graph.launch(stream);
  graph.launch(stream);
  stream.wait();
  expect_gradients(step, c);
}

TEST_F(StepOnGpu, TheOptimizerStepsAsTheReferencesAdam) {
  const StepCase c(shapes()[2]);
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
  // fp32 arithmetic: a gradient near zero still makes a step of nearly the learning rate, whose
  // size rounds by a few parts in 10^5.
  for (std::size_t i = 0; i < master.size(); ++i)
    ASSERT_NEAR(static_cast<double>(master[i]), state.weights[i], 1e-5) << i;
}

TEST_F(StepOnGpu, TrainingOnOneBatchLowersItsLoss) {
  StepShape shape = shapes()[2];
  CublasLt library;
  const Stream stream;
  DeviceStep step(shape, library);
  step.fill({}, stream);
  step.optimizer().learning_rate = 2e-3F;
  step.run_all(stream.get());
  stream.wait();
  const double before = step.loss();
  for (int i = 0; i < 30; ++i) step.run_all(stream.get());
  stream.wait();
  EXPECT_LT(step.loss(), 0.5 * before);
}

TEST_F(StepOnGpu, OpsTakeTimeAndAddUpToAboutTheStep) {
  StepShape shape = shapes()[1];
  shape.sequence = 1024;
  const Stream stream;
  StepRunner runner({.shape = shape}, stream);
  StreamStopwatch stopwatch(stream);
  const auto work = [&](std::int64_t) { runner.run(); };
  stopwatch.time(work, 0, 3);
  const base::Seconds step = stopwatch.time(work, 3, 20) / 20.0;
  base::Seconds total{0};
  for (const base::Seconds time : runner.time_ops(9)) total += time;
  // Events between ops keep kernels from following each other closely; a step this small may be bound
  // by its launches. More than that is a mistake.
  EXPECT_GT(total / step, 0.1);
  EXPECT_LT(total / step, 3.0);
}

}  // namespace
}  // namespace windtunnel::real
