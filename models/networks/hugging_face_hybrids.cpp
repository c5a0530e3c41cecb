// config.json of decoders that mix attention with scans: Nemotron-H and Qwen3-Next.
#include <fmt/format.h>

#include <algorithm>

#include "models/networks/config_reader.hpp"

namespace windtunnel::models {
namespace {

Transformer sizes(const ConfigReader& config) {
  Transformer t;
  t.norm = NormKind::rms_norm;
  t.layers = config.integer({"num_hidden_layers"});
  t.hidden = config.integer({"hidden_size"});
  t.heads = config.integer({"num_attention_heads"});
  t.kv_heads = config.integer_or({"num_key_value_heads"}, 0);
  t.head_dim = config.integer_or({"head_dim", "attention_head_dim"}, 0);
  t.vocab = config.integer({"vocab_size"});
  t.max_positions = config.integer_or({"max_position_embeddings"}, 8192);
  t.tied_embeddings = config.flag_or("tie_word_embeddings", false);
  return t;
}

}  // namespace

// hybrid_override_pattern: a letter a layer, M scan, * attention, - MLP, E experts.
Architecture read_nemotron_h(const ConfigReader& config) {
  Transformer t = sizes(config);
  t.mlp = MlpKind::plain;
  t.positions = PositionKind::none;
  t.ffn = config.integer_or({"intermediate_size"}, 0);
  t.scan.heads = config.integer({"mamba_num_heads"});
  t.scan.head_dim = config.integer({"mamba_head_dim"});
  t.scan.groups = config.integer({"n_groups"});
  t.scan.state = config.integer({"ssm_state_size"});
  t.scan.convolution = config.integer_or({"conv_kernel"}, 4);
  const std::string pattern = config.text_or("hybrid_override_pattern", "");
  const auto count = [&](char letter) {
    return std::count(pattern.begin(), pattern.end(), letter);
  };
  t.scan.attention_layers = count('*');
  t.scan.mlp_layers = count('-') + count('E');
  if (t.scan.attention_layers + t.scan.mlp_layers + count('M') != t.layers) {
    config.error(config.find("hybrid_override_pattern"),
                 fmt::format("'hybrid_override_pattern' has to be {} letters out of M, *, - and E",
                             t.layers));
  }
  if (count('E') == 0) return t;
  if (count('-') > 0) {
    config.error(config.find("hybrid_override_pattern"),
                 "'hybrid_override_pattern' mixes MLPs (-) and experts (E), which is not built");
  }
  t.moe.experts = config.integer({"n_routed_experts"});
  t.moe.top_k = config.integer({"num_experts_per_tok"});
  t.moe.ffn = config.integer({"moe_intermediate_size"});
  t.moe.shared_ffn = config.integer_or({"moe_shared_expert_intermediate_size"}, 0);
  t.moe.latent = config.integer_or({"moe_latent_size"}, 0);
  t.moe.router_bias = true;
  return t;
}

// Three gated DeltaNet layers to one of gated attention, dense or with experts.
Architecture read_qwen3_next(const ConfigReader& config) {
  Transformer t = sizes(config);
  t.mlp = MlpKind::gated;
  t.positions = PositionKind::rotary;
  t.qk_norm = true;
  t.attention_gate = true;
  if (t.head_dim == 0) t.head_dim = 256;
  t.ffn = config.integer_or({"intermediate_size", "moe_intermediate_size"}, 0);
  t.scan.kind = ScanKind::gated_delta;
  t.scan.heads = config.integer({"linear_num_value_heads"});
  t.scan.groups = config.integer({"linear_num_key_heads"});
  t.scan.head_dim = config.integer_or({"linear_value_head_dim"}, 128);
  t.scan.state = config.integer_or({"linear_key_head_dim"}, 128);
  t.scan.convolution = config.integer_or({"linear_conv_kernel_dim"}, 4);
  t.scan.full_every = config.integer_or({"full_attention_interval"}, 4);
  const std::int64_t experts = config.integer_or({"num_experts"}, 0);
  if (experts == 0) return t;
  t.moe.experts = experts;
  t.moe.top_k = config.integer({"num_experts_per_tok"});
  t.moe.ffn = config.integer({"moe_intermediate_size"});
  t.moe.shared_ffn = config.integer_or({"shared_expert_intermediate_size"}, 0);
  t.moe.shared_gate = t.moe.shared_ffn > 0;
  t.moe.every = config.integer_or({"decoder_sparse_step"}, 1);
  return t;
}

}  // namespace windtunnel::models
