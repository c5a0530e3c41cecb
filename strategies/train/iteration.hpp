// One training iteration, put together: what the schedule, the data-parallel
// ranks, the optimizer and the host make of the passes, where the time went,
// and how sure that is.
//
// Model (folded: engine `analytic`): ranks of one stage are alike, so one of
// each stage is timed. End of a stage = its last pass + exposed gradient
// reduction + slowdown beside it (+ the exchange of tied tables); then every
// rank waits for the slowest (the norm of the gradients), steps, and gathers
// weights. Iteration = that + what the host adds + what data loading keeps it
// waiting. Where ranks differ, lanes are timed one by one and a stage is done
// with a pass when its last lane is (lane_times.hpp). Where steps differ
// (jitter, lengths), some are drawn and the iteration is their mean; schedule,
// syncs and paces are those of the draw that is nearest to it. With every rank (iteration_graph.hpp)
// the same costs run on an engine. The parts of Breakdown are those of the
// critical stage (the last to be done) and add up to the iteration.
// Communication between stages is what the schedule takes longer than with free
// sends.
#pragma once

#include <memory>
#include <vector>

#include "strategies/train/iteration_costs.hpp"
#include "strategies/train/lane_times.hpp"
#include "strategies/train/train_memory.hpp"

namespace windtunnel::strategies {

struct Breakdown {
  base::Seconds compute{0}, tensor{0}, pipeline{0}, data{0}, expert{0}, context{0};
  base::Seconds bubble{0}, optimizer{0}, data_loading{0}, other{0};
  base::Seconds sum() const {
    return compute + tensor + pipeline + data + expert + context + bubble + optimizer +
           data_loading + other;
  }
  Breakdown& operator+=(const Breakdown& o);
  Breakdown operator*(double share) const;
};

// What a stage did after its passes, and what its passes waited for.
struct StageEnd {
  std::int32_t device = 0;
  base::Seconds passes_end{0};  // its blocking sends included
  base::Seconds free_end{0};    // the same with free sends
  // Exposed exchanges of its passes beyond their costs: what shared links
  // added.
  base::Seconds tensor{0}, context{0}, expert{0}, shards{0};
  base::Seconds reduce{0}, slowed{0}, tied{0};
  base::Seconds gather{0}, step{0};  // after the norm
  base::Seconds busy{0};  // in passes, where these are not all alike; 0: as their costs say
  double filled = 1.0;    // tokens that its passes compute on over those of full micro-batches

  base::Seconds end() const { return passes_end + reduce + slowed + tied; }
};

// Of a step, the mean of those drawn.
struct BatchCounts {
  double samples = 0, real_tokens = 0, computed_tokens = 0, squares = 0, computed_squares = 0;
};

// How drawn steps, and lanes of a step, differ.
struct StepSpread {
  std::int64_t steps = 1;
  base::Seconds deviation{0};  // standard deviation of a step's time
  base::Seconds shown{0};      // time of the draw whose schedule is shown
  // End of passes on the critical stage: of the last lane over the mean of all,
  // less 1.
  double imbalance = 0.0;
};

struct Iteration {
  base::Seconds time{0}, low{0}, high{0};
  Breakdown parts;
  base::Seconds ideal{0};  // passes of the critical stage alone
  std::int32_t critical_stage = 0;
  IterationCosts costs;
  PipelineTimes schedule;
  std::vector<GradientSync> syncs;           // by device
  std::vector<StageMemory> memory;           // by device
  PassCost critical_work;                    // all passes of the critical stage, at its pace
  base::Flops needed{0};                     // of its products, none computed again
  std::shared_ptr<const StepPaces> paces{};  // of the first step; null where all lanes are alike
  std::vector<base::Bytes> capacity;         // by device: of its smallest GPU
  BatchCounts batch;                         // where lengths are drawn
  StepSpread spread;
};

// Of `steps` at most, fewer where they are long. A search that draws no timeline keeps few spans.
struct DrawnSteps {
  std::uint64_t seed = 1;
  std::int64_t steps = 16;
  SpansKept spans = SpansKept::all;
};

// `memory`: as stage_memory has found it before; empty: it is found here.
Iteration run_iteration(const TrainPlan& plan, const models::Network& network,
                        const TrainSite& site, const DrawnSteps& draw = {},
                        std::vector<StageMemory> memory = {});

// When a lane's passes on a device would end if sends took no time.
base::Seconds end_with_free_sends(const TrainPlan& plan, const Iteration& iteration,
                                  std::int64_t lane, std::int32_t device);

// A step of so long without its share of checkpoints, on a cluster that may
// fail.
GoodputCase goodput_case(const TrainPlan& plan, const sim::Cluster& cluster, base::Seconds step,
                         const CheckpointCost& checkpoint);

// What an iteration of so long consists of, seen from the stage `end` and from
// the slowest to step and gather; sets parts, ideal, critical_stage,
// critical_work and the band. Pre: costs and syncs.
void account(const TrainPlan& plan, const StageEnd& end, Iteration& iteration);

}  // namespace windtunnel::strategies
