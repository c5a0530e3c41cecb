#include "strategies/train/pipeline_program.hpp"

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

class ProgramWriter {
 public:
  explicit ProgramWriter(const PipelinePlan& plan)
      : plan_(plan), next_(plan.devices.size(), 0), given_(2 * half(), false) {
    // The first position has its input at once.
    for (std::int32_t i = 0; i < plan.shape.micro_batches; ++i) given_[forward_slot(i, 0)] = true;
  }

  PipelineProgram write() {
    std::size_t steps = 0;
    for (const auto& order : plan_.devices) steps += order.size();
    out_.steps.reserve(steps);
    out_.slots = given_.size();
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
    base::ensures(out_.steps.size() == steps, "a pipeline schedule does not deadlock");
    mark_closing();
    return std::move(out_);
  }

 private:
  std::size_t half() const {
    return static_cast<std::size_t>(plan_.shape.micro_batches) *
           static_cast<std::size_t>(plan_.positions);
  }
  std::size_t forward_slot(std::int32_t micro_batch, std::int32_t position) const {
    return static_cast<std::size_t>(micro_batch) * static_cast<std::size_t>(plan_.positions) +
           static_cast<std::size_t>(position);
  }
  std::size_t backward_slot(std::int32_t micro_batch, std::int32_t position) const {
    return half() + forward_slot(micro_batch, position);
  }
  std::int32_t hop(std::int32_t from, std::int32_t to) const {
    if (from == to) return -1;
    return static_cast<std::int32_t>(hop_between(plan_.shape.stages, from, to));
  }

  ProgramStep::Gift gift(std::size_t slot, std::int32_t micro_batch, std::int32_t position,
                         std::int32_t device) {
    const std::int32_t to = plan_.place(micro_batch, position).device;
    given_[slot] = true;
    if (to != device) woken_.push_back(static_cast<std::size_t>(to));
    return {static_cast<std::int32_t>(slot), hop(device, to)};
  }

  bool take(std::size_t slot, std::int32_t& need) const {
    need = static_cast<std::int32_t>(slot);
    return given_[slot];
  }

  bool advance(std::size_t index) {
    const auto& order = plan_.devices[index];
    if (next_[index] == order.size()) return false;
    const PipelineStep& step = order[next_[index]];
    const auto device = static_cast<std::int32_t>(index);
    const bool both = step.pass == Pass::overlapped;
    const bool forward = both || step.pass == Pass::forward;
    const bool backward = both || step.pass == Pass::backward || step.pass == Pass::backward_input;
    const std::int32_t back = both ? step.backward_micro_batch : step.micro_batch;
    ProgramStep out{.pass = step.pass, .device = device};
    out.on = plan_.position(step.micro_batch, {device, step.chunk});
    out.other = both ? plan_.position(back, {device, step.backward_chunk}) : out.on;
    // A gradient of weights comes after that of the input, in order.
    if (forward && !take(forward_slot(step.micro_batch, out.on), out.needs[0])) return false;
    if (backward && !take(backward_slot(back, out.other), out.needs[1])) return false;
    if (forward && out.on == 0) out.needs[0] = -1;
    if (forward) out.gives[0] = forward_gift(step.micro_batch, out.on, device);
    if (backward && out.other > 0) {
      out.gives[1] = gift(backward_slot(back, out.other - 1), back, out.other - 1, device);
    }
    out_.steps.push_back(out);
    ++next_[index];
    return true;
  }

  void mark_closing() {
    std::vector<bool> closed(plan_.devices.size() * static_cast<std::size_t>(plan_.chunks), false);
    std::size_t open = closed.size();
    std::vector<std::size_t> left = next_;  // steps of each device
    for (auto step = out_.steps.rbegin(); open > 0 && step != out_.steps.rend(); ++step) {
      const auto device = static_cast<std::size_t>(step->device);
      const PipelineStep& of = plan_.devices[device][--left[device]];
      if (!adds_gradients(of.pass)) continue;
      const std::size_t chunk = device * static_cast<std::size_t>(plan_.chunks) +
                                static_cast<std::size_t>(gradient_chunk(of));
      if (closed[chunk]) continue;
      step->closes_gradients = closed[chunk] = true;
      --open;
    }
  }

  // The loss turns round at the last position.
  ProgramStep::Gift forward_gift(std::int32_t micro_batch, std::int32_t on, std::int32_t device) {
    if (on + 1 == plan_.positions) {
      return gift(backward_slot(micro_batch, on), micro_batch, on, device);
    }
    return gift(forward_slot(micro_batch, on + 1), micro_batch, on + 1, device);
  }

  const PipelinePlan& plan_;
  std::vector<std::size_t> next_;
  std::vector<bool> given_;
  std::vector<std::size_t> woken_;
  PipelineProgram out_;
};

}  // namespace

std::size_t hop_between(std::int32_t stages, std::int32_t from, std::int32_t to) {
  base::expects((from + 1) % stages == to || (to + 1) % stages == from,
                "messages of a pipeline go to a neighbour");
  return static_cast<std::size_t>((from + 1) % stages == to ? from : to);
}

PipelineProgram pipeline_program(const PipelinePlan& plan) {
  return ProgramWriter(plan).write();
}

}  // namespace windtunnel::strategies
