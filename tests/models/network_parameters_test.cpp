// Parameters of the library's models against their published counts: within 0.5 % where three or more
// digits are printed, else equal to what is printed once rounded to as many.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "models/networks/counts.hpp"
#include "models/networks/library.hpp"

namespace windtunnel::models {
namespace {

Network network_of(const std::string& name) {
  const auto model = model_by_name(name);
  EXPECT_TRUE(model.has_value()) << name;
  return model ? build_network(*model) : Network{};
}

struct Published {
  const char* name;
  double count;
  int digits;  // that are printed
  const char* source;
};

// The rounded value agrees in all printed digits (half a unit of the last, and a little).
double tolerance(const Published& row) {
  if (row.digits >= 3) return 0.005;
  const double unit = std::pow(10.0, std::floor(std::log10(row.count)) - (row.digits - 1));
  return 0.5001 * unit / row.count;
}

const std::vector<Published>& published() {
  static const std::vector<Published> kRows{
      {"gpt3-125m", 125e6, 3, "arXiv 2005.14165 table 2.1"},
      {"gpt3-760m", 760e6, 3, "arXiv 2005.14165 table 2.1"},
      {"gpt3-1.3b", 1.3e9, 2, "arXiv 2005.14165 table 2.1"},
      {"gpt3-2.7b", 2.7e9, 2, "arXiv 2005.14165 table 2.1"},
      {"gpt3-6.7b", 6.7e9, 2, "arXiv 2005.14165 table 2.1"},
      {"gpt3-13b", 13.0e9, 3, "arXiv 2005.14165 table 2.1"},
      {"gpt3-175b", 175.0e9, 4, "arXiv 2005.14165 table 2.1"},
      {"megatron-1.7b", 1.7e9, 2, "arXiv 2104.04473 table 1"},
      {"megatron-3.6b", 3.6e9, 2, "arXiv 2104.04473 table 1"},
      {"megatron-7.5b", 7.5e9, 2, "arXiv 2104.04473 table 1"},
      {"megatron-18b", 18.4e9, 3, "arXiv 2104.04473 table 1"},
      {"megatron-22b", 22e9, 2, "arXiv 2205.05198 table 3"},
      {"megatron-39b", 39.1e9, 3, "arXiv 2104.04473 table 1"},
      {"megatron-76b", 76.1e9, 3, "arXiv 2104.04473 table 1"},
      {"megatron-145b", 145.6e9, 4, "arXiv 2104.04473 table 1"},
      {"megatron-310b", 310.1e9, 4, "arXiv 2104.04473 table 1"},
      {"megatron-530b", 529.6e9, 4, "arXiv 2104.04473 table 1"},
      {"megatron-1t", 1008.0e9, 5, "arXiv 2104.04473 table 1"},
      {"megatron-1.2b", 1.2e9, 2, "arXiv 1909.08053 table 1"},
      {"megatron-2.5b", 2.5e9, 2, "arXiv 1909.08053 table 1"},
      {"megatron-4.2b", 4.2e9, 2, "arXiv 1909.08053 table 1"},
      {"megatron-8.3b", 8.3e9, 2, "arXiv 1909.08053 table 1"},
      {"megatron-314b", 314e9, 3, "Megatron-LM README"},
      {"megatron-462b", 462e9, 3, "Megatron-LM README"},
      {"gpt2", 124439808, 9, "openai-community/gpt2 weights"},
      {"gpt2-medium", 354823168, 9, "openai-community/gpt2-medium weights"},
      {"gpt2-large", 774030080, 9, "openai-community/gpt2-large weights"},
      {"gpt2-xl", 1557611200, 10, "openai-community/gpt2-xl weights"},
      {"bloom-176b", 176247271424.0, 12, "bigscience/bloom model card"},
      {"bloom-7.1b", 7069016064.0, 10, "bigscience/bloom-7b1 model card"},
      {"bloom-560m", 559214592, 9, "bigscience/bloom-560m model card"},
      {"llama2-7b", 6738415616.0, 10, "meta-llama/Llama-2-7b weights"},
      {"llama2-13b", 13015864320.0, 11, "meta-llama/Llama-2-13b weights"},
      {"llama2-70b", 68976648192.0, 11, "meta-llama/Llama-2-70b weights"},
      {"llama3-8b", 8.03e9, 3, "meta-llama/Meta-Llama-3-8B weights"},
      {"llama3-70b", 70.6e9, 3, "meta-llama/Meta-Llama-3-70B weights"},
      {"llama3.1-8b", 8.03e9, 3, "meta-llama/Llama-3.1-8B weights"},
      {"llama3.1-70b", 70.6e9, 3, "meta-llama/Llama-3.1-70B weights"},
      {"llama3.1-405b", 405e9, 3, "arXiv 2407.21783"},
      {"llama3.2-1b", 1.24e9, 3, "meta-llama/Llama-3.2-1B model card"},
      {"llama3.2-3b", 3.21e9, 3, "meta-llama/Llama-3.2-3B model card"},
      {"llama4-maverick", 400e9, 3, "meta-llama/Llama-4-Maverick model card"},
      {"codellama-34b", 33.7e9, 3, "codellama/CodeLlama-34b-hf weights"},
      {"mistral-7b", 7.24e9, 3, "mistralai/Mistral-7B-v0.1 weights"},
      {"mixtral-8x7b", 46.7e9, 3, "mistral.ai, Mixtral of experts"},
      {"mixtral-8x22b", 141e9, 3, "mistral.ai, Mixtral 8x22B"},
      {"deepseek-v2", 236e9, 3, "arXiv 2405.04434"},
      {"deepseek-v2-lite", 15.7e9, 3, "arXiv 2405.04434"},
      {"deepseek-v3", 671e9, 3, "arXiv 2412.19437"},
      {"kimi-k2", 1e12, 1, "moonshotai/Kimi-K2-Instruct model card"},
      {"minimax-m2", 229e9, 3, "MiniMaxAI/MiniMax-M2 weights"},
      {"glm-5", 744e9, 3, "zai-org/GLM-5 model card"},
      {"qwen2.5-7b", 7.62e9, 3, "Qwen/Qwen2.5-7B weights"},
      {"qwen2.5-72b", 72.7e9, 3, "Qwen/Qwen2.5-72B model card"},
      {"qwen3-8b", 8.2e9, 2, "Qwen/Qwen3-8B model card"},
      {"qwen3-14b", 14.8e9, 3, "Qwen/Qwen3-14B model card"},
      {"qwen3-32b", 32.8e9, 3, "Qwen/Qwen3-32B model card"},
      {"qwen3-30b-a3b", 30.5e9, 3, "Qwen/Qwen3-30B-A3B model card"},
      {"qwen3-235b-a22b", 235e9, 3, "Qwen/Qwen3-235B-A22B model card"},
      {"qwen3-next-80b-a3b", 80e9, 2, "Qwen/Qwen3-Next-80B-A3B-Instruct model card"},
      {"qwen3.5-397b-a17b", 397e9, 3, "Qwen/Qwen3.5-397B-A17B model card"},
      {"qwen3.5-35b-a3b", 35e9, 2, "Qwen/Qwen3.5-35B-A3B model card"},
      {"nemotron-h-8b", 8.10e9, 3, "nvidia/Nemotron-H-8B-Base-8K model card"},
      {"nemotron-h-56b", 56e9, 2, "arXiv 2504.03624 table 1"},
      {"nemotron-3-nano-30b-a3b", 31.6e9, 3, "arXiv 2512.20848"},
      {"nemotron-3-super-120b-a12b", 120.6e9, 4, "Nemotron-3-Super-120B-A12B model card"},
      {"gpt-oss-20b", 20.91e9, 4, "arXiv 2508.10925 table 1"},
      {"gpt-oss-120b", 116.83e9, 5, "arXiv 2508.10925 table 1"},
      {"nemotron-4-15b", 15.6e9, 3, "arXiv 2402.16819 section 2"},
      {"nemotron-4-340b", 341.0e9, 4, "arXiv 2406.11704 section 2"},
      {"mpt-7b", 6649286656.0, 10, "mosaicml/mpt-7b weights"},
      {"mpt-30b", 30e9, 2, "mosaicml/mpt-30b model card"},
      {"mpt-70b", 64862437376.0, 11, "llm-foundry scripts/train/benchmarking"},
      {"mpt-13b", 12853954560.0, 11, "llm-foundry scripts/train/benchmarking"},
      {"mpt-3b", 2651837440.0, 10, "llm-foundry scripts/train/benchmarking"},
      {"mpt-1b", 1315950592.0, 10, "llm-foundry scripts/train/benchmarking"},
      {"mpt-760m", 760470528, 9, "llm-foundry scripts/train/benchmarking"},
      {"mpt-350m", 355985408, 9, "llm-foundry scripts/train/benchmarking"},
      {"mpt-125m", 125311488, 9, "llm-foundry scripts/train/benchmarking"},
      {"opt-350m", 331196416, 9, "facebook/opt-350m weights"},
      {"opt-13b", 12853473280.0, 11, "facebook/opt-13b weights"},
      {"gpt-neo-2.7b", 2651307520.0, 10, "EleutherAI/gpt-neo-2.7B weights"},
      {"gptj-6b", 6050882784.0, 10, "EleutherAI/gpt-j-6b model card"},
      {"gpt-neox-20b", 20554567680.0, 11, "EleutherAI/gpt-neox-20b model card"},
      {"falcon-180b", 179522565120.0, 12, "tiiuae/falcon-180B weights"},
      {"gemma-7b", 8.54e9, 3, "google/gemma-7b weights"},
      {"gemma2-9b", 9.24e9, 3, "google/gemma-2-9b weights"},
      {"gemma2-27b", 27.2e9, 3, "google/gemma-2-27b weights"},
      {"phi-2", 2.78e9, 3, "microsoft/phi-2 weights"},
      {"phi-3-mini", 3.82e9, 3, "microsoft/Phi-3-mini weights"},
      {"phi-4", 14.7e9, 3, "microsoft/phi-4 weights"},
      {"bert-base", 110e6, 3, "arXiv 1810.04805 section 3"},
      {"bert-large", 340e6, 2, "arXiv 1810.04805 section 3"},
      {"roberta-large", 355e6, 3, "arXiv 1907.11692"},
      {"t5-small", 60e6, 1, "arXiv 1910.10683 section 3.7"},
      {"t5-3b", 2.8e9, 1, "arXiv 1910.10683 section 3.7"},
      {"t5-11b", 11e9, 2, "arXiv 1910.10683 section 3.7"},
      {"vit-base", 86567656, 8, "torchvision vit_b_16"},
      {"vit-large", 304326632, 9, "torchvision vit_l_16"},
      {"vit-huge", 632045800, 9, "torchvision vit_h_14"},
      {"resnet50", 25557032, 8, "torchvision resnet50"},
      {"resnet101", 44549160, 8, "torchvision resnet101"},
      {"resnet152", 60192808, 8, "torchvision resnet152"},
      {"vgg16", 138357544, 9, "torchvision vgg16"},
      {"vgg19", 143667240, 9, "torchvision vgg19"},
      {"alexnet", 61100840, 8, "torchvision alexnet"},
      {"3d-unet", 31.2e6, 3, "nnU-Net's 3D U-Net of this size"},
      {"stable-diffusion-xl", 2567463684.0, 10, "diffusers UNet of SDXL base"},
      {"dlrm-v2", 97.31 * 1024 * 1024 * 1024 / 4, 4, "MLPerf: 97.31 GiB in FP32"},
      {"lstm-ptb-large", 66e6, 2, "arXiv 1409.2329 section 4.1"},
      {"logistic-mnist", 7850, 4, "784 x 10 weights and 10 biases"},
  };
  return kRows;
}

TEST(NetworkParameters, AreThePublishedCounts) {
  for (const Published& row : published()) {
    const double count = static_cast<double>(parameters(network_of(row.name)));
    EXPECT_NEAR(count / row.count, 1.0, tolerance(row))
        << row.name << ": " << count << ", published " << row.count << " (" << row.source << ")";
  }
}

// Counts that come with all their digits are met to the last one.
TEST(NetworkParameters, AreExactWhereTheWeightsWereCounted) {
  for (const Published& row : published()) {
    if (row.digits < 8) continue;
    EXPECT_EQ(static_cast<double>(parameters(network_of(row.name))), row.count) << row.name;
  }
}

// Three published figures are not the sum of their published shapes; what they are is known.
TEST(NetworkParameters, DifferFromThePrintedFigureWhereThatIsRoundedOrPartial) {
  // "350M" of GPT-3 Medium: 302 M in the layers and 54 M in the tables
  EXPECT_NEAR(static_cast<double>(parameters(network_of("gpt3-350m"))), 355.9e6, 0.1e6);
  // "314B" of Grok-1: without the table of 131,072 x 6144
  const double grok = static_cast<double>(parameters(network_of("grok-1")));
  EXPECT_NEAR((grok - 131072.0 * 6144.0) / 314e9, 1.0, 0.005);
  // "109B" of Llama 4 Scout: with the vision encoder (0.9 B), which is left out
  const double scout = static_cast<double>(parameters(network_of("llama4-scout")));
  EXPECT_NEAR((scout + 0.87e9) / 109e9, 1.0, 0.005);
}

TEST(NetworkParameters, ThatATokenUsesAreThePublishedActiveOnes) {
  // GPT-OSS counts the head and not the table of the input.
  const std::vector<std::pair<Published, double>> rows{
      {{"mixtral-8x7b", 12.9e9, 3, "mistral.ai"}, 0.0},
      {{"mixtral-8x22b", 39e9, 2, "mistral.ai"}, 0.0},
      {{"deepseek-v2", 21e9, 2, "arXiv 2405.04434"}, 0.0},
      {{"deepseek-v3", 37e9, 2, "arXiv 2412.19437"}, 129280.0 * 7168},
      {{"qwen3-30b-a3b", 3.3e9, 2, "model card"}, 0.0},
      {{"qwen3-235b-a22b", 22e9, 2, "model card"}, 0.0},
      {{"gpt-oss-20b", 3.61e9, 3, "arXiv 2508.10925"}, 201088.0 * 2880},
      {{"gpt-oss-120b", 5.13e9, 3, "arXiv 2508.10925"}, 201088.0 * 2880},
      {{"llama4-maverick", 17e9, 2, "model card"}, 0.0},
  };
  for (const auto& [row, left_out] : rows) {
    const double count = static_cast<double>(active_parameters(network_of(row.name))) - left_out;
    // an active count is printed rounded or cut off, so one unit of its last digit
    EXPECT_NEAR(count / row.count, 1.0, std::max(0.005, 2.0 * tolerance(row))) << row.name;
  }
}

TEST(NetworkParameters, OfAllRanksAddUpToTheModelWhereNothingIsReplicated) {
  const Network network = network_of("mixtral-8x7b");
  const Layout layout{.tensor = 4, .expert = 8};
  for (const Block& block : network.blocks) {
    for (const Op& op : block.ops) {
      const RankParameters one = parameters_on_rank(op, layout);
      const double whole = static_cast<double>(op.parameters.total());
      const double replicated = static_cast<double>(op.parameters.replicated);
      EXPECT_NEAR(one.dense * 4 + one.expert * 8, whole + 3 * replicated, 1e-6 * (whole + 1))
          << block.name << " " << op.name;
    }
  }
}

TEST(NetworkParameters, OfKeysAndValuesAreReplicatedBeyondTheirHeads) {
  const Network network = network_of("llama3-70b");  // 8 heads of keys and values
  const Block& layer = network.at(1);
  const Op& qkv = layer.ops[1];
  ASSERT_EQ(qkv.name, "attention.qkv");
  const double kv_head = 8192.0 * 2 * 128;
  const double at8 = parameters_on_rank(qkv, {.tensor = 8}).dense;
  const double at16 = parameters_on_rank(qkv, {.tensor = 16}).dense;
  EXPECT_DOUBLE_EQ(at8, 8192.0 * 8192 / 8 + kv_head);
  EXPECT_DOUBLE_EQ(at16, 8192.0 * 8192 / 16 + kv_head);
}

}  // namespace
}  // namespace windtunnel::models
