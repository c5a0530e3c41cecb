// Shapes of kernels from a model's sizes.
#include <utility>

#include "real/shapes.hpp"

namespace windtunnel::real {
namespace {

using models::AttentionQuery;
using models::NumberFormat;

std::vector<TransformerShape> known_transformers() {
  using Mlp = TransformerShape::Mlp;
  // Layers, hidden, ffn, heads, kv heads, head size, vocabulary: the models' published configurations.
  return {{"gpt2", 12, 768, 3072, 12, 12, 64, 50257, Mlp::plain},
          {"gpt3-6.7b", 32, 4096, 16384, 32, 32, 128, 50257, Mlp::plain},
          {"gpt3-175b", 96, 12288, 49152, 96, 96, 128, 50257, Mlp::plain},
          {"llama2-7b", 32, 4096, 11008, 32, 32, 128, 32000, Mlp::gated},
          {"llama2-13b", 40, 5120, 13824, 40, 40, 128, 32000, Mlp::gated},
          {"llama2-70b", 80, 8192, 28672, 64, 8, 128, 32000, Mlp::gated},
          {"llama3-8b", 32, 4096, 14336, 32, 8, 128, 128256, Mlp::gated},
          {"llama3-70b", 80, 8192, 28672, 64, 8, 128, 128256, Mlp::gated},
          {"llama3.1-405b", 126, 16384, 53248, 128, 8, 128, 128256, Mlp::gated},
          {"qwen3-8b", 36, 4096, 12288, 32, 8, 128, 151936, Mlp::gated},
          {"qwen3-32b", 64, 5120, 25600, 64, 8, 128, 151936, Mlp::gated}};
}

}  // namespace

std::optional<TransformerShape> transformer_named(const std::string& name) {
  for (const TransformerShape& model : known_transformers()) {
    if (model.name == name) return model;
  }
  return std::nullopt;
}

std::vector<std::string> transformer_names() {
  std::vector<std::string> names;
  for (const TransformerShape& model : known_transformers()) names.push_back(model.name);
  return names;
}

Shapes shapes_of(const TransformerShape& model, Effort effort,
                 const std::vector<NumberFormat>& formats) {
  const std::vector<std::int64_t> tokens =
      effort == Effort::quick
          ? std::vector<std::int64_t>{1, 128, 2048}
          : std::vector<std::int64_t>{1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
  const std::int64_t width = model.heads * model.head_dim;
  const std::int64_t up = model.mlp == TransformerShape::Mlp::gated ? 2 * model.ffn : model.ffn;
  const std::vector<std::pair<std::int64_t, std::int64_t>> layers = {
      {width + 2 * model.kv_heads * model.head_dim, model.hidden},
      {model.hidden, width},
      {up, model.hidden},
      {model.hidden, model.ffn},
      {model.vocab, model.hidden}};
  Shapes out;
  for (const NumberFormat format : formats) {
    for (const auto& [n, k] : layers) {
      for (const std::int64_t m : tokens)
        out.gemms.push_back({.m = m, .n = n, .k = k, .batch = 1, .groups = 1, .format = format});
    }
    AttentionQuery query;
    query.heads = model.heads;
    query.kv_heads = model.kv_heads;
    query.head_dim = model.head_dim;
    query.format = query.kv_format = format;
    for (const std::int64_t length : {512, 1024, 2048, 4096, 8192}) {
      if (effort == Effort::quick && length != 2048) continue;
      query.q_len = query.kv_len = length;
      for (const auto phase : {models::AttentionPhase::context, models::AttentionPhase::backward}) {
        query.phase = phase;
        out.attentions.push_back(query);
      }
    }
  }
  return out;
}

}  // namespace windtunnel::real
