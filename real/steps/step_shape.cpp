#include "real/steps/step_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/networks/library.hpp"

namespace windtunnel::real {
namespace {

using models::Transformer;

// The longest sequence a step takes by itself; models name windows of a million tokens.
constexpr std::int64_t kLongestSequence = 8192;
constexpr std::int64_t kVocabularyPadding = 128;

std::string why_not(const Transformer& t) {
  if (t.role != models::TransformerRole::decoder) return "it is no decoder";
  if (t.moe.experts > 0) return "it has experts";
  if (t.mla.kv_lora > 0) return "it has latent attention";
  if (t.sliding.window > 0) return "it has sliding-window attention";
  if (t.residual != models::ResidualKind::sequential) return "its attention and MLP are parallel";
  if (t.positions != models::PositionKind::rotary && t.positions != models::PositionKind::learned)
    return "its positions are neither rotary nor learned";
  if (t.qk_norm || t.sandwich_norms || t.embedding_norm) return "it has norms beyond the usual two";
  if (t.embedding_width > 0 && t.embedding_width != t.hidden)
    return "its embedding is of another width than its blocks";
  return "";
}

StepShape shape_of(const Transformer& t) {
  StepShape s;
  s.layers = t.layers;
  s.hidden = t.hidden;
  s.heads = t.heads;
  s.kv_heads = t.kv_heads;
  s.head_dim = t.head_dim;
  s.ffn = t.ffn;
  s.vocabulary = (t.vocab + kVocabularyPadding - 1) / kVocabularyPadding * kVocabularyPadding;
  s.sequence = std::min(t.max_positions, kLongestSequence);
  s.mlp = t.mlp == models::MlpKind::gated ? StepShape::Mlp::gated : StepShape::Mlp::plain;
  s.norm = t.norm == models::NormKind::rms_norm ? StepShape::Norm::rms : StepShape::Norm::layer;
  s.positions = t.positions == models::PositionKind::rotary ? StepShape::Positions::rotary
                                                            : StepShape::Positions::learned;
  s.head = t.tied_embeddings ? StepShape::Head::tied : StepShape::Head::untied;
  return s;
}

}  // namespace

std::string shape_refusal(const StepShape& s) {
  for (const auto& [what, value] : {std::pair{"layers", s.layers},
                                    {"hidden", s.hidden},
                                    {"heads", s.heads},
                                    {"kv-heads", s.kv_heads},
                                    {"head-dim", s.head_dim},
                                    {"ffn", s.ffn},
                                    {"sequence", s.sequence},
                                    {"batch", s.batch}})
    if (value < 1) return fmt::format("{} is {}, and must be at least 1", what, value);
  if (s.vocabulary < 0) return "vocabulary is negative";
  if (s.heads % s.kv_heads != 0)
    return fmt::format("{} heads do not divide into {} kv-heads", s.heads, s.kv_heads);
  if (s.hidden % 8 != 0 || s.ffn % 8 != 0)
    return fmt::format("hidden {} and ffn {} must be multiples of 8", s.hidden, s.ffn);
  if (s.vocabulary % 8 != 0)
    return fmt::format("vocabulary {} must be a multiple of 8 (pad it: {})", s.vocabulary,
                       (s.vocabulary + 127) / 128 * 128);
  if (s.head_dim % 8 != 0 || (s.positions == StepShape::Positions::rotary && s.head_dim % 16 != 0))
    return fmt::format("head-dim {} must be a multiple of 8, of 16 with rotary positions",
                       s.head_dim);
  if (s.positions == StepShape::Positions::learned && s.vocabulary == 0)
    return "learned positions belong to the embedding; blocks alone take rotary ones";
  return "";
}

std::int64_t matrix_parameters(const StepShape& s) {
  const std::int64_t block = s.hidden * s.qkv_width() + s.attention_width() * s.hidden +
                             s.hidden * s.up_width() + s.ffn * s.hidden;
  return s.layers * block + s.vocabulary * s.hidden;
}

base::Flops model_flops(const StepShape& s) {
  const double tokens = static_cast<double>(s.tokens());
  const double attention = 4.0 * tokens * static_cast<double>(s.sequence) *
                           static_cast<double>(s.attention_width()) * static_cast<double>(s.layers);
  return base::Flops(3.0 * (2.0 * tokens * static_cast<double>(matrix_parameters(s)) + attention));
}

ShapeOfModel step_shape_of(std::string_view model_name) {
  const std::optional<models::Model> model = models::model_by_name(model_name);
  if (!model) return {std::nullopt, fmt::format("there is no model '{}'", model_name)};
  const auto* transformer = std::get_if<Transformer>(&model->architecture);
  const std::string reason = transformer ? why_not(*transformer) : "it is no transformer";
  if (!reason.empty()) return {std::nullopt, fmt::format("{}: {}", model->name, reason)};
  StepShape shape = shape_of(*transformer);
  shape.name = model->name;
  const std::string refusal = shape_refusal(shape);
  if (!refusal.empty()) return {std::nullopt, fmt::format("{}: {}", model->name, refusal)};
  return {shape, ""};
}

StepShape block_of(StepShape shape, std::int64_t blocks) {
  shape.layers = blocks;
  shape.vocabulary = 0;
  shape.head = StepShape::Head::untied;
  shape.positions = StepShape::Positions::rotary;
  return shape;
}

}  // namespace windtunnel::real
