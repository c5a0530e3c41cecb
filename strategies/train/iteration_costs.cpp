#include "strategies/train/iteration_costs.hpp"

#include <algorithm>

#include "models/networks/counts.hpp"
#include "strategies/train/optimizer_cost.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;

StackKernels stack_kernels(const TrainPlan& plan) {
  const SoftwareStack& stack = plan.stack;
  const TrainStrategy& s = plan.job.strategy;
  const bool sums = stack.accumulation == Accumulation::fused && s.zero != ZeroLevel::weights;
  const BytesPerParameter each = bytes_per_parameter(
      plan.job.workload.optimizer, plan.job.workload.precision, s.gradient_precision);
  return {.attention = stack.attention,
          .experts = stack.experts,
          .tensor_hidden = stack.tensor_hidden,
          .accumulated_bytes = sums ? 2.0 * each.gradient : 0.0,
          .expert_start = stack.expert_start};
}

class Costing {
 public:
  Costing(const TrainPlan& plan, const models::Network& network, const TrainSite& site)
      : plan_(plan),
        network_(network),
        site_(site),
        clock_(site.cluster, site.links),
        groups_{plan.layout.shape(plan.layout.group(0, ParallelDimension::tensor)),
                plan.layout.shape(plan.layout.group(0, ParallelDimension::context)),
                plan.layout.shape(plan.layout.expert_group(0))},
        pass_site_{
            site.kernels,
            site.cluster->node.gpu,
            clock_,
            groups_,
            plan.job.strategy.overlap.tensor ? ExchangeOverlap::tensor : ExchangeOverlap::none,
            stack_kernels(plan)} {}

  IterationCosts run() {
    cost_chunks();
    cost_schedule();
    cost_devices();
    out_.tied = tied_exchange();
    out_.norm = norm_time();
    out_.host_step = plan_.stack.step;
    cost_checkpoint();
    out_.loading = loading();
    out_.notes = clock_.notes();
    return std::move(out_);
  }

 private:
  const TrainStrategy& strategy() const { return plan_.job.strategy; }
  std::int32_t stages() const { return plan_.pipeline.shape.stages; }
  BytesPerParameter bytes_each() const {
    return bytes_per_parameter(plan_.job.workload.optimizer, plan_.job.workload.precision,
                               strategy().gradient_precision);
  }

  void cost_chunks() {
    ChunkCosts costs(network_, plan_.micro_batch, plan_.lowering, pass_site_);
    ChunkCosts::Choices choices{.recompute = strategy().recompute,
                                .recompute_layers = strategy().recompute_layers,
                                .stack = plan_.stack};
    if (plan_.micro_batches > 1) {
      const BytesPerParameter each = bytes_each();
      choices.accumulation_bytes =
          accumulation_bytes(plan_.stack.accumulation, each.weight, each.gradient);
    }
    if (strategy().zero == ZeroLevel::weights) {
      choices.gather = plan_.layout.shape(plan_.layout.gradient_group(0));
      choices.gather_bytes = bytes_each().weight;
      choices.reduce_bytes = bytes_each().gradient;
    }
    if (strategy().overlap.expert) choices.experts = ExpertOverlap::other_micro_batch;
    choices.offload = offload_rate(strategy().offload_activations, site_.cluster.node_at(0));
    for (const ChunkOfModel& chunk : plan_.split) out_.chunks.push_back(costs.cost(chunk, choices));
  }

  // Bytes that a stage hands to the next: the hidden state of a micro-batch, or
  // the part of it that sequence parallelism or a scattered send leaves a rank
  // with.
  Bytes boundary() const {
    const models::BatchShape& batch = plan_.micro_batch;
    double elements = static_cast<double>(batch.sequences * batch.query_tokens * network_.hidden) /
                      static_cast<double>(strategy().sizes.context);
    const bool parts = strategy().sequence_parallel || plan_.stack.sends == StageSends::scattered;
    if (parts) elements /= static_cast<double>(strategy().sizes.tensor);
    return Bytes(elements * models::element_bytes(plan_.lowering.formats));
  }

  // Between a stage and the next: of all replicas the slowest.
  Hop hop(std::int32_t stage) {
    const RankLayout& layout = plan_.layout;
    bool between = false;
    for (std::int64_t rank = 0; rank < plan_.gpus && !between; ++rank) {
      between = layout.coordinate(rank, ParallelDimension::pipeline) == stage &&
                layout.domain_of(rank) != layout.domain_of(layout.pipeline_neighbour(rank, 1));
    }
    Hop hop{.message = clock_.message(out_.boundary, between, layout.gpus_per_node())};
    const std::int64_t tensor = strategy().sizes.tensor;
    if (!strategy().sequence_parallel && plan_.stack.sends == StageSends::scattered && tensor > 1) {
      // The parts are gathered again on the receiving ranks.
      hop.regather = clock_
                         .collective(collectives::Op::all_gather,
                                     out_.boundary * static_cast<double>(tensor), groups_.tensor)
                         .time;
    }
    return hop;
  }

  void cost_schedule() {
    const bool pairs = plan_.pipeline.shape.schedule == PipelineSchedule::dualpipe;
    for (const ChunkCost& chunk : out_.chunks) {
      PassCosts passes = chunk.passes();
      // A forward beside a backward hides what either of them waits for the
      // others' ranks.
      if (pairs) {
        passes.saved_by_overlap = base::min(chunk.forward.exchanges() + chunk.input.exchanges(),
                                            chunk.forward.compute() + chunk.input.compute());
      }
      out_.schedule.chunks.push_back(passes);
    }
    const bool beside = strategy().overlap.pipeline && plan_.stack.timing == SendTiming::beside;
    out_.schedule.sends = beside ? SendMode::beside : SendMode::blocking;
    out_.boundary = boundary();
    if (strategy().sizes.pipeline < 2) return;
    for (std::int32_t d = 0; d < stages(); ++d) {
      out_.hops.push_back(hop(d));
      out_.schedule.hops.push_back(out_.hops.back().time());
    }
  }

  void cost_devices() {
    const SyncSite sync{plan_, clock_, site_.kernels, site_.cluster.node_at(0)};
    for (std::int32_t d = 0; d < stages(); ++d) {
      SyncDevice device;
      for (std::int32_t c = 0; c < plan_.pipeline.chunks; ++c) {
        const ChunkCost& one = out_.chunk(plan_.pipeline, d, c);
        device.chunks.push_back({one.parameters_dense, one.parameters_expert});
        device.forward += one.duration_forward();
      }
      out_.gradients.push_back(gradient_plan(device, sync));
      out_.steps.push_back(optimizer_time(device, sync));
      out_.devices.push_back(std::move(device));
    }
  }

  // Tied tables: where they lie on two stages their gradients are added up
  // between these.
  CommunicationTime tied_exchange() {
    const PipelinePlan& pipeline = plan_.pipeline;
    const bool apart =
        pipeline.place(0, 0).device != pipeline.place(0, pipeline.positions - 1).device;
    if (network_.shared_parameters == 0 || !apart || !models::is_trained(network_.at(0))) return {};
    const double each = models::weight_bytes(strategy().gradient_precision);
    const Bytes bytes(static_cast<double>(network_.shared_parameters) /
                      static_cast<double>(strategy().sizes.tensor) * each);
    const RankLayout& layout = plan_.layout;
    const bool between = layout.domain_of(0) != layout.domain_of(layout.pipeline_neighbour(0, -1));
    const GroupShape pair{.ranks = 2,
                          .nodes = between ? 2 * clock_.nodes_of_domain() : 1,
                          .gpus_per_node = between ? 1 : 2,
                          .groups_per_node = between ? layout.gpus_per_node() : 1};
    return clock_.collective(collectives::Op::all_reduce, bytes, pair);
  }

  Seconds norm_time() {
    const GroupShape all{.ranks = plan_.gpus,
                         .nodes = plan_.layout.nodes(),
                         .gpus_per_node = std::min(plan_.gpus, plan_.layout.gpus_per_node())};
    return clock_.collective(collectives::Op::all_reduce, Bytes(4), all).time;
  }

  // What reading and preparing the samples of a step takes.
  LoadingCost loading() const {
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
    return {.needed = base::max(reading, preparing),
            .timing = load.prefetch > 0 ? LoadTiming::beside_step : LoadTiming::before_step};
  }

  void cost_checkpoint() {
    const Checkpointing& c = plan_.job.workload.checkpointing;
    if (c.interval <= 0 || c.bandwidth.value() <= 0) return;
    const BytesPerParameter each = bytes_each();
    out_.checkpoint = Bytes(static_cast<double>(models::trainable_parameters(network_)) *
                            (each.weight + each.optimizer()));
    Seconds stop = out_.checkpoint / c.bandwidth;
    if (c.asynchronous) {
      const sim::Node node = site_.cluster.node_at(0);
      stop = (out_.checkpoint / static_cast<double>(plan_.gpus)) / node.gpu.pcie_bandwidth;
    }
    out_.checkpoint_stop = stop / static_cast<double>(c.interval);
  }

  const TrainPlan& plan_;
  const models::Network& network_;
  const TrainSite& site_;
  GroupClock clock_;
  TensorGroups groups_;
  PassSite pass_site_;
  IterationCosts out_;
};

}  // namespace

Seconds LoadingCost::waited(Seconds step) const {
  return timing == LoadTiming::beside_step ? base::max(needed - step, Seconds(0)) : needed;
}

IterationCosts iteration_costs(const TrainPlan& plan, const models::Network& network,
                               const TrainSite& site) {
  return Costing(plan, network, site).run();
}

}  // namespace windtunnel::strategies
