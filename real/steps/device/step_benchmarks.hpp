// The points of `windtunnel-measure step`: blocks and small GPTs on one GPU, eager and as a CUDA
// graph, and data-parallel over all GPUs with the exchange of gradients beside backward and after it.
//
// One row of kind `step` a point, with the columns of training tables; beside it a row of kind
// `step_op` for every op of the step: its mean time over the blocks, and the shape it had. Neither is
// ever fitted: predictions are held against them.
#pragma once

#include <vector>

#include "real/benchmark.hpp"
#include "real/nccl/device/collective_benchmarks.hpp"
#include "real/selection.hpp"

namespace windtunnel::real {

// Throws InputError where the wished model cannot be made into a step.
std::vector<Benchmark> step_benchmarks(const Selection& selection, const CollectiveSite& site);

}  // namespace windtunnel::real
