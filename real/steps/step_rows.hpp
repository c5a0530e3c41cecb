// Rows of a measurement file for a step and its ops.
#pragma once

#include <vector>

#include "real/fields.hpp"
#include "real/steps/step_ops.hpp"
#include "sim/base/quantity.hpp"

namespace windtunnel::real {

// How a step is run, as far as its row says.
struct StepRun {
  std::int64_t gpus = 1, gpus_per_node = 1;
  std::string implementation = "eager";  // "eager" or "cuda_graph"
  std::string overlap = "none";          // of the gradients' exchange: "none" or "gradients"
  std::int64_t bucket_bytes = 0;         // 0: no exchange
};
Fields step_fields(const StepShape& shape, const StepRun& run);

// One row an op kind, in the order of their first call; `times` by op as `ops` has them.
std::vector<Fields> step_op_rows(const StepShape& shape, const std::vector<StepOp>& ops,
                                 const std::vector<base::Seconds>& times);

}  // namespace windtunnel::real
