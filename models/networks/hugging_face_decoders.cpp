// config.json of the Llama line: RMS norms, rotary positions, gated MLPs, dense or with experts.
#include <fmt/format.h>

#include <optional>

#include "models/networks/config_reader.hpp"

namespace windtunnel::models {
namespace {

// What all of them state in the same words.
Transformer shared(const ConfigReader& config) {
  Transformer t;
  t.mlp = MlpKind::gated;
  t.positions = PositionKind::rotary;
  t.norm = NormKind::rms_norm;
  t.layers = config.integer({"num_hidden_layers"});
  t.hidden = config.integer({"hidden_size"});
  t.heads = config.integer({"num_attention_heads"});
  t.kv_heads = config.integer_or({"num_key_value_heads"}, 0);
  t.head_dim = config.integer_or({"head_dim"}, 0);
  t.vocab = config.integer({"vocab_size"});
  t.max_positions = config.integer_or({"max_position_embeddings"}, 2048);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", false);
  t.dropout = config.number_or("attention_dropout", 0.0);
  return t;
}

Transformer dense(const ConfigReader& config) {
  Transformer t = shared(config);
  t.ffn = config.integer({"intermediate_size"});
  return t;
}

bool is_full(const JsonValue& type) {
  return type.text == "full_attention" || type.text == "global";
}

// `layer_types` as "every n-th layer is full"; an error where it is no such pattern.
std::optional<std::int64_t> full_every(const ConfigReader& config) {
  const JsonValue* types = config.find("layer_types");
  if (types == nullptr || types->kind != JsonKind::list) return std::nullopt;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < types->items.size() && first == 0; ++i) {
    if (is_full(types->items[i])) first = static_cast<std::int64_t>(i) + 1;
  }
  for (std::size_t i = 0; i < types->items.size(); ++i) {
    const bool expected = first > 0 && (static_cast<std::int64_t>(i) + 1) % first == 0;
    if (is_full(types->items[i]) != expected) {
      config.error(types,
                   "'layer_types' is no pattern of one full layer every n: state the model "
                   "as a mapping with sliding.window and sliding.full_every");
      return 0;
    }
  }
  return first;
}

void read_window(const ConfigReader& config, std::int64_t usual_every, Transformer& t) {
  t.sliding.window = config.integer_or({"sliding_window"}, 0);
  if (t.sliding.window == 0) return;
  t.sliding.full_every = full_every(config).value_or(
      config.integer_or({"sliding_window_pattern", "_sliding_window_pattern"}, usual_every));
  if (t.sliding.full_every == 1) t.sliding = {};  // every layer is full
}

void read_latent(const ConfigReader& config, Transformer& t) {
  t.mla.q_lora = config.integer_or({"q_lora_rank"}, 0);
  t.mla.kv_lora = config.integer({"kv_lora_rank"});
  t.mla.nope_dim = config.integer({"qk_nope_head_dim"});
  t.mla.rope_dim = config.integer({"qk_rope_head_dim"});
  t.mla.value_dim = config.integer({"v_head_dim"});
}

}  // namespace

Architecture read_llama(const ConfigReader& config) {
  Transformer t = dense(config);
  const bool bias = config.flag_or("attention_bias", false);
  t.biases.qkv = t.biases.attention_output = bias;
  t.biases.mlp = config.flag_or("mlp_bias", false);
  if (config.type() == "mistral") read_window(config, 0, t);
  return t;
}

Architecture read_llama4(const ConfigReader& config) {
  Transformer t = shared(config);
  t.moe.experts = config.integer({"num_local_experts"});
  t.moe.top_k = config.integer_or({"num_experts_per_tok"}, 1);
  t.moe.ffn = config.integer({"intermediate_size"});
  t.moe.shared_ffn = t.moe.ffn;
  t.moe.every = config.integer_or({"interleave_moe_layer_step"}, 1);
  t.ffn = config.integer({"intermediate_size_mlp"});
  t.sliding.window = config.integer_or({"attention_chunk_size"}, 0);
  t.sliding.full_every = t.sliding.window > 0 ? 4 : 0;
  return t;
}

Architecture read_mixtral(const ConfigReader& config) {
  Transformer t = dense(config);
  t.moe.experts = config.integer({"num_local_experts"});
  t.moe.top_k = config.integer({"num_experts_per_tok"});
  read_window(config, 0, t);
  return t;
}

Architecture read_qwen2(const ConfigReader& config) {
  Transformer t = dense(config);
  t.biases.qkv = true;
  if (config.flag_or("use_sliding_window", false)) read_window(config, 0, t);
  if (config.type() == "qwen2_moe") {
    t.moe.experts = config.integer({"num_experts"});
    t.moe.top_k = config.integer({"num_experts_per_tok"});
    t.moe.ffn = config.integer({"moe_intermediate_size"});
    t.moe.shared_ffn = config.integer_or({"shared_expert_intermediate_size"}, 0);
    t.moe.every = config.integer_or({"decoder_sparse_step"}, 1);
    t.moe.shared_gate = t.moe.shared_ffn > 0;
  }
  return t;
}

Architecture read_qwen3(const ConfigReader& config) {
  Transformer t = dense(config);
  t.qk_norm = true;
  const bool bias = config.flag_or("attention_bias", false);
  t.biases.qkv = t.biases.attention_output = bias;
  if (t.head_dim == 0) t.head_dim = 128;
  if (config.flag_or("use_sliding_window", false)) read_window(config, 0, t);
  if (config.type() == "qwen3_moe") {
    t.moe.experts = config.integer({"num_experts", "num_local_experts"});
    t.moe.top_k = config.integer({"num_experts_per_tok"});
    t.moe.ffn = config.integer({"moe_intermediate_size"});
    t.moe.every = config.integer_or({"decoder_sparse_step"}, 1);
  }
  return t;
}

Architecture read_deepseek(const ConfigReader& config) {
  Transformer t = dense(config);
  read_latent(config, t);
  t.moe.experts = config.integer({"n_routed_experts"});
  t.moe.top_k = config.integer({"num_experts_per_tok"});
  t.moe.ffn = config.integer({"moe_intermediate_size"});
  t.moe.shared_ffn = config.integer_or({"n_shared_experts"}, 0) * t.moe.ffn;
  t.moe.first_dense_layers = config.integer_or({"first_k_dense_replace"}, 0);
  t.moe.every = config.integer_or({"moe_layer_freq"}, 1);
  t.moe.router_bias = config.type() != "deepseek_v2";
  return t;
}

Architecture read_gpt_oss(const ConfigReader& config) {
  Transformer t = dense(config);
  t.biases.qkv = t.biases.attention_output = config.flag_or("attention_bias", true);
  t.attention_sinks = 1;
  t.moe.experts = config.integer({"num_local_experts"});
  t.moe.top_k = config.integer({"num_experts_per_tok", "experts_per_token"});
  t.moe.router_bias = t.moe.expert_bias = true;
  read_window(config, 2, t);
  return t;
}

Architecture read_gemma(const ConfigReader& config) {
  Transformer t = dense(config);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  if (t.head_dim == 0) t.head_dim = 256;
  const bool bias = config.flag_or("attention_bias", false);
  t.biases.qkv = t.biases.attention_output = bias;
  t.sandwich_norms = config.type() != "gemma";
  t.qk_norm = config.type() == "gemma3_text";
  if (config.type() == "gemma2") read_window(config, 2, t);
  if (config.type() == "gemma3_text") read_window(config, 6, t);
  return t;
}

Architecture read_phi3(const ConfigReader& config) {
  Transformer t = dense(config);
  read_window(config, 0, t);
  return t;
}

Architecture read_nemotron(const ConfigReader& config) {
  Transformer t = dense(config);
  t.mlp = MlpKind::plain;
  t.norm = NormKind::layer_norm;
  t.biases.norm = true;
  const bool bias = config.flag_or("attention_bias", false);
  t.biases.qkv = t.biases.attention_output = bias;
  t.biases.mlp = config.flag_or("mlp_bias", false);
  return t;
}

Architecture read_grok(const ConfigReader& config) {
  Transformer t = dense(config);
  t.sandwich_norms = true;
  t.tied_embeddings = config.flag_or("tie_word_embeddings", true);
  t.moe.experts = config.integer({"num_experts"});
  t.moe.top_k = config.integer({"num_experts_per_tok"});
  return t;
}

Architecture read_minimax(const ConfigReader& config) {
  Transformer t = dense(config);
  t.qk_norm = config.flag_or("use_qk_norm", true);
  t.moe.experts = config.integer({"num_local_experts"});
  t.moe.top_k = config.integer({"num_experts_per_tok"});
  t.moe.router_bias = config.flag_or("use_routing_bias", true);
  return t;
}

}  // namespace windtunnel::models
