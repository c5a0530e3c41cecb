// Positive parameters of a formula fitted to measured times: robust Levenberg-Marquardt in the
// logarithms.
//
// Minimises over x = ln(parameters)
//   sum_i w_i rho((ln f_i(x) - ln t_i) / sigma) + sum_j ((x_j - m_j) / s)^2,
// rho(r) = 2 c^2 (sqrt(1 + r^2 / c^2) - 1) with c = 2 (squares for noise, absolute values for
// outliers), m the start and s the width of its prior, which holds what the rows do not speak about.
// Bounds are kept by projection. Standard errors are those of the last normal matrix; rows of one
// sweep are not independent, so a row counts as a quarter of an observation.
// Contract: deterministic; the cost never rises; O(iterations x parameters x rows) evaluations.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace windtunnel::calibration {

struct LogParameter {
  double start = 1.0, least = 0.0, most = 0.0;
};

struct LogFitProblem {
  std::vector<LogParameter> parameters;
  std::size_t rows = 0;
  // ln(time) of all rows for these parameters.
  std::function<void(std::span<const double> parameters, std::span<double> log_times)> evaluate;
  std::span<const double> log_measured;
  double sigma = 0.1;
  double prior_width = 1.5;
  int iterations = 25;
};

struct LogFit {
  std::vector<double> values;
  std::vector<double> standard_errors;  // of the values, same units
  double cost = 0.0;
};

LogFit fit_log_parameters(const LogFitProblem& problem);

}  // namespace windtunnel::calibration
