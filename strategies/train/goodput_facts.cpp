#include "strategies/train/goodput_facts.hpp"

#include <fmt/format.h>

#include "sim/base/unit_text.hpp"

namespace windtunnel::strategies {

using base::Seconds;

namespace {

// Below this share of its time a job does not get on: nobody waits a million times as long.
constexpr double kLeastProgress = 1e-6;

std::string no_progress(const GoodputCase& job, std::int64_t steps, double ratio) {
  return fmt::format(
      "the job makes no progress: its GPUs and nodes fail every {} together, and {} step{} of {} "
      "with the checkpoint behind {} without a failure, after a restart of {}, are what it needs; "
      "{:.2g} of the time would be progress",
      base::to_text(Seconds(1.0 / job.failures_per_s)), steps, steps == 1 ? "" : "s",
      base::to_text(job.step), steps == 1 ? "it" : "them",
      base::to_text(job.restart + job.checkpoint.read), ratio);
}

void add_failure_facts(const GoodputCase& job, std::int64_t steps, base::Outcome& out) {
  const Seconds segment = job.step * static_cast<double>(steps);
  out.facts["job_mtbf_s"] = 1.0 / job.failures_per_s;
  out.facts["lost_per_failure_s"] =
      (job.restart + job.checkpoint.read + segment * 0.5 + job.checkpoint.stop * 0.5).value();
}

}  // namespace

void add_goodput_facts(const TrainPlan& plan, const sim::Cluster& cluster,
                       const Iteration& iteration, base::Outcome& out) {
  const IterationCosts& costs = iteration.costs;
  if (costs.checkpoint_steps <= 0 || iteration.time.value() <= 0) return;
  const Seconds step = iteration.time - costs.checkpoint_stop;
  const GoodputCase job = goodput_case(plan, cluster, step, costs.checkpoint);
  const auto fact = [&out](const std::string& name, double value) { out.facts[name] = value; };
  fact("checkpoint_interval_steps", static_cast<double>(costs.checkpoint_steps));
  fact("checkpoint_bytes", costs.checkpoint.bytes.value());
  fact("checkpoint_stop_s", costs.checkpoint.stop.value());
  const double ratio = training_time_ratio(job, costs.checkpoint_steps);
  fact("training_time_fraction", ratio);
  const Seconds writing = costs.checkpoint.stop + costs.checkpoint.behind;
  const Seconds segment = step * static_cast<double>(costs.checkpoint_steps);
  if (writing > segment + costs.checkpoint.stop) {
    out.warnings.push_back(fmt::format(
        "a checkpoint takes {} to write and the next is due after {}: the job waits for storage",
        base::to_text(writing), base::to_text(segment)));
  }
  if (job.failures_per_s > 0) add_failure_facts(job, costs.checkpoint_steps, out);
  if (!(ratio >= kLeastProgress)) {
    out.facts.erase("days_to_tokens");
    out.status = base::Status::infeasible;
    out.reason = (out.reason.empty() ? "" : out.reason + "; ") +
                 no_progress(job, costs.checkpoint_steps, ratio);
    return;
  }
  const double slower = iteration.time / step * ratio;  // checkpoints are in the time already
  for (const char* name : {"tokens_per_s", "samples_per_s"}) {
    const auto found = out.facts.find(name);
    if (found != out.facts.end()) fact(std::string("goodput_") + name, found->second * slower);
  }
  const auto days = out.facts.find("days_to_tokens");
  if (days != out.facts.end()) days->second /= slower;
}

}  // namespace windtunnel::strategies
