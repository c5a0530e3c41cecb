#include "models/networks/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/networks/model_size.hpp"

namespace windtunnel::models {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 31;
constexpr std::int64_t kMostLayers = 10'000;

// Gathers sentences about a model's figures.
class Check {
 public:
  Check(base::SourceLocation where, base::Diagnostics& diagnostics)
      : where_(std::move(where)), diagnostics_(diagnostics) {}

  // A network is built layer by layer: a slip of the pen must not fill the memory.
  void at_most_layers(std::string_view field, std::int64_t value) {
    if (value > kMostLayers)
      error(fmt::format("{} is {}, more than {}", field, value, kMostLayers));
  }
  void error(std::string message) { diagnostics_.error(where_, std::move(message)); }
  void at_least(const char* field, std::int64_t value, std::int64_t least) {
    if (value < least || value > kLargest) {
      error(fmt::format("{} is {}; it has to be from {} to {}", field, value, least, kLargest));
    }
  }
  void divides(const char* part, std::int64_t small, const char* whole, std::int64_t large) {
    if (small > 0 && large % small != 0) {
      error(fmt::format("{} is {}, which does not divide {} = {}", part, small, whole, large));
    }
  }

 private:
  base::SourceLocation where_;
  base::Diagnostics& diagnostics_;
};

void derive(Transformer& t) {
  if (t.kv_heads == 0 || t.mla.kv_lora > 0) t.kv_heads = t.heads;
  if (t.mla.kv_lora > 0) {
    t.head_dim = t.mla.nope_dim + t.mla.rope_dim;
    if (t.mla.value_dim == 0) t.mla.value_dim = t.mla.nope_dim;
  } else if (t.head_dim == 0 && t.heads > 0) {
    t.head_dim = t.hidden / t.heads;
  }
  if (t.ffn == 0) t.ffn = 4 * t.hidden;
  if (t.moe.experts > 0 && t.moe.ffn == 0) t.moe.ffn = t.ffn;
  if (t.scan.heads > 0 && t.scan.head_dim == 0) t.scan.head_dim = t.hidden / t.scan.heads;
  if (t.position_table == 0) t.position_table = t.max_positions;
  if (t.embedding_width == 0) t.embedding_width = t.hidden;
  if (t.role == TransformerRole::encoder_decoder && t.decoder_layers == 0) {
    t.decoder_layers = t.layers;
  }
}

void check_heads(const Transformer& t, Check& check) {
  check.at_least("heads", t.heads, 1);
  if (t.heads < 1) return;
  check.divides("kv_heads", t.kv_heads, "heads", t.heads);
  if (t.mla.kv_lora > 0) {
    check.at_least("mla.nope_dim", t.mla.nope_dim, 1);
    check.at_least("mla.rope_dim", t.mla.rope_dim, 0);
    if (t.sliding.window > 0) {
      check.error("sliding.window cannot be used with latent attention (mla.kv_lora)");
    }
  } else {
    check.at_least("head_dim", t.head_dim, 1);
  }
}

// Experts that no layer has are a slip of the pen. Pre: `every` is at least 1.
void check_expert_layers(const Transformer& t, Check& check) {
  const std::int64_t layers = std::max(t.layers, t.decoder_layers);
  if (layers < 1 || layers > kMostLayers) return;  // said already
  for (std::int64_t i = 0; i < layers; ++i) {
    if (has_experts(t, i)) return;
  }
  check.error(
      fmt::format("{} leaves none of the {} layers with experts: layer i, from 0, has them "
                  "where i is at least moe.first_dense_layers = {} and i + 1 is a multiple "
                  "of moe.every = {}",
                  t.moe.first_dense_layers >= layers ? "moe.first_dense_layers"
                  : t.moe.every > 1                  ? "moe.every"
                                                     : "moe.experts",
                  layers, t.moe.first_dense_layers, t.moe.every));
}

void check_experts(const Transformer& t, Check& check) {
  if (t.moe.experts == 0) {
    if (t.moe.top_k > 0) check.error("moe.top_k is given without moe.experts");
    return;
  }
  check.at_least("moe.top_k", t.moe.top_k, 1);
  check.at_least("moe.every", t.moe.every, 1);
  if (t.moe.top_k > t.moe.experts) {
    check.error(
        fmt::format("moe.top_k is {}, more than the {} experts", t.moe.top_k, t.moe.experts));
  }
  if (t.moe.first_dense_layers > t.layers) {
    check.error(fmt::format("moe.first_dense_layers is {}, more than the {} layers",
                            t.moe.first_dense_layers, t.layers));
  } else if (t.moe.every >= 1) {
    check_expert_layers(t, check);
  }
}

void check_scan(const Transformer& t, Check& check) {
  const ScanMixer& scan = t.scan;
  const bool alone = scan.attention_layers > 0 || scan.mlp_layers > 0;
  if (scan.heads == 0) {
    if (alone || scan.full_every > 0) check.error("scan has layers, but scan.heads is not given");
    return;
  }
  check.at_least("scan.head_dim", scan.head_dim, 1);
  check.at_least("scan.state", scan.state, 1);
  check.at_least("scan.groups", scan.groups, 1);
  check.divides("scan.groups", scan.groups, "scan.heads", scan.heads);
  if (t.role != TransformerRole::decoder) check.error("scan is for decoders only");
  if (alone && scan.full_every > 0)
    check.error(
        "scan.full_every says that layers have a mixer and an MLP, scan.attention_layers and "
        "scan.mlp_layers that they have one of them: give one");
  if (scan.attention_layers + scan.mlp_layers > t.layers)
    check.error(
        fmt::format("scan.attention_layers and scan.mlp_layers are {} together, more than "
                    "the {} layers",
                    scan.attention_layers + scan.mlp_layers, t.layers));
}

void check_all(Transformer& t, Check& check) {
  check.at_least("layers", t.layers, 1);
  check.at_most_layers("layers", t.layers);
  check.at_most_layers("decoder_layers", t.decoder_layers);
  check.at_most_layers("mtp_layers", t.mtp_layers);
  check.at_least("hidden", t.hidden, 1);
  check_heads(t, check);
  check_experts(t, check);
  check_scan(t, check);
  check.at_least("max_positions", t.max_positions, 1);
  if (t.role == TransformerRole::vision) {
    check.at_least("vision.patch", t.patches.patch, 1);
    check.divides("vision.patch", t.patches.patch, "vision.image", t.patches.image);
  } else {
    check.at_least("vocab", t.vocab, 1);
  }
  if (t.tied_embeddings && t.role == TransformerRole::vision) {
    check.error("tied_embeddings: a vision encoder has no vocabulary");
  }
  if (t.mtp_layers > 0 && t.role != TransformerRole::decoder) {
    check.error("mtp_layers is for decoders only");
  }
}

void check_all(ConvolutionalNetwork& net, Check& check) {
  const bool residual =
      net.family == ConvolutionalFamily::resnet || net.family == ConvolutionalFamily::retinanet;
  const bool volume = net.family == ConvolutionalFamily::unet3d;
  check.at_least("image", net.image, 32);
  check.at_least("classes", net.classes, 1);
  if (net.stages.empty()) {
    if (residual) net.stages = {3, 4, 6, 3};
    if (net.family == ConvolutionalFamily::vgg) net.stages = {2, 2, 3, 3, 3};
    if (volume) net.stages = {32, 64, 128, 256, 320, 320};
  }
  const std::size_t stages = residual ? 4U : 5U;
  if (net.family != ConvolutionalFamily::alexnet && !volume && net.stages.size() != stages) {
    check.error(
        fmt::format("stages has {} entries; this family has {} stages", net.stages.size(), stages));
  }
  if (net.family == ConvolutionalFamily::alexnet && !net.stages.empty()) {
    check.error("stages: AlexNet has none to choose");
  }
  for (const std::int64_t blocks : net.stages) {
    check.at_least("stages", blocks, 1);
    if (!volume) check.at_most_layers("stages", blocks);
  }
  check.at_least("groups", net.groups, 1);
  check.at_least("group_width", net.group_width, 1);
  check.at_least("anchors", net.anchors, 1);
  check.at_least("evaluations", net.evaluations, 1);
  if (net.groups > 1 && !residual) {
    check.error(fmt::format("groups is {}: only residual networks have them", net.groups));
  }
  if (volume && (net.stages.size() > 16 || net.image % (1 << (net.stages.size() - 1)) != 0)) {
    check.error(fmt::format("image is {}, which cannot be halved {} times", net.image,
                            net.stages.size() - 1));
  }
}

void check_all(DiffusionUnet& unet, Check& check) {
  check.at_least("channels", unet.channels, 32);
  check.divides("head_dim", unet.head_dim, "channels", unet.channels);
  check.at_most_layers("residual_blocks", unet.residual_blocks);
  for (const std::int64_t depth : unet.transformer_depth) {
    check.at_most_layers("transformer_depth", depth);
  }
  if (unet.multipliers.empty()) unet.multipliers = {1, 2, 4};
  if (unet.transformer_depth.size() != unet.multipliers.size()) {
    check.error(fmt::format("transformer_depth has {} entries, multipliers has {}: one each level",
                            unet.transformer_depth.size(), unet.multipliers.size()));
  }
  const std::int64_t halvings = std::int64_t{1} << (unet.multipliers.size() - 1);
  if (unet.latent % halvings != 0) {
    check.error(fmt::format("latent is {}, which cannot be halved {} times", unet.latent,
                            unet.multipliers.size() - 1));
  }
}

void check_all(RecommendationModel& dlrm, Check& check) {
  check.at_least("dense_features", dlrm.dense_features, 1);
  check.at_least("embedding_dim", dlrm.embedding_dim, 1);
  if (dlrm.table_rows.empty()) check.error("table_rows is empty: give the rows of each table");
  if (dlrm.lookups.empty()) dlrm.lookups.assign(dlrm.table_rows.size(), 1);
  if (dlrm.lookups.size() != dlrm.table_rows.size()) {
    check.error(fmt::format("lookups has {} entries for {} tables", dlrm.lookups.size(),
                            dlrm.table_rows.size()));
  }
  if (dlrm.bottom_mlp.empty() || dlrm.bottom_mlp.back() != dlrm.embedding_dim) {
    check.error(fmt::format("bottom_mlp has to end in embedding_dim = {}", dlrm.embedding_dim));
  }
  if (dlrm.top_mlp.empty()) check.error("top_mlp is empty");
  if (dlrm.cross_layers > 0) check.at_least("cross_rank", dlrm.cross_rank, 1);
}

void check_all(RecurrentNetwork& lstm, Check& check) {
  check.at_least("layers", lstm.layers, 1);
  check.at_most_layers("layers", lstm.layers);
  check.at_least("hidden", lstm.hidden, 1);
  if (lstm.inputs == 0) lstm.inputs = lstm.hidden;
}

void check_all(FeedForward& net, Check& check) {
  check.at_least("features", net.inputs, 1);
  if (net.widths.empty()) check.error("widths is empty: give the width of each layer");
  for (const std::int64_t width : net.widths) check.at_least("widths", width, 1);
}

}  // namespace

// Of `count` marked places among `total`, spread evenly: how many stand before `index`.
std::int64_t marked_before(std::int64_t count, std::int64_t total, std::int64_t index) {
  return index * count / std::max<std::int64_t>(1, total);
}

LayerParts parts_of_layer(const Transformer& t, std::int64_t index) {
  const ScanMixer& scan = t.scan;
  if (scan.heads == 0) return {};
  if (scan.attention_layers == 0 && scan.mlp_layers == 0) {
    const bool full = scan.full_every > 0 && (index + 1) % scan.full_every == 0;
    return {.attention = full, .scan = !full, .mlp = true};
  }
  const std::int64_t attention = scan.attention_layers;
  const std::int64_t before = marked_before(attention, t.layers, index);
  if (marked_before(attention, t.layers, index + 1) > before)
    return {.attention = true, .scan = false, .mlp = false};
  const std::int64_t others = t.layers - attention;
  const std::int64_t at = index - before;
  const bool mlp =
      marked_before(scan.mlp_layers, others, at + 1) > marked_before(scan.mlp_layers, others, at);
  return {.attention = false, .scan = !mlp, .mlp = mlp};
}

bool has_experts(const Transformer& t, std::int64_t index) {
  if (!parts_of_layer(t, index).mlp) return false;
  if (t.moe.experts == 0 || index < t.moe.first_dense_layers) return false;
  return (index + 1) % t.moe.every == 0;
}

std::int64_t window_of_layer(const Transformer& t, std::int64_t index) {
  if (t.sliding.full_every > 0 && (index + 1) % t.sliding.full_every == 0) return 0;
  return t.sliding.window;
}

const std::vector<std::string>& model_kinds() {
  static const std::vector<std::string> kKinds{"transformer",    "convolutional", "diffusion_unet",
                                               "recommendation", "recurrent",     "feed_forward"};
  return kKinds;
}

std::string_view kind_of(const Model& model) {
  return model_kinds()[model.architecture.index()];
}

std::optional<Architecture> architecture_of_kind(std::string_view kind) {
  static const std::vector<Architecture> kEmpty{Transformer{},      ConvolutionalNetwork{},
                                                DiffusionUnet{},    RecommendationModel{},
                                                RecurrentNetwork{}, FeedForward{}};
  const auto& kinds = model_kinds();
  const auto found = std::find(kinds.begin(), kinds.end(), kind);
  if (found == kinds.end()) return std::nullopt;
  return kEmpty[static_cast<std::size_t>(found - kinds.begin())];
}

std::optional<Model> complete(Model model, const base::SourceLocation& where,
                              base::Diagnostics& diagnostics) {
  const int before = diagnostics.error_count();
  Check check(where, diagnostics);
  if (auto* transformer = std::get_if<Transformer>(&model.architecture)) derive(*transformer);
  std::visit([&](auto& architecture) { check_all(architecture, check); }, model.architecture);
  if (diagnostics.error_count() == before) {
    if (auto why = too_large(model.architecture)) check.error(*std::move(why));
  }
  if (diagnostics.error_count() > before) return std::nullopt;
  return model;
}

}  // namespace windtunnel::models
