// The point of an MLP step, alone or data-parallel: its row, the rows of its ops, its check.
#pragma once

#include <functional>
#include <vector>

#include "real/benchmark.hpp"
#include "real/cpu/mlp_step.hpp"

namespace windtunnel::real {

// Adds up the gradients of all ranks, in place, and divides by their number.
using AverageGradients = std::function<void(std::vector<float>&)>;

struct StepSetting {
  MlpShape shape;
  int threads = 1;
  int rank = 0, ranks = 1;
  AverageGradients average{};  // empty for one process
};
Point mlp_step_point(const StepSetting& setting);

// The steps of a sweep; the same shapes alone and data-parallel.
std::vector<MlpShape> mlp_shapes();

}  // namespace windtunnel::real
