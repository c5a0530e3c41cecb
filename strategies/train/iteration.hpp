// One training iteration, put together: what the schedule, the data-parallel ranks, the optimizer and
// the host make of the passes, where the time went, and how sure that is.
//
// Model (engine `analytic`, folded): ranks of one stage are alike, so one of each stage is timed.
// End of a stage = its last pass + exposed gradient reduction + slowdown beside it; then every rank
// waits for the slowest (the norm of the gradients), steps, and gathers weights. Iteration = that +
// what the host adds + what data loading keeps it waiting. The parts of Breakdown are those of the
// critical stage (the last to be done) and add up to the iteration.
// Communication between stages is what the schedule takes longer than with free sends.
#pragma once

#include <vector>

#include "strategies/train/chunk_cost.hpp"
#include "strategies/train/gradient_sync.hpp"
#include "strategies/train/pipeline_times.hpp"
#include "strategies/train/train_memory.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

struct Breakdown {
  base::Seconds compute{0}, tensor{0}, pipeline{0}, data{0}, expert{0}, context{0};
  base::Seconds bubble{0}, optimizer{0}, data_loading{0}, other{0};
  base::Seconds sum() const {
    return compute + tensor + pipeline + data + expert + context + bubble + optimizer +
           data_loading + other;
  }
};

struct TrainSite {
  const sim::ValidCluster& cluster;
  const models::KernelTimeModel& kernels;
  const collectives::TimeModel* links = nullptr;
};

struct Iteration {
  base::Seconds time{0}, low{0}, high{0};
  Breakdown parts;
  base::Seconds ideal{0};  // passes of the critical stage alone
  std::int32_t critical_stage = 0;
  PipelineTimes schedule;
  std::vector<ChunkCost> chunks;    // by model chunk
  std::vector<GradientSync> syncs;  // by device
  std::vector<StageMemory> memory;  // by device
  std::vector<base::Seconds> hops;
  PassCost critical_work;          // all passes of the critical stage
  std::vector<std::string> notes;  // what stood in for what
  base::Bytes checkpoint{0};
};

Iteration run_iteration(const TrainPlan& plan, const models::Network& network,
                        const TrainSite& site);

}  // namespace windtunnel::strategies
