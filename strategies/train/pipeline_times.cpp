#include "strategies/train/pipeline_times.hpp"

#include <algorithm>
#include <cstddef>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

// Works off the program: every step finds the results that it needs in their slots.
class PipelineClock {
 public:
  PipelineClock(const PipelinePlan& plan, const PipelineCosts& costs, SpansKept spans)
      : plan_(plan),
        costs_(costs),
        spans_(spans),
        arrivals_(plan.program->slots),
        next_(plan.devices.size(), 0),
        free_(plan.devices.size(), 0.0) {
    times_.devices.resize(plan.devices.size());
    for (std::size_t d = 0; spans == SpansKept::all && d < plan.devices.size(); ++d) {
      times_.devices[d].spans.reserve(plan.devices[d].size());
    }
    tabulate();
  }

  PipelineTimes run() {
    for (const ProgramStep& step : plan_.program->steps) time(step);
    for (std::size_t d = 0; d < free_.size(); ++d) {
      times_.devices[d].last_end = Seconds(free_[d]);
      times_.makespan = base::max(times_.makespan, times_.devices[d].last_end);
    }
    return std::move(times_);
  }

 private:
  static constexpr std::size_t kPasses = 4;  // all but the overlapped

  // Durations by position and pass, of those that are not overlapped.
  void tabulate() {
    durations_.reserve(kPasses * costs_.chunks.size());
    for (const PassCosts& one : costs_.chunks) {
      for (const Pass pass :
           {Pass::forward, Pass::backward, Pass::backward_input, Pass::backward_weight}) {
        durations_.push_back(step_duration(pass, one, one).value());
      }
    }
  }

  double duration(const ProgramStep& step, std::size_t index) const {
    if (costs_.duration) return costs_.duration(step.device, index).value();
    const auto on = static_cast<std::size_t>(step.on);
    if (step.pass != Pass::overlapped) {
      return durations_[kPasses * on + static_cast<std::size_t>(step.pass)];
    }
    return step_duration(step.pass, costs_.chunks[on],
                         costs_.chunks[static_cast<std::size_t>(step.other)])
        .value();
  }

  double message_scale(const PipelineStep& step, std::size_t way) const {
    if (costs_.message_scale.empty()) return 1.0;
    const bool backward = way == 1 && step.pass == Pass::overlapped;
    return costs_.message_scale[static_cast<std::size_t>(backward ? step.backward_micro_batch
                                                                  : step.micro_batch)];
  }

  // Hands the results on; the time their sender is held up for.
  double give(const ProgramStep& step, const PipelineStep& of, double end) {
    double sending = 0.0;
    for (std::size_t way = 0; way < step.gives.size(); ++way) {
      const ProgramStep::Gift& gift = step.gives[way];
      if (gift.slot < 0) continue;
      double time = 0.0;
      if (gift.hop >= 0 && !costs_.hops.empty()) {
        time = costs_.hops[static_cast<std::size_t>(gift.hop)].value() * message_scale(of, way);
      }
      arrivals_[static_cast<std::size_t>(gift.slot)] = end + time;
      if (costs_.sends == SendMode::blocking) sending = std::max(sending, time);
    }
    return sending;
  }

  void time(const ProgramStep& step) {
    const auto device = static_cast<std::size_t>(step.device);
    const std::size_t index = next_[device]++;
    const PipelineStep& of = plan_.devices[device][index];
    double begin = free_[device];
    for (const std::int32_t need : step.needs) {
      if (need >= 0) begin = std::max(begin, arrivals_[static_cast<std::size_t>(need)]);
    }
    const double end = begin + duration(step, index);
    const double sending = give(step, of, end);
    free_[device] = end + sending;
    DeviceTimes& times = times_.devices[device];
    if (index == 0) times.first_begin = Seconds(begin);
    times.busy += Seconds(end) - Seconds(begin);
    times.sending += Seconds(sending);
    const bool kept =
        spans_ == SpansKept::all || (spans_ == SpansKept::closing && step.closes_gradients);
    if (kept) times.spans.push_back({of, Seconds(begin), Seconds(end), Seconds(sending)});
  }

  const PipelinePlan& plan_;
  const PipelineCosts& costs_;
  SpansKept spans_;
  std::vector<double> arrivals_;  // by slot: when the result is where it is needed
  std::vector<std::size_t> next_;
  std::vector<double> free_;
  std::vector<double> durations_;
  PipelineTimes times_;
};

}  // namespace

Seconds step_duration(Pass pass, const PassCosts& on, const PassCosts& other) {
  switch (pass) {
    case Pass::forward:
      return on.forward;
    case Pass::backward:
      return on.backward();
    case Pass::backward_input:
      return on.backward_input;
    case Pass::backward_weight:
      return on.backward_weight;
    case Pass::overlapped:
      return on.forward + other.backward() - on.saved_by_overlap;
  }
  return Seconds(0);
}

PipelineTimes pipeline_times(const PipelinePlan& plan, const PipelineCosts& costs,
                             SpansKept spans) {
  base::expects(plan.program != nullptr, "the schedule was made by make_pipeline_plan");
  base::expects(costs.chunks.size() == static_cast<std::size_t>(plan.positions),
                "every chunk of the model has its costs");
  base::expects(costs.hops.empty() || costs.hops.size() == plan.devices.size(),
                "every hop has its time, or none has");
  return PipelineClock(plan, costs, spans).run();
}

}  // namespace windtunnel::strategies
