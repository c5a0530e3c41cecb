#include "strategies/train/iteration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

bool has_tied_table(const PipelinePlan& pipeline, std::int32_t device) {
  return device == pipeline.place(0, 0).device ||
         device == pipeline.place(0, pipeline.positions - 1).device;
}

std::vector<StageEnd> stage_ends(const TrainPlan& plan, const Iteration& iteration) {
  std::vector<StageEnd> ends;
  for (std::int32_t d = 0; d < plan.pipeline.shape.stages; ++d) {
    const auto i = static_cast<std::size_t>(d);
    const GradientSync& sync = iteration.syncs[i];
    const bool tied = has_tied_table(plan.pipeline, d);
    ends.push_back({.device = d,
                    .passes_end = iteration.schedule.devices[i].last_end,
                    .reduce = sync.reduce,
                    .slowed = sync.slowed,
                    .tied = tied ? iteration.costs.tied.time : Seconds(0),
                    .gather = sync.gather,
                    .step = iteration.costs.steps[i].time});
  }
  return ends;
}

// How often the state is saved, now that a step is known, and what that adds to
// each step.
void space_checkpoints(const TrainPlan& plan, const sim::Cluster& cluster, Seconds step,
                       IterationCosts& costs) {
  const Checkpointing& asked = plan.job.workload.checkpointing;
  if (costs.checkpoint.bytes.value() <= 0) return;
  costs.checkpoint_steps = asked.best_interval
                               ? best_interval(goodput_case(plan, cluster, step, costs.checkpoint))
                               : asked.interval;
  costs.checkpoint_stop = costs.checkpoint.stop / static_cast<double>(costs.checkpoint_steps);
}

}  // namespace

GoodputCase goodput_case(const TrainPlan& plan, const sim::Cluster& cluster, Seconds step,
                         const CheckpointCost& checkpoint) {
  return {.step = step,
          .checkpoint = checkpoint,
          .failures_per_s = failure_rate(cluster.failures, plan.gpus, plan.layout.nodes()),
          .restart = cluster.failures.restart};
}

namespace {

// Passes that are worked off for all drawn steps together, about 0.1 us each,
// and the fewest steps.
constexpr double kMostDrawnPasses = 4e6;
constexpr std::int64_t kFewestSteps = 3;

// One step from its costs to its time and parts.
class Step {
 public:
  Step(const TrainPlan& plan, const TrainSite& site, std::shared_ptr<const StepPaces> paces,
       SpansKept spans, Iteration& out)
      : plan_(plan), site_(site), spans_(spans), out_(out) {
    out_.paces = std::move(paces);
  }

  void run() {
    LaneTimes lanes = lane_times(plan_, out_.costs.schedule, out_.paces.get(), spans_);
    out_.schedule = std::move(lanes.last);
    out_.syncs.clear();
    for (std::size_t d = 0; d < out_.costs.gradients.size(); ++d) {
      out_.syncs.push_back(gradient_sync(out_.costs.gradients[d], out_.schedule.devices[d]));
    }
    const StageEnd critical = critical_end(lanes);
    const Seconds working =
        critical.end() + critical.step + critical.gather + out_.costs.norm + out_.costs.host_step;
    const LoadingCost& loading = out_.costs.loading;
    space_checkpoints(plan_, *site_.cluster, working + loading.waited(working), out_.costs);
    const Seconds step = working + out_.costs.checkpoint_stop;
    out_.time = step + loading.waited(step);
    account(plan_, critical, out_);
  }

 private:
  StageEnd critical_end(const LaneTimes& lanes) {
    const std::vector<StageEnd> ends = stage_ends(plan_, out_);
    StageEnd critical =
        *std::max_element(ends.begin(), ends.end(),
                          [](const StageEnd& a, const StageEnd& b) { return a.end() < b.end(); });
    // After the norm the slowest is whoever steps and gathers longest.
    const StageEnd slowest = *std::max_element(
        ends.begin(), ends.end(),
        [](const StageEnd& a, const StageEnd& b) { return a.step + a.gather < b.step + b.gather; });
    critical.step = slowest.step;
    critical.gather = slowest.gather;
    const auto d = static_cast<std::size_t>(critical.device);
    const std::int64_t lane = lanes.slowest[d];
    critical.free_end = end_with_free_sends(plan_, out_, lane, critical.device);
    if (out_.paces != nullptr) {
      critical.busy = out_.paces->busy(lane, critical.device);
      critical.filled = out_.paces->filled(lane);
    }
    const Seconds mean = lanes.mean_end[d];
    out_.spread.imbalance = mean.value() > 0 ? critical.passes_end / mean - 1.0 : 0.0;
    return critical;
  }

  const TrainPlan& plan_;
  const TrainSite& site_;
  SpansKept spans_;
  Iteration& out_;
};

// Means over steps.
class StepMeans {
 public:
  void add(const Iteration& one, const StepRows& rows) {
    ++count_;
    const double n = static_cast<double>(count_);
    const auto into = [n](auto& mean, auto value) { mean += (value - mean) * (1.0 / n); };
    const Seconds before = time_;
    into(time_, one.time);
    squares_ += ((one.time - before).value()) * ((one.time - time_).value());
    into(low_, one.low);
    into(high_, one.high);
    into(ideal_, one.ideal);
    into(needed_, one.needed);
    into(imbalance_, one.spread.imbalance);
    for (const auto part : kParts) into(parts_.*part, one.parts.*part);
    into(batch_.samples, static_cast<double>(rows.samples));
    into(batch_.real_tokens, rows.real_tokens);
    into(batch_.computed_tokens, rows.computed_tokens);
    into(batch_.squares, rows.squares);
    into(batch_.computed_squares, rows.computed_squares);
  }
  Seconds time() const { return time_; }
  void put(Iteration& out) const {
    out.batch = batch_;
    out.spread = {.steps = count_,
                  .deviation = Seconds(count_ > 1 ? std::sqrt(squares_ / real(count_ - 1)) : 0.0),
                  .shown = out.time,
                  .imbalance = imbalance_};
    if (count_ == 1) return;
    out.time = time_;
    out.low = low_;
    out.high = high_;
    out.ideal = ideal_;
    out.needed = needed_;
    out.parts = parts_;
  }

 private:
  static double real(std::int64_t n) { return static_cast<double>(n); }
  static constexpr std::array kParts{
      &Breakdown::compute,      &Breakdown::tensor,  &Breakdown::pipeline, &Breakdown::data,
      &Breakdown::expert,       &Breakdown::context, &Breakdown::bubble,   &Breakdown::optimizer,
      &Breakdown::data_loading, &Breakdown::other};

  std::int64_t count_ = 0;
  Seconds time_{0}, low_{0}, high_{0}, ideal_{0};
  base::Flops needed_{0};
  double squares_ = 0, imbalance_ = 0;
  Breakdown parts_;
  BatchCounts batch_;
};

std::int64_t steps_to_draw(const TrainPlan& plan, const RankPaces& ranks, std::int64_t most) {
  if (!is_random(plan, ranks)) return 1;
  const double affordable = kMostDrawnPasses / passes_of_step(plan, ranks);
  const auto few = std::max(static_cast<double>(kFewestSteps), affordable);
  return static_cast<std::int64_t>(std::min(static_cast<double>(most), few));
}

// Of the draws.
std::size_t nearest(const std::vector<Seconds>& times, Seconds mean) {
  const auto distance = [mean](Seconds time) { return std::abs((time - mean).value()); };
  const auto found = std::min_element(
      times.begin(), times.end(), [&](Seconds a, Seconds b) { return distance(a) < distance(b); });
  return static_cast<std::size_t>(found - times.begin());
}

}  // namespace

Seconds end_with_free_sends(const TrainPlan& plan, const Iteration& iteration, std::int64_t lane,
                            std::int32_t device) {
  // One stage sends nothing.
  if (plan.pipeline.shape.stages == 1 && iteration.paces == nullptr) {
    return iteration.schedule.devices[static_cast<std::size_t>(device)].last_end;
  }
  PipelineCosts free = iteration.paces == nullptr
                           ? iteration.costs.schedule
                           : iteration.paces->of_lane(lane, iteration.costs.schedule);
  free.hops.clear();
  return pipeline_times(plan.pipeline, free, SpansKept::none)
      .devices[static_cast<std::size_t>(device)]
      .last_end;
}

Iteration run_iteration(const TrainPlan& plan, const models::Network& network,
                        const TrainSite& site, const DrawnSteps& draw,
                        std::vector<StageMemory> memory) {
  auto ground = std::make_shared<StepPaces::Ground>(StepPaces::Ground{
      RankPaces(plan, site.cluster, draw.seed), length_shapes(plan), {}, draw.seed});
  const RankPaces& ranks = ground->ranks;
  Iteration out;
  out.costs = iteration_costs(plan, network, site, ranks);
  out.memory = memory.empty() ? stage_memory(plan, network) : std::move(memory);
  for (std::int32_t d = 0; d < plan.pipeline.shape.stages; ++d) {
    out.capacity.push_back(ranks.memory(d));
  }
  // Gradients that are scattered after every pass look at all of them.
  const SpansKept spans =
      plan.job.strategy.zero == ZeroLevel::gradients ? SpansKept::all : draw.spans;
  const bool plain = is_plain(plan, ranks);
  if (plain && !plan.job.workload.lengths) {
    Step(plan, site, nullptr, spans, out).run();
    return out;
  }
  ground->passes = out.costs.passes;
  const auto run = [&](std::int64_t step) {
    auto paces = std::make_shared<const StepPaces>(plan, ground, step);
    Step(plan, site, plain ? nullptr : paces, spans, out).run();
    return paces;
  };
  StepMeans means;
  std::vector<Seconds> times;
  for (std::int64_t step = 0; step < steps_to_draw(plan, ranks, draw.steps); ++step) {
    means.add(out, run(step)->rows());
    times.push_back(out.time);
  }
  const std::size_t shown = nearest(times, means.time());
  if (shown + 1 < times.size()) run(static_cast<std::int64_t>(shown));
  means.put(out);
  return out;
}

}  // namespace windtunnel::strategies
