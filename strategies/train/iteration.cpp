#include "strategies/train/iteration.hpp"

#include <algorithm>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

// The same schedule with sends that take no time.
PipelineTimes with_free_sends(const PipelinePlan& plan, const PipelineCosts& costs) {
  PipelineCosts free = costs;
  free.hops.clear();
  return pipeline_times(plan, free);
}

bool has_tied_table(const PipelinePlan& pipeline, std::int32_t device) {
  return device == pipeline.place(0, 0).device ||
         device == pipeline.place(0, pipeline.positions - 1).device;
}

std::vector<StageEnd> stage_ends(const TrainPlan& plan, const Iteration& iteration) {
  const PipelineTimes free = with_free_sends(plan.pipeline, iteration.costs.schedule);
  std::vector<StageEnd> ends;
  for (std::int32_t d = 0; d < plan.pipeline.shape.stages; ++d) {
    const auto i = static_cast<std::size_t>(d);
    const GradientSync& sync = iteration.syncs[i];
    const bool tied = has_tied_table(plan.pipeline, d);
    ends.push_back({.device = d,
                    .passes_end = iteration.schedule.devices[i].last_end,
                    .free_end = free.devices[i].last_end,
                    .reduce = sync.reduce,
                    .slowed = sync.slowed,
                    .tied = tied ? iteration.costs.tied.time : Seconds(0),
                    .gather = sync.gather,
                    .step = iteration.costs.steps[i].time});
  }
  return ends;
}

}  // namespace

Iteration run_iteration(const TrainPlan& plan, const models::Network& network,
                        const TrainSite& site) {
  Iteration out;
  out.costs = iteration_costs(plan, network, site);
  out.schedule = pipeline_times(plan.pipeline, out.costs.schedule);
  for (std::size_t d = 0; d < out.costs.gradients.size(); ++d) {
    out.syncs.push_back(gradient_sync(out.costs.gradients[d], out.schedule.devices[d]));
  }
  out.memory = stage_memory(plan, network);
  const std::vector<StageEnd> ends = stage_ends(plan, out);
  StageEnd critical =
      *std::max_element(ends.begin(), ends.end(),
                        [](const StageEnd& a, const StageEnd& b) { return a.end() < b.end(); });
  // After the norm the slowest is whoever steps and gathers longest.
  const StageEnd slowest = *std::max_element(
      ends.begin(), ends.end(),
      [](const StageEnd& a, const StageEnd& b) { return a.step + a.gather < b.step + b.gather; });
  critical.step = slowest.step;
  critical.gather = slowest.gather;
  const Seconds step = critical.end() + critical.step + critical.gather + out.costs.norm +
                       out.costs.host_step + out.costs.checkpoint_stop;
  out.time = step + out.costs.loading.waited(step);
  account(plan, critical, out);
  return out;
}

}  // namespace windtunnel::strategies
