#include "strategies/train/pipeline_times.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

constexpr double kNotYet = -1.0;

class PipelineClock {
 public:
  PipelineClock(const PipelinePlan& plan, const PipelineCosts& costs)
      : plan_(plan),
        costs_(costs),
        forward_arrival_(slots(), kNotYet),
        backward_arrival_(slots(), kNotYet),
        next_(plan.devices.size(), 0),
        free_(plan.devices.size(), 0.0) {
    times_.devices.resize(plan.devices.size());
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
      times_.devices[d].spans.reserve(plan.devices[d].size());
    }
    open_way();
  }

  PipelineTimes run() {
    std::vector<std::size_t> ready(plan_.devices.size());
    for (std::size_t d = 0; d < ready.size(); ++d) ready[d] = d;
    while (!ready.empty()) {
      const std::size_t device = ready.back();
      ready.pop_back();
      woken_.clear();
      while (advance(device)) {
      }
      ready.insert(ready.end(), woken_.begin(), woken_.end());
    }
    for (std::size_t d = 0; d < next_.size(); ++d) {
      base::ensures(next_[d] == plan_.devices[d].size(), "a pipeline schedule does not deadlock");
      finish(times_.devices[d]);
    }
    return std::move(times_);
  }

 private:
  std::size_t slots() const {
    return static_cast<std::size_t>(plan_.shape.micro_batches) *
           static_cast<std::size_t>(plan_.positions);
  }
  std::size_t slot(std::int32_t micro_batch, std::int32_t position) const {
    return static_cast<std::size_t>(micro_batch) * static_cast<std::size_t>(plan_.positions) +
           static_cast<std::size_t>(position);
  }
  double hop(std::int32_t from, std::int32_t to) const {  // between devices
    if (from == to || costs_.hops.empty()) return 0.0;
    return costs_.hops[hop_between(plan_.shape.stages, from, to)].value();
  }
  double scale(std::int32_t micro_batch) const {
    if (costs_.message_scale.empty()) return 1.0;
    return costs_.message_scale[static_cast<std::size_t>(micro_batch)];
  }
  const PassCosts& cost(std::int32_t position) const {
    return costs_.chunks[static_cast<std::size_t>(position)];
  }

  // The first position has its input at once.
  void open_way() {
    for (std::int32_t i = 0; i < plan_.shape.micro_batches; ++i) forward_arrival_[slot(i, 0)] = 0.0;
  }

  struct Target {
    std::int32_t micro_batch = 0, position = 0;
  };
  Target forward_of(const PipelineStep& step, std::int32_t device) const {
    return {step.micro_batch, plan_.position(step.micro_batch, {device, step.chunk})};
  }
  Target backward_of(const PipelineStep& step, std::int32_t device) const {
    if (step.pass != Pass::overlapped) return forward_of(step, device);
    return {step.backward_micro_batch,
            plan_.position(step.backward_micro_batch, {device, step.backward_chunk})};
  }

  // When the step's inputs are there; nothing while they are not known.
  std::optional<double> ready_at(const PipelineStep& step, std::int32_t device) const {
    double ready = 0.0;
    const auto wait_for = [&ready](double arrival) {
      ready = std::max(ready, arrival);
      return arrival != kNotYet;
    };
    if (step.pass == Pass::backward_weight) return ready;  // after its input gradient, in order
    if (step.pass == Pass::forward || step.pass == Pass::overlapped) {
      const Target to = forward_of(step, device);
      if (!wait_for(forward_arrival_[slot(to.micro_batch, to.position)])) return std::nullopt;
    }
    if (step.pass != Pass::forward) {
      const Target to = backward_of(step, device);
      if (!wait_for(backward_arrival_[slot(to.micro_batch, to.position)])) return std::nullopt;
    }
    return ready;
  }

  double duration(std::int32_t device, std::size_t index) const {
    if (costs_.duration) return costs_.duration(device, index).value();
    const PipelineStep& step = plan_.devices[static_cast<std::size_t>(device)][index];
    return step_duration(step.pass, cost(forward_of(step, device).position),
                         cost(backward_of(step, device).position))
        .value();
  }

  // Hands the result on; the time its sender is held up for.
  double send_forward(const Target& from, double end) {
    if (from.position + 1 == plan_.positions) {
      backward_arrival_[slot(from.micro_batch, from.position)] = end;  // the loss turns round here
      return 0.0;
    }
    return send(forward_arrival_, {from.micro_batch, from.position + 1}, from, end);
  }
  double send_backward(const Target& from, double end) {
    if (from.position == 0) return 0.0;
    return send(backward_arrival_, {from.micro_batch, from.position - 1}, from, end);
  }
  double send(std::vector<double>& arrivals, const Target& to, const Target& from, double end) {
    const Place there = plan_.place(to.micro_batch, to.position);
    const Place here = plan_.place(from.micro_batch, from.position);
    const double time = hop(here.device, there.device) * scale(to.micro_batch);
    arrivals[slot(to.micro_batch, to.position)] = end + time;
    if (there.device != here.device) woken_.push_back(static_cast<std::size_t>(there.device));
    return costs_.sends == SendMode::blocking ? time : 0.0;
  }

  bool advance(std::size_t device) {
    const auto& order = plan_.devices[device];
    if (next_[device] == order.size()) return false;
    const PipelineStep& step = order[next_[device]];
    const auto index = static_cast<std::int32_t>(device);
    const std::optional<double> ready = ready_at(step, index);
    if (!ready) return false;
    const double begin = std::max(*ready, free_[device]);
    const double end = begin + duration(index, next_[device]);
    double sending = 0.0;
    if (step.pass == Pass::forward || step.pass == Pass::overlapped) {
      sending = send_forward(forward_of(step, index), end);
    }
    if (step.pass != Pass::forward && step.pass != Pass::backward_weight) {
      sending = std::max(sending, send_backward(backward_of(step, index), end));
    }
    free_[device] = end + sending;
    times_.devices[device].spans.push_back({step, Seconds(begin), Seconds(end), Seconds(sending)});
    ++next_[device];
    return true;
  }

  void finish(DeviceTimes& device) {
    if (device.spans.empty()) return;
    device.first_begin = device.spans.front().begin;
    device.last_end = device.spans.back().end + device.spans.back().sending;
    for (const PassSpan& span : device.spans) {
      device.busy += span.end - span.begin;
      device.sending += span.sending;
    }
    times_.makespan = base::max(times_.makespan, device.last_end);
  }

  const PipelinePlan& plan_;
  const PipelineCosts& costs_;
  std::vector<double> forward_arrival_, backward_arrival_;  // by slot: when the input is there
  std::vector<std::size_t> next_;
  std::vector<double> free_;
  std::vector<std::size_t> woken_;
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

std::size_t hop_between(std::int32_t stages, std::int32_t from, std::int32_t to) {
  base::expects((from + 1) % stages == to || (to + 1) % stages == from,
                "messages of a pipeline go to a neighbour");
  return static_cast<std::size_t>((from + 1) % stages == to ? from : to);
}

PipelineTimes pipeline_times(const PipelinePlan& plan, const PipelineCosts& costs) {
  base::expects(costs.chunks.size() == static_cast<std::size_t>(plan.positions),
                "every chunk of the model has its costs");
  base::expects(costs.hops.empty() || costs.hops.size() == plan.devices.size(),
                "every hop has its time, or none has");
  return PipelineClock(plan, costs).run();
}

}  // namespace windtunnel::strategies
