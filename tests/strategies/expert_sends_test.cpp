// How often a token crosses the network on its way to its experts.
#include "strategies/train/expert_sends.hpp"

#include <gtest/gtest.h>

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

TEST(ExpertSends, MegatronBridgeDeduplicatesAndEarlierStacksDoNot) {
  EXPECT_EQ(stack_of_text("Megatron-Bridge/NeMo 26.02")->experts, ExpertSends::per_node);
  EXPECT_EQ(stack_of_text("NeMo 24.12")->experts, ExpertSends::per_expert);
}

}  // namespace
}  // namespace windtunnel::strategies
