// One kernel family fitted: parameters of its form, residual surfaces on top, and honest errors by
// leaving whole families of shapes out. Attention and MoE share it.
//
// The form is fitted first (log_parameter_fit, at most `form_rows` rows spread evenly over them), the
// surfaces to what it leaves. A split leaves out all rows of a quarter of the values of one property
// (head counts, models, batch sizes), refits form and surfaces on the rest and predicts them; every
// value is left out once. `look_up` beside it: the time of the nearest row that was kept (sum of
// distances in the surfaces' coordinates), on at most `look_up_rows` of the rows left out.
// Bands: 90 % of |ln(predicted / measured)| over all splits that leave a shape out, by measured
// time, and at least 83 % of each split's; those of `Split::unseen_variant` make the band of variants not seen.
// Contract: deterministic; every hyper-parameter here is the same for all tables.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "calibration/kernels/log_parameter_fit.hpp"
#include "calibration/kernels/variant_surfaces.hpp"

namespace windtunnel::calibration {

struct FamilyPlace {
  std::array<double, 2> variant{};
  std::array<double, kShapeAxes> at{};
};

enum class Leaves { shapes, variants };
struct FamilySplit {
  std::string name;          // "by head count"
  std::vector<double> keys;  // of each row
  Leaves leaves = Leaves::shapes;
};

struct FamilyProblem {
  std::vector<LogParameter> parameters;
  // Values that one parameter is tried at where it is a step (none: it is fitted as the others).
  std::size_t stepped = 0;
  std::vector<double> steps;
  std::function<double(std::size_t row, std::span<const double> parameters)> form;  // seconds
  std::vector<FamilyPlace> places;
  std::vector<double> log_times;
  std::vector<FamilySplit> splits;
  // Group of each row and the groups' names (kernels); empty: one. Errors are told for each as well.
  std::vector<int> groups;
  std::vector<std::string> group_names;
  VariantLayout layout;
  VariantFitOptions surface;
  double second_weight = 1.0;
  double band_an_octave = 0.08;  // ln, for each octave outside the surfaces
  std::size_t form_rows = 3000, look_up_rows = 400;
};

struct FamilyBands {
  double short_ = 0.3, medium = 0.3, long_ = 0.3, variant = 0.35;
};
inline constexpr double kShortTime = 20e-6, kLongTime = 200e-6;

struct FamilyHoldOut {
  HeldOutError error;
  double look_up_median = 0.0;
  double form_median = 0.0;  // of the form alone, fitted on the same rows
};

struct FamilyFit {
  LogFit form;
  std::vector<ResidualGrid> grids;
  FamilyBands bands;
  std::vector<FamilyHoldOut> held_out;
  std::vector<FamilyHoldOut> by_group;  // of the first split; `split` is the group's name
  double form_median = 0.0;             // error of the bare form on the rows fitted
};

enum class HoldOuts { none, all };
FamilyFit fit_family(const FamilyProblem& problem, HoldOuts hold_outs);

// Half-width in ln of a prediction of `seconds`.
double band_of(const FamilyBands& bands, double seconds, const VariantSurfaces::Reading& reading,
               double band_an_octave);
// As parameters `<prefix>band_short` and so on.
void append_bands(const FamilyBands& bands, Component& component, const std::string& prefix = "");
FamilyBands bands_of(const Component& component, const std::string& prefix = "");
const FittedParameter* find_parameter(const Component& component, std::string_view name);

}  // namespace windtunnel::calibration
