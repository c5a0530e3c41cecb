// A training step of a multi-layer perceptron on the CPU: what a prediction from measured GEMMs and
// memory-bound operations is held against, never fitted.
//
// Model: layers y = gelu(x W^T + b), the last without gelu, mean softmax cross-entropy over the
// batch, backward pass by hand, then Adam or SGD on all parameters. fp32, row-major, W[out][in].
// Parameters, gradients and moments are flat vectors, layer by layer, weights before biases.
// The step is a list of ops; each knows the kernel query whose predicted time it stands for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/kernels/kernel_query.hpp"

namespace windtunnel::real {

struct MlpShape {
  enum class Optimizer { sgd, adam };
  std::vector<std::int64_t> widths;  // input, hidden ..., classes; at least two
  std::int64_t batch = 1;            // of one process
  Optimizer optimizer = Optimizer::adam;

  std::string name() const;  // "mlp-512-1024-10"
  std::int64_t parameters() const;
};

struct MlpOp {
  std::string name;  // "forward 0", "weight gradient 2", "optimizer"
  models::KernelQuery query;
  std::function<void()> run;
};

// The kernels of a step in order, without running anything: what a prediction adds up.
std::vector<models::KernelQuery> kernels_of(const MlpShape& shape);

class MlpStep {
 public:
  // Weights depend on `seed` alone, so that every rank starts alike; the batch on `data_seed`.
  MlpStep(const MlpShape& shape, int threads, std::uint64_t seed, std::uint64_t data_seed);
  ~MlpStep();
  MlpStep(MlpStep&&) noexcept;
  MlpStep& operator=(MlpStep&&) noexcept;

  const std::vector<MlpOp>& forward_and_backward() const;
  const std::vector<MlpOp>& update() const;
  void run() const;     // one whole step
  double loss() const;  // mean over the batch, of the last forward pass
  std::vector<float>& gradients();
  std::vector<float>& parameters();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace windtunnel::real
