// A training job with nothing left open: sizes, software, layout, schedule, which layers where; or
// the sentence that says why there is no such job.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/networks/lowering.hpp"
#include "models/networks/network.hpp"
#include "sim/platform/cluster.hpp"
#include "strategies/train/job.hpp"
#include "strategies/train/pipeline_plans.hpp"
#include "strategies/train/rank_layout.hpp"
#include "strategies/train/software_stack.hpp"
#include "strategies/train/stage_split.hpp"

namespace windtunnel::strategies {

struct TrainPlan {
  TrainJob job;           // with `data` and `sequence_length` filled in
  SoftwareStack stack;    // less what the strategy turns off
  base::Bytes bucket{0};  // of gradients, a message at most; infinite: all at once
  RankLayout layout;
  PipelinePlan pipeline;
  std::vector<ChunkOfModel> split;  // by model chunk
  models::BatchShape micro_batch;
  models::LoweringOptions lowering;
  std::int64_t micro_batches = 1;
  std::int64_t gpus = 1;
};

struct TrainPlanning {
  std::optional<TrainPlan> plan;
  std::string infeasible;  // one sentence with the numbers, where there is no plan
  std::vector<std::string> warnings;
};

// `model` is what the network was built from: limits of heads, positions and experts. A search passes
// the schedules that it has met.
TrainPlanning make_train_plan(const TrainJob& job, const models::Model& model,
                              const models::Network& network, const sim::Cluster& cluster,
                              PipelinePlans* met = nullptr);

}  // namespace windtunnel::strategies
