#include "strategies/train/lane_times.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

struct Representative {
  std::int64_t lane = 0;
  double replicas = 0;  // that it stands for
};

// GPUs and slowness of all gangs of a lane.
std::vector<std::pair<std::int32_t, double>> signature(const RankPaces& ranks, std::int64_t lane,
                                                       std::int32_t stages) {
  std::vector<std::pair<std::int32_t, double>> out;
  for (std::int32_t stage = 0; stage < stages; ++stage) {
    for (const Pace& pace : ranks.gang(lane, stage)) out.emplace_back(pace.gpus, pace.slowdown);
    out.emplace_back(-1, 0.0);
  }
  return out;
}

std::vector<Representative> representatives(const TrainPlan& plan, const RankPaces& ranks) {
  std::vector<Representative> all;
  std::map<std::vector<std::pair<std::int32_t, double>>, std::size_t> known;
  const bool random = is_random(plan, ranks);
  for (std::int64_t lane = 0; lane < ranks.lanes(); ++lane) {
    const auto replicas = static_cast<double>(ranks.replicas(lane).size());
    if (!random) {
      const auto [found, is_new] =
          known.emplace(signature(ranks, lane, plan.pipeline.shape.stages), all.size());
      if (!is_new) {
        all[found->second].replicas += replicas;
        continue;
      }
    }
    all.push_back({lane, replicas});
  }
  return all;
}

// Pass by pass the later one.
void delay(DeviceTimes& last, const DeviceTimes& one) {
  for (std::size_t i = 0; i < last.spans.size(); ++i) {
    last.spans[i].begin = base::max(last.spans[i].begin, one.spans[i].begin);
    last.spans[i].end = base::max(last.spans[i].end, one.spans[i].end);
  }
  last.first_begin = base::max(last.first_begin, one.first_begin);
}

}  // namespace

LaneTimes lane_times(const TrainPlan& plan, const PipelineCosts& costs, const StepPaces* paces,
                     SpansKept spans) {
  LaneTimes out;
  const std::size_t devices = plan.pipeline.devices.size();
  out.slowest.assign(devices, 0);
  out.mean_end.assign(devices, Seconds(0));
  if (paces == nullptr) {
    out.last = pipeline_times(plan.pipeline, costs, spans);
    for (std::size_t d = 0; d < devices; ++d) out.mean_end[d] = out.last.devices[d].last_end;
    return out;
  }
  const auto replicas = static_cast<double>(plan.job.strategy.sizes.data);
  for (const Representative& one : representatives(plan, paces->ranks())) {
    PipelineTimes times = pipeline_times(plan.pipeline, paces->of_lane(one.lane, costs), spans);
    const bool first = out.last.devices.empty();
    if (first) out.last = times;
    for (std::size_t d = 0; d < devices; ++d) {
      DeviceTimes& last = out.last.devices[d];
      const DeviceTimes& here = times.devices[d];
      out.mean_end[d] += here.last_end * (one.replicas / replicas);
      if (!first) delay(last, here);
      if (!first && here.last_end <= last.last_end) continue;
      out.slowest[d] = one.lane;
      last.last_end = here.last_end;
      last.busy = here.busy;
      last.sending = here.sending;
    }
    out.last.makespan = base::max(out.last.makespan, times.makespan);
  }
  return out;
}

double passes_of_step(const TrainPlan& plan, const RankPaces& ranks) {
  double passes = 0;
  for (const auto& order : plan.pipeline.devices) passes += static_cast<double>(order.size());
  return passes * static_cast<double>(representatives(plan, ranks).size());
}

}  // namespace windtunnel::strategies
