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

}  // namespace

base::Table stages_table(const TrainPlan& plan, const Iteration& iteration) {
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
                          memory.total().value(), iteration.capacity[i].value()});
  }
  return table;
}

base::Table waterfall_table(const Iteration& iteration, Seconds at_peak) {
  const Breakdown& parts = iteration.parts;
  base::Table table{{"part", "time_s"}, {}};
  const auto add = [&](std::string_view name, Seconds time) {
    table.rows.push_back({std::string(name), time.value()});
  };
  add("products of the stage at peak", at_peak);
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
