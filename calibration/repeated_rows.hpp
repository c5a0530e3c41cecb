// Repeated measurements of one case as one observation: what a fit is given.
//
// Rows that agree in all but source and place (op, forced algorithm and protocol, bytes, nodes, GPUs
// a node, interconnect, launch, tuning, stack) become one, with the median of their log times, so
// that a fit costs what its distinct cases cost and one bad repeat does not move it. Weight: their
// number, at most 8: repeats share what the model gets wrong. Every single time is kept for the
// estimate of noise. Pre: rows of one fabric.
#pragma once

#include <vector>

#include "calibration/collective_model.hpp"
#include "calibration/measurement.hpp"

namespace windtunnel::calibration {

struct RepeatedRow {
  const CollectiveMeasurement* row = nullptr;  // the first of them
  std::vector<double> log_times;               // of us, in the order of the rows
  PreparedCase prepared;                       // its log_time is their median
  double weight() const;
};

// In the order of each case's first row.
std::vector<RepeatedRow> merge_repeats(const std::vector<const CollectiveMeasurement*>& rows);

}  // namespace windtunnel::calibration
