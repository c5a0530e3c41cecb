#include "strategies/train/roofline.hpp"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "models/networks/lowering.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

// Of the layers; the first where several are as frequent.
const models::Block* most_frequent_layer(const models::Network& network) {
  std::vector<std::size_t> counts(network.blocks.size(), 0);
  for (const std::size_t index : network.order) {
    const models::BlockRole role = network.blocks[index].role;
    const bool layer = role == models::BlockRole::layer || role == models::BlockRole::encoder_layer;
    if (layer) counts[index] += 1;
  }
  const auto most = std::max_element(counts.begin(), counts.end());
  if (most == counts.end() || *most == 0) return nullptr;
  return &network.blocks[static_cast<std::size_t>(most - counts.begin())];
}

Seconds time_of(const models::Kernels& kernels, const models::KernelTimeModel& model) {
  Seconds sum{0};
  for (const models::Kernel& kernel : kernels) {
    const auto one =
        std::visit([&](const auto& query) { return model.time(query).time; }, kernel.query);
    sum += one * static_cast<double>(kernel.count);
  }
  return sum;
}

void add_row(const std::string& op, const std::string& pass, const models::Kernels& kernels,
             const models::KernelTimeModel& model, base::Table& table) {
  const double time = time_of(kernels, model).value();
  const double flops = models::flops(kernels).value();
  const double bytes = models::bytes(kernels).value();
  if (time <= 0.0 || bytes <= 0.0) return;
  table.rows.push_back({op, pass, flops, bytes, time, flops / bytes, flops / time, bytes / time});
}

}  // namespace

base::Table roofline_table(const TrainPlan& plan, const models::Network& network,
                           const models::KernelTimeModel& kernels) {
  base::Table table{
      {"op", "pass", "flops", "bytes", "time_s", "flops_per_byte", "flops_per_s", "bytes_per_s"},
      {}};
  const models::Block* layer = most_frequent_layer(network);
  if (layer == nullptr) return table;
  for (const models::Op& op : layer->ops) {
    models::Kernels forward, backward;
    models::lower(op, plan.micro_batch, plan.lowering, models::Pass::forward, forward);
    add_row(op.name, "forward", forward, kernels, table);
    if (layer->gradients == models::GradientFlow::none) continue;
    for (const models::Pass pass : {models::Pass::input_gradient, models::Pass::weight_gradient}) {
      models::lower(op, plan.micro_batch, plan.lowering, pass, backward);
    }
    add_row(op.name, "backward", backward, kernels, table);
  }
  return table;
}

base::Table roofs_table(const sim::Gpu& gpu, models::NumberFormat precision) {
  base::Table table{{"roof", "flops_per_s", "bytes_per_s"}, {}};
  const auto peak = gpu.peak.find(std::string(models::math_peak(precision)));
  if (peak == gpu.peak.end()) return table;
  table.rows.push_back({gpu.name, peak->second.value(), gpu.memory_bandwidth.value()});
  return table;
}

}  // namespace windtunnel::strategies
