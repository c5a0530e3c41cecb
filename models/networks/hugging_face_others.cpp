// config.json of the GPT line (layer norms, plain MLPs), encoders, T5 and vision models.
#include <fmt/format.h>

#include "models/networks/config_reader.hpp"

namespace windtunnel::models {
namespace {

Biases all_biases() {
  return {.qkv = true, .attention_output = true, .mlp = true, .norm = true};
}

// Sizes under the names that most of them use.
Transformer sizes(const ConfigReader& config) {
  Transformer t;
  t.layers = config.integer({"num_hidden_layers", "n_layer"});
  t.hidden = config.integer({"hidden_size", "n_embd"});
  t.heads = config.integer({"num_attention_heads", "n_head"});
  t.ffn = config.integer_or({"intermediate_size", "n_inner"}, 0);
  t.max_positions = config.integer_or({"max_position_embeddings", "n_positions"}, 2048);
  return t;
}

Transformer language(const ConfigReader& config) {
  Transformer t = sizes(config);
  t.vocab = config.integer({"vocab_size"});
  t.biases = all_biases();
  return t;
}

}  // namespace

Architecture read_gpt2(const ConfigReader& config) {
  Transformer t = language(config);
  t.max_positions = config.integer_or({"n_positions", "n_ctx"}, 1024);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.dropout = config.number_or("resid_pdrop", 0.1);
  return t;
}

Architecture read_gpt_neo(const ConfigReader& config) {
  Transformer t;
  t.layers = config.integer({"num_layers"});
  t.hidden = config.integer({"hidden_size"});
  t.heads = config.integer({"num_heads"});
  t.ffn = config.integer_or({"intermediate_size"}, 0);
  t.vocab = config.integer({"vocab_size"});
  t.max_positions = config.integer_or({"max_position_embeddings"}, 2048);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.biases = all_biases();
  t.biases.qkv = false;
  t.dropout = config.number_or("resid_dropout", 0.0);
  // Global and local layers in turn, unless `attention_layers` has no local one.
  bool local = true;
  if (const JsonValue* layers = config.find("attention_layers")) {
    local = false;
    for (const JsonValue& layer : layers->items) local = local || layer.text == "local";
  }
  if (local) t.sliding = {.window = config.integer_or({"window_size"}, 256), .full_every = 2};
  return t;
}

Architecture read_gptj(const ConfigReader& config) {
  Transformer t = language(config);
  t.positions = PositionKind::rotary;
  t.residual = ResidualKind::parallel;
  t.separate_mlp_norm = false;
  t.biases.qkv = t.biases.attention_output = false;
  t.tied_embeddings = config.flag_or("tie_word_embeddings", false);
  t.biases.head = !t.tied_embeddings;
  t.dropout = config.number_or("resid_pdrop", 0.0);
  return t;
}

Architecture read_gpt_neox(const ConfigReader& config) {
  Transformer t = language(config);
  t.positions = PositionKind::rotary;
  if (config.flag_or("use_parallel_residual", true)) t.residual = ResidualKind::parallel;
  t.biases.qkv = t.biases.attention_output = config.flag_or("attention_bias", true);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", false);
  t.dropout = config.number_or("hidden_dropout", 0.0);
  return t;
}

Architecture read_opt(const ConfigReader& config) {
  Transformer t = language(config);
  t.ffn = config.integer({"ffn_dim"});
  t.position_table = t.max_positions + 2;  // an offset of 2, as in fairseq
  t.embedding_width = config.integer_or({"word_embed_proj_dim"}, 0);
  t.final_norm = config.flag_or("do_layer_norm_before", true);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  if (!config.flag_or("enable_bias", true)) t.biases = {.norm = true};
  t.dropout = config.number_or("dropout", 0.1);
  return t;
}

Architecture read_bloom(const ConfigReader& config) {
  Transformer t;
  t.layers = config.integer({"n_layer", "num_hidden_layers"});
  t.hidden = config.integer({"hidden_size", "n_embed"});
  t.heads = config.integer({"n_head", "num_attention_heads"});
  t.vocab = config.integer({"vocab_size"});
  t.max_positions = config.integer_or({"seq_length"}, 2048);
  t.positions = PositionKind::alibi;
  t.embedding_norm = true;
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.biases = all_biases();
  t.dropout = config.number_or("hidden_dropout", 0.0);
  return t;
}

Architecture read_mpt(const ConfigReader& config) {
  Transformer t;
  t.layers = config.integer({"n_layers"});
  t.hidden = config.integer({"d_model"});
  t.heads = config.integer({"n_heads"});
  t.ffn = config.integer_or({"expansion_ratio"}, 4) * t.hidden;
  t.vocab = config.integer({"vocab_size"});
  t.max_positions = config.integer_or({"max_seq_len"}, 2048);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.positions = PositionKind::learned;
  if (!config.flag_or("no_bias", true)) t.biases = all_biases();
  t.dropout = config.number_or("resid_pdrop", 0.0);
  if (const JsonValue* attention = config.find("attn_config")) {
    const ConfigReader part(*attention, *attention, config.type(), config.diagnostics());
    if (part.flag_or("alibi", false)) t.positions = PositionKind::alibi;
    if (part.flag_or("rope", false)) t.positions = PositionKind::rotary;
    const bool single = part.text_or("attn_type", "") == "multiquery_attention";
    t.kv_heads = single ? 1 : part.integer_or({"kv_n_heads"}, 0);
  }
  return t;
}

Architecture read_falcon(const ConfigReader& config) {
  Transformer t = language(config);
  const bool grouped = config.flag_or("new_decoder_architecture", false);
  const bool single = config.flag_or("multi_query", true);
  t.ffn = config.integer_or({"ffn_hidden_size"}, 0);
  t.kv_heads = grouped ? config.integer_or({"num_kv_heads"}, 0) : (single ? 1 : t.heads);
  if (config.flag_or("alibi", false)) {
    t.positions = PositionKind::alibi;
  } else {
    t.positions = PositionKind::rotary;
  }
  if (grouped || config.flag_or("parallel_attn", true)) {
    t.residual = ResidualKind::parallel;
    t.separate_mlp_norm = grouped && config.integer_or({"num_ln_in_parallel_attn"}, 2) == 2;
  }
  if (!config.flag_or("bias", false)) t.biases = {.norm = true};
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.dropout = config.number_or("hidden_dropout", 0.0);
  return t;
}

Architecture read_phi(const ConfigReader& config) {
  Transformer t = language(config);
  t.kv_heads = config.integer_or({"num_key_value_heads"}, 0);
  t.positions = PositionKind::rotary;
  t.residual = ResidualKind::parallel;
  t.separate_mlp_norm = false;
  t.tied_embeddings = config.flag_or("tie_word_embeddings", false);
  t.biases.head = true;
  t.dropout = config.number_or("resid_pdrop", 0.0);
  return t;
}

Architecture read_bert(const ConfigReader& config) {
  Transformer t = language(config);
  const bool roberta = config.type() == "roberta";
  t.role = TransformerRole::encoder;
  t.token_types = config.integer_or({"type_vocab_size"}, 2);
  t.position_table = t.max_positions;
  if (roberta) t.max_positions -= 2;  // two rows are for padding
  t.embedding_norm = true;
  t.final_norm = false;
  t.pooler = !roberta;
  t.masked_lm_head = true;
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.biases.head = true;
  t.dropout = config.number_or("hidden_dropout_prob", 0.1);
  return t;
}

Architecture read_vit(const ConfigReader& config) {
  Transformer t = sizes(config);
  t.role = TransformerRole::vision;
  t.max_positions = 2048;
  t.biases = all_biases();
  t.biases.qkv = config.flag_or("qkv_bias", true);
  t.patches.image = config.integer_or({"image_size"}, 224);
  t.patches.patch = config.integer_or({"patch_size"}, 16);
  t.patches.channels = config.integer_or({"num_channels"}, 3);
  if (const JsonValue* labels = config.find("id2label")) {
    t.patches.classes = static_cast<std::int64_t>(labels->members.size());
  } else {
    t.patches.classes = config.integer_or({"num_labels"}, 1000);
  }
  return t;
}

Architecture read_t5(const ConfigReader& config) {
  Transformer t;
  t.role = TransformerRole::encoder_decoder;
  t.layers = config.integer({"num_layers"});
  t.decoder_layers = config.integer_or({"num_decoder_layers"}, 0);
  t.hidden = config.integer({"d_model"});
  t.heads = config.integer({"num_heads"});
  t.head_dim = config.integer_or({"d_kv"}, 64);
  t.ffn = config.integer({"d_ff"});
  t.vocab = config.integer({"vocab_size"});
  t.max_positions = config.integer_or({"n_positions"}, 512);
  t.positions = PositionKind::relative;
  t.norm = NormKind::rms_norm;
  if (config.text_or("feed_forward_proj", "relu").starts_with("gated")) t.mlp = MlpKind::gated;
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.dropout = config.number_or("dropout_rate", 0.1);
  return t;
}

Architecture read_resnet(const ConfigReader& config) {
  ConvolutionalNetwork net;
  const JsonValue* depths = config.find("depths");
  if (config.text_or("layer_type", "bottleneck") != "bottleneck") {
    config.error(config.find("layer_type"), "only a ResNet of bottleneck layers can be read");
  }
  if (depths == nullptr || depths->kind != JsonKind::list) {
    config.error(depths, "the key 'depths' has to be a list of the layers of each stage");
    return net;
  }
  for (const JsonValue& depth : depths->items) {
    net.stages.push_back(static_cast<std::int64_t>(depth.number));
  }
  if (const JsonValue* labels = config.find("id2label")) {
    net.classes = static_cast<std::int64_t>(labels->members.size());
  }
  return net;
}

}  // namespace windtunnel::models
