// A fitted attention component: the form of models/kernels/attention_form.hpp times a residual
// surface for each variant (head size, window) that was measured.
//
//   time = form(query) exp(surface(log2(heads / kv_heads), log2(streams), log2(length)))
// context: streams = batch x heads, length = sqrt(2 x pairs of one head) (q_len where nothing is
// cached); decode: streams = batch x kv_heads, length = kv_len. A component speaks of one phase, one
// format of the products and one of the cache (`attention_format`); which kernel a stack runs is
// decided by the shape in the stack, so kernels of one stack share a component and differ by
// variant. `attention_context` answers backward queries too (basis model).
// Bands: parameters `band_short`, `band_medium`, `band_long` are 90 % of |ln(predicted / measured)|
// on held-out rows below 20 us, to 200 us, above; `band_variant` that of head sizes held out whole.
// They widen by `kBandAnOctave` for each octave outside.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "calibration/kernels/component_model.hpp"
#include "calibration/kernels/variant_surfaces.hpp"
#include "models/kernels/attention_form.hpp"

namespace windtunnel::calibration {

inline constexpr double kBandAnOctave = 0.08;

// "bf16" where both agree, else "bf16/fp8": products, cache. The key of Component::format.
std::string attention_format(models::NumberFormat products, models::NumberFormat cache);
// "attention_context", "attention_decode", "attention_backward" (where such rows were measured; a
// component of kind attention_context answers backward queries otherwise).
std::string attention_kind(models::AttentionPhase phase);

struct AttentionPlace {
  std::array<double, 2> variant{};  // log2 head_dim, log2 window (-4 without)
  std::array<double, kShapeAxes> at{};
};
AttentionPlace attention_place(const models::AttentionQuery& query);
const VariantLayout& attention_layout(models::AttentionPhase phase);
// Weight of the window beside the head size in the distance of variants.
inline constexpr double kWindowWeight = 0.25;

// Parameters of either phase in the order of its ranges.
double attention_form_time(const models::AttentionQuery& query, std::span<const double> parameters,
                           const models::AttentionDevice& device);

}  // namespace windtunnel::calibration
