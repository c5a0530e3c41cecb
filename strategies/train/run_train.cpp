#include "strategies/train/run_train.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "strategies/train/goodput_facts.hpp"
#include "strategies/train/roofline.hpp"
#include "strategies/train/stage_balance.hpp"
#include "strategies/train/train_facts.hpp"
#include "strategies/train/train_tables.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

// About 150 bytes each.
constexpr double kMostTasks = 8e6;

void warn_of_oversubscription(const TrainPlan& plan, const sim::Cluster& cluster,
                              base::Outcome& out) {
  if (cluster.fabric.oversubscription <= 1.0 || plan.layout.nodes() < 2) return;
  out.warnings.push_back(
      fmt::format("the fabric is oversubscribed {:g}:1, which engine analytic does not see; engine "
                  "simgrid does",
                  cluster.fabric.oversubscription));
}

std::int64_t passes_of(const Iteration& iteration) {
  std::int64_t passes = 0;
  for (const DeviceTimes& device : iteration.schedule.devices) {
    passes += static_cast<std::int64_t>(device.spans.size());
  }
  return passes;
}

}  // namespace

std::optional<std::string> too_many_tasks(const TrainPlan& plan) {
  const double tasks = task_estimate(plan);
  if (tasks <= kMostTasks) return std::nullopt;
  return fmt::format(
      "every rank of an iteration on {} GPUs with {} micro-batches would be about {:.0f} million "
      "tasks, more than the {:.0f} million that are simulated; engine analytic with one rank of "
      "each stage has no such limit",
      plan.gpus, plan.micro_batches, tasks / 1e6, kMostTasks / 1e6);
}

PreparedTrain prepare_train(const TrainJob& job, const TrainSubject& given, const TrainSite& site,
                            const DrawnSteps& draw) {
  PreparedTrain out;
  const models::FineTuning& tuning = job.workload.fine_tuning;
  if (auto why = models::fine_tuning_infeasible(given.network, tuning)) {
    out.refusal.status = base::Status::infeasible;
    out.refusal.reason = *std::move(why);
    return out;
  }
  out.network = models::fine_tuned(given.network, tuning);
  TrainPlanning planning = make_train_plan(job, given.model, out.network, *site.cluster, site.met);
  out.refusal.warnings = std::move(planning.warnings);
  if (!planning.plan) {
    out.refusal.status = base::Status::infeasible;
    out.refusal.reason = planning.infeasible;
    return out;
  }
  if (job.strategy.balance == StageBalance::speed) {
    TrainJob balanced = job;
    if (auto why = balance_infeasible(*planning.plan)) {
      out.refusal.status = base::Status::infeasible;
      out.refusal.reason = *std::move(why);
      return out;
    }
    balanced.strategy.balance = StageBalance::even;
    balanced.strategy.stage_layers = balance_stages(*planning.plan, out.network, site, draw.seed);
    return prepare_train(balanced, given, site, draw);
  }
  out.plan = std::move(planning.plan);
  return out;
}

base::Outcome train_outcome(const PreparedTrain& prepared, const models::Model& model,
                            const TrainSite& site, const Iteration& iteration) {
  base::Outcome out;
  out.warnings = prepared.refusal.warnings;
  const TrainPlan& plan = *prepared.plan;
  const TrainSubject subject{model, prepared.network};
  const base::Seconds at_peak = add_train_facts(plan, subject, site, iteration, out);
  add_goodput_facts(plan, *site.cluster, iteration, out);
  out.tables["stages"] = stages_table(plan, iteration);
  out.tables["waterfall"] = waterfall_table(iteration, at_peak);
  out.tables["kernels"] = kernels_table(iteration);
  out.tables["roofline"] = roofline_table(plan, prepared.network, site.kernels);
  out.tables["roofs"] = roofs_table(site.cluster->node.gpu, plan.job.workload.precision);
  return out;
}

base::Outcome run_train(const TrainJob& job, const TrainSubject& given, const TrainSite& site,
                        const TrainOptions& options) {
  const PreparedTrain prepared = prepare_train(job, given, site, options.draw);
  if (!prepared.plan) return prepared.refusal;
  const TrainPlan& plan = *prepared.plan;
  if (options.every_rank) {
    if (auto why = too_many_tasks(plan)) {
      base::Outcome out = prepared.refusal;
      out.status = base::Status::failed;
      out.reason = *std::move(why);
      return out;
    }
  }
  DrawnSteps draw = options.draw;
  if (options.every_rank) draw.steps = 1;
  const Iteration folded = run_iteration(plan, prepared.network, site, draw);
  std::optional<SimulatedIteration> all;
  if (options.every_rank) {
    all.emplace(simulate_iteration(plan, folded, *options.every_rank,
                                   options.timeline_rows > 0 ? options.shown_ranks : 0));
  }
  const Iteration& iteration = all ? all->iteration : folded;
  base::Outcome out = train_outcome(prepared, given.model, site, iteration);
  if (all) out.facts["unshared_iteration_time_s"] = folded.time.value();
  out.labels["simulated_ranks"] =
      all ? fmt::format("every one of {}", plan.gpus) : "one of each stage";
  if (!all || all->links == Links::unshared) warn_of_oversubscription(plan, *site.cluster, out);
  if (options.timeline_rows > 0) {
    out.tables["timeline"] = all ? all->timeline.table(options.timeline_rows)
                                 : train_timeline(plan, iteration, options.timeline_rows);
  }
  out.events = all ? all->events : passes_of(iteration);
  return out;
}

}  // namespace windtunnel::strategies
