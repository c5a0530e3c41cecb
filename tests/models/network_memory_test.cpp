// What a layer keeps for its backward pass (Korthikanti et al. 2022, arXiv 2205.05198), and the
// key/value cache.
#include <gtest/gtest.h>

#include "models/networks/activation_memory.hpp"
#include "models/networks/counts.hpp"
#include "models/networks/library.hpp"

namespace windtunnel::models {
namespace {

Network network_of(const std::string& name) {
  return build_network(*model_by_name(name));
}

struct Gpt {
  const char* name;
  double hidden, heads;
};

// The models of the paper's table 3 that the library has.
const std::vector<Gpt> kGpts{{"megatron-22b", 6144, 64},
                             {"megatron-175b", 12288, 96},
                             {"megatron-530b", 20480, 128},
                             {"megatron-1t", 25600, 160}};

LoweringOptions megatron(std::int64_t tensor, SequenceParallel sequence) {
  LoweringOptions options;
  options.software.attention = AttentionKernel::unfused;
  options.software.cross_entropy = Form::unfused;
  options.layout = {.tensor = tensor, .sequence = sequence};
  return options;
}

double layer_bytes(const Gpt& gpt, const BatchShape& batch, const LoweringOptions& options,
                   Recompute recompute) {
  const Network network = network_of(gpt.name);
  return activation_memory(network.at(1), batch, options, recompute).value();
}

TEST(ActivationMemory, OfALayerIsSbh34Plus5as) {
  const BatchShape batch{.sequences = 4, .query_tokens = 2048};
  const double s = 2048, b = 4;
  for (const Gpt& gpt : kGpts) {
    const double h = gpt.hidden, a = gpt.heads;
    const double bytes =
        layer_bytes(gpt, batch, megatron(1, SequenceParallel::off), Recompute::none);
    EXPECT_DOUBLE_EQ(bytes, s * b * h * (34 + 5 * a * s / h)) << gpt.name;
  }
}

TEST(ActivationMemory, UnderTensorParallelismIsTheSecondEquation) {
  const BatchShape batch{.sequences = 1, .query_tokens = 2048};
  const double s = 2048, t = 8;
  for (const Gpt& gpt : kGpts) {
    const double h = gpt.hidden, a = gpt.heads;
    const double bytes =
        layer_bytes(gpt, batch, megatron(8, SequenceParallel::off), Recompute::none);
    EXPECT_NEAR(bytes / (s * h * (10 + 24 / t + 5 * a * s / (h * t))), 1.0, 1e-12) << gpt.name;
  }
}

TEST(ActivationMemory, UnderSequenceParallelismIsDividedByTheRanks) {
  const BatchShape batch{.sequences = 1, .query_tokens = 2048};
  const double s = 2048, t = 8;
  for (const Gpt& gpt : kGpts) {
    const double h = gpt.hidden, a = gpt.heads;
    const double bytes =
        layer_bytes(gpt, batch, megatron(8, SequenceParallel::on), Recompute::none);
    EXPECT_NEAR(bytes / (s * h / t * (34 + 5 * a * s / h)), 1.0, 1e-12) << gpt.name;
  }
}

TEST(ActivationMemory, UnderSelectiveRecomputationIs34sbhByTheRanks) {
  const BatchShape batch{.sequences = 1, .query_tokens = 2048};
  for (const Gpt& gpt : kGpts) {
    const double bytes =
        layer_bytes(gpt, batch, megatron(8, SequenceParallel::on), Recompute::selective);
    EXPECT_NEAR(bytes / (34.0 * 2048 * gpt.hidden / 8), 1.0, 1e-12) << gpt.name;
  }
}

TEST(ActivationMemory, UnderFullRecomputationIsTheInputOfTheLayer) {
  const BatchShape batch{.sequences = 1, .query_tokens = 2048};
  for (const Gpt& gpt : kGpts) {
    const double input = 2.0 * 2048 * gpt.hidden;
    EXPECT_DOUBLE_EQ(layer_bytes(gpt, batch, megatron(8, SequenceParallel::off), Recompute::full),
                     input);
    EXPECT_DOUBLE_EQ(layer_bytes(gpt, batch, megatron(8, SequenceParallel::on), Recompute::full),
                     input / 8);
  }
}

// Section 4.3: the embedding's dropout keeps sbh / t; the last stage 4sbh/t (1 + v/h) more.
TEST(ActivationMemory, OfEmbeddingAndHeadIsThatOfSectionFourThree) {
  const BatchShape batch{.sequences = 2, .query_tokens = 2048};
  const double s = 2048, b = 2, h = 12288, v = 51200, t = 8;
  const Network network = network_of("megatron-175b");
  const LoweringOptions options = megatron(8, SequenceParallel::on);
  const double embedding =
      activation_memory(network.blocks.front(), batch, options, Recompute::none).value();
  EXPECT_NEAR(embedding / (s * b * h / t), 1.0, 1e-12);
  const double head =
      activation_memory(network.blocks.back(), batch, options, Recompute::none).value();
  EXPECT_NEAR(head / (4 * s * b * h / t * (1 + v / h)), 1.0, 1e-12);
}

TEST(ActivationMemory, OfFusedAttentionGrowsWithTheLengthAndNotItsSquare) {
  const Network network = network_of("llama3-8b");
  const LoweringOptions options;
  const double at4k =
      activation_memory(network.at(1), {.query_tokens = 4096}, options, Recompute::none).value();
  const double at8k =
      activation_memory(network.at(1), {.query_tokens = 8192}, options, Recompute::none).value();
  EXPECT_DOUBLE_EQ(at8k, 2 * at4k);
}

// Llama: two norms 4, queries 2, keys and values 4 kv/a, output 2, inputs of the products 4, gate
// and up 4 f/h, down 2 f/h, and the log-sum-exp of each head: of s b h.
TEST(ActivationMemory, OfALlamaLayerIsTheSumOfItsTensors) {
  const Network network = network_of("llama3-8b");
  const double s = 8192, h = 4096, f = 14336, kv = 1024, a = 32;
  const double expected = s * (4 * h + 2 * h + 4 * kv + 2 * h + 4 * h + 6 * f + 4 * a);
  const double bytes =
      activation_memory(network.at(1), {.query_tokens = 8192}, {}, Recompute::none).value();
  EXPECT_DOUBLE_EQ(bytes, expected);
}

TEST(ActivationMemory, ShrinksWithEightBitProducts) {
  const Network network = network_of("llama3-8b");
  LoweringOptions fp8;
  fp8.formats = formats_of(NumberFormat::fp8);
  const BatchShape batch{.query_tokens = 8192};
  EXPECT_LT(activation_memory(network.at(1), batch, fp8, Recompute::none),
            activation_memory(network.at(1), batch, {}, Recompute::none));
}

TEST(ActivationMemory, IsDividedByContextRanks) {
  const Network network = network_of("llama3-8b");
  LoweringOptions options;
  options.layout.context = 4;
  const BatchShape batch{.query_tokens = 8192};
  EXPECT_DOUBLE_EQ(4 * activation_memory(network.at(1), batch, options, Recompute::none).value(),
                   activation_memory(network.at(1), batch, {}, Recompute::none).value());
}

TEST(ActivationMemory, NeverGrowsWithRanksOrRecomputation) {
  for (const char* name : {"gpt3-175b", "mixtral-8x7b", "deepseek-v3", "bert-large", "qwen3-32b"}) {
    const Network network = network_of(name);
    const BatchShape batch{.sequences = 2, .query_tokens = 2048};
    for (const Block& block : network.blocks) {
      double before = std::numeric_limits<double>::infinity();
      for (const std::int64_t tensor : {1, 2, 4, 8}) {
        const LoweringOptions options = megatron(tensor, SequenceParallel::on);
        const double none = activation_memory(block, batch, options, Recompute::none).value();
        const double some = activation_memory(block, batch, options, Recompute::selective).value();
        const double full = activation_memory(block, batch, options, Recompute::full).value();
        EXPECT_LE(full, some) << name << " " << block.name;
        EXPECT_LE(some, none) << name << " " << block.name;
        EXPECT_LE(none, before) << name << " " << block.name;
        before = none;
      }
    }
  }
}

// torchtitan, selective_ac_option `op`: the input of the layer, of q, k, v, out, gate, up, down the
// outputs of q, v, gate and down, and that of attention.
TEST(ActivationMemory, WithEveryOtherProductKeptIsItsOutputsAndTheInput) {
  const Network network = network_of("llama3-8b");
  LoweringOptions options;
  options.software.selective = SelectiveRecompute::every_other_product;
  const BatchShape batch{.sequences = 2, .query_tokens = 8192};
  const double tokens = 2 * 8192, h = 4096, f = 14336, kv = 1024;
  const double expected = tokens * (2 * h + 2 * h + 2 * kv + 2 * h + 2 * f + 2 * h);
  EXPECT_DOUBLE_EQ(activation_memory(network.at(1), batch, options, Recompute::selective).value(),
                   expected);
  EXPECT_EQ(activation_memory(network.at(1), batch, options, Recompute::none),
            activation_memory(network.at(1), batch, {}, Recompute::none));
}

TEST(ActivationMemory, WithEveryOtherProductKeptTheOthersRunAgain) {
  const Network network = network_of("llama3-8b");
  LoweringOptions options;
  options.software.selective = SelectiveRecompute::every_other_product;
  const Block& layer = network.at(1);
  const std::vector<double> shares = recomputed_shares(layer, options, Recompute::selective);
  double products = 0, again = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (std::holds_alternative<AttentionWork>(layer.ops[i].work)) {
      EXPECT_EQ(shares[i], 0.0);
    }
    if (!std::holds_alternative<LinearWork>(layer.ops[i].work)) continue;
    const double size = static_cast<double>(layer.ops[i].parameters.total());
    products += size, again += shares[i] * size;
  }
  const double h = 4096, f = 14336, kv = 1024;  // k, out and up of all seven
  EXPECT_NEAR(again / products, (h * kv + h * h + h * f) / (2 * h * h + 2 * h * kv + 3 * h * f),
              1e-12);
}

// Heads exchanged for the sequence: the output in both layouts.
TEST(ActivationMemory, UnderExchangedHeadsKeepsTheOutputTwice) {
  const Network network = network_of("llama3-8b");
  LoweringOptions ring, heads;
  ring.layout.context = heads.layout.context = 4;
  heads.layout.context_scheme = ContextScheme::all_to_all;
  const BatchShape batch{.query_tokens = 8192};
  EXPECT_DOUBLE_EQ(activation_memory(network.at(1), batch, heads, Recompute::none).value() -
                       activation_memory(network.at(1), batch, ring, Recompute::none).value(),
                   2.0 * 4096 * 8192 / 4);
}

// 2 x layers x heads of keys x width x 2 bytes; latent attention: layers x (512 + 64) x 2 bytes.
TEST(KvCache, OfATokenIsThatOfThePapers) {
  const Layout one;
  EXPECT_DOUBLE_EQ(kv_cache_bytes(network_of("llama3-70b"), 1, one, NumberFormat::bf16).value(),
                   327680.0);
  EXPECT_DOUBLE_EQ(kv_cache_bytes(network_of("gpt3-175b"), 1, one, NumberFormat::fp16).value(),
                   2.0 * 96 * 12288 * 2);
  EXPECT_DOUBLE_EQ(kv_cache_bytes(network_of("deepseek-v3"), 1, one, NumberFormat::bf16).value(),
                   61.0 * 576 * 2);
  EXPECT_DOUBLE_EQ(
      kv_cache_bytes(network_of("llama3-70b"), 1, {.tensor = 8}, NumberFormat::fp8).value(),
      327680.0 / 16);
  EXPECT_DOUBLE_EQ(kv_cache_bytes(network_of("bert-large"), 128, one, NumberFormat::fp16).value(),
                   0.0);
}

TEST(KvCache, OfWindowedLayersStopsAtTheWindow) {
  const Network network = network_of("gpt-oss-20b");
  const double a_layer = 2.0 * 8 * 64 * 2;
  EXPECT_DOUBLE_EQ(kv_cache_bytes(network, 10000, {}, NumberFormat::bf16).value(),
                   a_layer * (12 * 128 + 12 * 10000));
}

}  // namespace
}  // namespace windtunnel::models
