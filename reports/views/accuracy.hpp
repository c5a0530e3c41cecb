// The views of `validate` (predicted against measured) and `calibrate` (fitted parameters,
// residuals).
#pragma once

#include "reports/view.hpp"

namespace windtunnel::reports {

bool is_validation(const Result& result);
void add_validation(const Result& result, View& view);

bool is_calibration(const Result& result);
void add_calibration(const Result& result, View& view);

}  // namespace windtunnel::reports
