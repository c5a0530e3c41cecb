// Laws of the MoE form and of the load on the busiest rank.
#include "models/kernels/moe_form.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "models/gpu_library.hpp"

namespace windtunnel::models {
namespace {

MoeQuery deepseek(std::int64_t tokens, std::int64_t ranks, double skew = 0) {
  MoeQuery q;
  q.tokens = tokens;
  q.hidden = 7168;
  q.intermediate = 2048;
  q.top_k = 8;
  q.experts = 256;
  q.expert_ranks = ranks;
  q.skew = skew;
  q.format = NumberFormat::fp8_block;
  return q;
}

TEST(RankLoad, BalancedIsAnEqualShare) {
  const MoeLoad load = rank_load(deepseek(4096, 32));
  EXPECT_DOUBLE_EQ(load.pairs, 4096.0 * 8 / 32);
  EXPECT_DOUBLE_EQ(load.experts, 8);
  EXPECT_DOUBLE_EQ(load.hit, 8);
  EXPECT_DOUBLE_EQ(rank_load(deepseek(4, 1)).hit, 32);  // 4 tokens reach 32 of 256 experts
}

// One draw of the tables' own law: popularities with density x^-skew, experts dealt to ranks.
double drawn_share(std::mt19937_64& random, const MoeQuery& q) {
  const double low = 1, high = 0.8 * static_cast<double>(q.tokens), s = 1 - q.skew;
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto experts = static_cast<std::size_t>(q.experts);
  const auto held = experts / static_cast<std::size_t>(q.expert_ranks);
  double sum = 0, most = 0;
  for (std::size_t first = 0; first < experts; first += held) {
    double rank = 0;
    for (std::size_t i = 0; i < held; ++i) {
      rank += std::pow(std::pow(low, s) + uniform(random) * (std::pow(high, s) - std::pow(low, s)),
                       1 / s);
    }
    sum += rank;
    most = std::max(most, rank);
  }
  return most / sum;
}

TEST(RankLoad, SkewedIsTheMedianOfDrawsOfTheBusiestRank) {
  std::mt19937_64 random(7);
  for (const double skew : {1.01, 1.2}) {
    for (const std::int64_t ranks : {2, 8, 32, 128}) {
      for (const std::int64_t tokens : {512, 16384}) {
        const MoeQuery q = deepseek(tokens, ranks, skew);
        std::vector<double> draws(301);
        for (double& draw : draws) draw = drawn_share(random, q);
        std::nth_element(draws.begin(), draws.begin() + 150, draws.end());
        const double share = rank_load(q).pairs / (static_cast<double>(tokens) * 8);
        // 10 %: the estimate's own error (p90 6 %) and that of a median of 301 heavy-tailed draws.
        EXPECT_NEAR(share / draws[150], 1.0, 0.10) << ranks << " ranks, skew " << skew;
      }
    }
  }
}

TEST(RankLoad, SkewNeverLightensTheBusiestRank) {
  for (const std::int64_t ranks : {1, 2, 16, 256}) {
    for (const std::int64_t tokens : {1, 30, 1000, 100000}) {
      EXPECT_GE(rank_load(deepseek(tokens, ranks, 1.2)).pairs,
                rank_load(deepseek(tokens, ranks)).pairs * (1 - 1e-9));
    }
  }
}

TEST(MoeForm, IsNeverFasterThanTheDevice) {
  for (const std::string& name : gpu_names()) {
    const sim::Gpu gpu = *gpu_named(name);
    for (const NumberFormat format :
         {NumberFormat::bf16, NumberFormat::fp8, NumberFormat::mxfp4_weights}) {
      const MoeDevice device = moe_device(gpu, format);
      const MoeDefaults defaults = default_moe_parameters(gpu, format);
      for (const std::int64_t tokens : {1, 64, 4096, 262144}) {
        for (const std::int64_t ranks : {1, 16}) {
          MoeQuery q = deepseek(tokens, ranks);
          q.format = format;
          EXPECT_GE(moe_time(q, defaults.parameters, device), moe_least_time(q, device))
              << name << " " << tokens;
        }
      }
    }
  }
}

TEST(MoeForm, RisesWithTokensHiddenIntermediateAndTopK) {
  for (const std::string& name : gpu_names()) {
    const sim::Gpu gpu = *gpu_named(name);
    const MoeDevice device = moe_device(gpu, NumberFormat::bf16);
    const MoeParameters parameters = default_moe_parameters(gpu, NumberFormat::bf16).parameters;
    for (const double skew : {0.0, 1.2}) {
      for (const auto what :
           {&MoeQuery::tokens, &MoeQuery::hidden, &MoeQuery::intermediate, &MoeQuery::top_k}) {
        MoeQuery q = deepseek(48, 8, skew);
        double before = moe_time(q, parameters, device);
        for (int step = 0; step < 4; ++step) {
          q.*what *= 2;
          const double after = moe_time(q, parameters, device);
          EXPECT_GE(after, before * (1 - 1e-9)) << name;
          before = after;
        }
      }
    }
  }
}

TEST(MoeForm, SmallBatchesPayForTheExpertsTheyHit) {
  // One token reads 8 experts, 32 tokens all 256: the time follows the weights.
  const sim::Gpu gpu = *gpu_named("h100-sxm");
  const MoeDevice device = moe_device(gpu, NumberFormat::fp8_block);
  const MoeParameters p = default_moe_parameters(gpu, NumberFormat::fp8_block).parameters;
  const double fixed = p.launch + 256 * p.expert_setup;
  const double one = moe_time(deepseek(1, 1), p, device) - fixed;
  const double all = moe_time(deepseek(32, 1), p, device) - fixed;
  EXPECT_GT(all / one, 15);
  EXPECT_LT(all / one, 33);
}

TEST(MoeForm, TensorRanksSliceTheWeights) {
  const sim::Gpu gpu = *gpu_named("h100-sxm");
  const MoeDevice device = moe_device(gpu, NumberFormat::fp8_block);
  const MoeParameters p = default_moe_parameters(gpu, NumberFormat::fp8_block).parameters;
  MoeQuery q = deepseek(16384, 1);
  const double whole = moe_time(q, p, device);
  q.tensor_ranks = 8;
  const double sliced = moe_time(q, p, device);
  EXPECT_LT(sliced, whole);
  EXPECT_GT(sliced, whole / 8);
}

}  // namespace
}  // namespace windtunnel::models
