// Predictions held against measured serving runs: errors by measured figure (throughput, TPOT, TTFT,
// e2e, the highest rate within a latency limit), below and above saturation.
//
// error = predicted / measured - 1. The plain facts (mean_abs_error, ...) are over the headline
// figure of each run: its throughput, or TPOT where it states latencies. Each figure has the same
// facts under its own name (ttft_median_abs_error), and with `_saturated` / `_below` behind it for
// runs in which the queue kept growing (or KV memory ran out) and for the others. Null model: the
// leave-one-out median of the headline figure per (GPU, precision, model), throughput per GPU.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collectives/time_model.hpp"
#include "models/kernels/kernel_time_model.hpp"
#include "scenarios/serving/serve_scenario.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

struct ServeModels {
  // Kernel times of a GPU as an engine ("vllm 0.19.0") runs them.
  std::function<std::shared_ptr<const models::KernelTimeModel>(const sim::Gpu&,
                                                               const std::string& engine)>
      kernels;
  std::shared_ptr<const collectives::TimeModel> links;
};

struct ComparedFact {
  std::string fact;
  double measured = 0.0, predicted = 0.0;
  base::Band band{};
  double error() const { return predicted / measured - 1.0; }
};

struct ValidatedServe {
  ServeRow row;
  std::string gpu, software, status;
  std::vector<ComparedFact> facts;  // the headline first
  bool saturated = false;
  std::int64_t gpus = 1;
  std::vector<std::string> rests_on, inferred;
};

struct ServeValidation {
  std::vector<ValidatedServe> runs;
  std::vector<calibration::SkippedRow> skipped;

  base::Outcome outcome() const;  // facts and tables (rows, groups, inferred, skipped)
};

const std::map<std::string, base::FactInfo>& serve_validation_fact_info();

ServeValidation validate_serving(const std::vector<calibration::GenericRow>& rows,
                                 const ServeModels& models);

}  // namespace windtunnel::scenarios
