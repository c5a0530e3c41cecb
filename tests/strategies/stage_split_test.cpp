// Layers on pipeline chunks, against splits known from real runs.
#include "strategies/train/stage_split.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace windtunnel::strategies {
namespace {

std::vector<std::int64_t> layers_of(const std::vector<ChunkOfModel>& chunks) {
  std::vector<std::int64_t> layers;
  for (const ChunkOfModel& chunk : chunks) layers.push_back(chunk.layers);
  return layers;
}

TEST(StageSplit, LayersThatDivideAreSpreadAlike) {
  EXPECT_EQ(layers_of(split_layers(96, 8)), std::vector<std::int64_t>(8, 12));
  EXPECT_EQ(layers_of(split_layers(32, 1)), (std::vector<std::int64_t>{32}));
}

// BLOOM-176B: 70 layers over 12 stages, embedding and head counted as a layer each.
TEST(StageSplit, EndsAreShorterWhereEmbeddingAndHeadCountAsLayers) {
  std::vector<std::int64_t> bloom(12, 6);
  bloom.front() = bloom.back() = 5;
  EXPECT_EQ(layers_of(split_layers(70, 12)), bloom);
  // Llama-3.1-405B: 126 layers over 16 stages (Llama 3 report, section 3.3.2).
  std::vector<std::int64_t> llama(16, 8);
  llama.front() = llama.back() = 7;
  EXPECT_EQ(layers_of(split_layers(126, 16)), llama);
}

TEST(StageSplit, EveryLayerIsOnceInOrderAndNoChunkIsEmpty) {
  for (std::int64_t layers = 1; layers <= 40; ++layers) {
    for (std::int64_t count = 1; count <= layers; ++count) {
      const auto chunks = split_layers(layers, count);
      std::int64_t next = 0;
      for (const ChunkOfModel& chunk : chunks) {
        EXPECT_EQ(chunk.first_layer, next);
        EXPECT_GE(chunk.layers, 1);
        next += chunk.layers;
      }
      EXPECT_EQ(next, layers);
      EXPECT_TRUE(chunks.front().embedding && chunks.back().head);
    }
  }
}

TEST(StageSplit, MoreChunksThanLayersAndWrongSumsAreSaidWithTheNumbers) {
  EXPECT_TRUE(split_infeasible(4, 5).has_value());
  EXPECT_FALSE(split_infeasible(4, 4).has_value());
  EXPECT_TRUE(stated_split_infeasible({2, 3}, 6, 2).has_value());
  EXPECT_TRUE(stated_split_infeasible({2, 4}, 6, 3).has_value());
  EXPECT_FALSE(stated_split_infeasible({2, 4}, 6, 2).has_value());
}

TEST(StageSplit, AModelOfOneBlockIsSaidToBeOne) {
  const auto why = split_infeasible(0, 2);
  ASSERT_TRUE(why);
  EXPECT_NE(why->find("one block"), std::string::npos) << *why;
  EXPECT_EQ(why->find("0 layers"), std::string::npos) << *why;
}

}  // namespace
}  // namespace windtunnel::strategies
