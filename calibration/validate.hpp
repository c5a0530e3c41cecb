// Predictions held against measured collectives: per-row errors, the summary facts of contract.md
// section 5, and the null model beside them.
//
// error = predicted / measured - 1; bias is its mean. Null model: the leave-one-out median busbw of
// the rows with the same (gpu, op, nodes), so a row that is alone there has no null prediction and
// does not count in `null_mean_abs_error`. Rows the model cannot speak about are in `skipped`, with
// the reason. The facts' names: rows mean_abs_error median_abs_error p90_abs_error max_abs_error
// bias null_mean_abs_error inside_band band_width_median skipped (fractions; no fact where there
// are no rows).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "calibration/measurement.hpp"
#include "collectives/time_model.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::calibration {

struct ValidatedRow {
  CollectiveMeasurement row;
  collectives::TimePrediction prediction;
  double error = 0.0;
  bool inside_band = false;
};

struct ErrorSummary {
  int rows = 0;
  double mean_abs = 0.0, median_abs = 0.0, p90_abs = 0.0, max_abs = 0.0, bias = 0.0;
  double inside_band = 0.0, band_width_median = 0.0;  // width = (high - low) / predicted
};
ErrorSummary summarise(const std::vector<const ValidatedRow*>& rows);

struct Validation {
  std::vector<ValidatedRow> rows;
  std::vector<SkippedRow> skipped;
  std::vector<double> null_errors;

  std::map<std::string, double> facts() const;
  base::Table rows_table() const;
  base::Table groups_table() const;  // by gpu, fabric, op and size
  base::Table skipped_table() const;
};

class FabricModel;
// `measurements.skipped` is carried over.
Validation validate(const FabricModel& model, const Measurements& measurements);
// What validate's facts mean, for writers.
const std::vector<std::pair<std::string, base::FactInfo>>& validation_fact_info();

// |error| of the null model per row that has one.
std::vector<double> null_model_errors(const std::vector<CollectiveMeasurement>& rows);

}  // namespace windtunnel::calibration
