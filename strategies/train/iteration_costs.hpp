// What the parts of an iteration cost, before anything says when they run:
// passes of every chunk, hops between stages, gradients, optimizer steps, what
// the host and the data loader need. Whoever puts an iteration together (one
// rank of each stage, or every rank on an engine) starts from this.
#pragma once

#include <string>
#include <vector>

#include "strategies/train/chunk_cost.hpp"
#include "strategies/train/gradient_sync.hpp"
#include "strategies/train/pipeline_times.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

struct TrainSite {
  const sim::ValidCluster& cluster;
  const models::KernelTimeModel& kernels;
  const collectives::TimeModel* links = nullptr;
};

// A message from a stage to its neighbour, and what the receivers do to put its
// parts together.
struct Hop {
  CommunicationTime message;
  base::Seconds regather{0};
  base::Seconds time() const { return message.time + regather; }
};

// Waiting for samples: `needed` before every step, or only what is longer than
// the step.
enum class LoadTiming { before_step, beside_step };
struct LoadingCost {
  base::Seconds needed{0};
  LoadTiming timing = LoadTiming::beside_step;
  // What a step that takes so long without it waits for samples.
  base::Seconds waited(base::Seconds step) const;
};

struct IterationCosts {
  std::vector<ChunkCost> chunks;  // by model chunk
  PipelineCosts schedule;
  std::vector<Hop> hops;    // as PipelineCosts::hops
  base::Bytes boundary{0};  // of a message between stages, on one rank
  // By device of the pipeline.
  std::vector<SyncDevice> devices;
  std::vector<GradientPlan> gradients;
  std::vector<OptimizerTime> steps;
  CommunicationTime tied;  // gradients of tables that the first and the last stage share
  base::Seconds norm{0};   // over all ranks
  base::Seconds host_step{0};
  base::Seconds checkpoint_stop{0};
  base::Bytes checkpoint{0};
  LoadingCost loading;
  std::vector<std::string> notes;  // what stood in for what

  const ChunkCost& chunk(const PipelinePlan& pipeline, std::int32_t device,
                         std::int32_t index) const {
    return chunks[static_cast<std::size_t>(pipeline.model_chunk({device, index}))];
  }
};

IterationCosts iteration_costs(const TrainPlan& plan, const models::Network& network,
                               const TrainSite& site);

}  // namespace windtunnel::strategies
