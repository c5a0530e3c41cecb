#include "calibration/kernels/form_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "calibration/kernels/component_access.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

std::vector<double> form_times(const FormProblem& problem, std::span<const double> values) {
  std::vector<double> seconds(problem.measured.size());
  problem.evaluate(values, seconds);
  return seconds;
}

ResidualGrid fit_surface(const FormProblem& problem, const std::vector<double>& form,
                         const std::vector<std::size_t>& rows) {
  std::vector<GridAxis> axes;
  for (std::size_t a = 0; a < problem.axes.size(); ++a) {
    std::vector<double> values;
    for (const std::size_t row : rows) values.push_back(problem.at[row][a]);
    axes.push_back({problem.axes[a], knots_from(std::move(values), problem.most_knots[a])});
  }
  std::vector<SurfacePoint> points;
  for (const std::size_t row : rows)
    points.push_back({problem.at[row], std::log(problem.measured[row] / form[row]), 1.0});
  return fit_residual_surface(std::move(axes), points, problem.surface);
}

}  // namespace

FormFit fit_form(const FormProblem& problem, const std::vector<std::size_t>& rows) {
  base::expects(rows.size() >= 2, "a fit needs at least two rows");
  std::vector<double> log_measured;
  for (const std::size_t row : rows) log_measured.push_back(std::log(problem.measured[row]));
  LogFitProblem fit;
  for (const FormParameter& parameter : problem.parameters)
    fit.parameters.push_back(parameter.range);
  fit.rows = rows.size();
  fit.log_measured = log_measured;
  fit.sigma = problem.sigma;
  fit.iterations = 60;
  fit.evaluate = [&](std::span<const double> values, std::span<double> log_times) {
    const std::vector<double> seconds = form_times(problem, values);
    for (std::size_t i = 0; i < rows.size(); ++i) log_times[i] = std::log(seconds[rows[i]]);
  };
  LogFit found = fit_log_parameters(fit);
  const std::vector<LogParameter> centre = fit.parameters;
  for (const std::vector<double>& start : problem.other_starts) {
    for (std::size_t j = 0; j < start.size(); ++j)
      fit.parameters[j].start = std::clamp(start[j], centre[j].least, centre[j].most);
    LogFit other = fit_log_parameters(fit);
    if (other.cost < found.cost) found = std::move(other);
  }
  FormFit out{found.values, found.standard_errors, {}};
  if (!problem.axes.empty()) out.grid = fit_surface(problem, form_times(problem, out.values), rows);
  return out;
}

std::vector<double> predict_form(const FormProblem& problem, const FormFit& fit,
                                 const std::vector<std::size_t>& rows) {
  const std::vector<double> form = form_times(problem, fit.values);
  std::vector<double> out;
  ResidualSurface surface;
  if (!fit.grid.axes.empty()) surface = ResidualSurface(fit.grid);
  for (const std::size_t row : rows) {
    double factor = 1.0;
    if (!surface.empty())
      factor = std::exp(surface.at(std::span(problem.at[row].data(), problem.axes.size())).value);
    out.push_back(form[row] * factor);
  }
  return out;
}

FormHoldOut hold_out_form(const FormProblem& problem, const std::vector<double>& family,
                          const std::string& split, std::size_t folds) {
  const std::set<double> distinct(family.begin(), family.end());
  FormHoldOut out;
  out.error.split = split;
  if (distinct.size() < 2 || problem.measured.size() < 8) return out;
  folds = std::min(folds, distinct.size());
  const std::vector<double> order(distinct.begin(), distinct.end());
  std::vector<HeldOutPoint> points;
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<std::size_t> fitted, held;
    for (std::size_t row = 0; row < family.size(); ++row) {
      const auto at = static_cast<std::size_t>(
          std::lower_bound(order.begin(), order.end(), family[row]) - order.begin());
      (at % folds == fold ? held : fitted).push_back(row);
    }
    if (fitted.size() < 2) continue;
    const std::vector<double> predicted = predict_form(problem, fit_form(problem, fitted), held);
    for (std::size_t i = 0; i < held.size(); ++i)
      points.push_back({problem.measured[held[i]], {.time = base::Seconds(predicted[i])}});
  }
  constexpr double kLeastBand = 0.03;
  out.band = std::max(kLeastBand, log_error_quantile(points, 0.9, 0.3));
  for (HeldOutPoint& point : points)
    point.predicted =
        with_band(point.predicted.time.value(), out.band, models::Basis::interpolated, false);
  out.error = held_out_error(split, points);
  return out;
}

void fill_component(Component& component, const FormProblem& problem, const FormFit& fit,
                    const FormHoldOut& held_out) {
  for (std::size_t j = 0; j < problem.parameters.size(); ++j)
    component.parameters.push_back({problem.parameters[j].name, fit.values[j],
                                    fit.standard_errors[j], problem.parameters[j].unit});
  component.parameters.push_back({"band", held_out.band, 0.0, "ln"});
  if (!fit.grid.axes.empty()) component.grids.push_back(fit.grid);
  component.rows_used = static_cast<std::int64_t>(problem.measured.size());
  if (held_out.error.rows > 0) component.held_out.push_back(held_out.error);
}

}  // namespace windtunnel::calibration
