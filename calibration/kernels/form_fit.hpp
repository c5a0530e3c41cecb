// A physical form with a correction surface, fitted to rows and tried on rows left out: what the
// fits of memory-bound ops, copies and custom all-reduces share.
//
// prediction_i = form_i(parameters) exp(surface(coordinates_i)). The form is fitted first, robustly
// and in logarithms (log_parameter_fit); the surface takes what is left of its residuals
// (residual_surface). Hold-out: rows fall into folds by family (a width, a size, a GPU count), each
// fold is predicted by a fit of the others, and the 90 % band is the 90th percentile of those
// misses. Contract: deterministic; needs at least two rows.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "calibration/kernels/held_out.hpp"
#include "calibration/kernels/log_parameter_fit.hpp"
#include "calibration/kernels/residual_surface.hpp"

namespace windtunnel::calibration {

struct FormParameter {
  std::string name, unit;
  LogParameter range;
};

struct FormProblem {
  std::vector<FormParameter> parameters;
  // Seconds of every row for these parameters.
  std::function<void(std::span<const double> parameters, std::span<double> seconds)> evaluate;
  std::vector<double> measured;                  // s, one a row
  std::vector<std::string> axes;                 // of the surface; none: no surface
  std::vector<std::size_t> most_knots;           // an axis
  std::vector<std::array<double, kMaxAxes>> at;  // coordinates of the rows
  // Further starts for parameters that no slope leads to (a switch size); the best fit counts.
  std::vector<std::vector<double>> other_starts{};
  double sigma = 0.08;
  SurfaceOptions surface{};
};

struct FormFit {
  std::vector<double> values, standard_errors;
  ResidualGrid grid;  // no axes where the problem has none
};

FormFit fit_form(const FormProblem& problem, const std::vector<std::size_t>& rows);

// Predicted seconds of `rows` (indices into the problem's).
std::vector<double> predict_form(const FormProblem& problem, const FormFit& fit,
                                 const std::vector<std::size_t>& rows);

// Errors by fold: rows with equal `family` share a fold, families are dealt out in order. The band
// of the predictions is the 90th percentile of all misses.
struct FormHoldOut {
  HeldOutError error;
  double band = 0.3;  // half-width of ln time at 90 %
};
FormHoldOut hold_out_form(const FormProblem& problem, const std::vector<double>& family,
                          const std::string& split, std::size_t folds = 4);

// The component's parameters, "band" among them, and its grid.
void fill_component(Component& component, const FormProblem& problem, const FormFit& fit,
                    const FormHoldOut& held_out);

}  // namespace windtunnel::calibration
