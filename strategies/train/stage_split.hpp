// Which layers of a model each chunk of a pipeline holds.
//
// Model: embedding, L layers and head are L + 2 slots in a row; they are spread over the chunks as
// evenly as they go, and chunks with one slot more come from both ends inward (first, last, second,
// last but one, ...). So L divisible by the chunks puts L / chunks layers everywhere with the
// embedding and the head on top (Megatron-LM), and L + 2 divisible by them makes the first and last
// chunk one layer shorter (BLOOM: 70 layers over 12 stages). Only more chunks than layers is
// infeasible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace windtunnel::strategies {

struct ChunkOfModel {
  std::int64_t first_layer = 0;
  std::int64_t layers = 0;
  bool embedding = false;
  bool head = false;
};

std::optional<std::string> split_infeasible(std::int64_t layers, std::int64_t chunks);
std::vector<ChunkOfModel> split_layers(std::int64_t layers, std::int64_t chunks);

// Layers a chunk as the user states them; the sentence says what does not fit.
std::optional<std::string> stated_split_infeasible(const std::vector<std::int64_t>& stated,
                                                   std::int64_t layers, std::int64_t chunks);
std::vector<ChunkOfModel> stated_split(const std::vector<std::int64_t>& stated);

}  // namespace windtunnel::strategies
