// `workload.kind: train` from a job to its outcome: facts, tables, band, what it rests on.
//
// Facts as contract.md section 3 lists them. A job that cannot be laid out is `infeasible` with a
// sentence and no facts; one that does not fit in memory is `infeasible` with all facts and
// `fits` 0. Tables: stages (one row a stage: passes, bubble, memory), timeline (passes of every
// stage; columns as strategies/collective), kernels (time, FLOPs and bytes by kind on the critical
// stage), waterfall (from ideal to real).
// With every rank on an engine the facts are those of that run, `unshared_iteration_time_s` says
// what it would be with links of one's own, and the timeline is that of ranks. A run of more than
// kMostTasks tasks fails and says so.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "models/networks/model.hpp"
#include "sim/base/fact.hpp"
#include "strategies/train/iteration_simulation.hpp"

namespace windtunnel::strategies {

struct TrainOptions {
  std::int64_t timeline_rows = 5'000;  // 0: no timeline
  // Where every rank is simulated; else one of each stage, which takes no engine.
  std::optional<RankEngine> every_rank{};
  std::int64_t shown_ranks = 32;  // of every rank, in the timeline
  // Where steps are random (jitter, lengths); every rank is simulated for the first one alone.
  DrawnSteps draw{};
};

struct TrainSubject {
  const models::Model& model;
  const models::Network& network;
};

base::Outcome run_train(const TrainJob& job, const TrainSubject& subject, const TrainSite& site,
                        const TrainOptions& options = {});

// A training job with nothing left open; `refusal` says why there is none, or has the warnings.
struct PreparedTrain {
  models::Network network;  // fine-tuned
  std::optional<TrainPlan> plan{};
  base::Outcome refusal{};
};
PreparedTrain prepare_train(const TrainJob& job, const TrainSubject& subject, const TrainSite& site,
                            const DrawnSteps& draw = {});
// Facts and tables of an iteration, without a timeline. Pre: there is a plan.
base::Outcome train_outcome(const PreparedTrain& prepared, const models::Model& model,
                            const TrainSite& site, const Iteration& iteration);
// More than kMostTasks tasks for every rank of an iteration: the sentence that says so.
std::optional<std::string> too_many_tasks(const TrainPlan& plan);

const std::map<std::string, base::FactInfo>& train_fact_info();

}  // namespace windtunnel::strategies
