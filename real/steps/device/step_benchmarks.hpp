// The points of `windtunnel-measure step`: blocks and small GPTs on one GPU, eager and as a CUDA
// graph, and data-parallel over all GPUs with the exchange of gradients beside backward and after it.
//
// One row of kind `step` a point, with the columns of training tables; beside it a row of kind
// `step_op` for every op of the step: its mean time over the blocks, and the shape it had. Neither is
// ever fitted: predictions are held against them.
#pragma once

#include <cstdint>
#include <vector>

#include "real/benchmark.hpp"
#include "real/nccl/device/collective_benchmarks.hpp"
#include "real/selection.hpp"
#include "real/steps/device/step_runner.hpp"

namespace windtunnel::real {

enum class Execution { eager, cuda_graph };

struct StepPoint {
  StepShape shape;
  Execution execution = Execution::eager;
  GradientExchange exchange = GradientExchange::none;  // none: one GPU by itself
  std::int64_t bucket_bytes = 0;
};
// Allocates, fills, tunes. Throws PointRefused with the reason where this machine cannot do it.
Prepared prepare_step(const StepPoint& point, const CollectiveSite& site);

// Throws InputError where the wished model cannot be made into a step.
std::vector<Benchmark> step_benchmarks(const Selection& selection, const CollectiveSite& site);

}  // namespace windtunnel::real
