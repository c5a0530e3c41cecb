#include "strategies/train/train_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "models/networks/counts.hpp"
#include "sim/base/unit_text.hpp"
#include "strategies/train/batch_flops.hpp"
#include "strategies/train/memory_facts.hpp"

namespace windtunnel::strategies {
namespace {

// Time in which stages neither compute nor send until the last is done, over the time of all their
// passes: where stages are alike, the bubble of each; where they are not, still one measure for all
// schedules.
double idle_share(const PipelineTimes& times) {
  base::Seconds end{0}, busy{0}, sending{0};
  for (const DeviceTimes& device : times.devices) {
    end = base::max(end, device.last_end);
    busy += device.busy;
    sending += device.sending;
  }
  const base::Seconds all = end * static_cast<double>(times.devices.size());
  return busy.value() > 0 ? (all - busy - sending) / busy : 0.0;
}

// As papers on zero bubbles count (Qi et al., arXiv 2401.10241): the longest time from the first pass of
// a stage to the end of its last, over the passes of the fullest stage, less 1.
double schedule_bubble(const PipelineTimes& times) {
  base::Seconds longest{0}, fullest{0};
  for (const DeviceTimes& device : times.devices) {
    longest = base::max(longest, device.last_end - device.first_begin - device.sending);
    fullest = base::max(fullest, device.busy);
  }
  const double share = fullest.value() > 0 ? longest / fullest - 1.0 : 0.0;
  return share < 1e-9 ? 0.0 : share;
}

using base::Seconds;

class TrainFacts {
 public:
  TrainFacts(const TrainPlan& plan, const TrainSubject& subject, const TrainSite& site,
             const Iteration& iteration, base::Outcome& out)
      : plan_(plan), subject_(subject), site_(site), iteration_(iteration), out_(out) {}

  void fill() {
    rates();
    shares();
    memory();
    steps();
    costs();
    words();
  }

  // What the products of the stage that the parts are of take at the peak of the fastest GPU: no more
  // than their kernels.
  Seconds at_peak() const {
    const base::FlopsPerSecond fastest = fastest_peak();
    if (fastest.value() <= 0) return Seconds(0);
    return base::min(iteration_.needed / fastest, iteration_.parts.compute);
  }

 private:
  void fact(const std::string& name, double value) { out_.facts[name] = value; }

  base::Flops model_flops() const {
    const BatchCounts& batch = iteration_.batch;
    if (batch.samples > 0) return batch_flops().of(batch.real_tokens, batch.squares);
    if (plan_.job.workload.filled < 1.0) return filled_flops();
    return models::model_flops(subject_.network, plan_.micro_batch) *
           (static_cast<double>(plan_.job.workload.global_batch) /
            static_cast<double>(plan_.micro_batch.sequences));
  }
  BatchFlops batch_flops() const {
    const models::BatchShape& row = plan_.micro_batch;
    return {subject_.network, row.query_tokens,
            static_cast<double>(row.encoder_tokens) /
                static_cast<double>(std::max<std::int64_t>(1, row.query_tokens))};
  }
  // Samples as long as the mean of those that fill rows.
  base::Flops filled_flops() const {
    const auto rows = static_cast<double>(plan_.job.workload.global_batch);
    const double tokens =
        plan_.job.workload.filled * static_cast<double>(plan_.job.workload.sequence_length);
    return batch_flops().of(rows * tokens, rows * tokens * tokens);
  }
  // What is computed, padding included, over what full rows would be.
  double computed_share() const {
    const BatchCounts& batch = iteration_.batch;
    if (batch.samples <= 0) return 1.0;
    const auto row = static_cast<double>(plan_.job.workload.sequence_length);
    const auto rows = static_cast<double>(plan_.job.workload.global_batch);
    return batch_flops().of(batch.computed_tokens, batch.computed_squares) /
           batch_flops().of(rows * row, rows * row * row);
  }

  // The largest of all stages; 0 with ZeRO 3 and where gradients go nowhere.
  base::Bytes gradient_message() const {
    base::Bytes most{0};
    for (const GradientPlan& stage : iteration_.costs.gradients) {
      for (const ChunkReduction& chunk : stage.chunks) most = base::max(most, chunk.message());
    }
    return most;
  }

  // Of all GPUs the mean.
  base::FlopsPerSecond peak() const {
    const sim::Cluster& cluster = *site_.cluster;
    if (cluster.overrides.empty()) return peak_of(cluster.node.gpu);
    base::FlopsPerSecond sum{0};
    for (int node = 0; node < cluster.nodes; ++node)
      sum += peak_of(site_.cluster.node_at(node).gpu);
    return sum / static_cast<double>(cluster.nodes);
  }
  base::FlopsPerSecond fastest_peak() const {
    base::FlopsPerSecond fastest = peak_of(site_.cluster->node.gpu);
    for (const auto& one : site_.cluster->overrides) {
      for (int node = one.first; node <= one.last; ++node) {
        fastest = base::max(fastest, peak_of(site_.cluster.node_at(node).gpu));
      }
    }
    return fastest;
  }
  base::FlopsPerSecond peak_of(const sim::Gpu& gpu) const {
    const auto found = gpu.peak.find(std::string(models::math_peak(plan_.job.workload.precision)));
    if (found != gpu.peak.end()) return found->second;
    const auto half = gpu.peak.find("fp16");
    return half != gpu.peak.end() ? half->second : base::FlopsPerSecond(0);
  }

  // What the kernels of all passes multiply: attention as the pairs that remain under its mask
  // (FlashAttention skips the blocks of the others) and five products for two in its backward pass,
  // recomputation included.
  base::Flops hardware_flops() const {
    base::Flops of_lane{0};  // one rank of each stage, a micro-batch
    for (const ChunkCost& chunk : iteration_.costs.chunks) {
      of_lane += chunk.forward.flops + chunk.input.flops + chunk.weight.flops;
    }
    const double lanes =
        static_cast<double>(plan_.gpus) / static_cast<double>(plan_.job.strategy.sizes.pipeline);
    return of_lane * (static_cast<double>(plan_.micro_batches) * lanes) * computed_share();
  }

  void rates() {
    const Seconds time = iteration_.time;
    const auto gpus = static_cast<double>(plan_.gpus);
    const BatchCounts& batch = iteration_.batch;
    const bool drawn = batch.samples > 0;
    const double samples =
        drawn ? batch.samples : static_cast<double>(plan_.job.workload.global_batch);
    fact("iteration_time_s", time.value());
    out_.bands["iteration_time_s"] = {iteration_.low.value(), iteration_.high.value(), 0.9};
    fact("samples_per_s", samples / time.value());
    if (subject_.network.sample == models::SampleKind::sequence) {
      const double tokens = drawn ? batch.real_tokens
                                  : samples *
                                        static_cast<double>(plan_.job.workload.sequence_length) *
                                        plan_.job.workload.filled;
      fact("tokens_per_s", tokens / time.value());
      fact("tokens_per_s_per_gpu", tokens / time.value() / gpus);
      fact("tokens_per_day", tokens / time.value() * 86400.0);
      if (plan_.job.workload.total_tokens > 0) {
        fact("days_to_tokens", static_cast<double>(plan_.job.workload.total_tokens) / tokens *
                                   time.value() / 86400.0);
      }
    }
    const double model_rate = (model_flops() / time).value() / gpus;
    const double hardware_rate = (hardware_flops() / time).value() / gpus;
    fact("model_flops_per_gpu_per_s", model_rate);
    fact("hardware_flops_per_gpu_per_s", hardware_rate);
    if (peak().value() > 0) {
      fact("mfu", model_rate / peak().value());
      fact("hfu", hardware_rate / peak().value());
    }
    if (plan_.micro_batch.encoder_tokens > 0) {
      fact("encoder_tokens", static_cast<double>(plan_.micro_batch.encoder_tokens));
    }
    fact("parameters", static_cast<double>(models::parameters(subject_.network)));
    fact("trainable_parameters",
         static_cast<double>(models::trainable_parameters(subject_.network)));
    fact("active_parameters", static_cast<double>(models::active_parameters(subject_.network)));
    fact("gpus", gpus);
    fact("micro_batches", static_cast<double>(plan_.micro_batches));
    const base::Bytes message = gradient_message();
    if (message.value() > 0) fact("gradient_message_bytes", message.value());
  }

  void shares() {
    const Breakdown& parts = iteration_.parts;
    // Rounding of the sums is no bubble.
    const double bubble = iteration_.ideal.value() > 0 ? parts.bubble / iteration_.ideal : 0.0;
    fact("bubble_fraction", bubble < 1e-9 ? 0.0 : bubble);
    fact("schedule_bubble_fraction", schedule_bubble(iteration_.schedule));
    const double idle = idle_share(iteration_.schedule);
    fact("all_stages_bubble_fraction", idle < 1e-9 ? 0.0 : idle);
    fact("time_compute_s", parts.compute.value());
    fact("time_tensor_comm_s", parts.tensor.value());
    fact("time_pipeline_comm_s", parts.pipeline.value());
    fact("time_data_comm_s", parts.data.value());
    fact("time_expert_comm_s", parts.expert.value());
    fact("time_context_comm_s", parts.context.value());
    fact("time_bubble_s", parts.bubble.value());
    fact("time_optimizer_s", parts.optimizer.value());
    fact("time_data_loading_s", parts.data_loading.value());
    fact("time_other_s", parts.other.value());
  }

  // Where GPUs differ, of the stage that has least room.
  void memory() {
    std::vector<StageMemory> stages = iteration_.memory;
    sim::Gpu gpu = site_.cluster->node.gpu;
    const std::vector<base::Bytes>& room = iteration_.capacity;
    std::size_t tightest = 0;
    for (std::size_t d = 1; d < stages.size(); ++d) {
      const auto left = [&](std::size_t i) { return room[i] - stages[i].total(); };
      if (left(d) < left(tightest)) tightest = d;
    }
    if (!site_.cluster->overrides.empty()) {
      gpu.memory = room[tightest];
      for (std::size_t d = 0; d < stages.size(); ++d) {
        if (d != tightest) stages[d] = {.host = stages[d].host};
      }
    }
    add_memory_facts(plan_, subject_.network, stages, gpu, out_);
  }

  // How lengths, jitter and unlike ranks show.
  void steps() {
    const BatchCounts& batch = iteration_.batch;
    if (batch.samples > 0) {
      fact("filled_fraction", batch.real_tokens / batch.computed_tokens);
      fact("wasted_flops_fraction",
           1.0 - model_flops() / batch_flops().of(batch.computed_tokens, batch.computed_squares));
      fact("samples_per_step", batch.samples);
    }
    const StepSpread& spread = iteration_.spread;
    if (iteration_.paces == nullptr) return;
    fact("imbalance_fraction", std::max(0.0, spread.imbalance));
    if (spread.steps <= 1) return;
    out_.labels["shown_step"] = fmt::format("of the draw nearest to the mean of {}: {}",
                                            spread.steps, base::to_text(spread.shown));
    fact("drawn_steps", static_cast<double>(spread.steps));
    fact("iteration_deviation_s", spread.deviation.value());
  }

  void costs() {
    const sim::Cost& cost = site_.cluster->cost;
    const double gpus = static_cast<double>(plan_.gpus);
    const base::Watts power = mean_power();
    const base::Joules energy = power * iteration_.time * gpus * cost.pue;
    if (power.value() > 0) fact("energy_per_iteration_j", energy.value());
    base::Dollars dollars = cost.gpu_hour * iteration_.time * gpus;
    if (power.value() > 0) dollars += cost.power_price * energy;
    if (dollars.value() > 0) fact("cost_per_iteration_usd", dollars.value());
  }

  base::Watts mean_power() const {
    const sim::Cluster& cluster = *site_.cluster;
    if (cluster.overrides.empty()) return cluster.node.gpu.power;
    base::Watts sum{0};
    for (int node = 0; node < cluster.nodes; ++node) sum += site_.cluster.node_at(node).gpu.power;
    return sum / static_cast<double>(cluster.nodes);
  }

  void words() {
    out_.labels["software"] = plan_.stack.name;
    out_.labels["profile"] = site_.kernels.name();
    out_.labels["schedule"] = std::string(to_text(plan_.pipeline.shape.schedule));
    const PassCost& work = iteration_.critical_work;
    std::vector<std::string>& rests = out_.rests_on["iteration_time_s"];
    for (const models::Basis basis : {models::Basis::measured, models::Basis::interpolated,
                                      models::Basis::model, models::Basis::roofline}) {
      if (work.by_basis[static_cast<std::size_t>(basis)] > work.compute() * 0.01) {
        rests.emplace_back(models::to_text(basis));
      }
    }
    if (work.extrapolated > work.compute() * 0.05) rests.emplace_back("extrapolated");
    for (const std::string& note : iteration_.costs.notes) out_.warnings.push_back(note);
  }

  const TrainPlan& plan_;
  const TrainSubject& subject_;
  const TrainSite& site_;
  const Iteration& iteration_;
  base::Outcome& out_;
};

}  // namespace

base::Seconds add_train_facts(const TrainPlan& plan, const TrainSubject& subject,
                              const TrainSite& site, const Iteration& iteration,
                              base::Outcome& out) {
  TrainFacts facts(plan, subject, site, iteration, out);
  facts.fill();
  return facts.at_peak();
}

}  // namespace windtunnel::strategies
