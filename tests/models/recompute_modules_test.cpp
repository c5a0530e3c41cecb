// Recomputation module by module: what each no longer keeps, and what it runs again.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/networks/activation_memory.hpp"
#include "models/networks/library.hpp"

namespace windtunnel::models {
namespace {

using enum RecomputeModule;

Network network_of(const std::string& name) {
  return build_network(*model_by_name(name));
}

constexpr BatchShape kBatch{.sequences = 1, .query_tokens = 4096};

LoweringOptions options_of(RecomputeModules modules) {
  return {.layout = {.expert = 8}, .again = modules};
}

double kept(const Block& block, RecomputeModules modules,
            Recompute recompute = Recompute::selective) {
  return activation_memory(block, kBatch, options_of(modules), recompute).value();
}

const Block& last_layer(const Network& network) {
  return network.at(network.order.size() - 2);
}

TEST(RecomputeModules, HaveNamesThatAreReadBack) {
  for (const RecomputeModule module : kRecomputeModules) {
    EXPECT_EQ(recompute_module_from(to_text(module)), module);
  }
  EXPECT_FALSE(recompute_module_from("attention"));
}

TEST(RecomputeModules, EachKeepsLessAndNoLessThanFullRecomputation) {
  const Network network = network_of("deepseek-v2");
  const Block& layer = last_layer(network);
  const double all = kept(layer, {}, Recompute::none);
  const double least = kept(layer, {}, Recompute::full);
  for (const RecomputeModule module : {core_attn, moe_act, layernorm, mla_up_proj, moe}) {
    EXPECT_LT(kept(layer, {module}), all) << to_text(module);
    EXPECT_GT(kept(layer, {module}), least) << to_text(module);
  }
}

// Of s tokens: heads (128 + 64) for queries and keys, heads 128 for values, and the latents behind
// their norms, 1,536 and 512, in 16 bits.
TEST(RecomputeModules, UpProjectionsOfLatentAttentionDropQueriesKeysAndValues) {
  const Network network = network_of("deepseek-v2");
  const Block& layer = last_layer(network);
  const double dropped = kept(layer, {}, Recompute::none) - kept(layer, {mla_up_proj});
  const double expected = 4096.0 * 2.0 * (128.0 * (192 + 192 + 128) + 1536 + 512);
  EXPECT_NEAR(dropped / expected, 1.0, 1e-9);
}

TEST(RecomputeModules, TheActivationOfExpertsDropsTheInputOfTheirSecondMatrix) {
  const Network network = network_of("qwen3-30b-a3b");
  const Block& layer = last_layer(network);
  const double dropped = kept(layer, {}, Recompute::none) - kept(layer, {moe_act});
  EXPECT_NEAR(dropped / (4096.0 * 8.0 * 768.0 * 2.0), 1.0, 1e-9);
}

// A norm's output is the input of queries, keys and values, and of the router.
TEST(RecomputeModules, NormsDropWhatTheyGave) {
  const Network network = network_of("qwen3-30b-a3b");
  const Block& layer = last_layer(network);
  const double dropped = kept(layer, {}, Recompute::none) - kept(layer, {layernorm});
  EXPECT_NEAR(dropped / (4096.0 * 2048.0 * 2.0 * 2.0), 1.0, 1e-9);
}

TEST(RecomputeModules, ADenseMlpKeepsItsInputAlone) {
  const Network network = network_of("llama3-8b");
  const Block& layer = network.at(1);
  const double dropped = kept(layer, {}, Recompute::none) - kept(layer, {mlp});
  EXPECT_NEAR(dropped / (4096.0 * 3.0 * 14336.0 * 2.0), 1.0, 1e-9);
}

TEST(RecomputeModules, RunAgainWhatTheyName) {
  const Network network = network_of("deepseek-v2");
  const Block& layer = last_layer(network);
  const auto again = [&](RecomputeModules modules) {
    const std::vector<double> shares =
        recomputed_shares(layer, options_of(modules), Recompute::selective);
    return std::count(shares.begin(), shares.end(), 1.0);
  };
  EXPECT_EQ(again({core_attn}), 1);
  EXPECT_EQ(again({layernorm}), 2);
  EXPECT_EQ(again({mla_up_proj}), 5);     // two norms, two products, the rotary embedding
  EXPECT_EQ(again({shared_experts}), 3);  // two matrices and the activation between them
  EXPECT_EQ(again({moe}), 4 + 3);         // router, permutations, experts; the shared ones
  EXPECT_EQ(again({moe_act}), 0);         // a part of an op
  const Op& experts = *std::find_if(layer.ops.begin(), layer.ops.end(),
                                    [](const Op& op) { return op.name == "moe.experts"; });
  EXPECT_TRUE(activation_runs_again(experts, options_of({moe_act}), Recompute::selective));
  EXPECT_FALSE(activation_runs_again(experts, options_of({moe_act, moe}), Recompute::selective));
  EXPECT_EQ(lower_expert_activation(experts, kBatch, options_of({moe_act})).size(), 1U);
}

TEST(RecomputeModules, OfNobodyIsWhatTheSoftwareDoes) {
  const Network network = network_of("llama3-8b");
  LoweringOptions alternating;
  alternating.software.selective = SelectiveRecompute::every_other_product;
  LoweringOptions named = alternating;
  named.again = {core_attn};
  const auto shares = [&](const LoweringOptions& options) {
    return recomputed_shares(network.at(1), options, Recompute::selective);
  };
  EXPECT_NE(shares(alternating), shares(named));
}

}  // namespace
}  // namespace windtunnel::models
