#include "calibration/kernels/moe_model.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "calibration/kernels/attention_tables.hpp"

namespace windtunnel::calibration {
namespace {

using models::KernelTime;
using models::MoeQuery;

constexpr double kSecondWeight = 1.0;

class FittedMoe final : public ComponentModel<MoeQuery> {
 public:
  FittedMoe(const Component& component, const sim::Gpu& gpu, models::NumberFormat format)
      : device_(models::moe_device(gpu, format)), surfaces_(component.grids, kSecondWeight) {}

  struct Family {
    models::MoeParameters parameters{};
    FamilyBands bands{};
  };
  Family gated{}, plain{};
  bool plain_was_measured = true, gated_was_measured = true;

  KernelTime time(const MoeQuery& query) const override;

 private:
  models::MoeDevice device_;
  VariantSurfaces surfaces_;
};

KernelTime FittedMoe::time(const MoeQuery& query) const {
  const models::MoeLoad load = models::rank_load(query);
  const FamilyPlace place = moe_place(query, load);
  const VariantSurfaces::Reading reading = surfaces_.at(place.variant, place.at);
  const bool is_plain = query.mlp == models::ExpertMlp::plain;
  const Family& family = is_plain ? plain : gated;
  const double limit = models::moe_least_time(query, device_) / kDeviceTolerance;
  const double seconds = std::max(
      models::moe_time(query, load, family.parameters, device_) * std::exp(reading.value), limit);
  const double band = band_of(family.bands, seconds, reading, kMoeBandAnOctave);
  KernelTime result;
  result.time = base::Seconds(seconds);
  result.low = base::Seconds(std::max(seconds * std::exp(-band), std::min(limit, seconds)));
  result.high = base::Seconds(seconds * std::exp(band));
  const bool stands_in = is_plain ? !plain_was_measured : !gated_was_measured;
  result.extrapolated = reading.outside > 0.05 || reading.variant_distance > 0.5 || stands_in;
  result.basis = reading.empty ? models::Basis::model : models::Basis::interpolated;
  return result;
}

// Nothing where a parameter is missing.
std::optional<FittedMoe::Family> family_of(const Component& component, const std::string& prefix) {
  FittedMoe::Family family;
  for (const auto& range : models::moe_parameter_ranges()) {
    const FittedParameter* found = find_parameter(component, prefix + std::string(range.name));
    if (found == nullptr) return std::nullopt;
    family.parameters.*(range.member) = found->value;
  }
  family.bands = bands_of(component, prefix);
  return family;
}

VariantLayout make_layout() {
  VariantLayout layout;
  layout.variant_names = {"experts spread + 4 plain", "skewed"};
  layout.axis_names = {"log2 pairs an expert", "log2 hidden x width", "log2 experts held"};
  for (double x = -8; x <= 18; x += 1) layout.knots[0].push_back(x);
  for (double x = 14; x <= 28; x += 1) layout.knots[1].push_back(x);
  for (double x = 0; x <= 10; x += 1) layout.knots[2].push_back(x);
  return layout;
}

}  // namespace

std::string moe_prefix(models::ExpertMlp mlp) {
  return mlp == models::ExpertMlp::plain ? "plain_" : "";
}

const VariantLayout& moe_layout() {
  static const VariantLayout kLayout = make_layout();
  return kLayout;
}

FamilyPlace moe_place(const MoeQuery& q, const models::MoeLoad& load) {
  const double width = static_cast<double>(q.intermediate) / static_cast<double>(q.tensor_ranks);
  FamilyPlace place;
  place.variant = {
      (q.expert_ranks > 1 ? 1.0 : 0.0) + (q.mlp == models::ExpertMlp::plain ? 4.0 : 0.0),
      q.skew > 0 ? 1.0 : 0.0};
  place.at = {std::log2(load.pairs / load.experts),
              std::log2(static_cast<double>(q.hidden) * width), std::log2(load.experts)};
  return place;
}

BoundComponent<MoeQuery> bind_moe(const Component& component, const sim::Gpu& gpu) {
  if (component.kind != "moe") return nullptr;
  const auto format = models::number_format_from(component.format);
  if (!format) return nullptr;
  for (const ResidualGrid& grid : component.grids) {
    if (grid.axes.size() != 2 + kShapeAxes) return nullptr;
  }
  auto bound = std::make_unique<FittedMoe>(component, gpu, *format);
  const auto gated = family_of(component, moe_prefix(models::ExpertMlp::gated));
  const auto plain = family_of(component, moe_prefix(models::ExpertMlp::plain));
  if (!gated && !plain) return nullptr;
  bound->gated = gated ? *gated : *plain;
  bound->plain = plain ? *plain : *gated;
  bound->gated_was_measured = gated.has_value();
  bound->plain_was_measured = plain.has_value();
  return bound;
}

}  // namespace windtunnel::calibration
