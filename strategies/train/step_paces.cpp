#include "strategies/train/step_paces.hpp"

#include <algorithm>
#include <utility>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

void add(PassCosts& sum, const PassCosts& one, double factor) {
  sum.forward += one.forward * factor;
  sum.backward_input += one.backward_input * factor;
  sum.backward_weight += one.backward_weight * factor;
  sum.saved_by_overlap += one.saved_by_overlap * factor;
}

// What computes takes `factor` times as long.
PassCosts slowed(const PassParts& parts, double factor) {
  PassCosts out = parts.all;
  add(out, parts.computing, factor - 1.0);
  return out;
}

bool longer(const PassCosts& a, const PassCosts& b) {
  return a.forward + a.backward() > b.forward + b.backward();
}

}  // namespace

bool is_random(const TrainPlan& plan, const RankPaces& ranks) {
  const bool jitters = ranks.jitter().kind != sim::JitterKind::none && ranks.jitter().mean > 0.0;
  const TrainWorkload& work = plan.job.workload;
  return jitters || work.lengths.has_value();
}

bool is_plain(const TrainPlan& plan, const RankPaces& ranks) {
  const TrainWorkload& work = plan.job.workload;
  const bool rows_alike = !work.lengths || work.packing == Packing::padded;
  const bool jitters = ranks.jitter().kind != sim::JitterKind::none && ranks.jitter().mean > 0.0;
  return ranks.even() && rows_alike && !jitters;
}

StepPaces::StepPaces(const TrainPlan& plan, std::shared_ptr<const Ground> ground, std::int64_t step)
    : plan_(&plan), ground_(std::move(ground)), step_(step) {
  if (plan.job.workload.lengths) {
    rows_ = draw_rows(plan, ground_->shapes, ground_->seed, step);
  }
}

PassParts StepPaces::mixed(std::size_t gpus, std::size_t chunk, std::size_t slot) const {
  if (rows_.mixes.empty()) return ground_->passes.at(gpus, 0, chunk);
  const ShapeMix& mix = rows_.mixes[slot];
  PassParts sum;
  for (std::size_t s = 0; s < mix.size(); ++s) {
    if (mix[s] == 0.0) continue;
    const PassParts& one = ground_->passes.at(gpus, s, chunk);
    add(sum.all, one.all, mix[s]);
    add(sum.computing, one.computing, mix[s]);
  }
  return sum;
}

PassCosts StepPaces::passes_of(const Passing& at) const {
  const auto chunk = static_cast<std::size_t>(plan_->pipeline.model_chunk(at.place));
  PassCosts slowest;
  for (const std::int64_t replica : ranks().replicas(at.lane)) {
    const auto slot = static_cast<std::size_t>(replica * plan_->micro_batches + at.micro_batch);
    for (const Pace& pace : ranks().gang(at.lane, at.place.device)) {
      const PassCosts one = slowed(mixed(static_cast<std::size_t>(pace.gpus), chunk, slot),
                                   pace.slowdown * at.jitter);
      if (longer(one, slowest)) slowest = one;
    }
    if (rows_.mixes.empty()) break;  // replicas have alike micro-batches
  }
  return slowest;
}

Seconds StepPaces::duration(std::int64_t lane, std::int32_t device, std::size_t step) const {
  const PipelineStep& at = plan_->pipeline.devices[static_cast<std::size_t>(device)][step];
  const double jitter = slowest_factor(ranks().jitter(), ranks().ranks_of_gang(lane),
                                       {.seed = ground_->seed,
                                        .step = step_,
                                        .lane = lane,
                                        .stage = device,
                                        .pass = static_cast<std::int64_t>(step)});
  const PassCosts on = passes_of({lane, {device, at.chunk}, at.micro_batch, jitter});
  if (at.pass != Pass::overlapped) return step_duration(at.pass, on, on);
  const PassCosts other =
      passes_of({lane, {device, at.backward_chunk}, at.backward_micro_batch, jitter});
  return step_duration(at.pass, on, other);
}

double StepPaces::message_scale(std::int64_t lane, std::int32_t micro_batch) const {
  if (rows_.tokens.empty()) return 1.0;
  double most = 0.0;
  for (const std::int64_t replica : ranks().replicas(lane)) {
    most = std::max(
        most, rows_.tokens[static_cast<std::size_t>(replica * plan_->micro_batches + micro_batch)]);
  }
  return most;
}

double StepPaces::filled(std::int64_t lane) const {
  const std::int32_t micro_batches = plan_->pipeline.shape.micro_batches;
  double sum = 0.0;
  for (std::int32_t i = 0; i < micro_batches; ++i) sum += message_scale(lane, i);
  return sum / static_cast<double>(micro_batches);
}

PipelineCosts StepPaces::of_lane(std::int64_t lane, const PipelineCosts& nominal) const {
  PipelineCosts out = nominal;
  out.duration = [this, lane](std::int32_t device, std::size_t step) {
    return duration(lane, device, step);
  };
  if (rows_.tokens.empty()) return out;
  for (std::int32_t i = 0; i < plan_->pipeline.shape.micro_batches; ++i) {
    out.message_scale.push_back(message_scale(lane, i));
  }
  return out;
}

Seconds StepPaces::busy(std::int64_t lane, std::int32_t device) const {
  Seconds sum{0};
  const auto steps = plan_->pipeline.devices[static_cast<std::size_t>(device)].size();
  for (std::size_t i = 0; i < steps; ++i) sum += duration(lane, device, i);
  return sum;
}

}  // namespace windtunnel::strategies
