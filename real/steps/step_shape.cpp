#include "real/steps/step_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace windtunnel::real {
namespace {

struct Published {
  std::string_view name;
  std::int64_t layers, hidden, heads, kv_heads, head_dim, ffn, vocabulary, sequence;
};

// GPT-3: Brown et al. 2020 (arXiv 2005.14165), table 2.1, vocabulary padded to a multiple of 128 as
// Megatron-LM does. LLaMA 2: Touvron et al. 2023 (arXiv 2307.09288) and Llama 3: Grattafiori et al.
// 2024 (arXiv 2407.21783), table 3, as their released configurations have them.
constexpr std::array kGpt{
    Published{"gpt3-125m", 12, 768, 12, 12, 64, 3072, 50304, 2048},
    Published{"gpt3-350m", 24, 1024, 16, 16, 64, 4096, 50304, 2048},
    Published{"gpt3-760m", 24, 1536, 16, 16, 96, 6144, 50304, 2048},
    Published{"gpt3-1.3b", 24, 2048, 16, 16, 128, 8192, 50304, 2048},
    Published{"gpt3-6.7b", 32, 4096, 32, 32, 128, 16384, 50304, 2048},
};
constexpr std::array kLlama{
    Published{"llama2-7b", 32, 4096, 32, 32, 128, 11008, 32000, 4096},
    Published{"llama3-8b", 32, 4096, 32, 8, 128, 14336, 128256, 8192},
    Published{"llama3-70b", 80, 8192, 64, 8, 128, 28672, 128256, 8192},
};

StepShape shape_of(const Published& row) {
  StepShape shape;
  shape.name = row.name;
  shape.layers = row.layers;
  shape.hidden = row.hidden;
  shape.heads = row.heads;
  shape.kv_heads = row.kv_heads;
  shape.head_dim = row.head_dim;
  shape.ffn = row.ffn;
  shape.vocabulary = row.vocabulary;
  shape.sequence = row.sequence;
  return shape;
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

std::vector<std::string> step_shape_names() {
  std::vector<std::string> names;
  for (const Published& row : kGpt) names.emplace_back(row.name);
  for (const Published& row : kLlama) names.emplace_back(row.name);
  return names;
}

std::optional<StepShape> step_shape_named(std::string_view name) {
  for (const Published& row : kGpt) {
    if (row.name != name) continue;
    StepShape shape = shape_of(row);
    shape.mlp = StepShape::Mlp::plain;
    shape.norm = StepShape::Norm::layer;
    shape.positions = StepShape::Positions::learned;
    shape.head = StepShape::Head::tied;
    return shape;
  }
  for (const Published& row : kLlama)
    if (row.name == name) return shape_of(row);
  return std::nullopt;
}

StepShape block_of(StepShape shape, std::int64_t blocks) {
  shape.layers = blocks;
  shape.vocabulary = 0;
  shape.head = StepShape::Head::untied;
  shape.positions = StepShape::Positions::rotary;
  return shape;
}

}  // namespace windtunnel::real
