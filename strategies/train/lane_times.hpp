// The passes of all lanes of a step, and when the last lane is done with each.
//
// Model: every lane works its pipeline off for itself (pipeline_times.hpp); groups that reduce
// gradients reach over all lanes, so what follows a pass begins when the last lane is done with it.
// Lanes of the same GPUs with nothing drawn take the same time and are simulated once.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/train/step_paces.hpp"

namespace windtunnel::strategies {

struct LaneTimes {
  PipelineTimes last;                   // by device, pass by pass the last of all lanes
  std::vector<std::int64_t> slowest;    // by device: the lane whose passes end last
  std::vector<base::Seconds> mean_end;  // by device: of passes, over all replicas
};

// `paces` null: a plain step, one lane.
LaneTimes lane_times(const TrainPlan& plan, const PipelineCosts& costs, const StepPaces* paces,
                     SpansKept spans = SpansKept::all);

// Passes of one step over all lanes, as many as lane_times works off.
double passes_of_step(const TrainPlan& plan, const RankPaces& ranks);

}  // namespace windtunnel::strategies
