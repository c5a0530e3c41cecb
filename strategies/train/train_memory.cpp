#include "strategies/train/train_memory.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "models/networks/activation_memory.hpp"
#include "models/networks/counts.hpp"
#include "strategies/train/memory_conventions.hpp"
#include "strategies/train/optimizer_cost.hpp"
#include "strategies/train/scratch_memory.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using models::Recompute;

// Of the device's memory: what the driver keeps for itself (an A100 of 80 GiB offers 79.35 GiB).
constexpr double kKeptFree = 0.008;

// Activations that one micro-batch keeps in a chunk, the most that one of its layers needs while it
// is computed again, and the two offloaded layers that are on the device: one at work and one on its
// way; `away`: all offloaded ones.
struct ChunkActivations {
  Bytes kept{0}, again{0}, passing{0}, away{0};
};

struct HeldByChunk {
  models::RankParameters weight_bytes, trained;
};

class ChunkMemory {
 public:
  ChunkMemory(const TrainPlan& plan, const models::Network& network)
      : plan_(plan), network_(network) {}

  ChunkActivations activations(const ChunkOfModel& chunk) const {
    ChunkActivations out;
    if (chunk.embedding) out.kept += of(network_.order.front(), Recompute::none);
    for (std::int64_t i = 0; i < chunk.layers; ++i) {
      const std::size_t block = layer(chunk, i);
      const Recompute recompute = recompute_of(i);
      const Bytes kept = of(block, recompute);
      if (is_offloaded(i)) {
        out.passing = base::max(out.passing, 2.0 * kept);
        out.away += kept;
      } else {
        out.kept += kept;
      }
      if (recompute != Recompute::none) {
        out.again = base::max(out.again, of(block, Recompute::none) - kept);
      }
    }
    if (chunk.head) out.kept += of(network_.order.back(), Recompute::none);
    return out;
  }

  // Parameters that are trained, and the bytes of all weights with `stored` of one.
  HeldByChunk held(const ChunkOfModel& chunk, double stored) const {
    HeldByChunk out;
    const auto add = [&](std::size_t block) {
      const auto& [weights, trained] = of_block(block, stored);
      out.weight_bytes.dense += weights.dense;
      out.weight_bytes.expert += weights.expert;
      out.trained.dense += trained.dense;
      out.trained.expert += trained.expert;
    };
    if (chunk.embedding) add(network_.order.front());
    for (std::int64_t i = 0; i < chunk.layers; ++i) add(layer(chunk, i));
    if (chunk.head) add(network_.order.back());
    // A tied head keeps a copy of the table where it stands on another stage.
    if (chunk.head && !chunk.embedding && network_.shared_parameters > 0) {
      const double copy = static_cast<double>(network_.shared_parameters) /
                          static_cast<double>(plan_.lowering.layout.tensor);
      out.weight_bytes.dense += copy * stored;
      if (models::is_trained(network_.at(0))) out.trained.dense += copy;
    }
    return out;
  }

 private:
  std::size_t layer(const ChunkOfModel& chunk, std::int64_t i) const {
    return network_.order[static_cast<std::size_t>(chunk.first_layer + i + 1)];
  }
  Recompute recompute_of(std::int64_t i) const {
    const TrainStrategy& s = plan_.job.strategy;
    return s.recompute_layers == 0 || i < s.recompute_layers ? s.recompute : Recompute::none;
  }
  bool is_offloaded(std::int64_t i) const {
    const TrainStrategy& s = plan_.job.strategy;
    return s.offload_activations != OffloadTarget::none &&
           (s.offload_layers == 0 || i < s.offload_layers);
  }
  // Layers are alike but for a few: each kind is counted once.
  Bytes of(std::size_t block, Recompute recompute) const {
    const auto [known, is_new] = kept_.try_emplace({block, recompute});
    if (is_new) {
      known->second = models::activation_memory(network_.blocks[block], plan_.micro_batch,
                                                plan_.lowering, recompute);
    }
    return known->second;
  }
  const HeldByChunk& of_block(std::size_t block, double stored) const {
    const auto [known, is_new] = held_.try_emplace({block, stored});
    if (is_new) {
      const models::Layout& layout = plan_.lowering.layout;
      known->second = {models::weight_bytes_on_rank(network_.blocks[block], layout, stored),
                       models::trainable_on_rank(network_.blocks[block], layout)};
    }
    return known->second;
  }

  const TrainPlan& plan_;
  const models::Network& network_;
  mutable std::map<std::pair<std::size_t, Recompute>, Bytes> kept_;
  mutable std::map<std::pair<std::size_t, double>, HeldByChunk> held_;
};

// Bytes held at the worst moment of a device's order.
Bytes peak_bytes(const std::vector<PipelineStep>& order,
                 const std::vector<ChunkActivations>& chunks) {
  Bytes held{0}, peak{0};
  const auto kept = [&](std::int32_t chunk) {
    return chunks[static_cast<std::size_t>(chunk)].kept;
  };
  for (const PipelineStep& step : order) {
    const Bytes again =
        chunks[static_cast<std::size_t>(step.pass == Pass::overlapped ? step.backward_chunk
                                                                      : step.chunk)]
            .again;
    switch (step.pass) {
      case Pass::forward:
        held += kept(step.chunk);
        peak = base::max(peak, held);
        break;
      case Pass::backward:
        peak = base::max(peak, held + again);
        held -= kept(step.chunk);
        break;
      case Pass::backward_input:  // what the weight gradients need stays until they are taken
        peak = base::max(peak, held + again);
        break;
      case Pass::backward_weight:
        held -= kept(step.chunk);
        break;
      case Pass::overlapped:
        peak = base::max(peak, held + kept(step.chunk) + again);
        held += kept(step.chunk) - kept(step.backward_chunk);
        break;
    }
  }
  return peak;
}

// The most that offloaded activations of a device take at a time.
Bytes peak_away(const std::vector<PipelineStep>& order,
                const std::vector<ChunkActivations>& chunks) {
  std::vector<ChunkActivations> away;
  for (const ChunkActivations& chunk : chunks) away.push_back({.kept = chunk.away});
  return peak_bytes(order, away);
}

double shard_of(ZeroLevel level, ZeroLevel from, double ranks) {
  return level >= from ? 1.0 / ranks : 1.0;
}

// Trained parameters of a device, and the bytes of all of its weights.
struct Shares {
  double dense_ranks = 1, expert_ranks = 1;
  ZeroLevel level = ZeroLevel::none;

  double of(const models::RankParameters& held, ZeroLevel from) const {
    return held.dense * shard_of(level, from, dense_ranks) +
           held.expert * shard_of(level, from, expert_ranks);
  }
};

Shares shares_of(const TrainStrategy& s) {
  return {.dense_ranks = static_cast<double>(s.dense_shards()),
          .expert_ranks = static_cast<double>(s.expert_shards()),
          .level = s.zero};
}

Bytes kept_of_embedding(const std::vector<ChunkOfModel>& parts,
                        const std::vector<ChunkActivations>& chunks) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].embedding) return chunks[i].kept;
  }
  return Bytes(0);
}

class StageSum {
 public:
  StageSum(const TrainPlan& plan, const models::Network& network)
      : plan_(plan),
        strategy_(plan.job.strategy),
        conventions_(memory_conventions(plan.stack, plan.job.workload.precision)),
        each_(bytes_per_parameter(plan.job.workload.optimizer, plan.job.workload.precision,
                                  strategy_.gradient_precision)),
        shares_(shares_of(strategy_)),
        memory_(plan, network),
        scratch_(plan, network, conventions_) {}

  StageMemory of(std::int32_t device) const {
    StageMemory out;
    std::vector<ChunkActivations> chunks;
    std::vector<ChunkOfModel> parts;
    double step = 0.0, owned = 0.0;
    for (std::int32_t c = 0; c < plan_.pipeline.chunks; ++c) {
      parts.push_back(
          plan_.split[static_cast<std::size_t>(plan_.pipeline.model_chunk({device, c}))]);
      chunks.push_back(memory_.activations(parts.back()));
      const HeldByChunk held = memory_.held(parts.back(), each_.weight);
      add_parameters(held, out);
      owned += shares_.of(held.trained, ZeroLevel::optimizer);
      step += (strategy_.zero == ZeroLevel::none ? conventions_.whole_step_copies
                                                 : conventions_.step_copies) *
              shares_.of(held.trained, ZeroLevel::optimizer);
    }
    const auto& order = plan_.pipeline.devices[static_cast<std::size_t>(device)];
    if (strategy_.offload_optimizer == OffloadTarget::host) {
      out.host.optimizer = out.optimizer + Bytes(each_.gradient * owned);
    }
    if (strategy_.offload_activations == OffloadTarget::host) {
      out.host.activations = peak_away(order, chunks);
    }
    if (strategy_.offload_optimizer != OffloadTarget::none) out.optimizer = Bytes(0);
    Bytes peak = peak_bytes(order, chunks);
    Bytes passing{0};
    for (const ChunkActivations& chunk : chunks) passing = base::max(passing, chunk.passing);
    peak += passing;
    out.activations = peak;
    out.scratch = scratch_.of(parts, kept_of_embedding(parts, chunks)) +
                  base::min(conventions_.bucket, out.gradients);
    // The step comes when no activations are left; its blocks are held until then.
    const Bytes beyond = base::max(Bytes(0), Bytes(step) - out.activations);
    out.scratch += beyond;
    out.outside = conventions_.context + communicator_bytes(plan_, conventions_.groups);
    out.workspace = out.scratch + out.outside + peak * conventions_.fragmentation;
    out.held = Bytes(step) - beyond + (out.weights + out.gradients) * conventions_.static_slack +
               peak * std::max(0.0, conventions_.slack - conventions_.fragmentation);
    return out;
  }

  LayersMemory layers(std::int32_t device) const {
    StageMemory held;
    std::vector<ChunkActivations> chunks;
    for (std::int32_t c = 0; c < plan_.pipeline.chunks; ++c) {
      ChunkOfModel part =
          plan_.split[static_cast<std::size_t>(plan_.pipeline.model_chunk({device, c}))];
      part.embedding = part.head = false;
      chunks.push_back({.kept = memory_.activations(part).kept});
      add_parameters(memory_.held(part, each_.weight), held);
    }
    return {.states = held.weights + held.gradients + held.optimizer,
            .activations =
                peak_bytes(plan_.pipeline.devices[static_cast<std::size_t>(device)], chunks)};
  }

 private:
  void add_parameters(const HeldByChunk& all, StageMemory& out) const {
    const bool alone = strategy_.zero == ZeroLevel::weights && each_.master > 0 &&
                       conventions_.shard == Shard::master_alone;
    const double trained = shares_.of(all.trained, ZeroLevel::weights);
    out.weights += Bytes(shares_.of(all.weight_bytes, ZeroLevel::weights));
    if (alone) out.weights += Bytes((each_.master - each_.weight) * trained);
    out.gradients += Bytes(each_.gradient * shares_.of(all.trained, ZeroLevel::gradients));
    out.optimizer += Bytes((alone ? each_.states : each_.optimizer()) *
                           shares_.of(all.trained, ZeroLevel::optimizer));
    out.gradients += Bytes(conventions_.copies * all.trained.total());
  }

  const TrainPlan& plan_;
  const TrainStrategy& strategy_;
  MemoryConventions conventions_;
  BytesPerParameter each_;
  Shares shares_;
  ChunkMemory memory_;
  ScratchMemory scratch_;
};

}  // namespace

std::vector<StageMemory> stage_memory(const TrainPlan& plan, const models::Network& network) {
  const StageSum sum(plan, network);
  std::vector<StageMemory> stages;
  for (std::int32_t device = 0; device < plan.pipeline.shape.stages; ++device) {
    stages.push_back(sum.of(device));
  }
  return stages;
}

LayersMemory layers_memory(const TrainPlan& plan, const models::Network& network,
                           std::int32_t device) {
  return StageSum(plan, network).layers(device);
}

Bytes usable_memory(const sim::Gpu& gpu) {
  return gpu.memory * (1.0 - kKeptFree);
}

}  // namespace windtunnel::strategies
