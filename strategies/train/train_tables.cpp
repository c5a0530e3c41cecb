#include "strategies/train/train_tables.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

std::string layers_text(const TrainPlan& plan, std::int32_t device) {
  std::string text;
  for (std::int32_t c = 0; c < plan.pipeline.chunks; ++c) {
    const ChunkOfModel& chunk =
        plan.split[static_cast<std::size_t>(plan.pipeline.model_chunk({device, c}))];
    if (!text.empty()) text += ", ";
    if (chunk.embedding) text += "embedding + ";
    text += chunk.layers == 1
                ? fmt::format("{}", chunk.first_layer)
                : fmt::format("{}-{}", chunk.first_layer, chunk.first_layer + chunk.layers - 1);
    if (chunk.head) text += " + head";
  }
  return text;
}

std::string_view kind_text(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return "forward";
    case Pass::backward:
      return "backward";
    case Pass::backward_input:
      return "backward_input";
    case Pass::backward_weight:
      return "backward_weight";
    case Pass::overlapped:
      return "forward_backward";
  }
  return "";
}

std::string step_label(const PipelinePlan& plan, const PipelineStep& step) {
  std::string text = fmt::format("micro-batch {}", step.micro_batch);
  if (plan.chunks > 1) text += fmt::format(", chunk {}", step.chunk);
  if (step.pass == Pass::overlapped) {
    text += fmt::format("; backward of {}", step.backward_micro_batch);
  }
  return text;
}

}  // namespace

base::Table stages_table(const TrainPlan& plan, const Iteration& iteration, base::Bytes capacity) {
  base::Table table{
      {"stage", "layers", "compute_s", "bubble_s", "gradients_s", "memory_weights_bytes",
       "memory_gradients_bytes", "memory_optimizer_bytes", "memory_activations_bytes",
       "memory_workspace_bytes", "memory_total_bytes", "capacity_bytes"},
      {}};
  for (std::int32_t d = 0; d < plan.pipeline.shape.stages; ++d) {
    const auto i = static_cast<std::size_t>(d);
    const DeviceTimes& times = iteration.schedule.devices[i];
    const StageMemory& memory = iteration.memory[i];
    table.rows.push_back({std::int64_t{d}, layers_text(plan, d), times.busy.value(),
                          (times.last_end - times.busy - times.sending).value(),
                          iteration.syncs[i].reduce.value(), memory.weights.value(),
                          memory.gradients.value(), memory.optimizer.value(),
                          memory.activations.value(), memory.workspace.value(),
                          memory.total().value(), capacity.value()});
  }
  return table;
}

base::Table train_timeline(const TrainPlan& plan, const Iteration& iteration, std::int64_t rows) {
  base::Table table{
      {"participant", "channel", "kind", "label", "peer", "bytes", "start_s", "end_s"}, {}};
  const auto stages = static_cast<std::int64_t>(iteration.schedule.devices.size());
  const std::int64_t each = stages > 0 ? rows / stages : 0;
  for (std::int64_t d = 0; d < stages; ++d) {
    const std::string stage = fmt::format("stage {}", d);
    const auto add = [&](std::string_view channel, std::string_view kind, std::string label,
                         Seconds begin, Seconds end) {
      if (end <= begin) return;
      table.rows.push_back({stage, std::string(channel), std::string(kind), std::move(label),
                            std::string(), 0.0, begin.value(), end.value()});
    };
    const DeviceTimes& times = iteration.schedule.devices[static_cast<std::size_t>(d)];
    std::int64_t room = each;
    for (const PassSpan& span : times.spans) {
      if (room-- <= 0) break;
      add("compute", kind_text(span.step.pass), step_label(plan.pipeline, span.step), span.begin,
          span.end);
      add("compute", "send", "to the next stage", span.end, span.end + span.sending);
    }
    const GradientSync& sync = iteration.syncs[static_cast<std::size_t>(d)];
    const Seconds begin = base::max(times.last_end + sync.reduce - sync.total, Seconds(0));
    add("data", "gradients", "gradient reduction", begin, times.last_end + sync.reduce);
  }
  return table;
}

base::Table waterfall_table(const Iteration& iteration, Seconds at_peak) {
  const Breakdown& parts = iteration.parts;
  base::Table table{{"part", "time_s"}, {}};
  const auto add = [&](std::string_view name, Seconds time) {
    table.rows.push_back({std::string(name), time.value()});
  };
  add("model FLOPs at peak", at_peak);
  add("kernels below peak, recomputation", parts.compute - at_peak);
  add("pipeline bubble", parts.bubble);
  add("tensor communication", parts.tensor);
  add("expert communication", parts.expert);
  add("context communication", parts.context);
  add("pipeline communication", parts.pipeline);
  add("data communication", parts.data);
  add("optimizer", parts.optimizer);
  add("data loading", parts.data_loading);
  add("other", parts.other);
  return table;
}

base::Table kernels_table(const Iteration& iteration) {
  constexpr std::array<std::string_view, kKernelKinds> kNames{"gemm", "attention", "moe", "memory"};
  base::Table table{{"kernels", "time_s", "low_s", "high_s", "fraction"}, {}};
  const PassCost& work = iteration.critical_work;
  for (std::size_t i = 0; i < kKernelKinds; ++i) {
    const Interval& kind = work.kernels[i];
    if (kind.time.value() <= 0) continue;
    table.rows.push_back({std::string(kNames[i]), kind.time.value(), kind.low.value(),
                          kind.high.value(), kind.time / iteration.time});
  }
  return table;
}

}  // namespace windtunnel::strategies
