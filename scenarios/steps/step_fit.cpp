#include "scenarios/steps/step_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/networks/fine_tuning.hpp"
#include "scenarios/steps/step_defaults.hpp"
#include "scenarios/steps/step_software.hpp"
#include "strategies/train/memory_facts.hpp"

namespace windtunnel::scenarios {
namespace {

using models::Recompute;
using strategies::TrainJob;
using strategies::TrainPlan;
using strategies::ZeroLevel;

class MemoryFit {
 public:
  MemoryFit(const StepRow& row, StepScenario& scenario)
      : row_(row),
        scenario_(scenario),
        network_(models::fine_tuned(*scenario.network, scenario.job.workload.fine_tuning)) {}

  void settle() {
    if (fits_or_is_none(scenario_.job)) return;
    if (!row_.zero && try_zero()) return;
    if (!row_.micro_batch && try_micro_batch()) return;
    if (row_.recompute.empty()) recompute();
  }

 private:
  void say(std::string text) { scenario_.inferred.push_back(std::move(text)); }

  // A job that cannot be laid out has nothing to be settled here.
  bool fits_or_is_none(const TrainJob& job) const {
    const auto planning =
        strategies::make_train_plan(job, *scenario_.model, network_, *scenario_.cluster);
    return !planning.plan || fits(*planning.plan);
  }
  bool fits(const TrainPlan& plan) const {
    return strategies::fits(strategies::stage_memory(plan, network_), scenario_.cluster->node.gpu);
  }

  bool try_zero() {
    if (scenario_.job.strategy.zero != ZeroLevel::none) return false;
    scenario_.job.strategy.zero = ZeroLevel::optimizer;
    say("zero: 1 (the least that fits)");
    return fits_or_is_none(scenario_.job);
  }

  bool try_micro_batch() {
    std::int64_t& size = scenario_.job.strategy.micro_batch;
    const std::int64_t first = size;
    while (size > 1 && !fits_or_is_none(scenario_.job)) {
      do {
        --size;
      } while (first % size != 0);
    }
    if (size != first) say(fmt::format("micro_batch: {} (the largest that fits)", size));
    return fits_or_is_none(scenario_.job);
  }

  void recompute() {
    TrainJob& job = scenario_.job;
    auto planning =
        strategies::make_train_plan(job, *scenario_.model, network_, *scenario_.cluster);
    if (!planning.plan) return;
    TrainPlan& plan = *planning.plan;
    const auto with = [&](Recompute recompute, std::int64_t layers) {
      plan.job.strategy.recompute = recompute;
      plan.job.strategy.recompute_layers = layers;
      return fits(plan);
    };
    const bool unfused = plan.lowering.software.attention == models::AttentionKernel::unfused;
    if (unfused && with(Recompute::selective, 0)) {
      job.strategy.recompute = Recompute::selective;
      say("recompute: selective (the least that fits)");
      return;
    }
    std::int64_t few = 0, enough = 0;  // layers of a chunk: too few, enough
    for (const strategies::ChunkOfModel& chunk : plan.split)
      enough = std::max(enough, chunk.layers);
    const std::int64_t all = enough;
    while (enough - few > 1) {
      const std::int64_t middle = (few + enough) / 2;
      (with(Recompute::full, middle) ? enough : few) = middle;
    }
    job.strategy.recompute = Recompute::full;
    job.strategy.recompute_layers = enough == all ? 0 : enough;
    say(enough == all ? std::string("recompute: full (the least that fits)")
                      : fmt::format("recompute: full, {} of the {} layers of a chunk (the least "
                                    "that fits)",
                                    enough, all));
  }

  const StepRow& row_;
  StepScenario& scenario_;
  models::Network network_;
};

}  // namespace

void fit_memory(const StepRow& row, StepScenario& scenario) {
  const bool ran = row.outcome != "oom" && row.outcome != "OOM";
  const models::FineTuning& tuning = scenario.job.workload.fine_tuning;
  if (!ran || !step_defaults_of(software_of(row)).recompute_to_fit ||
      models::fine_tuning_infeasible(*scenario.network, tuning)) {
    return;
  }
  MemoryFit(row, scenario).settle();
}

}  // namespace windtunnel::scenarios
