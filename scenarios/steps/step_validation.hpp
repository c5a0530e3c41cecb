// Predictions held against measured training iterations: errors, the null model beside them, the
// order of pairs, the regret of the configuration that would be picked, memory.
//
// error = predicted / measured - 1. Null model: the leave-one-out median of model FLOPs per
// GPU-second of the rows with the same (gpu, precision) in the file. Groups for order and regret:
// rows of one file with the same model, GPUs, global batch, sequence length, precision, software and
// date (the tag that begins `notes`, "02-25"). Pair order: share of pairs more than 3 % apart in
// measured time that are ranked rightly, ties half; beside it the same for the rule that ranks by
// pipeline bubble (p-1)/(m v) alone. Regret: how much slower, on average over the groups, the row
// with the least predicted time is than the fastest. Memory: step_memory.hpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collectives/time_model.hpp"
#include "models/kernels/kernel_time_model.hpp"
#include "scenarios/steps/step_memory.hpp"
#include "scenarios/steps/step_scenario.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

struct StepModels {
  std::function<std::shared_ptr<const models::KernelTimeModel>(const sim::Gpu&)> kernels;
  std::shared_ptr<const collectives::TimeModel> links;
};

struct ValidatedStep {
  StepRow row;
  double measured = 0.0;     // s; 0: not timed
  base::Outcome predicted;   // of run_train
  double model_flops = 0.0;  // of the iteration
  double bubble_rule = 0.0;  // (p - 1) / (m v)
  std::optional<ComparedMemory> memory;
  std::vector<std::string> inferred;
};

struct SkippedStep {
  calibration::RowOrigin origin;
  std::string reason;
};

struct StepValidation {
  std::vector<ValidatedStep> steps;
  std::vector<SkippedStep> skipped;

  // Facts and tables (rows, groups, memory_rows, memory_groups, skipped, inferred) of one case.
  base::Outcome outcome() const;
};

// Its id, else its line.
std::string row_name(const StepRow& row);

// The facts that only steps have (pair order, regret, memory).
const std::vector<std::pair<std::string, base::FactInfo>>& step_validation_fact_info();

// Of the rows of kind `step`; others are left alone.
StepValidation validate_steps(const std::vector<calibration::GenericRow>& rows,
                              const StepModels& models);

}  // namespace windtunnel::scenarios
