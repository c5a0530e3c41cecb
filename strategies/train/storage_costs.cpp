#include "strategies/train/storage_costs.hpp"

#include <algorithm>

#include "models/networks/counts.hpp"
#include "strategies/train/optimizer_cost.hpp"

namespace windtunnel::strategies {

using base::Bytes;
using base::Seconds;

Seconds LoadingCost::waited(Seconds step) const {
  return timing == LoadTiming::beside_step ? base::max(needed - step, Seconds(0)) : needed;
}

LoadingCost loading_cost(const TrainPlan& plan, const models::Network& network) {
  const DataLoading& load = plan.job.workload.data_loading;
  const double per_node = static_cast<double>(plan.job.workload.global_batch) /
                          static_cast<double>(std::max<std::int64_t>(1, plan.layout.nodes()));
  const double tokens = static_cast<double>(plan.job.workload.sequence_length);
  const Bytes sample = load.sample_bytes.value() > 0                    ? load.sample_bytes
                       : network.sample == models::SampleKind::sequence ? Bytes(4.0 * tokens)
                                                                        : Bytes(110e3);
  const Seconds reading = (sample * per_node) / load.storage_bandwidth;
  const Seconds preparing =
      load.sample_time * (per_node / static_cast<double>(std::max<std::int64_t>(1, load.workers)));
  return {.needed = base::max(reading, preparing),
          .timing = load.prefetch > 0 ? LoadTiming::beside_step : LoadTiming::before_step};
}

CheckpointCost checkpoint_cost(const TrainPlan& plan, const models::Network& network,
                               const sim::Gpu& gpu) {
  const Checkpointing& c = plan.job.workload.checkpointing;
  if ((c.interval <= 0 && !c.best_interval) || c.bandwidth.value() <= 0) return {};
  const BytesPerParameter each =
      bytes_per_parameter(plan.job.workload.optimizer, plan.job.workload.precision,
                          plan.job.strategy.gradient_precision);
  CheckpointCost out;
  out.bytes = Bytes(static_cast<double>(models::trainable_parameters(network)) *
                    (each.weight + each.optimizer()));
  out.stop = out.read = out.bytes / c.bandwidth;
  if (!c.asynchronous) return out;
  out.behind = out.stop;
  out.stop = (out.bytes / static_cast<double>(plan.gpus)) / gpu.pcie_bandwidth;
  return out;
}

}  // namespace windtunnel::strategies
