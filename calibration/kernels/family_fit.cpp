#include "calibration/kernels/family_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "sim/base/contract.hpp"

namespace windtunnel::calibration {
namespace {

constexpr std::size_t kFolds = 4;
constexpr double kBandShare = 0.9, kWorstShare = 0.83;

using Rows = std::vector<std::size_t>;

std::uint64_t scrambled(std::uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// `count` of the rows, spread evenly by a hash of their number.
Rows sample(const Rows& rows, std::size_t count) {
  if (rows.size() <= count) return rows;
  Rows chosen = rows;
  std::nth_element(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(count),
                   chosen.end(),
                   [](std::size_t a, std::size_t b) { return scrambled(a) < scrambled(b); });
  chosen.resize(count);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0.0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

LogFit fit_form(const FamilyProblem& problem, const Rows& rows, std::span<const double> start) {
  const Rows chosen = sample(rows, problem.form_rows);
  std::vector<double> measured(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) measured[i] = problem.log_times[chosen[i]];
  LogFitProblem fit;
  fit.parameters = problem.parameters;
  for (std::size_t j = 0; j < start.size(); ++j) fit.parameters[j].start = start[j];
  fit.rows = chosen.size();
  fit.log_measured = measured;
  if (!start.empty())
    fit.iterations = 6;  // from the fit of all rows: a few steps lead anywhere near
  fit.evaluate = [&](std::span<const double> values, std::span<double> out) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      out[i] = std::log(problem.form(chosen[i], values));
    }
  };
  if (problem.steps.empty() || !start.empty()) return fit_log_parameters(fit);
  LogFit best;
  for (const double step : problem.steps) {
    fit.parameters[problem.stepped].start = step;
    LogFit tried = fit_log_parameters(fit);
    // The first of equals: rows that do not tell leave the step where it is listed first.
    if (best.values.empty() || tried.cost < 0.98 * best.cost) best = std::move(tried);
  }
  return best;
}

std::vector<ResidualGrid> fit_surfaces(const FamilyProblem& problem, const Rows& rows,
                                       const LogFit& form) {
  std::vector<VariantPoint> points;
  points.reserve(rows.size());
  for (const std::size_t row : rows) {
    const FamilyPlace& place = problem.places[row];
    points.push_back({place.variant, place.at,
                      problem.log_times[row] - std::log(problem.form(row, form.values))});
  }
  return fit_variant_surfaces(points, problem.layout, problem.surface);
}

// Fold of each row: distinct keys in a scrambled order, dealt out one by one.
std::vector<std::size_t> folds_of(const FamilySplit& split, std::size_t& folds) {
  std::map<double, std::uint64_t> order;
  for (const double key : split.keys) order.emplace(key, 0);
  std::vector<std::pair<std::uint64_t, double>> shuffled;
  std::uint64_t number = 0;
  for (const auto& [key, unused] : order) shuffled.emplace_back(scrambled(number++), key);
  std::sort(shuffled.begin(), shuffled.end());
  folds = std::min(kFolds, shuffled.size());
  for (std::size_t i = 0; i < shuffled.size(); ++i) order[shuffled[i].second] = i % folds;
  std::vector<std::size_t> result;
  result.reserve(split.keys.size());
  for (const double key : split.keys) result.push_back(order[key]);
  return result;
}

double look_up_error(const FamilyProblem& problem, const Rows& kept, std::size_t asked) {
  const FamilyPlace& wanted = problem.places[asked];
  double nearest = std::numeric_limits<double>::infinity(), log_time = 0;
  for (const std::size_t row : kept) {
    const FamilyPlace& place = problem.places[row];
    double distance = std::abs(place.variant[0] - wanted.variant[0]) +
                      problem.second_weight * std::abs(place.variant[1] - wanted.variant[1]);
    for (std::size_t a = 0; a < kShapeAxes; ++a) distance += std::abs(place.at[a] - wanted.at[a]);
    if (distance < nearest) {
      nearest = distance;
      log_time = problem.log_times[row];
    }
  }
  return std::abs(std::expm1(log_time - problem.log_times[asked]));
}

// What one split predicted for every row while it was left out.
struct Predicted {
  std::vector<double> log_error;   // ln(predicted / measured)
  std::vector<double> form_error;  // relative, of the bare form
  std::vector<double> look_up;     // relative, of some rows
  std::vector<VariantSurfaces::Reading> reading;
};

Predicted predict_left_out(const FamilyProblem& problem, const FamilySplit& split,
                           const LogFit& all) {
  std::size_t folds = 0;
  const std::vector<std::size_t> fold = folds_of(split, folds);
  const std::size_t count = problem.log_times.size();
  Predicted result;
  result.log_error.resize(count);
  result.form_error.resize(count);
  result.reading.resize(count);
  for (std::size_t f = 0; f < folds; ++f) {
    Rows kept, left;
    for (std::size_t i = 0; i < count; ++i) (fold[i] == f ? left : kept).push_back(i);
    const LogFit form = fit_form(problem, kept, all.values);
    const std::vector<ResidualGrid> grids = fit_surfaces(problem, kept, form);
    const VariantSurfaces surfaces(grids, problem.second_weight);
    for (const std::size_t row : left) {
      const FamilyPlace& place = problem.places[row];
      result.reading[row] = surfaces.at(place.variant, place.at);
      const double bare = std::log(problem.form(row, form.values)) - problem.log_times[row];
      result.log_error[row] = bare + result.reading[row].value;
      result.form_error[row] = std::abs(std::expm1(bare));
    }
    for (const std::size_t row : sample(left, problem.look_up_rows / folds)) {
      result.look_up.push_back(look_up_error(problem, kept, row));
    }
  }
  return result;
}

FamilyHoldOut summary(const FamilyProblem& problem, const Rows& rows, const Predicted& predicted,
                      const FamilyBands& bands) {
  const auto count = static_cast<double>(rows.size());
  FamilyHoldOut result;
  HeldOutError& error = result.error;
  error.rows = static_cast<std::int64_t>(rows.size());
  std::vector<double> sizes, widths, forms;
  double inside = 0;
  for (const std::size_t i : rows) {
    const double relative = std::expm1(predicted.log_error[i]);
    sizes.push_back(std::abs(relative));
    forms.push_back(predicted.form_error[i]);
    error.mean += std::abs(relative) / count;
    error.bias += relative / count;
    const double seconds = std::exp(problem.log_times[i] + predicted.log_error[i]);
    const double band = band_of(bands, seconds, predicted.reading[i], problem.band_an_octave);
    if (std::abs(predicted.log_error[i]) <= band) inside += 1 / count;
    widths.push_back(std::exp(band) - std::exp(-band));
  }
  error.median = quantile(sizes, 0.5);
  error.p90 = quantile(sizes, 0.9);
  error.inside_band = inside;
  error.band_width_median = quantile(std::move(widths), 0.5);
  result.form_median = quantile(std::move(forms), 0.5);
  return result;
}

FamilyBands bands_from(const FamilyProblem& problem, const std::vector<Predicted>& predicted) {
  constexpr double kLeast = 0.02;
  constexpr std::size_t kEnough = 30;
  std::array<std::vector<double>, 3> all;
  std::array<double, 3> worst{};
  std::vector<double> unseen;
  for (std::size_t s = 0; s < predicted.size(); ++s) {
    std::array<std::vector<double>, 3> by_time;
    for (std::size_t i = 0; i < problem.log_times.size(); ++i) {
      const double size = std::abs(predicted[s].log_error[i]);
      if (problem.splits[s].leaves == Leaves::variants) {
        unseen.push_back(size);
        continue;
      }
      const double seconds = std::exp(problem.log_times[i]);
      // What lies outside is wider by the octaves' own rule.
      by_time[seconds < kShortTime  ? 0
              : seconds < kLongTime ? 1
                                    : 2]
          .push_back(size - problem.band_an_octave * predicted[s].reading[i].outside);
    }
    for (std::size_t k = 0; k < 3; ++k) {
      if (by_time[k].size() >= kEnough) {
        worst[k] = std::max(worst[k], quantile(by_time[k], kWorstShare));
      }
      all[k].insert(all[k].end(), by_time[k].begin(), by_time[k].end());
    }
  }
  FamilyBands bands;
  const std::array<double*, 3> targets{&bands.short_, &bands.medium, &bands.long_};
  for (std::size_t k = 0; k < 3; ++k) {
    if (all[k].size() < kEnough) continue;
    *targets[k] = std::max({kLeast, worst[k], quantile(all[k], kBandShare)});
  }
  if (unseen.size() >= kEnough) bands.variant = std::max(kLeast, quantile(unseen, kBandShare));
  return bands;
}

}  // namespace

FamilyFit fit_family(const FamilyProblem& problem, HoldOuts hold_outs) {
  base::expects(problem.places.size() == problem.log_times.size() && !problem.log_times.empty(),
                "a place for each row");
  Rows all(problem.log_times.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  FamilyFit result;
  result.form = fit_form(problem, all, {});
  result.grids = fit_surfaces(problem, all, result.form);
  std::vector<double> bare;
  for (const std::size_t row : all) {
    bare.push_back(std::abs(
        std::expm1(std::log(problem.form(row, result.form.values)) - problem.log_times[row])));
  }
  result.form_median = quantile(std::move(bare), 0.5);
  if (hold_outs == HoldOuts::none) return result;
  std::vector<Predicted> predicted;
  for (const FamilySplit& split : problem.splits) {
    predicted.push_back(predict_left_out(problem, split, result.form));
  }
  result.bands = bands_from(problem, predicted);
  for (std::size_t s = 0; s < predicted.size(); ++s) {
    FamilyHoldOut held = summary(problem, all, predicted[s], result.bands);
    held.error.split = problem.splits[s].name;
    held.look_up_median = quantile(predicted[s].look_up, 0.5);
    result.held_out.push_back(std::move(held));
  }
  for (std::size_t g = 0; g < problem.group_names.size() && !predicted.empty(); ++g) {
    Rows members;
    for (const std::size_t row : all) {
      if (problem.groups[row] == static_cast<int>(g)) members.push_back(row);
    }
    FamilyHoldOut held = summary(problem, members, predicted.front(), result.bands);
    held.error.split = problem.group_names[g];
    result.by_group.push_back(std::move(held));
  }
  return result;
}

double band_of(const FamilyBands& bands, double seconds, const VariantSurfaces::Reading& reading,
               double band_an_octave) {
  double band = seconds < kShortTime  ? bands.short_
                : seconds < kLongTime ? bands.medium
                                      : bands.long_;
  if (reading.variant_distance > 1e-9 || reading.empty) band = std::max(band, bands.variant);
  return band + band_an_octave * reading.outside;
}

const FittedParameter* find_parameter(const Component& component, std::string_view name) {
  for (const FittedParameter& p : component.parameters) {
    if (p.name == name) return &p;
  }
  return nullptr;
}

void append_bands(const FamilyBands& bands, Component& component, const std::string& prefix) {
  component.parameters.push_back({prefix + "band_short", bands.short_, 0, "ln"});
  component.parameters.push_back({prefix + "band_medium", bands.medium, 0, "ln"});
  component.parameters.push_back({prefix + "band_long", bands.long_, 0, "ln"});
  component.parameters.push_back({prefix + "band_variant", bands.variant, 0, "ln"});
}

FamilyBands bands_of(const Component& component, const std::string& prefix) {
  FamilyBands bands;
  const auto take = [&](const std::string& name, double& band) {
    if (const FittedParameter* p = find_parameter(component, name)) band = p->value;
  };
  take(prefix + "band_short", bands.short_);
  take(prefix + "band_medium", bands.medium);
  take(prefix + "band_long", bands.long_);
  take(prefix + "band_variant", bands.variant);
  return bands;
}

}  // namespace windtunnel::calibration
