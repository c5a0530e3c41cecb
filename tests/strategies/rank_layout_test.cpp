// Parallel groups against orders worked out by hand, and the laws of a partition.
#include "strategies/train/rank_layout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

namespace windtunnel::strategies {
namespace {

using Ranks = std::vector<std::int64_t>;

TEST(RankLayout, TensorIsFastestAndPipelineSlowestByDefault) {
  const RankLayout layout({.tensor = 2, .data = 2, .pipeline = 4}, kDefaultRankOrder, 8);
  EXPECT_EQ(layout.group(5, ParallelDimension::tensor), (Ranks{4, 5}));
  EXPECT_EQ(layout.group(5, ParallelDimension::data), (Ranks{5, 7}));
  EXPECT_EQ(layout.group(5, ParallelDimension::pipeline), (Ranks{1, 5, 9, 13}));
  EXPECT_EQ(layout.pipeline_neighbour(13, 1), 1);
  EXPECT_EQ(layout.pipeline_neighbour(1, -1), 13);
}

TEST(RankLayout, RankOrderDecidesWhichGroupCrossesNodes) {
  const ParallelSizes sizes{.tensor = 8, .data = 4};
  const RankLayout inside(sizes, kDefaultRankOrder, 8);
  EXPECT_EQ(inside.shape(inside.group(0, ParallelDimension::tensor)).nodes, 1);
  EXPECT_EQ(inside.shape(inside.group(0, ParallelDimension::data)).nodes, 4);
  EXPECT_EQ(inside.shape(inside.group(0, ParallelDimension::data)).groups_per_node, 8);
  const RankLayout across(sizes,
                          {ParallelDimension::data, ParallelDimension::context,
                           ParallelDimension::tensor, ParallelDimension::pipeline},
                          8);
  EXPECT_EQ(across.shape(across.group(0, ParallelDimension::tensor)).nodes, 4);
  EXPECT_EQ(across.shape(across.group(0, ParallelDimension::tensor)).gpus_per_node, 2);
}

// Megatron-Core: with expert_tensor 1 experts spread over the tensor group first.
TEST(RankLayout, ExpertsFoldOverTensorContextAndData) {
  const RankLayout folded({.tensor = 4, .data = 4, .expert = 8}, kDefaultRankOrder, 8);
  EXPECT_EQ(folded.expert_group(0), (Ranks{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(folded.expert_data_group(3), (Ranks{3, 11}));
  const RankLayout sliced({.tensor = 4, .data = 4, .expert = 2, .expert_tensor = 4},
                          kDefaultRankOrder, 8);
  EXPECT_EQ(sliced.expert_tensor_group(5), (Ranks{4, 5, 6, 7}));
  EXPECT_EQ(sliced.expert_group(5), (Ranks{1, 5}));
  EXPECT_EQ(sliced.expert_data_group(5), (Ranks{5, 13}));
}

TEST(RankLayout, EveryKindOfGroupPartitionsTheRanks) {
  for (const auto& [t, c, d, p, e, et] : std::vector<std::array<std::int64_t, 6>>{
           {2, 2, 4, 2, 4, 2}, {1, 3, 4, 5, 6, 1}, {8, 1, 6, 2, 16, 1}, {1, 1, 1, 1, 1, 1}}) {
    const ParallelSizes sizes{
        .tensor = t, .context = c, .data = d, .pipeline = p, .expert = e, .expert_tensor = et};
    const RankLayout layout(sizes, kDefaultRankOrder, 8);
    using Listing = std::function<Ranks(std::int64_t)>;
    const std::vector<std::pair<std::int64_t, Listing>> kinds{
        {t, [&](std::int64_t r) { return layout.group(r, ParallelDimension::tensor); }},
        {p, [&](std::int64_t r) { return layout.group(r, ParallelDimension::pipeline); }},
        {c * d, [&](std::int64_t r) { return layout.gradient_group(r); }},
        {e, [&](std::int64_t r) { return layout.expert_group(r); }},
        {et, [&](std::int64_t r) { return layout.expert_tensor_group(r); }},
        {t * c * d / (e * et), [&](std::int64_t r) { return layout.expert_data_group(r); }}};
    for (const auto& [size, groups] : kinds) {
      for (std::int64_t rank = 0; rank < sizes.ranks(); ++rank) {
        const Ranks own = groups(rank);
        ASSERT_EQ(static_cast<std::int64_t>(own.size()), size);
        ASSERT_NE(std::find(own.begin(), own.end(), rank), own.end());
        for (const std::int64_t other : own) ASSERT_EQ(groups(other), own);
      }
    }
  }
}

TEST(RankLayout, CoordinatesAndRankAreEachOthersInverse) {
  const RankLayout layout({.tensor = 2, .context = 3, .data = 4, .pipeline = 5},
                          {ParallelDimension::context, ParallelDimension::tensor,
                           ParallelDimension::pipeline, ParallelDimension::data},
                          8);
  std::set<std::int64_t> seen;
  for (std::int64_t rank = 0; rank < 120; ++rank) {
    const std::int64_t back =
        layout.rank_at({layout.coordinate(rank, ParallelDimension::tensor),
                        layout.coordinate(rank, ParallelDimension::context),
                        layout.coordinate(rank, ParallelDimension::data),
                        layout.coordinate(rank, ParallelDimension::pipeline)});
    EXPECT_EQ(back, rank);
    seen.insert(back);
  }
  EXPECT_EQ(seen.size(), 120U);
}

TEST(RankLayout, AnUnevenGroupSaysSo) {
  const RankLayout layout({.tensor = 1, .data = 6}, kDefaultRankOrder, 4);
  const GroupShape shape = layout.shape(layout.group(0, ParallelDimension::data));
  EXPECT_EQ(shape.nodes, 2);
  EXPECT_EQ(shape.gpus_per_node, 4);
  EXPECT_FALSE(shape.even);
}

TEST(RankLayout, ImpossibleSizesAreSaidWithTheNumbers) {
  const auto why = layout_infeasible({.tensor = 8, .data = 3}, 32);
  ASSERT_TRUE(why.has_value());
  EXPECT_NE(why->find("24"), std::string::npos);
  EXPECT_NE(why->find("32"), std::string::npos);
  EXPECT_TRUE(layout_infeasible({.data = 6, .expert = 4}, 6).has_value());
  EXPECT_FALSE(layout_infeasible({.data = 6, .expert = 3}, 6).has_value());
}

// 144 GPUs in two domains of 72: two ranks far apart are in both, neighbours in one.
TEST(RankLayout, CountsAllNodesOfTheScaleUpDomainsThatAGroupIsOn) {
  const RankLayout layout({.tensor = 72, .data = 2}, kDefaultRankOrder, 4, 18);
  EXPECT_EQ(layout.shape(layout.group(0, ParallelDimension::data)).nodes, 36);
  EXPECT_EQ(layout.shape(layout.group(0, ParallelDimension::tensor)).nodes, 18);
  EXPECT_EQ(layout.domain_of(71), 0);
  EXPECT_EQ(layout.domain_of(72), 1);
}

}  // namespace
}  // namespace windtunnel::strategies
