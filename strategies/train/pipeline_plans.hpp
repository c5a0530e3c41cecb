// Pipeline plans that were made, for a search that asks for the same shapes over and over: layouts that
// differ in recomputation, sharding or tensor size alone share a schedule.
//
// Contract: of(shape) is make_pipeline_plan(shape). Plans of at most `most_steps` steps in all are kept,
// the latest used. Not for several threads.
#pragma once

#include <cstddef>
#include <list>

#include "strategies/train/pipeline_plan.hpp"

namespace windtunnel::strategies {

class PipelinePlans {
 public:
  // About 60 bytes a step.
  explicit PipelinePlans(std::size_t most_steps = 1'000'000) : most_steps_(most_steps) {}

  // Pre: feasible.
  PipelinePlan of(const PipelineShape& shape);

 private:
  std::size_t most_steps_;
  std::size_t steps_ = 0;
  std::list<PipelinePlan> known_;  // the latest used first
};

}  // namespace windtunnel::strategies
