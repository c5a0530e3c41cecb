// A whole training step in double precision on the host: loss, the gradient of every parameter, and
// Adam. The truth that the step on the device is held against on small shapes; its own gradient is
// held against finite differences by tests/real.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "real/steps/parameters.hpp"
#include "real/steps/step_shape.hpp"

namespace windtunnel::real::step_reference {

// Of a whole model: tokens and targets, one a position. Of blocks alone: `input` and the gradient of
// the loss in the output, `cotangent`, both [tokens][hidden]; the loss is then sum(output * cotangent).
struct StepInput {
  std::vector<std::int32_t> tokens, targets;
  std::vector<double> input, cotangent;
};
// Drawn from the seed: uniform tokens; inputs uniform in [-1, 1].
StepInput random_input(const StepShape& shape, std::uint64_t seed);
// Drawn from each tensor's `initial_range`; gaps are zero.
std::vector<double> random_parameters(const StepShape& shape, std::uint64_t seed);

struct StepGradient {
  double loss = 0.0;
  std::vector<double> parameters;  // laid out as ParameterLayout says
  std::vector<double> input;       // of blocks alone
};
StepGradient gradient(const StepShape& shape, std::span<const double> parameters,
                      const StepInput& input);

// AdamW (Loshchilov and Hutter 2019, algorithm 2 with the schedule 1), one step on flat buffers.
struct AdamOptions {
  double learning_rate = 1e-4, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.1;
  std::int64_t step = 1;
};
struct AdamState {
  std::vector<double> weights, moment1, moment2;
};
void adam(AdamState& state, std::span<const double> gradient, const AdamOptions& options);

}  // namespace windtunnel::real::step_reference
