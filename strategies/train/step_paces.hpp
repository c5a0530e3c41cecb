// What each pass of each lane takes in one drawn step: GPU, slowness, jitter, lengths of samples.
//
// Model: a pass of a gang takes as long as its slowest rank: the largest, over the classes of GPU in
// the gang and the replicas of the lane, of the costs of the class, mixed by the shapes of the
// replica's micro-batch, where all but exchanges takes slowdown x (1 + the gang's jitter) times as
// long. A message between stages has the bytes of its padded rows.
// Contract: a plain step (even ranks, no jitter, rows alike) has one lane's times for all, those of
// PipelineCosts::chunks. The same seed and step give the same times whoever asks.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "strategies/train/iteration_costs.hpp"
#include "strategies/train/jitter.hpp"

namespace windtunnel::strategies {

class StepPaces {
 public:
  // What stays the same from step to step. `passes` of the costs, by class, shape and chunk.
  struct Ground {
    RankPaces ranks;
    LengthShapes shapes;
    PassTable passes;
    std::uint64_t seed = 1;
  };

  StepPaces(const TrainPlan& plan, std::shared_ptr<const Ground> ground, std::int64_t step);

  base::Seconds duration(std::int64_t lane, std::int32_t device, std::size_t step) const;
  // Of messages of a micro-batch, against those of full rows.
  double message_scale(std::int64_t lane, std::int32_t micro_batch) const;
  double filled(std::int64_t lane) const;  // the same of all its micro-batches together
  // `nominal` with the passes and messages of a lane. Keeps a reference to this.
  PipelineCosts of_lane(std::int64_t lane, const PipelineCosts& nominal) const;
  base::Seconds busy(std::int64_t lane, std::int32_t device) const;  // all its passes

  const RankPaces& ranks() const { return ground_->ranks; }
  const StepRows& rows() const { return rows_; }  // empty where no lengths are drawn

 private:
  struct Passing {
    std::int64_t lane = 0;
    Place place{};
    std::int32_t micro_batch = 0;
    double jitter = 1.0;
  };
  PassCosts passes_of(const Passing& at) const;
  PassParts mixed(std::size_t gpus, std::size_t chunk, std::size_t slot) const;

  const TrainPlan* plan_;
  std::shared_ptr<const Ground> ground_;
  std::int64_t step_;
  StepRows rows_;
};

// Whether steps differ from one another: lengths are drawn, or jitter is.
bool is_random(const TrainPlan& plan, const RankPaces& ranks);
// Whether lanes differ, or their passes from those of a full micro-batch.
bool is_plain(const TrainPlan& plan, const RankPaces& ranks);

}  // namespace windtunnel::strategies
