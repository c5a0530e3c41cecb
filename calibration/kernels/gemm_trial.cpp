#include "calibration/kernels/gemm_trial.hpp"

#include <algorithm>
#include <cmath>

#include "calibration/kernels/component_access.hpp"
#include "calibration/kernels/gemm_model.hpp"
#include "calibration/kernels/held_out.hpp"
#include "sim/base/statistics.hpp"

namespace windtunnel::calibration {
namespace {

constexpr std::size_t kBandKnots = 6;
constexpr double kLevel = 0.90;
constexpr std::size_t kNearestRows = 400;
const SurfaceOptions kBandSurface{
    .smoothness = 3.0, .pull = 1e-6, .stiffness = {}, .robust_passes = 1, .solver_iterations = 60};

// One row predicted by a fit that had not seen it.
struct Miss {
  std::size_t row = 0, split = 0;
  int fold = 0;
  double log_error = 0.0;   // ln(predicted / measured)
  double form_error = 0.0;  // the form alone
  double outside = 0.0;     // octaves beyond that fit's knots
};

std::vector<Miss> miss_fold(const GemmGroup& group, const GemmFitter& fitter,
                            const PointIndices& kept, const PointIndices& left) {
  const GemmFit fit = fitter.fit(kept);
  const models::GemmForm form(fitter.gpu(), group.format, fit.parameters);
  const ResidualSurface surface(fit.grid);
  std::vector<Miss> misses;
  for (const std::size_t row : left) {
    const GemmPoint& point = group.points[row];
    const double bare = std::log(form.time(point.query).value() / point.seconds);
    const auto reading = surface.at(point.at);
    misses.push_back(
        {row, 0, 0, bare + reading.value / (1.0 + 0.25 * reading.outside), bare, reading.outside});
  }
  return misses;
}

// Half-widths: the mean size of misses as a smooth function of the shape, scaled so that 90 % of
// them lie inside.
ResidualGrid band_of_misses(const GemmGroup& group, const std::vector<const Miss*>& misses) {
  std::vector<SurfacePoint> points;
  std::array<std::vector<double>, 3> values;
  for (const Miss* miss : misses) {
    SurfacePoint point;
    const auto& at = group.points[miss->row].at;
    std::copy(at.begin(), at.end(), point.at.begin());
    // Far misses are cut, or a few would set the width of a whole region.
    point.residual = std::min(0.7, std::max(0.004, std::abs(miss->log_error)));
    points.push_back(point);
    for (std::size_t a = 0; a < 3; ++a) values[a].push_back(at[a]);
  }
  std::vector<GridAxis> axes{{"log2 m", {}}, {"log2 n", {}}, {"log2 k", {}}};
  for (std::size_t a = 0; a < 3; ++a) axes[a].knots = knots_from(values[a], kBandKnots);
  ResidualGrid grid = fit_residual_surface(std::move(axes), points, kBandSurface);
  for (std::int16_t& value : grid.values)
    value = std::max(value, static_cast<std::int16_t>(std::lround(0.004 / kGridStep)));
  const ResidualSurface surface(grid);
  std::vector<double> ratios;
  for (const Miss* miss : misses) {
    const double beyond = kBandAnOctave * miss->outside;
    ratios.push_back(std::max(0.0, std::abs(miss->log_error) - beyond) /
                     surface.at(group.points[miss->row].at).value);
  }
  const double factor = base::quantile(std::move(ratios), kLevel);
  for (std::int16_t& value : grid.values)
    value = static_cast<std::int16_t>(std::lround(std::min(20000.0, factor * value)));
  return grid;
}

double half_width(const ResidualSurface& band, const GemmPoint& point, double outside) {
  return std::max(0.01, band.at(point.at).value) + kBandAnOctave * outside;
}

HeldOutError error_of(const GemmGroup& group, const std::string& name,
                      const std::vector<Miss>& misses, std::size_t split, int folds) {
  std::vector<HeldOutPoint> points;
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<const Miss*> others;
    for (const Miss& miss : misses)
      if (miss.split != split || miss.fold != fold) others.push_back(&miss);
    if (others.empty()) continue;
    const ResidualGrid grid = band_of_misses(group, others);
    const ResidualSurface band(grid);
    for (const Miss& miss : misses) {
      if (miss.split != split || miss.fold != fold) continue;
      const GemmPoint& point = group.points[miss.row];
      const double predicted = point.seconds * std::exp(miss.log_error);
      points.push_back({point.seconds, with_band(predicted, half_width(band, point, miss.outside),
                                                 models::Basis::interpolated, false)});
    }
  }
  return held_out_error(name, points);
}

double median_size(std::vector<double> errors) {
  for (double& error : errors) error = std::abs(std::expm1(error));
  return base::quantile(std::move(errors), 0.5);
}

// The time of the nearest kept row, scaled by the rooflines, for a sample of the rows left out.
std::vector<double> nearest_errors(const GemmGroup& group, const models::GemmForm& form,
                                   const PointIndices& kept, const PointIndices& left) {
  std::vector<double> errors;
  const std::size_t step = std::max<std::size_t>(1, left.size() / kNearestRows);
  for (std::size_t i = 0; i < left.size(); i += step) {
    const GemmPoint& wanted = group.points[left[i]];
    double best = 1e300;
    const GemmPoint* nearest = nullptr;
    for (const std::size_t row : kept) {
      const GemmPoint& point = group.points[row];
      double distance = 0.0;
      for (std::size_t a = 0; a < 3; ++a) distance += std::abs(point.at[a] - wanted.at[a]);
      if (distance >= best) continue;
      best = distance;
      nearest = &point;
    }
    const double scale = form.roofline(wanted.query) / form.roofline(nearest->query);
    errors.push_back(std::log(nearest->seconds * scale / wanted.seconds));
  }
  return errors;
}

struct Comparison {
  std::vector<double> time, efficiency, nearest;
};

void compare(const GemmGroup& group, const GemmFitter& fitter, const PointIndices& kept,
             const PointIndices& left, Comparison& to) {
  const auto add = [&](LookUpBase base, std::vector<double>& errors) {
    const auto predicted = fitter.look_up(base, kept, left);
    for (std::size_t i = 0; i < left.size(); ++i)
      errors.push_back(predicted[i] - std::log(group.points[left[i]].seconds));
  };
  add(LookUpBase::time, to.time);
  add(LookUpBase::roofline, to.efficiency);
  const auto nearest = nearest_errors(group, fitter.prior_form(), kept, left);
  to.nearest.insert(to.nearest.end(), nearest.begin(), nearest.end());
}

}  // namespace

GemmTrials try_gemm(const GemmGroup& group, const GemmFitter& fitter, GemmLookUps look_ups) {
  const auto splits = gemm_splits(group.points);
  GemmTrials result;
  std::vector<Miss> misses;
  for (std::size_t s = 0; s < splits.size(); ++s) {
    Comparison comparison;
    std::vector<double> form_errors;
    for (int fold = 0; fold < splits[s].folds; ++fold) {
      PointIndices kept, left;
      for (std::size_t row = 0; row < group.points.size(); ++row)
        (splits[s].fold[row] == fold ? left : kept).push_back(row);
      if (kept.empty() || left.empty()) continue;
      for (Miss& miss : miss_fold(group, fitter, kept, left)) {
        miss.split = s;
        miss.fold = fold;
        form_errors.push_back(miss.form_error);
        misses.push_back(miss);
      }
      if (look_ups == GemmLookUps::all) compare(group, fitter, kept, left, comparison);
    }
    GemmTrial trial;
    trial.form_median = median_size(form_errors);
    if (look_ups == GemmLookUps::all) {
      trial.time_median = median_size(comparison.time);
      trial.efficiency_median = median_size(comparison.efficiency);
      trial.nearest_median = median_size(comparison.nearest);
    }
    result.trials.push_back(trial);
  }
  std::vector<const Miss*> all;
  for (const Miss& miss : misses) all.push_back(&miss);
  if (all.empty()) return result;
  result.band = band_of_misses(group, all);
  for (std::size_t s = 0; s < splits.size(); ++s)
    result.trials[s].error = error_of(group, splits[s].name, misses, s, splits[s].folds);
  return result;
}

}  // namespace windtunnel::calibration
