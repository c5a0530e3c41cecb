// Models from config.json: those of the published repositories give the library's models; what is
// wrong is said with line and column.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/networks/counts.hpp"
#include "models/networks/hugging_face.hpp"
#include "models/networks/library.hpp"

namespace windtunnel::models {
namespace {

using ::testing::HasSubstr;

std::optional<Model> read(const std::string& json, std::string* errors = nullptr) {
  base::Diagnostics diagnostics;
  auto model = read_hugging_face_config(json, "config.json", diagnostics);
  if (errors != nullptr) {
    *errors = diagnostics.to_text();
  } else {
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_text();
  }
  return model;
}

struct Published {
  const char* name;  // of the library
  const char* json;  // the keys of the published config that say what the network is
};

const std::vector<Published>& published() {
  static const std::vector<Published> kConfigs{
      {"gpt2", R"({"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12,
        "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257, "resid_pdrop": 0.1})"},
      {"gpt-neo-2.7b", R"({"model_type": "gpt_neo", "hidden_size": 2560, "num_layers": 32,
        "num_heads": 20, "vocab_size": 50257, "max_position_embeddings": 2048, "window_size": 256,
        "intermediate_size": null, "attention_types": [[["global", "local"], 16]],
        "resid_dropout": 0})"},
      {"gptj-6b", R"({"model_type": "gptj", "n_embd": 4096, "n_layer": 28, "n_head": 16,
        "n_positions": 2048, "n_inner": null, "rotary_dim": 64, "vocab_size": 50400,
        "tie_word_embeddings": false, "resid_pdrop": 0.0})"},
      {"gpt-neox-20b", R"({"model_type": "gpt_neox", "hidden_size": 6144, "num_hidden_layers": 44,
        "num_attention_heads": 64, "intermediate_size": 24576, "vocab_size": 50432,
        "max_position_embeddings": 2048, "rotary_pct": 0.25, "tie_word_embeddings": false})"},
      {"opt-350m", R"({"model_type": "opt", "hidden_size": 1024, "num_hidden_layers": 24,
        "num_attention_heads": 16, "ffn_dim": 4096, "vocab_size": 50272, "dropout": 0.1,
        "max_position_embeddings": 2048, "word_embed_proj_dim": 512,
        "do_layer_norm_before": false})"},
      {"bloom-176b", R"({"model_type": "bloom", "n_embed": 14336, "n_layer": 70,
        "num_attention_heads": 112, "vocab_size": 250880, "seq_length": 2048})"},
      {"mpt-30b", R"({"model_type": "mpt", "d_model": 7168, "n_heads": 64, "n_layers": 48,
        "expansion_ratio": 4, "max_seq_len": 8192, "vocab_size": 50432, "no_bias": true,
        "attn_config": {"alibi": true, "attn_pdrop": 0}})"},
      {"llama2-70b", R"({"model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672,
        "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
        "vocab_size": 32000, "max_position_embeddings": 4096, "tie_word_embeddings": false})"},
      {"llama2-7b", R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32000,
        "max_position_embeddings": 4096})"},
      {"mistral-7b", R"({"model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "vocab_size": 32000, "max_position_embeddings": 32768, "sliding_window": 4096})"},
      {"mixtral-8x7b", R"({"model_type": "mixtral", "hidden_size": 4096,
        "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 32768,
        "num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": null})"},
      {"qwen2.5-7b", R"({"model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944,
        "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
        "vocab_size": 152064, "max_position_embeddings": 32768, "sliding_window": 131072,
        "use_sliding_window": false, "tie_word_embeddings": false})"},
      {"qwen3-8b", R"({"model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288,
        "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 128, "vocab_size": 151936, "max_position_embeddings": 40960,
        "tie_word_embeddings": false})"},
      {"qwen3-30b-a3b", R"({"model_type": "qwen3_moe", "hidden_size": 2048,
        "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128,
        "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4,
        "head_dim": 128, "vocab_size": 151936, "max_position_embeddings": 40960})"},
      {"deepseek-v2", R"({"model_type": "deepseek_v2", "hidden_size": 5120,
        "intermediate_size": 12288, "moe_intermediate_size": 1536, "num_hidden_layers": 60,
        "num_attention_heads": 128, "num_key_value_heads": 128, "n_shared_experts": 2,
        "n_routed_experts": 160, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
        "moe_layer_freq": 1, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 102400,
        "max_position_embeddings": 163840})"},
      {"deepseek-v2-lite", R"({"model_type": "deepseek_v2", "hidden_size": 2048,
        "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 27,
        "num_attention_heads": 16, "num_key_value_heads": 16, "n_shared_experts": 2,
        "n_routed_experts": 64, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
        "q_lora_rank": null, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
        "v_head_dim": 128, "vocab_size": 102400, "max_position_embeddings": 163840})"},
      {"deepseek-v3", R"({"model_type": "deepseek_v3", "hidden_size": 7168,
        "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61,
        "num_attention_heads": 128, "num_key_value_heads": 128, "n_shared_experts": 1,
        "n_routed_experts": 256, "num_experts_per_tok": 8, "first_k_dense_replace": 3,
        "num_nextn_predict_layers": 1, "q_lora_rank": 1536, "kv_lora_rank": 512,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 129280,
        "max_position_embeddings": 163840})"},
      {"gpt-oss-20b", R"({"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880,
        "num_hidden_layers": 24, "num_attention_heads": 64, "num_key_value_heads": 8,
        "head_dim": 64, "num_local_experts": 32, "num_experts_per_tok": 4, "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention",
        "full_attention"], "vocab_size": 201088, "max_position_embeddings": 131072,
        "attention_bias": true, "tie_word_embeddings": false})"},
      {"grok-1", R"({"model_type": "grok-1", "hidden_size": 6144, "intermediate_size": 32768,
        "num_hidden_layers": 64, "num_attention_heads": 48, "num_key_value_heads": 8,
        "num_experts": 8, "num_experts_per_tok": 2, "vocab_size": 131072,
        "max_position_embeddings": 8192, "tie_word_embeddings": true})"},
      {"nemotron-4-15b", R"({"model_type": "nemotron", "hidden_size": 6144,
        "intermediate_size": 24576, "num_hidden_layers": 32, "num_attention_heads": 48,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 256000,
        "max_position_embeddings": 4096, "hidden_act": "relu2"})"},
      {"nemotron-h-8b", R"({"model_type": "nemotron_h", "hidden_size": 4096,
        "intermediate_size": 21504, "num_hidden_layers": 52, "num_attention_heads": 32,
        "num_key_value_heads": 8, "attention_head_dim": 128, "mamba_num_heads": 128,
        "mamba_head_dim": 64, "n_groups": 8, "ssm_state_size": 128, "conv_kernel": 4,
        "hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-",
        "vocab_size": 131072, "max_position_embeddings": 8192})"},
      {"qwen3-next-80b-a3b", R"({"model_type": "qwen3_next", "hidden_size": 2048,
        "intermediate_size": 5120, "num_hidden_layers": 48, "num_attention_heads": 16,
        "num_key_value_heads": 2, "head_dim": 256, "linear_num_value_heads": 32,
        "linear_num_key_heads": 16, "linear_value_head_dim": 128, "linear_key_head_dim": 128,
        "full_attention_interval": 4, "num_experts": 512, "num_experts_per_tok": 10,
        "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
        "vocab_size": 151936, "max_position_embeddings": 262144})"},
      {"gemma-7b", R"({"model_type": "gemma", "hidden_size": 3072, "intermediate_size": 24576,
        "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16,
        "head_dim": 256, "vocab_size": 256000, "max_position_embeddings": 8192})"},
      {"gemma2-27b", R"({"model_type": "gemma2", "hidden_size": 4608, "intermediate_size": 36864,
        "num_hidden_layers": 46, "num_attention_heads": 32, "num_key_value_heads": 16,
        "head_dim": 128, "vocab_size": 256000, "max_position_embeddings": 8192,
        "sliding_window": 4096})"},
      {"phi-2", R"({"model_type": "phi", "hidden_size": 2560, "intermediate_size": 10240,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
        "vocab_size": 51200, "max_position_embeddings": 2048, "resid_pdrop": 0.1,
        "tie_word_embeddings": false})"},
      {"phi-4", R"({"model_type": "phi3", "hidden_size": 5120, "intermediate_size": 17920,
        "num_hidden_layers": 40, "num_attention_heads": 40, "num_key_value_heads": 10,
        "vocab_size": 100352, "max_position_embeddings": 16384, "sliding_window": null})"},
      {"falcon-180b", R"({"model_type": "falcon", "hidden_size": 14848, "num_hidden_layers": 80,
        "num_attention_heads": 232, "num_kv_heads": 8, "new_decoder_architecture": true,
        "bias": false, "alibi": false, "vocab_size": 65024, "tie_word_embeddings": false})"},
      {"falcon-7b", R"({"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32,
        "num_attention_heads": 71, "multi_query": true, "parallel_attn": true, "bias": false,
        "alibi": false, "new_decoder_architecture": false, "vocab_size": 65024})"},
      {"bert-large", R"({"model_type": "bert", "hidden_size": 1024, "intermediate_size": 4096,
        "num_hidden_layers": 24, "num_attention_heads": 16, "vocab_size": 30522,
        "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_dropout_prob": 0.1})"},
      {"roberta-large", R"({"model_type": "roberta", "hidden_size": 1024,
        "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
        "vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1})"},
      {"vit-large", R"({"model_type": "vit", "hidden_size": 1024, "intermediate_size": 4096,
        "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 224, "patch_size": 16,
        "num_channels": 3, "num_labels": 1000})"},
      {"t5-11b", R"({"model_type": "t5", "d_model": 1024, "d_kv": 128, "d_ff": 65536,
        "num_layers": 24, "num_heads": 128, "vocab_size": 32128, "n_positions": 512})"},
      {"resnet50", R"({"model_type": "resnet", "depths": [3, 4, 6, 3], "layer_type": "bottleneck",
        "hidden_sizes": [256, 512, 1024, 2048]})"},
  };
  return kConfigs;
}

TEST(HuggingFace, ConfigsOfPublishedModelsGiveTheLibrarysModels) {
  for (const Published& one : published()) {
    const auto model = read(one.json);
    ASSERT_TRUE(model.has_value()) << one.name;
    const Network ours = build_network(*model);
    const Network library = build_network(*model_by_name(one.name));
    EXPECT_EQ(parameters(ours), parameters(library)) << one.name;
    EXPECT_EQ(active_parameters(ours), active_parameters(library)) << one.name;
    EXPECT_DOUBLE_EQ(model_flops_per_sample(ours, 2048).value(),
                     model_flops_per_sample(library, 2048).value())
        << one.name;
    EXPECT_DOUBLE_EQ(kv_cache_bytes(ours, 4096, {}, NumberFormat::bf16).value(),
                     kv_cache_bytes(library, 4096, {}, NumberFormat::bf16).value())
        << one.name;
    EXPECT_EQ(ours.max_positions, library.max_positions) << one.name;
  }
}

TEST(HuggingFace, NestedTextConfigIsReadAndTheVisionPartSaid) {
  base::Diagnostics diagnostics;
  const auto model = read_hugging_face_config(R"({"model_type": "gemma3",
    "text_config": {"model_type": "gemma3_text", "hidden_size": 5376, "intermediate_size": 21504,
      "num_hidden_layers": 62, "num_attention_heads": 32, "num_key_value_heads": 16,
      "head_dim": 128, "vocab_size": 262208, "max_position_embeddings": 131072,
      "sliding_window": 1024, "sliding_window_pattern": 6},
    "vision_config": {"hidden_size": 1152}})",
                                              "config.json", diagnostics);
  ASSERT_TRUE(model.has_value()) << diagnostics.to_text();
  EXPECT_EQ(parameters(build_network(*model)),
            parameters(build_network(*model_by_name("gemma3-27b"))));
  EXPECT_THAT(diagnostics.to_text(), HasSubstr("config.json:6:5: warning: the vision encoder"));
}

TEST(HuggingFace, MissingKeyIsNamedAtItsObject) {
  std::string errors;
  EXPECT_FALSE(read("{\"model_type\": \"llama\",\n \"hidden_size\": 4096}", &errors));
  EXPECT_THAT(errors, HasSubstr("config.json:1:1: error: the key 'num_hidden_layers' is missing, "
                                "which model_type 'llama' needs"));
  EXPECT_THAT(errors, HasSubstr("'num_attention_heads'"));  // all of them in one go
  EXPECT_THAT(errors, HasSubstr("'vocab_size'"));
}

TEST(HuggingFace, ValueOfTheWrongKindIsSaidWhereItStands) {
  std::string errors;
  EXPECT_FALSE(
      read("{\"model_type\": \"gpt2\",\n  \"n_embd\": \"768\", \"n_layer\": 12,\n"
           "  \"n_head\": 12.5, \"vocab_size\": -1}",
           &errors));
  EXPECT_THAT(errors,
              HasSubstr("config.json:2:3: error: 'n_embd' has to be a whole number, not text"));
  EXPECT_THAT(errors, HasSubstr("config.json:3:3: error: 'n_head' has to be a whole number"));
  EXPECT_THAT(errors, HasSubstr("config.json:3:19: error: 'vocab_size' is -1"));
}

TEST(HuggingFace, UnknownTypeNamesWhatIsKnown) {
  std::string errors;
  EXPECT_FALSE(read("{\n\"model_type\": \"lama\"}", &errors));
  EXPECT_THAT(errors, HasSubstr("config.json:2:1: error: model_type 'lama' is not known; did you "
                                "mean 'llama'?"));
  EXPECT_THAT(errors, HasSubstr("layers, hidden, heads"));
  EXPECT_FALSE(read("{}", &errors));
  EXPECT_THAT(errors, HasSubstr("'model_type' is missing"));
  EXPECT_FALSE(read("{\n\"model_type\": 5}", &errors));
  EXPECT_THAT(errors, HasSubstr("config.json:2:1: error: model_type has to be text, not a"));
}

TEST(HuggingFace, FiguresThatCannotBeAreAnError) {
  std::string errors;
  EXPECT_FALSE(read(R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 5,
    "vocab_size": 32000})",
                    &errors));
  EXPECT_THAT(errors, HasSubstr("kv_heads is 5, which does not divide heads = 32"));
}

TEST(HuggingFace, WhatIsNoJsonIsSaidWithItsPlace) {
  std::string errors;
  EXPECT_FALSE(read("{\"model_type\": \"llama\",\n  oops}", &errors));
  EXPECT_THAT(errors, HasSubstr("config.json:2:3: error: this is no JSON"));
  EXPECT_FALSE(read("", &errors));
  EXPECT_THAT(errors, HasSubstr("this is no JSON"));
  EXPECT_FALSE(read("[1, 2]", &errors));
  EXPECT_THAT(errors, HasSubstr("holds an object, not a list"));
  EXPECT_FALSE(read("{\"a\": 1, \"a\": 2}", &errors));
  EXPECT_THAT(errors, HasSubstr("config.json:1:10: error: the key 'a' stands twice"));
  EXPECT_FALSE(read(std::string(100000, '['), &errors));
  EXPECT_THAT(errors, HasSubstr("nested deeper"));
}

}  // namespace
}  // namespace windtunnel::models
