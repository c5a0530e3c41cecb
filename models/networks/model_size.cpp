#include "models/networks/model_size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace windtunnel::models {
namespace {

struct Factor {
  std::string_view field;
  std::int64_t value;
};

// Sums products of fields and remembers the largest.
class Sum {
 public:
  explicit Sum(std::string_view counted) : counted_(counted) {}

  void add(double times, std::vector<Factor> factors) {
    double product = times;
    for (const Factor& factor : factors) product *= static_cast<double>(factor.value);
    total_ += product;
    if (product <= largest_) return;
    largest_ = product;
    factors_ = std::move(factors);
  }

  std::optional<std::string> too_large() const {
    if (total_ <= kMostParameters) return std::nullopt;
    std::string values;
    for (std::size_t i = 1; i < factors_.size(); ++i) {
      values += fmt::format("{}{} {}", i == 1 ? ", times " : " and ", factors_[i].field,
                            factors_[i].value);
    }
    return fmt::format(
        "{} is {}{}: the model would have {:.3g} {}, more than "
        "the {:g} that can be "
        "counted",
        factors_.front().field, factors_.front().value, values, total_, counted_, kMostParameters);
  }

 private:
  std::string_view counted_;
  double total_ = 0, largest_ = 0;
  std::vector<Factor> factors_{};
};

using Reason = std::optional<std::string>;

Factor layers_of(const Transformer& t) {
  return {"layers", t.layers + t.decoder_layers + t.mtp_layers};
}

void add_attention(const Transformer& t, Sum& sum) {
  const Factor layers = layers_of(t), hidden{"hidden", t.hidden};
  if (t.mla.kv_lora > 0) {
    const Factor heads{"heads", t.heads};
    sum.add(2, {heads, {"mla.nope_dim", t.mla.nope_dim}, {"mla.kv_lora", t.mla.kv_lora}, layers});
    sum.add(1, {heads, {"mla.value_dim", t.mla.value_dim}, {"mla.kv_lora", t.mla.kv_lora}, layers});
    sum.add(1, {heads, {"mla.value_dim", t.mla.value_dim}, hidden, layers});
    const Factor query = t.mla.q_lora > 0 ? Factor{"mla.q_lora", t.mla.q_lora} : hidden;
    sum.add(1, {heads, {"head_dim", t.head_dim}, query, layers});
    sum.add(1, {{"mla.q_lora", t.mla.q_lora}, hidden, layers});
    sum.add(1, {{"mla.kv_lora", t.mla.kv_lora}, hidden, layers});
    sum.add(1, {{"mla.rope_dim", t.mla.rope_dim}, hidden, layers});
    return;
  }
  const Factor width{"head_dim", t.head_dim};
  sum.add(3, {{"heads", t.heads}, width, hidden, layers});  // queries, output and a gate
  sum.add(2, {{"kv_heads", t.kv_heads}, width, hidden, layers});
}

void add_mlps(const Transformer& t, Sum& sum) {
  const Factor layers = layers_of(t), hidden{"hidden", t.hidden};
  sum.add(3, {{"ffn", t.ffn}, hidden, layers});
  if (t.moe.experts == 0) return;
  sum.add(3, {{"moe.experts", t.moe.experts}, {"moe.ffn", t.moe.ffn}, hidden, layers});
  sum.add(1, {{"moe.experts", t.moe.experts}, hidden, layers});
  sum.add(3, {{"moe.shared_ffn", t.moe.shared_ffn}, hidden, layers});
  sum.add(2, {{"moe.latent", t.moe.latent}, hidden, layers});
}

Reason of(const Transformer& t) {
  Sum sum("parameters");
  const Factor layers = layers_of(t), hidden{"hidden", t.hidden};
  add_attention(t, sum);
  add_mlps(t, sum);
  sum.add(4, {{"scan.heads", t.scan.heads}, {"scan.head_dim", t.scan.head_dim}, hidden, layers});
  sum.add(2, {{"scan.groups", t.scan.groups}, {"scan.state", t.scan.state}, hidden, layers});
  const Factor width{"embedding_width", t.embedding_width};
  sum.add(1, {{"vocab", t.vocab}, width});
  sum.add(1, {{"vocab", t.vocab}, hidden});
  sum.add(1, {hidden, width});
  sum.add(1, {{"position_table", t.position_table}, hidden});
  sum.add(1, {{"token_types", t.token_types}, hidden});
  if (t.role == TransformerRole::vision) {
    const Factor image{"vision.image", t.patches.image};
    sum.add(1, {image, image, hidden});
    sum.add(1, {{"vision.patch", t.patches.patch},
                {"vision.patch", t.patches.patch},
                hidden,
                {"vision.channels", t.patches.channels}});
    sum.add(1, {{"vision.classes", t.patches.classes}, hidden});
  }
  return sum.too_large();
}

Reason of(const ConvolutionalNetwork& net) {
  const bool volume = net.family == ConvolutionalFamily::unet3d;
  const Factor image{"image", net.image};
  Sum elements("activations in a layer");
  std::vector<Factor> positions{image, image};
  if (volume) positions.push_back(image);
  if (volume && !net.stages.empty()) positions.push_back({"stages", net.stages.front()});
  elements.add(256, positions);
  elements.add(1, {image, image, {"groups", net.groups}, {"group_width", net.group_width}});
  if (Reason why = elements.too_large()) return why;
  Sum sum("parameters");
  for (const std::int64_t stage : net.stages) {
    if (volume) sum.add(27 * 4, {{"stages", stage}, {"stages", stage}});
  }
  const Factor groups{"groups", net.groups}, width{"group_width", net.group_width};
  sum.add(9 * 64, {{"group_width", net.group_width}, groups, width});
  sum.add(4096, {{"classes", net.classes}});
  sum.add(9 * 256, {{"anchors", net.anchors}, {"classes", net.classes}});
  return sum.too_large();
}

Reason of(const DiffusionUnet& unet) {
  const std::int64_t widest = unet.multipliers.empty() ? 1
                                                       : *std::max_element(unet.multipliers.begin(),
                                                                           unet.multipliers.end());
  const Factor channels{"channels", unet.channels}, times{"multipliers", widest};
  const Factor latent{"latent", unet.latent};
  Sum elements("activations in a layer");
  elements.add(4, {latent, latent, channels, times});
  if (Reason why = elements.too_large()) return why;
  Sum sum("parameters");
  sum.add(64, {channels, channels, times, times, {"residual_blocks", unet.residual_blocks}});
  for (const std::int64_t depth : unet.transformer_depth) {
    const Factor blocks{"transformer_depth", depth};
    sum.add(32, {channels, channels, times, times, blocks});
    sum.add(4, {{"context_width", unet.context_width}, channels, times, blocks});
  }
  sum.add(4, {{"conditioning", unet.conditioning}, channels});
  return sum.too_large();
}

void add_chain(std::int64_t inputs, std::string_view field, const std::vector<std::int64_t>& widths,
               Sum& sum) {
  std::int64_t before = inputs;
  for (const std::int64_t width : widths) {
    sum.add(1, {{field, width}, {field, before}});
    before = width;
  }
}

Reason of(const RecommendationModel& dlrm) {
  const Factor width{"embedding_dim", dlrm.embedding_dim};
  Sum sum("parameters");
  for (const std::int64_t rows : dlrm.table_rows) sum.add(1, {{"table_rows", rows}, width});
  const auto tables = static_cast<std::int64_t>(dlrm.table_rows.size()) + 1;
  add_chain(dlrm.dense_features, "bottom_mlp", dlrm.bottom_mlp, sum);
  if (!dlrm.top_mlp.empty()) {
    sum.add(static_cast<double>(tables), {{"top_mlp", dlrm.top_mlp.front()}, width});
    add_chain(tables * tables, "top_mlp", dlrm.top_mlp, sum);
  }
  sum.add(2 * static_cast<double>(tables),
          {{"cross_rank", dlrm.cross_rank}, width, {"cross_layers", dlrm.cross_layers}});
  return sum.too_large();
}

Reason of(const RecurrentNetwork& lstm) {
  const Factor layers{"layers", lstm.layers}, hidden{"hidden", lstm.hidden};
  Sum sum("parameters");
  sum.add(4, {hidden, hidden, layers});
  sum.add(4, {{"inputs", lstm.inputs}, hidden, layers});
  sum.add(2, {{"vocab", lstm.vocab}, hidden});
  return sum.too_large();
}

Reason of(const FeedForward& net) {
  Sum sum("parameters");
  if (!net.widths.empty()) sum.add(1, {{"features", net.inputs}, {"widths", net.widths.front()}});
  if (!net.widths.empty()) {
    add_chain(net.widths.front(), "widths", {net.widths.begin() + 1, net.widths.end()}, sum);
  }
  return sum.too_large();
}

}  // namespace

Reason too_large(const Architecture& architecture) {
  return std::visit([](const auto& one) { return of(one); }, architecture);
}

}  // namespace windtunnel::models
