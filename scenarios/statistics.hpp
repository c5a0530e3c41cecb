// Means and quantiles of a few numbers, for tables of errors.
#pragma once

#include <vector>

namespace windtunnel::scenarios {

// 0 of nothing. Quantile: linear between the neighbours of rank share (n - 1).
double mean(const std::vector<double>& values);
double quantile(std::vector<double> values, double share);

}  // namespace windtunnel::scenarios
