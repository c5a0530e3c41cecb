#include "strategies/train/stage_split.hpp"

#include <fmt/format.h>

#include <numeric>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {

std::optional<std::string> split_infeasible(std::int64_t layers, std::int64_t chunks) {
  if (chunks <= layers) return std::nullopt;
  if (layers == 0) {
    return fmt::format(
        "the model is one block, which no pipeline can cut, and the strategy asks for {} chunks: "
        "pipeline 1, virtual_stages 1 and a schedule without chunks of its own (zb_v and dualpipe "
        "make two of each stage)",
        chunks);
  }
  std::string text =
      fmt::format("{} pipeline chunks (pipeline x virtual_stages) for {} layers: some are empty",
                  chunks, layers);
  // Embedding and head fill a chunk each where they are asked to.
  if (chunks == layers + 1) text += "; stage_layers [0, 1, ..., 1] gives the embedding its own";
  if (chunks == layers + 2) {
    text += "; stage_layers [0, 1, ..., 1, 0] gives embedding and head their own";
  }
  return text;
}

std::vector<ChunkOfModel> split_layers(std::int64_t layers, std::int64_t chunks) {
  base::expects(chunks == 1 || (chunks > 1 && !split_infeasible(layers, chunks)),
                "every chunk has a layer");
  const std::int64_t slots = layers + 2;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(chunks), slots / chunks);
  for (std::int64_t i = 0; i < slots % chunks; ++i) {
    const std::int64_t at = i % 2 == 0 ? i / 2 : chunks - 1 - i / 2;
    ++counts[static_cast<std::size_t>(at)];
  }
  --counts.front();
  --counts.back();
  return stated_split(counts);
}

std::optional<std::string> stated_split_infeasible(const std::vector<std::int64_t>& stated,
                                                   std::int64_t layers, std::int64_t chunks) {
  if (static_cast<std::int64_t>(stated.size()) != chunks) {
    return fmt::format("stage_layers names {} chunks, and there are {}", stated.size(), chunks);
  }
  const std::int64_t sum = std::accumulate(stated.begin(), stated.end(), std::int64_t{0});
  if (sum != layers) {
    return fmt::format("stage_layers adds up to {} layers, and the model has {}", sum, layers);
  }
  return std::nullopt;
}

std::vector<ChunkOfModel> stated_split(const std::vector<std::int64_t>& stated) {
  std::vector<ChunkOfModel> chunks;
  std::int64_t next = 0;
  for (const std::int64_t layers : stated) {
    chunks.push_back({.first_layer = next, .layers = layers});
    next += layers;
  }
  chunks.front().embedding = true;
  chunks.back().head = true;
  return chunks;
}

}  // namespace windtunnel::strategies
