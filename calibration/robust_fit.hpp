// Robust maximum-a-posteriori fit of model parameters to measured times: Levenberg-Marquardt on
// Eigen.
//
// Model: minimise over x
//   sum_i u_i rho((y_i - f_i(D x)) / sigma) + sum_j ((x_j - m_j) / s_j)^2,
// y log time, f the model, rho(r) = 2 c^2 (sqrt(1 + r^2 / c^2) - 1), c = 4: squares for noise,
// absolute values for outliers. Weights by iteration (u_i / sqrt(1 + r^2/c^2)); Jacobian by forward
// differences; directions along which no row moves are left out of the solve and keep their prior.
// Standard errors come from the inverse of the last normal matrix, with rows of one curve counted
// as a quarter of an observation each. Contract: deterministic; the cost never rises; O(iterations
// x active parameters x rows) evaluations.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

#include "calibration/collective_model.hpp"

namespace windtunnel::calibration {

struct FitProblem {
  const std::vector<PreparedCase>* rows = nullptr;  // with log_time set
  std::vector<double> weights;                      // empty: 1 each
  ParamVector mean = initial_params();              // prior m
  ParamVector spread = prior_spread();              // prior s
  double sigma = 0.08;                              // of log time
  int max_iterations = 25;
};

struct FitResult {
  ParamVector params;
  ParamVector standard_error;  // of the logarithms; the prior's spread where no row speaks
  double cost = 0.0;
  int iterations = 0;
};

FitResult fit(const FitProblem& problem);

// The same, over a few directions only: params = mean + sum_j z_j direction_j, z with prior (0,
// spread).
struct ShiftProblem {
  const std::vector<PreparedCase>* rows = nullptr;
  std::vector<double> weights;
  ParamVector mean = initial_params();
  std::vector<ParamVector> directions;
  double spread = 0.5;
  double sigma = 0.3;
};
Eigen::VectorXd fit_shifts(const ShiftProblem& problem);

}  // namespace windtunnel::calibration
