// How a model lies on the GPUs of one engine: which layers each pipeline stage holds, how many ways
// each is split, and which groups of GPUs talk to each other.
//
// GPUs of an engine are tensor x data x pipeline, numbered in that order: tensor ranks beside each
// other on a node. Experts are spread over tensor x data GPUs: `expert` groups of them, each expert
// split over the rest. Layers go to stages in equal counts, the first stages taking what is left
// over; the embedding is the first stage's and the head the last's.
// Removed layers are those before the last quarter's end: deep layers change the hidden state least,
// but for the last (Gromov et al. 2024, arXiv 2403.17887).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/networks/layout.hpp"
#include "models/networks/network.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/train/group_clock.hpp"

namespace windtunnel::strategies {

struct BlockCount {
  std::size_t block = 0;  // index into Network::blocks
  std::int64_t count = 0;
};
struct StageBlocks {
  std::vector<BlockCount> blocks;  // embedding and head among them
};

struct EngineLayout {
  models::Layout ranks;  // tensor, expert, expert_tensor
  std::int64_t data = 1;
  std::vector<StageBlocks> stages;
  GroupShape tensor{}, experts{};  // experts: all tensor x data GPUs
  bool hop_between_nodes = false;  // from a stage to the next
  std::int64_t gpus() const {
    return ranks.tensor * data * static_cast<std::int64_t>(stages.size());
  }
};

struct EngineSizes {
  std::int64_t tensor = 1, pipeline = 1, data = 1, expert = 1;
};
EngineSizes engine_sizes(const ServeJob& job, EngineRole role);

// A layout, or the sentence that says why there is none. `removed`: layers taken out.
struct LayoutAnswer {
  std::optional<EngineLayout> layout;
  std::string infeasible;
};
LayoutAnswer lay_out_engine(const EngineSizes& sizes, const ServeSubject& subject,
                            const sim::ValidCluster& cluster, std::int64_t removed);

// As lay_out_engine, for a draft model beside it, on as many of the tensor ranks as divide its
// heads.
EngineLayout draft_layout(const EngineLayout& target, const ServeSubject& draft);

}  // namespace windtunnel::strategies
