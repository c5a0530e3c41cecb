#include "calibration/kernels/gemm_fitter.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "calibration/kernels/log_parameter_fit.hpp"

namespace windtunnel::calibration {
namespace {

constexpr std::size_t kFormRows = 6000;
constexpr std::size_t kMostKnots = 24;        // along n and k
constexpr double kKnotsARow = 1.3;            // at most, or n and k get fewer
constexpr std::size_t kFullPriorRows = 2500;  // from here on the prior is 1.5 wide
const SurfaceOptions kSurface{.smoothness = 0.2,
                              .pull = 0.01,
                              .stiffness = {},
                              .robust_passes = 5,
                              .turn = 0.7,
                              .solver_iterations = 60};

// About `most` of the rows, scattered evenly (a hash of the index, so that no period of the table
// is picked out).
PointIndices thinned(const PointIndices& rows, std::size_t most) {
  if (rows.size() <= most) return rows;
  PointIndices kept;
  for (const std::size_t row : rows) {
    const std::uint64_t hash = (row + 1) * 0x9E3779B97F4A7C15ULL >> 32;
    if (hash * rows.size() >> 32 < most) kept.push_back(row);
  }
  return kept;
}

// The shortest call takes as long as the launch of a kernel, or as an eager host needs for one call.
void start_launch(double least, models::DispatchMode dispatch,
                  std::vector<LogParameter>& parameters) {
  const auto& specs = models::gemm_parameter_specs();
  const bool eager = dispatch == models::DispatchMode::eager;
  for (std::size_t j = 0; j < specs.size(); ++j) {
    LogParameter& parameter = parameters[j];
    const double within = std::clamp(least, specs[j].low, specs[j].high);
    if (specs[j].name == "host" && eager) parameter.start = within;
    if (specs[j].name == "host" && !eager) parameter.most = 2.0 * specs[j].low;
    if (specs[j].name == "launch" && eager) parameter.most = 3.0 * parameter.start;
    if (specs[j].name == "launch" && !eager) parameter.start = within;
  }
}

}  // namespace

GemmFitter::GemmFitter(const GemmGroup& group, const sim::Gpu& gpu, const MeasuringLoop& loop)
    : group_(group),
      gpu_(gpu),
      prior_(models::default_gemm_parameters(gpu, group.format).parameters),
      dispatch_(loop.dispatch) {
  prior_.copies = loop.copies;
  prior_.copies_fill_l2 = loop.fill_l2;
}

void GemmFitter::fit_form(const PointIndices& rows, GemmFit& fit) const {
  const PointIndices kept = thinned(rows, kFormRows);
  std::vector<double> log_measured;
  double least = 1e300;
  for (const std::size_t row : rows) least = std::min(least, group_.points[row].seconds);
  for (const std::size_t row : kept) log_measured.push_back(std::log(group_.points[row].seconds));
  const auto& specs = models::gemm_parameter_specs();
  LogFitProblem problem;
  for (const auto& spec : specs) {
    problem.parameters.push_back(
        {std::clamp(prior_.*spec.member, spec.low, spec.high), spec.low, spec.high});
  }
  start_launch(least, dispatch_, problem.parameters);
  problem.rows = kept.size();
  problem.log_measured = log_measured;
  problem.prior_width =
      1.5 * std::sqrt(std::min(1.0, static_cast<double>(kept.size()) / kFullPriorRows));
  problem.evaluate = [&](std::span<const double> values, std::span<double> log_times) {
    models::GemmParameters parameters = prior_;
    for (std::size_t j = 0; j < specs.size(); ++j) parameters.*specs[j].member = values[j];
    const models::GemmForm form(gpu_, group_.format, parameters);
    for (std::size_t i = 0; i < kept.size(); ++i)
      log_times[i] = std::log(form.time(group_.points[kept[i]].query).value());
  };
  const LogFit found = fit_log_parameters(problem);
  fit.parameters = prior_;
  for (std::size_t j = 0; j < specs.size(); ++j) fit.parameters.*specs[j].member = found.values[j];
  fit.standard_errors = found.standard_errors;
}

ResidualGrid GemmFitter::fit_surface(const PointIndices& rows,
                                     const std::vector<double>& log_base) const {
  std::vector<GemmPoint> kept;
  std::vector<SurfacePoint> points;
  std::vector<double> n, k;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const GemmPoint& from = group_.points[rows[i]];
    kept.push_back(from);
    n.push_back(from.at[1]);
    k.push_back(from.at[2]);
    SurfacePoint point;
    std::copy(from.at.begin(), from.at.end(), point.at.begin());
    point.residual = std::log(from.seconds) - log_base[i];
    points.push_back(point);
  }
  std::vector<double> m_knots = token_knots(kept), n_knots, k_knots;
  for (std::size_t most = kMostKnots; most >= 2; --most) {
    n_knots = knots_from(n, most);
    k_knots = knots_from(k, most);
    const auto count = static_cast<double>(m_knots.size() * n_knots.size() * k_knots.size());
    if (count <= kKnotsARow * static_cast<double>(rows.size())) break;
  }
  return fit_residual_surface({{"log2 m", m_knots}, {"log2 n", n_knots}, {"log2 k", k_knots}},
                              points, kSurface);
}

GemmFit GemmFitter::fit(const PointIndices& rows) const {
  GemmFit fit;
  fit_form(rows, fit);
  const models::GemmForm form(gpu_, group_.format, fit.parameters);
  std::vector<double> log_base;
  for (const std::size_t row : rows)
    log_base.push_back(std::log(form.time(group_.points[row].query).value()));
  fit.grid = fit_surface(rows, log_base);
  return fit;
}

std::vector<double> GemmFitter::look_up(LookUpBase base, const PointIndices& kept,
                                        const PointIndices& rows) const {
  const models::GemmForm form = prior_form();
  const auto log_base = [&](std::size_t row) {
    return base == LookUpBase::time ? 0.0
                                    : std::log(form.roofline(group_.points[row].query).value());
  };
  double mean = 0.0;
  for (const std::size_t row : kept) mean += std::log(group_.points[row].seconds) - log_base(row);
  mean /= static_cast<double>(kept.size());
  std::vector<double> bases, result;
  for (const std::size_t row : kept) bases.push_back(log_base(row) + mean);
  const ResidualGrid grid = fit_surface(kept, bases);
  const ResidualSurface surface(grid);
  for (const std::size_t row : rows)
    result.push_back(log_base(row) + mean + surface.at(group_.points[row].at).value);
  return result;
}

}  // namespace windtunnel::calibration
