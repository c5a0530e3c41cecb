#include "strategies/train/pipeline_plans.hpp"

#include <algorithm>

#include "strategies/train/pipeline_program.hpp"

namespace windtunnel::strategies {

PipelinePlan PipelinePlans::of(const PipelineShape& shape) {
  const auto found = std::find_if(known_.begin(), known_.end(),
                                  [&](const PipelinePlan& one) { return one.shape == shape; });
  if (found != known_.end()) {
    known_.splice(known_.begin(), known_, found);
    return known_.front();
  }
  PipelinePlan made = make_pipeline_plan(shape);
  const std::size_t steps = made.program->steps.size();
  if (steps > most_steps_) return made;
  while (steps_ + steps > most_steps_) {
    steps_ -= known_.back().program->steps.size();
    known_.pop_back();
  }
  steps_ += steps;
  known_.push_front(made);
  return made;
}

}  // namespace windtunnel::strategies
