#include "calibration/kernels/attention_model.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "calibration/kernels/attention_tables.hpp"
#include "calibration/kernels/family_fit.hpp"
#include "models/kernels/number_format.hpp"

namespace windtunnel::calibration {
namespace {

using models::AttentionPhase;
using models::AttentionQuery;
using models::KernelTime;

constexpr double kNoWindow = -4.0;  // as a window of 2^-4: far from every real one
constexpr double kLatent = 8.0;  // octaves of head size that set MLA decode apart from all others
constexpr double kBackwardBand = 0.25;

template <class Parameters>
Parameters from_list(std::span<const double> values,
                     std::span<const models::ParameterRange<Parameters>> ranges) {
  Parameters result;
  for (std::size_t i = 0; i < ranges.size(); ++i) result.*(ranges[i].member) = values[i];
  return result;
}

template <class Parameters>
std::optional<Parameters> from_component(
    const Component& component, std::span<const models::ParameterRange<Parameters>> ranges) {
  Parameters result;
  for (const auto& range : ranges) {
    const FittedParameter* found = find_parameter(component, range.name);
    if (found == nullptr) return std::nullopt;
    result.*(range.member) = found->value;
  }
  return result;
}

class FittedAttention final : public ComponentModel<AttentionQuery> {
 public:
  FittedAttention(const Component& component, const sim::Gpu& gpu, models::NumberFormat products)
      : device_(models::attention_device(gpu, products)),
        decode_(component.kind == "attention_decode"),
        backward_measured_(component.kind == "attention_backward"),
        bands_(bands_of(component)),
        surfaces_(component.grids, kWindowWeight) {}

  models::ContextParameters context{};
  models::DecodeParameters decode{};

  KernelTime time(const AttentionQuery& query) const override;

 private:
  double form(const AttentionQuery& q) const {
    if (decode_) return models::decode_time(q, decode, device_);
    return q.phase == AttentionPhase::backward ? models::backward_time(q, context, device_)
                                               : models::context_time(q, context, device_);
  }

  models::AttentionDevice device_;
  bool decode_, backward_measured_;
  FamilyBands bands_;
  VariantSurfaces surfaces_;
};

KernelTime FittedAttention::time(const AttentionQuery& query) const {
  const AttentionPlace place = attention_place(query);
  const VariantSurfaces::Reading reading = surfaces_.at(place.variant, place.at);
  const double limit = models::attention_least_time(query, device_) / kDeviceTolerance;
  const double seconds = std::max(form(query) * std::exp(reading.value), limit);
  double band = band_of(bands_, seconds, reading, kBandAnOctave);
  const bool carried_over = query.phase == AttentionPhase::backward && !backward_measured_;
  if (carried_over) band += kBackwardBand;
  KernelTime result;
  result.time = base::Seconds(seconds);
  result.low = base::Seconds(std::max(seconds * std::exp(-band), std::min(limit, seconds)));
  result.high = base::Seconds(seconds * std::exp(band));
  result.extrapolated = reading.outside > 0.05 || reading.variant_distance > 0.75;
  if (reading.empty || carried_over) {  // the form alone
    result.basis = models::Basis::model;
  } else if (reading.variant_distance < 1e-9 && reading.to_knot < 0.02 && reading.outside <= 0) {
    result.basis = models::Basis::measured;
  } else {
    result.basis = models::Basis::interpolated;
  }
  return result;
}

std::vector<double> octaves(double last, double step) {
  std::vector<double> knots;
  for (double x = 0; x <= last; x += step) knots.push_back(x);
  return knots;
}

VariantLayout layout_of(AttentionPhase phase) {
  VariantLayout layout;
  layout.variant_names = {"log2 head_dim", "log2 window"};
  layout.knots[0] = {0, 1, 2, 3, 4, 5, 6.58};
  if (phase == AttentionPhase::decode) {
    layout.axis_names = {"log2 heads a kv head", "log2 batch x kv_heads", "log2 kv_len"};
    layout.knots[1] = octaves(18, 1);
    layout.knots[2] = octaves(17, 1);
  } else {
    layout.axis_names = {"log2 heads a kv head", "log2 batch x heads", "log2 length"};
    layout.knots[1] = octaves(17, 1);
    layout.knots[2] = {0,      4,  5,      6,  7,      8,  9,  10, 10.585, 11,
                       11.585, 12, 12.585, 13, 13.585, 14, 15, 16, 17};
  }
  return layout;
}

}  // namespace

std::string attention_format(models::NumberFormat products, models::NumberFormat cache) {
  const std::string first(models::to_text(products)), second(models::to_text(cache));
  return first == second ? first : first + "/" + second;
}

std::string attention_kind(AttentionPhase phase) {
  switch (phase) {
    case AttentionPhase::decode:
      return "attention_decode";
    case AttentionPhase::backward:
      return "attention_backward";
    case AttentionPhase::context:
      break;
  }
  return "attention_context";
}

AttentionPlace attention_place(const AttentionQuery& q) {
  AttentionPlace place;
  const double heads = static_cast<double>(q.heads), kv_heads = static_cast<double>(q.kv_heads);
  const double batch = static_cast<double>(q.batch);
  place.variant = {std::log2(static_cast<double>(q.head_dim)),
                   q.window > 0 ? std::log2(static_cast<double>(q.window)) : kNoWindow};
  if (q.phase == AttentionPhase::decode) {
    if (q.kv_heads == 1 && q.value_dim > 0 && q.value_dim < q.head_dim) place.variant[0] += kLatent;
    place.at = {std::log2(heads / kv_heads * static_cast<double>(q.q_len)),
                std::log2(batch * kv_heads), std::log2(static_cast<double>(q.kv_len))};
    return place;
  }
  const double queries = static_cast<double>(q.q_len);
  const double keys = static_cast<double>(std::max(q.kv_len, q.q_len));
  // q (q + 2 prefix) = length^2: the triangle of that side has as many pairs.
  const double squared =
      q.mask == models::AttentionMask::full ? 2 * queries * keys : queries * (2 * keys - queries);
  place.at = {std::log2(heads / kv_heads), std::log2(batch * heads), 0.5 * std::log2(squared)};
  return place;
}

const VariantLayout& attention_layout(AttentionPhase phase) {
  static const VariantLayout kContext = layout_of(AttentionPhase::context);
  static const VariantLayout kDecode = layout_of(AttentionPhase::decode);
  return phase == AttentionPhase::decode ? kDecode : kContext;
}

double attention_form_time(const AttentionQuery& query, std::span<const double> parameters,
                           const models::AttentionDevice& device) {
  if (query.phase == AttentionPhase::decode) {
    return models::decode_time(query, from_list(parameters, models::decode_parameter_ranges()),
                               device);
  }
  const auto context = from_list(parameters, models::context_parameter_ranges());
  return query.phase == AttentionPhase::backward ? models::backward_time(query, context, device)
                                                 : models::context_time(query, context, device);
}

BoundComponent<AttentionQuery> bind_attention(const Component& component, const sim::Gpu& gpu) {
  const bool decode = component.kind == "attention_decode";
  if (!decode && component.kind != "attention_context" && component.kind != "attention_backward")
    return nullptr;
  const auto products =
      models::number_format_from(component.format.substr(0, component.format.find('/')));
  if (!products) return nullptr;
  for (const ResidualGrid& grid : component.grids) {
    if (grid.axes.size() != 2 + kShapeAxes) return nullptr;
  }
  auto bound = std::make_unique<FittedAttention>(component, gpu, *products);
  if (decode) {
    const auto found = from_component(component, models::decode_parameter_ranges());
    if (!found) return nullptr;
    bound->decode = *found;
  } else {
    const auto found = from_component(component, models::context_parameter_ranges());
    if (!found) return nullptr;
    bound->context = *found;
  }
  return bound;
}

}  // namespace windtunnel::calibration
