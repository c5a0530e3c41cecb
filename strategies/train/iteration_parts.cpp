// Where the time of an iteration goes, and how sure it is.
#include <algorithm>
#include <cmath>

#include "strategies/train/iteration.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

// What is not a sum of kernels and messages: allocator, clocks that move,
// jitter of hosts. 90 %, as a share of the whole.
constexpr double kAssemblySpread = 0.08;

// Of the error of a kernel's time, what kernels of its kind have in common; shapes differ in the rest,
// which averages out over the shapes of a model. Those of a stranger (kForeignBand) have all
// of it in common.
constexpr double kCommon = 0.75;

// Software of experts, as a share of their products and exchanges: what a release fuses, graphs and
// waits for moves these, and stacks are newer than what is published of them.
constexpr double kExpertsAbove = 0.5, kExpertsBelow = 0.25;

// Attention over c context ranks, as a share (1 - 1/c) of its time: rings, gathered keys and exchanged
// heads balance and merge their parts differently (-5 % on NeMo to +60 % on PyTorch's of 2024).
constexpr double kContextAbove = 0.5, kContextBelow = 0.1;

// Slower ranks, hosts and links that an iteration waits for, for each doubling of the GPUs from 8.
constexpr double kPerDoubling = 0.01;

// Of sums of thousands of passes, as a share of the whole.
constexpr double kRounding = 1e-11;

class Accounting {
 public:
  Accounting(const TrainPlan& plan, const StageEnd& end, Iteration& out)
      : plan_(plan), end_(end), out_(out) {}

  void run() {
    out_.critical_stage = end_.device;
    out_.critical_work = PassCost{};
    out_.needed = base::Flops(0);
    out_.parts = Breakdown{};
    Breakdown& parts = out_.parts;
    add_passes();
    if (end_.busy.value() > 0) take_own_pace();
    out_.needed *= end_.filled;
    const Seconds passes = parts.sum();
    out_.ideal = passes;
    const Seconds added = end_.tensor + end_.context + end_.expert + end_.shards;
    const Seconds sends = base::max(end_.passes_end - end_.free_end - added, Seconds(0));
    parts.pipeline = sends + end_.tied;
    parts.bubble = base::max(end_.passes_end - passes - sends - added, Seconds(0));
    parts.tensor += end_.tensor;
    parts.context += end_.context;
    parts.expert += end_.expert;
    parts.data += end_.shards + end_.reduce + end_.gather;
    // Differences of moments on an engine round.
    for (Seconds* part : {&parts.tensor, &parts.context, &parts.expert, &parts.data}) {
      *part = base::max(*part, Seconds(0));
    }
    parts.compute += end_.slowed;
    parts.optimizer = end_.step;
    parts.other += out_.costs.norm + out_.costs.host_step + out_.costs.checkpoint_stop;
    const Seconds step = end_.end() + end_.gather + end_.step + out_.costs.norm +
                         out_.costs.host_step + out_.costs.checkpoint_stop;
    parts.data_loading = base::max(out_.time - step, Seconds(0));
    // What rounding and overlapped pairs leave between the parts and the whole.
    parts.bubble = base::max(parts.bubble + (out_.time - parts.sum()), Seconds(0));
    take_rounding();
    spread();
  }

 private:
  // Sums and differences of times leave parts of 1e-17 s, of either sign.
  void take_rounding() {
    Breakdown& parts = out_.parts;
    for (Seconds* part : {&parts.bubble, &parts.tensor, &parts.pipeline, &parts.data, &parts.expert,
                          &parts.context}) {
      const Seconds size = base::max(*part, Seconds(0) - *part);
      if (size >= out_.time * kRounding) continue;
      parts.compute += *part;
      *part = Seconds(0);
    }
  }

  // Passes that take longer than those of full micro-batches on the stage's
  // slowest GPU compute longer; shorter ones have less of everything.
  void take_own_pace() {
    const Seconds passes = out_.parts.sum();
    if (end_.busy >= passes) {
      out_.parts.compute += end_.busy - passes;
      return;
    }
    const double share = end_.busy / passes;
    for (Seconds* part : {&out_.parts.compute, &out_.parts.tensor, &out_.parts.context,
                          &out_.parts.expert, &out_.parts.data, &out_.parts.other}) {
      *part *= share;
    }
    PassCost work;
    work.add(out_.critical_work, share);
    out_.critical_work = work;
  }

  // Passes of the stage over all micro-batches, sorted by what they are.
  void add_passes() {
    const PipelinePlan& pipeline = plan_.pipeline;
    const std::int32_t d = end_.device;
    const auto chunk = [&](std::int32_t index) -> const ChunkCost& {
      return out_.costs.chunk(pipeline, d, index);
    };
    for (const PipelineStep& step : pipeline.devices[static_cast<std::size_t>(d)]) {
      switch (step.pass) {
        case Pass::forward:
          add_forward(chunk(step.chunk));
          break;
        case Pass::backward:
        case Pass::backward_input:
          add_backward(chunk(step.chunk));
          break;
        case Pass::backward_weight:
          break;  // counted with its input gradient
        case Pass::overlapped: {
          add_forward(chunk(step.chunk));
          add_backward(chunk(step.backward_chunk));
          const auto model_chunk = pipeline.model_chunk({d, step.chunk});
          take_back(
              out_.costs.schedule.chunks[static_cast<std::size_t>(model_chunk)].saved_by_overlap);
          break;
        }
      }
    }
  }

  void add_pass(const PassCost& pass) {
    out_.parts.compute += pass.compute();
    out_.parts.tensor += pass.tensor.time;
    out_.parts.context += pass.context.time;
    out_.parts.expert += pass.expert.time;
    out_.critical_work.add(pass);
    out_.needed += pass.flops;
  }
  void add_forward(const ChunkCost& cost) {
    add_pass(cost.forward);
    out_.parts.data += cost.gather_forward;
    out_.parts.other += cost.duration_forward() - cost.device_forward() + cost.offload_forward;
  }
  void add_backward(const ChunkCost& cost) {
    add_pass(cost.input);
    add_pass(cost.weight);
    out_.needed -= cost.again.flops;
    out_.parts.data += cost.gather_backward;
    out_.parts.other += cost.duration_backward() - cost.device_backward() + cost.offload_backward;
  }
  // Hidden by an overlapped pair: of the exchanges, experts' first.
  void take_back(Seconds saved) {
    for (Seconds* part : {&out_.parts.expert, &out_.parts.tensor, &out_.parts.context}) {
      const Seconds taken = base::min(saved, *part);
      *part -= taken;
      saved -= taken;
    }
  }

  // Errors of one kind add up over the iteration, those of different kinds are
  // independent.
  void spread() {
    const PassCost& work = out_.critical_work;
    const GradientSync& sync = out_.syncs[static_cast<std::size_t>(end_.device)];
    const double stretch =
        out_.ideal.value() > 0 ? (out_.ideal + out_.parts.bubble) / out_.ideal : 1.0;
    double up = 0.0, down = 0.0;
    const auto add = [&](Seconds above, Seconds below) {
      up += above.value() * above.value();
      down += below.value() * below.value();
    };
    const Interval& products = work.kernels[static_cast<std::size_t>(KernelKind::gemm)];
    const double common = products.high > products.time * kForeignBand ? 1.0 : kCommon;
    for (const Interval& kind : work.kernels) {
      add((kind.high - kind.time) * (stretch * common),
          (kind.time - kind.low) * (stretch * common));
    }
    const Seconds experts =
        (work.kernels[static_cast<std::size_t>(KernelKind::moe)].time + work.expert.time) * stretch;
    add(experts * kExpertsAbove, experts * kExpertsBelow);
    const double context = 1.0 - 1.0 / static_cast<double>(plan_.job.strategy.sizes.context);
    const Seconds attention =
        work.kernels[static_cast<std::size_t>(KernelKind::attention)].time * (stretch * context);
    add(attention * kContextAbove, attention * kContextBelow);
    const double doublings = std::log2(std::max(1.0, static_cast<double>(plan_.gpus) / 8.0));
    add(out_.time * (kPerDoubling * doublings), Seconds(0));
    for (const Interval* kind : {&work.tensor, &work.context, &work.expert}) {
      add((kind->high - kind->time) * stretch, (kind->time - kind->low) * stretch);
    }
    const Seconds reduced = end_.reduce + end_.gather;
    add(reduced * std::max(0.0, sync.high - 1.0), reduced * std::max(0.0, 1.0 - sync.low));
    add_step(add);
    add(out_.time * kAssemblySpread, out_.time * kAssemblySpread);
    // Host figures may be half or twice what they are taken as.
    add(out_.parts.other, out_.parts.other * 0.5);
    out_.high = out_.time + Seconds(std::sqrt(up));
    out_.low = base::max(out_.time - Seconds(std::sqrt(down)), out_.time * 0.05);
  }

  // The optimizer step that takes longest.
  template <class Add>
  void add_step(Add&& add) const {
    const auto step = std::max_element(
        out_.costs.steps.begin(), out_.costs.steps.end(),
        [](const OptimizerTime& a, const OptimizerTime& b) { return a.time < b.time; });
    add(step->high - step->time, step->time - step->low);
  }

  const TrainPlan& plan_;
  const StageEnd& end_;
  Iteration& out_;
};

}  // namespace

void account(const TrainPlan& plan, const StageEnd& end, Iteration& iteration) {
  Accounting(plan, end, iteration).run();
}

Breakdown& Breakdown::operator+=(const Breakdown& o) {
  compute += o.compute, tensor += o.tensor, pipeline += o.pipeline, data += o.data;
  expert += o.expert, context += o.context, bubble += o.bubble, optimizer += o.optimizer;
  data_loading += o.data_loading, other += o.other;
  return *this;
}

Breakdown Breakdown::operator*(double share) const {
  Breakdown out = *this;
  for (Seconds* part : {&out.compute, &out.tensor, &out.pipeline, &out.data, &out.expert,
                        &out.context, &out.bubble, &out.optimizer, &out.data_loading, &out.other})
    *part = *part * share;
  return out;
}

}  // namespace windtunnel::strategies
