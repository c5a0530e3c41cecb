// How often a token crosses the network on its way to its experts.
#include "strategies/train/expert_sends.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "strategies/train/software_stack.hpp"

namespace windtunnel::strategies {
namespace {

TEST(ExpertSends, OneNodeOrOneExpertSavesNothing) {
  EXPECT_DOUBLE_EQ(per_node_share(1, 8), 1.0);
  for (const std::int64_t nodes : {2, 4, 8, 64}) EXPECT_NEAR(per_node_share(nodes, 1), 1.0, 1e-12);
}

TEST(ExpertSends, TwoNodesAndEightExpertsCrossAboutOnceInsteadOfFourTimes) {
  // Elsewhere is one node, reached unless all eight experts are at home: (1 - 1/256) of 4 copies.
  EXPECT_NEAR(per_node_share(2, 8), (1.0 - 1.0 / 256) / 4.0, 1e-12);
}

TEST(ExpertSends, MoreNodesSaveLessAndMoreExpertsSaveMore) {
  for (std::int64_t k = 2; k <= 16; ++k) {
    for (std::int64_t n = 2; n <= 64; n *= 2) {
      EXPECT_LT(per_node_share(n, k), per_node_share(2 * n, k));
      EXPECT_GT(per_node_share(n, k), per_node_share(n, k + 1));
      EXPECT_LE(per_node_share(n, k), 1.0);
    }
  }
}

// deepseek-ai/DeepEP, docs/README_Hybrid-EP.md: 4,096 tokens of 7,168 in bf16, top 8, as called from
// PyTorch; GB/s of what is routed on NVLink (900 GB/s a direction), of what crosses to the nodes on
// InfiniBand (own node included).
TEST(ExpertSends, DispatchTakesWhatHybridEpWasMeasuredToTake) {
  const double routed = 4096.0 * 8.0 * 7168.0 * 2.0;
  const std::pair<std::int64_t, double> inside[]{{8, 544e9}, {16, 474e9}, {32, 454e9}, {36, 444e9}};
  for (const auto& [ranks, rate] : inside) {
    const DispatchTime got = dispatch_time({.ranks = ranks,
                                            .nodes = 1,
                                            .copies = 8,
                                            .routed = base::Bytes(routed),
                                            .near = base::BytesPerSecond(900e9),
                                            .far = base::BytesPerSecond(50e9)},
                                           DispatchRates::measured);
    EXPECT_NEAR(got.time.value() / (routed / rate), 1.0, 0.2) << ranks;
    EXPECT_GT(routed / rate, got.low.value()) << ranks;
    EXPECT_LT(routed / rate, got.high.value()) << ranks;
  }
  const DispatchTime between = dispatch_time({.ranks = 64,
                                              .nodes = 8,
                                              .copies = 8,
                                              .routed = base::Bytes(routed),
                                              .near = base::BytesPerSecond(450e9),
                                              .far = base::BytesPerSecond(50e9)},
                                             DispatchRates::measured);
  const double nodes = 8.0 * (1.0 - std::pow(1.0 - 1.0 / 8.0, 8.0));  // that a token goes to
  EXPECT_NEAR(between.time.value() / (routed / 8.0 * nodes / 44e9), 1.0, 0.15);
}

TEST(ExpertSends, DispatchFallsWithBandwidthAndRisesWithBytes) {
  Dispatch one{.ranks = 32,
               .nodes = 4,
               .copies = 4,
               .routed = base::Bytes(1e8),
               .near = base::BytesPerSecond(450e9),
               .far = base::BytesPerSecond(25e9)};
  for (const DispatchRates rates : {DispatchRates::measured, DispatchRates::data_sheet}) {
    const base::Seconds plain = dispatch_time(one, rates).time;
    Dispatch faster = one, more = one;
    faster.far = faster.far * 2.0;
    more.routed = more.routed * 2.0;
    EXPECT_LT(dispatch_time(faster, rates).time, plain);
    EXPECT_GT(dispatch_time(more, rates).time, plain);
  }
}

TEST(ExpertSends, MegatronBridgeDeduplicatesAndEarlierStacksDoNot) {
  EXPECT_EQ(stack_of_text("Megatron-Bridge/NeMo 26.02")->experts, ExpertSends::per_node);
  EXPECT_EQ(stack_of_text("NeMo 24.12")->experts, ExpertSends::per_expert);
}

}  // namespace
}  // namespace windtunnel::strategies
