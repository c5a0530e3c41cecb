#include "strategies/train/iteration.hpp"

#include <algorithm>
#include <cmath>

#include "models/networks/counts.hpp"
#include "strategies/train/optimizer_cost.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;

// What is not a sum of kernels and messages: allocator, clocks that move, jitter of hosts. 90 %, as
// a share of the whole.
constexpr double kAssemblySpread = 0.06;

class Assembly {
 public:
  Assembly(const TrainPlan& plan, const models::Network& network, const TrainSite& site)
      : plan_(plan),
        network_(network),
        site_(site),
        clock_(site.cluster, site.links),
        groups_{plan.layout.shape(plan.layout.group(0, ParallelDimension::tensor)),
                plan.layout.shape(plan.layout.group(0, ParallelDimension::context)),
                plan.layout.shape(plan.layout.expert_group(0))},
        pass_site_{
            site.kernels, site.cluster->node.gpu, clock_, groups_,
            plan.job.strategy.overlap.tensor ? ExchangeOverlap::tensor : ExchangeOverlap::none} {}

  Iteration run() {
    cost_chunks();
    run_schedule();
    finish_stages();
    out_.memory = stage_memory(plan_, network_);
    out_.notes = clock_.notes();
    return std::move(out_);
  }

 private:
  const TrainStrategy& strategy() const { return plan_.job.strategy; }

  void cost_chunks() {
    ChunkCosts costs(network_, plan_.micro_batch, plan_.lowering, pass_site_);
    ChunkCosts::Choices choices{.recompute = strategy().recompute,
                                .recompute_layers = strategy().recompute_layers,
                                .stack = plan_.stack};
    if (strategy().zero == ZeroLevel::weights) {
      choices.gather = plan_.layout.shape(plan_.layout.gradient_group(0));
      const BytesPerParameter each =
          bytes_per_parameter(plan_.job.workload.optimizer, plan_.job.workload.precision,
                              strategy().gradient_precision);
      choices.gather_bytes = each.weight;
      choices.reduce_bytes = each.gradient;
    }
    choices.offload = offload_rate(strategy().offload_activations, site_.cluster.node_at(0));
    for (const ChunkOfModel& chunk : plan_.split) out_.chunks.push_back(costs.cost(chunk, choices));
  }

  // Bytes that a stage hands to the next: the hidden state of a micro-batch, or the part of it that
  // sequence parallelism or a scattered send leaves a rank with.
  Bytes boundary() const {
    const models::BatchShape& batch = plan_.micro_batch;
    double elements = static_cast<double>(batch.sequences * batch.query_tokens * network_.hidden) /
                      static_cast<double>(strategy().sizes.context);
    const bool parts = strategy().sequence_parallel || plan_.stack.sends == StageSends::scattered;
    if (parts) elements /= static_cast<double>(strategy().sizes.tensor);
    return Bytes(elements * models::element_bytes(plan_.lowering.formats));
  }

  // Between a stage and the next: of all replicas the slowest.
  Seconds hop_time(std::int32_t stage) {
    const RankLayout& layout = plan_.layout;
    bool between = false;
    for (std::int64_t rank = 0; rank < plan_.gpus && !between; ++rank) {
      between = layout.coordinate(rank, ParallelDimension::pipeline) == stage &&
                layout.node_of(rank) != layout.node_of(layout.pipeline_neighbour(rank, 1));
    }
    Seconds time = clock_.message(boundary(), between, layout.gpus_per_node()).time;
    const std::int64_t tensor = strategy().sizes.tensor;
    if (!strategy().sequence_parallel && plan_.stack.sends == StageSends::scattered && tensor > 1) {
      // The parts are gathered again on the receiving ranks.
      time += clock_
                  .collective(collectives::Op::all_gather, boundary() * static_cast<double>(tensor),
                              groups_.tensor)
                  .time;
    }
    return time;
  }

  PipelineCosts schedule_costs() {
    PipelineCosts costs;
    const bool pairs = plan_.pipeline.shape.schedule == PipelineSchedule::dualpipe;
    for (const ChunkCost& chunk : out_.chunks) {
      PassCosts passes = chunk.passes();
      // A forward beside a backward hides what either of them waits for the others' ranks.
      if (pairs) {
        passes.saved_by_overlap = base::min(chunk.forward.exchanges() + chunk.input.exchanges(),
                                            chunk.forward.compute() + chunk.input.compute());
      }
      costs.chunks.push_back(passes);
    }
    const bool beside = strategy().overlap.pipeline && plan_.stack.timing == SendTiming::beside;
    costs.sends = beside ? SendMode::beside : SendMode::blocking;
    return costs;
  }

  void run_schedule() {
    PipelineCosts costs = schedule_costs();
    free_sends_ = pipeline_times(plan_.pipeline, costs);
    if (strategy().sizes.pipeline > 1) {
      for (std::int32_t d = 0; d < plan_.pipeline.shape.stages; ++d) {
        costs.hops.push_back(hop_time(d));
      }
      out_.hops = costs.hops;
    }
    out_.schedule = pipeline_times(plan_.pipeline, costs);
    costs_ = std::move(costs);
  }

  const ChunkCost& chunk(std::int32_t device, std::int32_t index) const {
    return out_.chunks[static_cast<std::size_t>(plan_.pipeline.model_chunk({device, index}))];
  }

  SyncDevice sync_device(std::int32_t device) const {
    SyncDevice out;
    for (std::int32_t c = 0; c < plan_.pipeline.chunks; ++c) {
      const ChunkCost& one = chunk(device, c);
      out.dense += one.parameters_dense;
      out.expert += one.parameters_expert;
      out.backward += one.duration_backward();
      out.forward += one.duration_forward();
    }
    return out;
  }

  // Tied tables on the first and the last stage: their gradients are added up between the two.
  Seconds tied_exchange() {
    if (network_.shared_parameters == 0 || strategy().sizes.pipeline < 2) return Seconds(0);
    const double each = models::weight_bytes(strategy().gradient_precision);
    const Bytes bytes(static_cast<double>(network_.shared_parameters) /
                      static_cast<double>(strategy().sizes.tensor) * each);
    const RankLayout& layout = plan_.layout;
    const bool between = layout.node_of(0) != layout.node_of(layout.pipeline_neighbour(0, -1));
    const GroupShape pair{.ranks = 2,
                          .nodes = between ? 2 : 1,
                          .gpus_per_node = between ? 1 : 2,
                          .groups_per_node = between ? layout.gpus_per_node() : 1};
    return clock_.collective(collectives::Op::all_reduce, bytes, pair).time;
  }

  void finish_stages() {
    const SyncSite sync_site{plan_, clock_, site_.kernels, site_.cluster.node_at(0)};
    const Seconds tied = tied_exchange();
    Seconds latest{0};
    for (std::int32_t d = 0; d < plan_.pipeline.shape.stages; ++d) {
      out_.syncs.push_back(gradient_sync(sync_device(d), sync_site));
      const GradientSync& sync = out_.syncs.back();
      Seconds end =
          out_.schedule.devices[static_cast<std::size_t>(d)].last_end + sync.reduce + sync.slowed;
      const bool has_table = d == 0 || d == plan_.pipeline.shape.stages - 1;
      if (has_table) end += tied;
      if (end > latest) {
        latest = end;
        out_.critical_stage = d;
        tied_ = has_table ? tied : Seconds(0);
      }
    }
    account(latest, sync_site);
  }

  Seconds norm_time() {
    const GroupShape all{.ranks = plan_.gpus,
                         .nodes = plan_.layout.nodes(),
                         .gpus_per_node = std::min(plan_.gpus, plan_.layout.gpus_per_node())};
    return clock_.collective(collectives::Op::all_reduce, Bytes(4), all).time;
  }

  // Waiting for samples: what reading and preparing them takes longer than the step.
  Seconds loading(Seconds step) const {
    const DataLoading& load = plan_.job.workload.data_loading;
    const double per_node = static_cast<double>(plan_.job.workload.global_batch) /
                            static_cast<double>(std::max<std::int64_t>(1, plan_.layout.nodes()));
    const double tokens = static_cast<double>(plan_.job.workload.sequence_length);
    const Bytes sample = load.sample_bytes.value() > 0                     ? load.sample_bytes
                         : network_.sample == models::SampleKind::sequence ? Bytes(4.0 * tokens)
                                                                           : Bytes(110e3);
    const Seconds reading = (sample * per_node) / load.storage_bandwidth;
    const Seconds preparing =
        load.sample_time *
        (per_node / static_cast<double>(std::max<std::int64_t>(1, load.workers)));
    const Seconds needed = base::max(reading, preparing);
    return load.prefetch > 0 ? base::max(needed - step, Seconds(0)) : needed;
  }

  void account(Seconds latest, const SyncSite& sync_site) {
    const std::int32_t d = out_.critical_stage;
    const DeviceTimes& times = out_.schedule.devices[static_cast<std::size_t>(d)];
    const GradientSync& sync = out_.syncs[static_cast<std::size_t>(d)];
    const StepTime step = slowest_step(sync_site);
    Breakdown& parts = out_.parts;
    add_passes(d, parts);
    const Seconds passes = parts.sum();
    out_.ideal = passes;
    const Seconds free_end = free_sends_.devices[static_cast<std::size_t>(d)].last_end;
    parts.pipeline = base::max(times.last_end - free_end, Seconds(0)) + tied_;
    parts.bubble = base::max(times.last_end - passes - (parts.pipeline - tied_), Seconds(0));
    parts.data += sync.reduce + sync.gather;
    parts.compute += sync.slowed;
    parts.optimizer = step.time;
    parts.other += norm_time() + plan_.stack.step + checkpoint_time();
    out_.time =
        latest + sync.gather + step.time + norm_time() + plan_.stack.step + checkpoint_time();
    parts.data_loading = loading(out_.time);
    out_.time += parts.data_loading;
    // What rounding and overlapped pairs leave between the parts and the whole.
    parts.bubble = base::max(parts.bubble + (out_.time - parts.sum()), Seconds(0));
    spread(step, sync);
  }

  StepTime slowest_step(const SyncSite& sync_site) const {
    StepTime slowest;
    for (std::int32_t d = 0; d < plan_.pipeline.shape.stages; ++d) {
      const StepTime one = optimizer_time(sync_device(d), sync_site);
      if (one.time > slowest.time) slowest = one;
    }
    return slowest;
  }

  Seconds checkpoint_time() {
    const Checkpointing& c = plan_.job.workload.checkpointing;
    if (c.interval <= 0 || c.bandwidth.value() <= 0) return Seconds(0);
    const BytesPerParameter each = bytes_per_parameter(
        plan_.job.workload.optimizer, plan_.job.workload.precision, strategy().gradient_precision);
    out_.checkpoint =
        Bytes(static_cast<double>(models::parameters(network_)) * (each.weight + each.optimizer()));
    Seconds stop = out_.checkpoint / c.bandwidth;
    if (c.asynchronous) {
      const sim::Node node = site_.cluster.node_at(0);
      stop = (out_.checkpoint / static_cast<double>(plan_.gpus)) / node.gpu.pcie_bandwidth;
    }
    return stop / static_cast<double>(c.interval);
  }

  // Passes of a stage over all micro-batches, sorted by what they are.
  void add_passes(std::int32_t device, Breakdown& parts) {
    for (const PipelineStep& step : plan_.pipeline.devices[static_cast<std::size_t>(device)]) {
      switch (step.pass) {
        case Pass::forward:
          add_forward(chunk(device, step.chunk), parts);
          break;
        case Pass::backward:
        case Pass::backward_input:
          add_backward(chunk(device, step.chunk), parts);
          break;
        case Pass::backward_weight:
          break;  // counted with its input gradient
        case Pass::overlapped:
          add_forward(chunk(device, step.chunk), parts);
          add_backward(chunk(device, step.backward_chunk), parts);
          take_back(costs_
                        .chunks[static_cast<std::size_t>(
                            plan_.pipeline.model_chunk({device, step.chunk}))]
                        .saved_by_overlap,
                    parts);
          break;
      }
    }
  }

  void add_pass(const PassCost& pass, Breakdown& parts) {
    parts.compute += pass.compute();
    parts.tensor += pass.tensor.time;
    parts.context += pass.context.time;
    parts.expert += pass.expert.time;
    out_.critical_work.add(pass);
  }
  void add_forward(const ChunkCost& cost, Breakdown& parts) {
    add_pass(cost.forward, parts);
    parts.data += cost.gather_forward;
    parts.other += cost.duration_forward() - cost.device_forward() + cost.offload_forward;
  }
  void add_backward(const ChunkCost& cost, Breakdown& parts) {
    add_pass(cost.input, parts);
    add_pass(cost.weight, parts);
    parts.data += cost.gather_backward;
    parts.other += cost.duration_backward() - cost.device_backward() + cost.offload_backward;
  }
  // Hidden by an overlapped pair: of the exchanges, experts' first.
  static void take_back(Seconds saved, Breakdown& parts) {
    for (Seconds* part : {&parts.expert, &parts.tensor, &parts.context}) {
      const Seconds taken = base::min(saved, *part);
      *part -= taken;
      saved -= taken;
    }
  }

  // Errors of one kind add up over the iteration, those of different kinds are independent.
  void spread(const StepTime& step, const GradientSync& sync) {
    const PassCost& work = out_.critical_work;
    const double stretch =
        out_.ideal.value() > 0 ? (out_.ideal + out_.parts.bubble) / out_.ideal : 1.0;
    double up = 0.0, down = 0.0;
    const auto add = [&](Seconds above, Seconds below) {
      up += above.value() * above.value();
      down += below.value() * below.value();
    };
    for (const Interval& kind : work.kernels) {
      add((kind.high - kind.time) * stretch, (kind.time - kind.low) * stretch);
    }
    for (const Interval* kind : {&work.tensor, &work.context, &work.expert}) {
      add((kind->high - kind->time) * stretch, (kind->time - kind->low) * stretch);
    }
    const Seconds reduced = sync.reduce + sync.gather;
    add(reduced * std::max(0.0, sync.high - 1.0), reduced * std::max(0.0, 1.0 - sync.low));
    add(step.high - step.time, step.time - step.low);
    add(out_.time * kAssemblySpread, out_.time * kAssemblySpread);
    // Host figures may be half or twice what they are taken as.
    add(out_.parts.other, out_.parts.other * 0.5);
    out_.high = out_.time + Seconds(std::sqrt(up));
    out_.low = base::max(out_.time - Seconds(std::sqrt(down)), out_.time * 0.05);
  }

  const TrainPlan& plan_;
  const models::Network& network_;
  const TrainSite& site_;
  GroupClock clock_;
  TensorGroups groups_;
  PassSite pass_site_;
  PipelineCosts costs_;
  PipelineTimes free_sends_;
  Seconds tied_{0};
  Iteration out_;
};

}  // namespace

Iteration run_iteration(const TrainPlan& plan, const models::Network& network,
                        const TrainSite& site) {
  return Assembly(plan, network, site).run();
}

}  // namespace windtunnel::strategies
