// The model of a measured iteration.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "models/networks/library.hpp"
#include "scenarios/steps/step_defaults.hpp"
#include "scenarios/steps/step_scenario.hpp"
#include "scenarios/steps/step_software.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {
namespace {

// "llama3-70b-L12" is llama3-70b cut to 12 layers.
std::string without_cut(const std::string& name) {
  const auto cut = name.rfind("-L");
  if (cut == std::string::npos || cut + 2 == name.size()) return name;
  const bool digits = name.find_first_not_of("0123456789", cut + 2) == std::string::npos;
  return digits ? name.substr(0, cut) : name;
}

void take(const std::optional<std::int64_t>& from, std::int64_t& to) {
  if (from && *from > 0) to = *from;
}

// "first 1 layer dense": of a model cut short, which keeps fewer of them than the whole.
std::optional<std::int64_t> dense_layers(const std::string& notes) {
  static const std::regex kWords("first ([0-9]+) layers? dense");
  std::smatch found;
  if (!std::regex_search(notes, found, kWords)) return std::nullopt;
  return std::stoll(found[1]);
}

void take_figures(const StepRow& row, models::Transformer& t) {
  const bool other_shape =
      (row.hidden && *row.hidden != t.hidden) || (row.heads && *row.heads != t.heads);
  take(row.layers, t.layers);
  take(row.hidden, t.hidden);
  take(row.heads, t.heads);
  take(row.kv_heads, t.kv_heads);
  take(row.vocab, t.vocab);
  if (other_shape) t.head_dim = 0;
  if (t.moe.experts > 0) {
    take(row.experts, t.moe.experts);
    take(row.top_k, t.moe.top_k);
    take(dense_layers(row.notes), t.moe.first_dense_layers);
  } else {
    take(row.ffn, t.ffn);
  }
  if (t.sliding.window == 0 && row.sequence_length &&
      t.positions != models::PositionKind::learned) {
    t.max_positions = std::max(t.max_positions, *row.sequence_length);
  }
}

// The GPT of the Megatron papers: learned positions, layer norms, GELU, biases, tied embeddings.
std::optional<models::Transformer> gpt(const StepRow& row) {
  if (!row.layers || !row.hidden || !row.heads) return std::nullopt;
  models::Transformer t;
  t.layers = *row.layers;
  t.hidden = *row.hidden;
  t.heads = *row.heads;
  t.kv_heads = row.kv_heads.value_or(*row.heads);
  t.ffn = row.ffn.value_or(4 * *row.hidden);
  t.vocab = row.vocab.value_or(51200);
  t.max_positions = row.sequence_length.value_or(2048);
  t.tied_embeddings = true;
  t.dropout = 0.1;
  t.biases = {.qkv = true, .attention_output = true, .mlp = true, .norm = true};
  return t;
}

// Of a model that the library lacks: gated MLPs, RMS norms and rotary positions are what Llama's many
// relatives share, and fewer key heads than heads what no GPT of the Megatron papers has.
bool is_like_llama(const StepRow& row) {
  constexpr std::array<std::string_view, 6> kRelatives{"llama", "mistral", "mixtral",
                                                       "qwen",  "yi-",     "deepseek"};
  std::string name = row.model;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool named = std::any_of(kRelatives.begin(), kRelatives.end(), [&](std::string_view one) {
    return name.find(one) != std::string::npos;
  });
  return named || (row.kv_heads && row.heads && *row.kv_heads < *row.heads);
}

std::optional<models::Transformer> llama(const StepRow& row) {
  if (!row.layers || !row.hidden || !row.heads) return std::nullopt;
  const bool experts = row.experts.value_or(0) > 1;
  const auto like = models::model_by_name(experts ? "mixtral-8x7b" : "llama3-8b");
  base::ensures(like.has_value(), "the library has the relatives of Llama");
  auto t = std::get<models::Transformer>(like->architecture);
  const bool ffn_stated = row.ffn.has_value();
  take_figures(row, t);
  t.kv_heads = row.kv_heads.value_or(*row.heads);
  t.head_dim = 0;
  // Else two thirds of 4 h, so that three matrices hold what two did (arXiv 2002.05202).
  if (!ffn_stated) t.ffn = (8 * *row.hidden / 3 + 255) / 256 * 256;
  if (experts) t.moe.ffn = row.ffn.value_or(t.ffn);
  return t;
}

// Layers that predict tokens after the next, which the library leaves out and training has: of
// Nemotron 3 Super two, with which Megatron-Bridge's 84 GFLOP a token add up (76 without).
constexpr std::array<std::pair<std::string_view, std::int64_t>, 1> kPredictionLayers{
    {{"nemotron-3-super", 2}}};

void add_prediction_layers(const models::Model& known, models::Transformer& t,
                           std::vector<std::string>& inferred) {
  for (const auto& [name, layers] : kPredictionLayers) {
    if (!known.name.starts_with(name) || t.mtp_layers > 0) continue;
    t.mtp_layers = layers;
    inferred.push_back(fmt::format("multi-token prediction: {} layers", layers));
  }
}

// Megatron pads the vocabulary to a multiple of 128 times the tensor ranks.
void pad_vocabulary(const StepRow& row, models::Transformer& t) {
  const int multiple = step_defaults_of(software_of(row)).padded_vocabulary;
  const std::int64_t unit = multiple * (multiple > 1 ? row.tensor.value_or(1) : 1);
  t.vocab = (t.vocab + unit - 1) / unit * unit;
}

}  // namespace

std::optional<models::Model> model_of(const StepRow& row, std::vector<std::string>& inferred) {
  models::Model model;
  const auto known = models::model_by_name(without_cut(row.model));
  if (known && std::holds_alternative<models::Transformer>(known->architecture)) {
    model = *known;
    take_figures(row, std::get<models::Transformer>(model.architecture));
    add_prediction_layers(*known, std::get<models::Transformer>(model.architecture), inferred);
  } else if (known) {
    model = *known;
  } else {
    const bool relative = is_like_llama(row);
    const auto made = relative ? llama(row) : gpt(row);
    if (!made) return std::nullopt;
    model.architecture = *made;
    inferred.push_back(fmt::format("model '{}': a {} of the row's figures", row.model,
                                   relative ? "Llama" : "GPT"));
  }
  model.name = row.model;
  if (auto* t = std::get_if<models::Transformer>(&model.architecture)) {
    pad_vocabulary(row, *t);
    // OPT drops out of the residuals alone (attention_dropout 0.0 in its configuration), and a
    // network has one dropout: without fused attention that of the scores is by far the larger.
    if (row.model.starts_with("OPT") && t->dropout > 0.0) {
      t->dropout = 0.0;
      inferred.push_back("dropout: none (OPT has none in attention)");
    }
    t->max_positions = std::max(t->max_positions, row.sequence_length.value_or(0));
  }
  base::Diagnostics diagnostics;
  return complete(std::move(model), {row.origin.file, row.origin.line, 1}, diagnostics);
}

}  // namespace windtunnel::scenarios
