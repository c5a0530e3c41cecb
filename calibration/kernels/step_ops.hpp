// Ops measured inside a training step (rows of kind `step_op`, as windtunnel-measure writes them),
// predicted as kernels and added up to the step. They are held against predictions, never fitted.
//
// A step_op row is the mean time of one op over the blocks: `kernel` says which kind of kernel it is
// (gemm, attention, or a memory-bound op by its name), the shape columns are that kind's, `layers` is
// how often the step runs it, `model` which step it belongs to. A step is the sum of its ops, on one
// stream one after another; its measured time is that of the row of kind `step` with the same file,
// model and GPU, on one GPU (eager, where a graph was measured too).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "calibration/kernels/kernel_validate.hpp"
#include "calibration/measurement.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::calibration {

struct StepOfOps {
  std::string gpu, model;
  std::int64_t ops = 0;                              // kinds of op that were predicted
  double measured_step = 0.0;                        // s; 0: no row of the whole step
  double measured_ops = 0.0;                         // s, each op by itself with its calls
  double predicted_ops = 0.0;                        // s
  double predicted_low = 0.0, predicted_high = 0.0;  // sums of the ops' bands
};

struct StepOpValidation {
  KernelValidation ops;            // row by row
  std::vector<std::string> names;  // of ops.rows, in their order: "qkv_weight_gradient"
  std::vector<StepOfOps> steps;    // in the order of their first op

  bool empty() const { return ops.rows.empty() && ops.skipped.empty(); }
  base::Table ops_table() const;
  base::Table steps_table() const;
};

// Of the rows of kinds `step_op` and `step`; others are left alone.
StepOpValidation validate_step_ops(ModelShelf& shelf, const std::vector<GenericRow>& rows);

}  // namespace windtunnel::calibration
