// The library of models: the names of the contract and of published tables, spellings, sources.
#include <gtest/gtest.h>

#include <set>

#include "models/networks/counts.hpp"
#include "models/networks/library.hpp"
#include "models/networks/lowering.hpp"
#include "models/networks/model_fields.hpp"

namespace windtunnel::models {
namespace {

TEST(ModelLibrary, HasEveryNameOfTheContract) {
  for (const char* name : {"gpt3-125m",       "gpt3-350m",      "gpt3-760m",
                           "gpt3-1.3b",       "gpt3-2.7b",      "gpt3-6.7b",
                           "gpt3-13b",        "gpt3-175b",      "megatron-1.7b",
                           "megatron-3.6b",   "megatron-7.5b",  "megatron-18b",
                           "megatron-22b",    "megatron-39b",   "megatron-76b",
                           "megatron-145b",   "megatron-310b",  "megatron-530b",
                           "megatron-1t",     "bloom-176b",     "llama2-7b",
                           "llama2-13b",      "llama2-70b",     "llama3-8b",
                           "llama3-70b",      "llama3.1-8b",    "llama3.1-70b",
                           "llama3.1-405b",   "codellama-34b",  "mixtral-8x7b",
                           "mixtral-8x22b",   "deepseek-v2",    "deepseek-v3",
                           "qwen3-8b",        "qwen3-32b",      "qwen3-30b-a3b",
                           "qwen3-235b-a22b", "gpt-oss-20b",    "gpt-oss-120b",
                           "grok-1",          "nemotron-4-15b", "nemotron-4-340b",
                           "mpt-7b",          "mpt-30b",        "mpt-70b",
                           "opt-350m",        "gpt-neo-2.7b",   "bert-large",
                           "resnet50",        "vgg16",          "vit-large",
                           "dlrm-v2",         "gptj-6b",        "stable-diffusion-xl"}) {
    const auto model = model_by_name(name);
    ASSERT_TRUE(model.has_value()) << name;
    EXPECT_EQ(model->name, name);
  }
}

TEST(ModelLibrary, KnowsTheSpellingsOfPublishedTables) {
  const std::vector<std::pair<const char*, const char*>> rows{
      {"LLAMA3.1_405B", "llama3.1-405b"},
      {"LLAMA3_70B", "llama3-70b"},
      {"Llama 2 70B", "llama2-70b"},
      {"LLaMA 7B", "llama-7b"},
      {"Llama 3.3 70B", "llama3.1-70b"},
      {"meta-llama/Llama-3.1-8B-Instruct", "llama3.1-8b"},
      {"nvidia/Llama-3.1-8B-Instruct-FP8", "llama3.1-8b"},
      {"meta-llama/Llama-2-7b-hf", "llama2-7b"},
      {"DeepSeekV3", "deepseek-v3"},
      {"DeepSeek-R1-0528", "deepseek-v3"},
      {"nvidia/DeepSeek-V3.1-NVFP4", "deepseek-v3"},
      {"Qwen3_235B_a22B", "qwen3-235b-a22b"},
      {"Qwen/Qwen3-235B-A22B-FP8", "qwen3-235b-a22b"},
      {"Qwen3-30B-A3B-Instruct-2507", "qwen3-30b-a3b"},
      {"GPT OSS 120B", "gpt-oss-120b"},
      {"Grok1-314B", "grok-1"},
      {"Nemotron4-15B", "nemotron-4-15b"},
      {"Llama4-Maverick-400B", "llama4-maverick"},
      {"GPT-J 6B", "gptj-6b"},
      {"GPT-530B", "megatron-530b"},
      {"MT-NLG-530B", "megatron-530b"},
      {"GPT-1T", "megatron-1t"},
      {"GPT3-XL", "gpt3-1.3b"},
      {"GPT2-Large", "gpt2-large"},
      {"bert-99.9", "bert-large"},
      {"dlrm-v2-99.9", "dlrm-v2"},
      {"mixtral-8x7b", "mixtral-8x7b"},
      {"GPT OSS 20B", "gpt-oss-20b"},
      {"openai/gpt-oss-120b", "gpt-oss-120b"},
      {"gptj-99.9", "gptj-6b"},
      {"llama2-70b-99.9", "llama2-70b"},
      {"zhipuai/GLM-5", "glm-5"},
      {"MiniMaxAI/MiniMax-M2.5", "minimax-m2"},
      {"nvidia/Qwen3-32B-NVFP4", "qwen3-32b"},
      {"nvidia/DeepSeek-R1-NVFP4", "deepseek-v3"},
      {"Falcon 180B", "falcon-180b"},
      {"Llama 4 Scout", "llama4-scout"},
      {"Llama 3.1 405B", "llama3.1-405b"},
      {"Mixtral 8x7B", "mixtral-8x7b"},
      {"facebook/opt-66b", "opt-66b"},
      {"GPT-Neo-2.7B", "gpt-neo-2.7b"},
      {"OPT-350M", "opt-350m"},
      {"MPT-760m", "mpt-760m"},
      {"GPT2-8B", "gpt2-8b"},
      {"GPT-174.6B", "megatron-175b"},
      {"GPT3-5B", "gpt3-5b"},
      {"moonshotai/Kimi-K2.5", "kimi-k2"}};
  for (const auto& [spelling, name] : rows) {
    EXPECT_EQ(canonical_model_name(spelling).value_or("nothing"), name) << spelling;
  }
}

TEST(ModelLibrary, DoesNotGuess) {
  for (const char* spelling : {"", "llama", "llama3-18b", "gpt5", "resnet51", "-", "fp8"}) {
    EXPECT_FALSE(canonical_model_name(spelling).has_value()) << spelling;
    EXPECT_FALSE(model_by_name(spelling).has_value()) << spelling;
  }
}

TEST(ModelLibrary, NamesEachSpellingOnce) {
  std::set<std::string> seen;
  for (const std::string& name : model_names()) {
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_EQ(canonical_model_name(name), name);
    for (const std::string& alias : model_aliases(name)) {
      EXPECT_TRUE(seen.insert(alias).second) << alias << " of " << name;
      EXPECT_EQ(canonical_model_name(alias), name) << alias;
    }
  }
}

TEST(ModelLibrary, SaysWhereItsFiguresComeFrom) {
  for (const std::string& name : model_names()) {
    const auto model = model_by_name(name);
    ASSERT_TRUE(model.has_value()) << name;
    EXPECT_GE(model->source.size(), 10U) << name;
    EXPECT_FALSE(model->description.empty()) << name;
  }
}

// Every op of every model lowers: no count below 1, no negative byte.
TEST(ModelLibrary, LowersInEveryModeAndPass) {
  const BatchShape batch{
      .sequences = 2, .query_tokens = 64, .kv_tokens = 128, .encoder_tokens = 32};
  for (const std::string& name : model_names()) {
    const Network network = build_network(*model_by_name(name));
    ASSERT_GE(network.order.size(), 1U) << name;
    for (const Mode mode : {Mode::training, Mode::prefill, Mode::decode}) {
      for (const AttentionKernel kernel : {AttentionKernel::fused, AttentionKernel::unfused}) {
        LoweringOptions options{.mode = mode};
        options.software.attention = kernel;
        base::Bytes moved{0};
        for (const Block& block : network.blocks) {
          const Kernels kernels = lower(block, batch, options, Pass::forward);
          for (const Kernel& one : kernels) EXPECT_GE(one.count, 1) << name;
          moved += bytes(kernels);
          (void)flops(kernels);
          if (mode != Mode::training) continue;
          for (const Pass pass : {Pass::input_gradient, Pass::weight_gradient, Pass::step}) {
            (void)flops(lower(block, batch, options, pass));
          }
        }
        EXPECT_GT(moved.value(), 0.0) << name;
      }
    }
  }
}

TEST(ModelFields, WriteWhatTheyRead) {
  for (const std::string& name : model_names()) {
    const Model model = *model_by_name(name);
    Architecture copy = *architecture_of_kind(kind_of(model));
    for (const ModelField& field : model_fields()) {
      if (field.kind == kind_of(model)) field.set(field.get(model.architecture), copy);
    }
    for (const ModelField& field : model_fields()) {
      if (field.kind != kind_of(model)) continue;
      EXPECT_EQ(field.get(copy), field.get(model.architecture)) << name << " " << field.name;
    }
  }
}

TEST(Model, ThatCannotBeIsAnErrorThatNamesTheField) {
  struct Case {
    const char* field;
    std::string value;
    const char* says;
  };
  for (const Case& one : {Case{"kv_heads", "7", "kv_heads is 7, which does not divide heads = 64"},
                          Case{"layers", "0", "layers is 0"}, Case{"vocab", "0", "vocab is 0"},
                          Case{"moe.top_k", "2", "moe.top_k is given without moe.experts"},
                          Case{"ffn", "2000000000000",
                               "ffn is 2000000000000, times hidden 8192 and layers 80: the model "
                               "would have 3.93e+18 parameters"}}) {
    Model model = *model_by_name("llama3-70b");
    model_field("transformer", one.field)->set({one.value}, model.architecture);
    base::Diagnostics diagnostics;
    EXPECT_FALSE(complete(model, {}, diagnostics).has_value());
    EXPECT_NE(diagnostics.to_text().find(one.says), std::string::npos) << diagnostics.to_text();
  }
}

}  // namespace
}  // namespace windtunnel::models
