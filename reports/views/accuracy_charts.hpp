// The charts of predictions held against measurements.
#pragma once

#include <string>
#include <vector>

#include "reports/view.hpp"

namespace windtunnel::reports {

// Predicted against measured with the diagonal and the band of nine rows in
// ten, error against size, and, where there are roofs (columns gpu, precision,
// peak_flops_per_s, bandwidth_bytes_per_s) and rows have flops and bytes, the
// roofline. Empty where the table has no predictions.
std::vector<Chart> accuracy_charts(const base::Table& rows, const base::Table* roofs,
                                   const std::string& prefix);

// Memory predicted against measured by what was measured: bytes, and shares of a baseline, each in a
// chart of its own where there are any.
std::vector<Chart> memory_charts(const base::Table& memory, const std::string& prefix);

// Which rows the charts leave out, in a sentence; empty where they show all.
std::string thinning_note(const base::Table& rows);

}  // namespace windtunnel::reports
