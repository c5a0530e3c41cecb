#include "scenarios/steps/step_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/networks/fine_tuning.hpp"
#include "scenarios/steps/step_defaults.hpp"
#include "scenarios/steps/step_memory.hpp"
#include "scenarios/steps/step_recipes.hpp"
#include "scenarios/steps/step_software.hpp"
#include "strategies/train/memory_facts.hpp"

namespace windtunnel::scenarios {
namespace {

using models::Recompute;
using strategies::OffloadTarget;
using strategies::TrainJob;
using strategies::TrainPlan;
using strategies::TrainStrategy;
using strategies::ZeroLevel;

class MemoryFit {
 public:
  MemoryFit(const StepRow& row, StepScenario& scenario)
      : row_(row),
        scenario_(scenario),
        may_offload_(step_defaults_of(software_of(row)).offload_to_fit),
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

  std::int64_t data_ranks() const {
    const auto& sizes = scenario_.job.strategy.sizes;
    return *row_.gpus / std::max<std::int64_t>(1, sizes.tensor * sizes.pipeline);
  }

  bool try_zero() {
    const TrainStrategy& now = scenario_.job.strategy;
    if (now.zero != ZeroLevel::none || data_ranks() == 1) return false;
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

  // The smallest k of 1 to `all` for which fits(k) holds, all where none does.
  template <class Fits>
  static std::int64_t least(std::int64_t all, Fits fits_with) {
    std::int64_t few = 0, enough = all;
    while (enough - few > 1) {
      const std::int64_t middle = (few + enough) / 2;
      (fits_with(middle) ? enough : few) = middle;
    }
    return enough;
  }

  static std::string share(std::int64_t layers, std::int64_t all) {
    return layers == all ? "(the least that fits)"
                         : fmt::format("on {} of the {} layers of a chunk (the least that fits)",
                                       layers, all);
  }

  void recompute() {
    TrainStrategy& s = scenario_.job.strategy;
    auto planning =
        strategies::make_train_plan(scenario_.job, *scenario_.model, network_, *scenario_.cluster);
    if (!planning.plan) return;
    TrainPlan& plan = *planning.plan;
    std::int64_t all = 0;
    for (const strategies::ChunkOfModel& chunk : plan.split) all = std::max(all, chunk.layers);
    if (may_offload_ && s.zero == ZeroLevel::weights) return offload(plan, all);
    const auto with = [&](Recompute recompute, std::int64_t layers) {
      plan.job.strategy.recompute = recompute;
      plan.job.strategy.recompute_layers = layers;
      return fits(plan);
    };
    if (plan.lowering.software.attention == models::AttentionKernel::unfused &&
        with(Recompute::selective, 0)) {
      s.recompute = Recompute::selective;
      return say("recompute: selective (the least that fits)");
    }
    const std::int64_t layers =
        least(all, [&](std::int64_t count) { return with(Recompute::full, count); });
    s.recompute = Recompute::full;
    s.recompute_modules = {};
    s.recompute_layers = layers == all ? 0 : layers;
    say("recompute: full " + share(layers, all));
  }

  void offload(TrainPlan& plan, std::int64_t all) {
    TrainStrategy& s = scenario_.job.strategy;
    plan.job.strategy.offload_activations = OffloadTarget::host;
    const std::int64_t layers = least(all, [&](std::int64_t count) {
      plan.job.strategy.offload_layers = count;
      return fits(plan);
    });
    s.offload_activations = OffloadTarget::host;
    s.offload_layers = layers == all ? 0 : layers;
    say("offload_activations: host " + share(layers, all));
  }

  const StepRow& row_;
  StepScenario& scenario_;
  bool may_offload_;
  models::Network network_;
};

// A row of a profile says what was counted, not what a device held.
bool ran(const StepRow& row) {
  const auto memory = stated_memory(row);
  const bool held = memory && !is_of_layers(memory->of);
  return row.outcome != "oom" && row.outcome != "OOM" && (row.measured_time() || held);
}

}  // namespace

void fit_memory(const StepRow& row, StepScenario& scenario) {
  apply_recipe(row, scenario);
  const models::FineTuning& tuning = scenario.job.workload.fine_tuning;
  if (!ran(row) || !step_defaults_of(software_of(row)).recompute_to_fit ||
      models::fine_tuning_infeasible(*scenario.network, tuning)) {
    return;
  }
  MemoryFit(row, scenario).settle();
}

}  // namespace windtunnel::scenarios
