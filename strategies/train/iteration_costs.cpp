#include "strategies/train/iteration_costs.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "models/networks/counts.hpp"
#include "sim/base/contract.hpp"
#include "strategies/train/encoder.hpp"
#include "strategies/train/optimizer_cost.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;

// The passes of model chunks on GPUs of one kind with links of one kind.
struct ChunkSite {
  ChunkSite(const TrainPlan& plan, const models::Network& network, const models::BatchShape& batch,
            const PassSite& on)
      : groups(on.groups),
        site{on.kernels, on.gpu, on.clock, groups, on.overlap, on.stack},
        costs(network, batch, plan.lowering, site) {}

  TensorGroups groups;
  PassSite site;
  ChunkCosts costs;
};

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
          .expert_start = stack.expert_start,
          .expert_counts = stack.expert_counts};
}

class Costing {
 public:
  Costing(const TrainPlan& plan, const models::Network& network, const TrainSite& site,
          const RankPaces& paces)
      : plan_(plan),
        network_(network),
        site_(site),
        paces_(paces),
        clock_(site.cluster, site.links),
        groups_{plan.layout.shape(plan.layout.group(0, ParallelDimension::tensor)),
                plan.layout.shape(plan.layout.group(0, ParallelDimension::context)),
                plan.layout.shape(plan.layout.expert_group(0))} {
    base::expects(paces.classes().size() == 1 || site.kernels_of,
                  "several kinds of GPU have several kernel models");
    for (std::size_t i = 1; i < paces.classes().size(); ++i) {
      others_.push_back(site.kernels_of(paces.classes()[i]));
    }
  }

  IterationCosts run() {
    cost_chunks();
    cost_schedule();
    cost_devices();
    out_.tied = tied_exchange();
    out_.norm = norm_time();
    out_.host_step = plan_.stack.step;
    out_.checkpoint = checkpoint_cost(plan_, network_, site_.cluster.node_at(0).gpu);
    out_.loading = loading_cost(plan_, network_);
    out_.notes = clock_.notes();
    return std::move(out_);
  }

  std::vector<std::vector<PassParts>> parts(const std::vector<ChunkOfModel>& parts) {
    std::vector<std::vector<PassParts>> all(paces_.classes().size());
    for (std::size_t gpus = 0; gpus < all.size(); ++gpus) {
      const auto on = chunk_site(gpus, plan_.micro_batch, {});
      for (const ChunkOfModel& part : parts) {
        all[gpus].push_back(parts_of(on->costs.cost(part, choices())));
      }
    }
    return all;
  }

 private:
  const TrainStrategy& strategy() const { return plan_.job.strategy; }
  std::int32_t stages() const { return plan_.pipeline.shape.stages; }
  BytesPerParameter bytes_each() const {
    return bytes_per_parameter(plan_.job.workload.optimizer, plan_.job.workload.precision,
                               strategy().gradient_precision);
  }

  const models::KernelTimeModel& kernels(std::size_t gpus) const {
    return gpus == 0 ? site_.kernels : *others_[gpus - 1];
  }
  std::vector<std::int32_t> stages_of(std::size_t chunk) const {
    const auto position = static_cast<std::int32_t>(chunk);
    std::vector<std::int32_t> on{plan_.pipeline.place(0, position).device};
    const std::int32_t back = plan_.pipeline.place(plan_.pipeline.shape.micro_batches - 1, position)
                                  .device;  // DualPipe's other direction
    if (back != on.front()) on.push_back(back);
    return on;
  }
  LinkShares links_of(std::size_t chunk) const {
    LinkShares links = paces_.links(stages_of(chunk).front());
    for (const std::int32_t stage : stages_of(chunk)) links = worse(links, paces_.links(stage));
    return links;
  }
  static GroupShape with(GroupShape group, const LinkShares& links) {
    group.links = links;
    return group;
  }

  ChunkCosts::Choices choices() const {
    ChunkCosts::Choices choices{.recompute = strategy().recompute,
                                .recompute_layers = strategy().recompute_layers,
                                .offload_layers = strategy().offload_layers,
                                .stack = plan_.stack};
    // With gradients sharded a rank sums its part alone.
    const bool whole =
        strategy().zero == ZeroLevel::none || strategy().zero == ZeroLevel::optimizer;
    if (plan_.micro_batches > 1 && whole) {
      const BytesPerParameter each = bytes_each();
      choices.accumulation_bytes =
          accumulation_bytes(plan_.stack.accumulation, each.weight, each.gradient);
    }
    if (strategy().zero == ZeroLevel::weights) {
      const std::vector<std::int64_t> all = plan_.layout.gradient_group(0);
      const std::int64_t shards = strategy().dense_shards();
      choices.gather = plan_.layout.shape(RankLayout::shard_block(all, shards));
      choices.copies = plan_.layout.shape(RankLayout::shard_copies(all, shards));
      choices.gather_bytes = bytes_each().weight;
      choices.reduce_bytes = bytes_each().gradient;
      choices.gather_rate =
          clock_.nic_rate() * (plan_.stack.sharded_nics / site_.cluster->node.gpus);
    }
    if (plan_.pipeline.shape.schedule == PipelineSchedule::dualpipe) {
      choices.exchanges = PassExchanges::beside_other_pass;
    }
    if (strategy().overlap.expert) choices.experts = ExpertOverlap::other_micro_batch;
    choices.offload = offload_rate(strategy().offload_activations, site_.cluster.node_at(0));
    return choices;
  }

  std::unique_ptr<ChunkSite> chunk_site(std::size_t gpus, const models::BatchShape& batch,
                                        const LinkShares& links) {
    const TensorGroups groups{with(groups_.tensor, links), with(groups_.context, links),
                              with(groups_.expert, links)};
    return std::make_unique<ChunkSite>(
        plan_, network_, batch,
        PassSite{kernels(gpus), paces_.classes()[gpus], clock_, groups,
                 strategy().overlap.tensor ? ExchangeOverlap::tensor : ExchangeOverlap::none,
                 stack_kernels(plan_)});
  }

  // The blocks of a chunk, by which chunks are alike.
  std::vector<std::size_t> blocks_of(const ChunkOfModel& chunk) const {
    constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    std::vector<std::size_t> blocks{chunk.embedding ? network_.order.front() : kNone,
                                    chunk.head ? network_.order.back() : kNone};
    for (std::int64_t i = 0; i < chunk.layers; ++i) {
      blocks.push_back(network_.order[static_cast<std::size_t>(chunk.first_layer + i + 1)]);
    }
    return blocks;
  }

  // Chunks of one kind of GPU with links of one kind: alike ones are costed once.
  struct Known {
    std::unique_ptr<ChunkSite> site;
    std::map<std::vector<std::size_t>, ChunkCost> costs;
  };

  // All chunks on one kind of GPU with micro-batches of one shape.
  std::vector<ChunkCost> chunks_on(std::size_t gpus, const models::BatchShape& batch) {
    std::map<std::pair<double, double>, Known> known;
    ChunkCosts::Choices chosen = choices();
    std::vector<ChunkCost> out;
    for (std::size_t i = 0; i < plan_.split.size(); ++i) {
      const LinkShares links = links_of(i);
      Known& on = known[{links.nic, links.near}];
      if (on.site == nullptr) on.site = chunk_site(gpus, batch, links);
      const auto [cost, is_new] = on.costs.try_emplace(blocks_of(plan_.split[i]));
      if (is_new) {
        chosen.gather.links = chosen.copies.links = links;
        cost->second = on.site->costs.cost(plan_.split[i], chosen);
      }
      out.push_back(cost->second);
    }
    return out;
  }

  PassCosts passes_of(const ChunkCost& chunk) const {
    PassCosts passes = chunk.passes();
    // A forward beside a backward hides what either of them waits for the
    // others' ranks.
    if (plan_.pipeline.shape.schedule == PipelineSchedule::dualpipe) {
      passes.saved_by_overlap = base::min(chunk.forward.exchanges() + chunk.input.exchanges(),
                                          chunk.forward.compute() + chunk.input.compute());
    }
    return passes;
  }

  PassParts parts_of(const ChunkCost& chunk) const {
    PassParts out{.all = passes_of(chunk), .computing = chunk.passes()};
    out.computing.forward -= chunk.forward.exchanges() + chunk.gather_forward;
    out.computing.backward_input -= chunk.input.exchanges() + chunk.gather_backward;
    out.computing.backward_weight -= chunk.weight.exchanges();
    for (Seconds* one :
         {&out.computing.forward, &out.computing.backward_input, &out.computing.backward_weight}) {
      *one = base::max(*one, Seconds(0));
    }
    return out;
  }

  void cost_chunks() {
    const std::vector<models::BatchShape> shapes = length_shapes(plan_).shapes;
    const std::size_t classes = paces_.classes().size(), chunks = plan_.split.size();
    out_.passes = PassTable(classes, shapes.size(), chunks);
    for (std::size_t gpus = 0; gpus < classes; ++gpus) {
      for (std::size_t s = 0; s < shapes.size(); ++s) {
        std::vector<ChunkCost> costs = chunks_on(gpus, shapes[s]);
        for (std::size_t i = 0; i < chunks; ++i) out_.passes.at(gpus, s, i) = parts_of(costs[i]);
        if (s == 0) take_slowest(gpus, std::move(costs));
      }
    }
  }

  // Of each chunk the full micro-batch on the slowest GPUs that its stages have.
  void take_slowest(std::size_t gpus, std::vector<ChunkCost> costs) {
    const auto time = [](const ChunkCost& c) {
      return c.duration_forward() + c.duration_backward();
    };
    out_.chunks.resize(costs.size());
    taken_.resize(costs.size(), false);
    for (std::size_t i = 0; i < costs.size(); ++i) {
      bool present = false;
      for (const std::int32_t stage : stages_of(i)) {
        const std::vector<std::int32_t> on = paces_.classes_of(stage);
        present =
            present || std::find(on.begin(), on.end(), static_cast<std::int32_t>(gpus)) != on.end();
      }
      if (!present || (taken_[i] && time(costs[i]) <= time(out_.chunks[i]))) continue;
      out_.chunks[i] = std::move(costs[i]);
      taken_[i] = true;
    }
  }

  // Bytes that a stage hands to the next: the hidden state of a micro-batch, or
  // the part of it that sequence parallelism or a scattered send leaves a rank
  // with.
  Bytes boundary(std::int64_t tokens) const {
    double elements = static_cast<double>(tokens * network_.hidden) /
                      static_cast<double>(strategy().sizes.context);
    const bool parts = strategy().sequence_parallel || plan_.stack.sends == StageSends::scattered;
    if (parts) elements /= static_cast<double>(strategy().sizes.tensor);
    return Bytes(elements * models::element_bytes(plan_.lowering.formats));
  }

  // Between a stage and the next: of all replicas the slowest.
  Hop hop(std::int32_t stage, Bytes bytes) {
    const RankLayout& layout = plan_.layout;
    bool between = false;
    for (std::int64_t rank = 0; rank < plan_.gpus && !between; ++rank) {
      between = layout.coordinate(rank, ParallelDimension::pipeline) == stage &&
                layout.domain_of(rank) != layout.domain_of(layout.pipeline_neighbour(rank, 1));
    }
    const LinkShares links = worse(paces_.links(stage), paces_.links((stage + 1) % stages()));
    Hop hop{.message = clock_.message(bytes, between, layout.gpus_per_node(), links),
            .bytes = bytes};
    const std::int64_t tensor = strategy().sizes.tensor;
    if (!strategy().sequence_parallel && plan_.stack.sends == StageSends::scattered && tensor > 1) {
      // The parts are gathered again on the receiving ranks.
      hop.regather =
          clock_
              .collective(collectives::Op::all_gather, bytes * static_cast<double>(tensor),
                          with(groups_.tensor, links))
              .time;
    }
    return hop;
  }

  void cost_schedule() {
    for (const ChunkCost& chunk : out_.chunks) out_.schedule.chunks.push_back(passes_of(chunk));
    const bool beside = strategy().overlap.pipeline && plan_.stack.timing == SendTiming::beside;
    out_.schedule.sends = beside ? SendMode::beside : SendMode::blocking;
    if (strategy().sizes.pipeline < 2) return;
    const std::vector<std::int64_t> tokens = tokens_between_stages(plan_, network_);
    for (std::int32_t d = 0; d < stages(); ++d) {
      out_.hops.push_back(hop(d, boundary(tokens[static_cast<std::size_t>(d)])));
      out_.schedule.hops.push_back(out_.hops.back().time());
    }
  }

  void cost_devices() {
    for (std::int32_t d = 0; d < stages(); ++d) {
      SyncDevice device;
      device.links = paces_.links(d);
      for (std::int32_t c = 0; c < plan_.pipeline.chunks; ++c) {
        const ChunkCost& one = out_.chunk(plan_.pipeline, d, c);
        device.chunks.push_back({.dense = one.parameters_dense,
                                 .expert = one.parameters_expert,
                                 .table = table_of(plan_.pipeline.model_chunk({d, c}))});
        device.forward += one.duration_forward();
      }
      const sim::Node node = site_.cluster.node_at(0);
      const SyncSite sync{plan_, clock_, site_.kernels, node};
      out_.gradients.push_back(gradient_plan(device, sync));
      out_.steps.push_back(slowest_step(device, d));
      out_.devices.push_back(std::move(device));
    }
  }

  // Trained parameters of the embedding on a rank, where a chunk has it.
  double table_of(std::int32_t chunk) const {
    if (!plan_.split[static_cast<std::size_t>(chunk)].embedding) return 0.0;
    return models::trainable_on_rank(network_.at(0), plan_.lowering.layout).dense;
  }

  OptimizerTime slowest_step(const SyncDevice& device, std::int32_t stage) {
    std::map<std::int32_t, double> slowdown;  // by class
    for (std::int64_t lane = 0; lane < paces_.lanes(); ++lane) {
      for (const Pace& pace : paces_.gang(lane, stage)) {
        double& most = slowdown[pace.gpus];
        most = std::max(most, pace.slowdown);
      }
    }
    OptimizerTime slowest;
    for (const auto& [gpus, factor] : slowdown) {
      sim::Node node = site_.cluster.node_at(0);
      const auto index = static_cast<std::size_t>(gpus);
      if (gpus > 0) node.gpu = paces_.classes()[index];
      OptimizerTime one = optimizer_time(device, {plan_, clock_, kernels(index), node});
      one.time *= factor;
      one.low *= factor;
      one.high *= factor;
      if (one.time >= slowest.time) slowest = one;
    }
    return slowest;
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
                          .groups_per_node = between ? layout.gpus_per_node() : 1,
                          .links = worse(paces_.links(0), paces_.links(stages() - 1))};
    return clock_.collective(collectives::Op::all_reduce, bytes, pair);
  }

  Seconds norm_time() {
    const GroupShape all{.ranks = plan_.gpus,
                         .nodes = plan_.layout.nodes(),
                         .gpus_per_node = std::min(plan_.gpus, plan_.layout.gpus_per_node()),
                         .links = paces_.all_links()};
    return clock_.collective(collectives::Op::all_reduce, Bytes(4), all).time;
  }

  const TrainPlan& plan_;
  const models::Network& network_;
  const TrainSite& site_;
  const RankPaces& paces_;
  GroupClock clock_;
  TensorGroups groups_;
  std::vector<std::shared_ptr<const models::KernelTimeModel>> others_;  // of classes 1, 2, ...
  IterationCosts out_;
  std::vector<bool> taken_;  // by chunk: has its costs
};

}  // namespace

IterationCosts iteration_costs(const TrainPlan& plan, const models::Network& network,
                               const TrainSite& site, const RankPaces& paces) {
  return Costing(plan, network, site, paces).run();
}

std::vector<std::vector<PassParts>> passes_of_parts(const TrainPlan& plan,
                                                    const models::Network& network,
                                                    const TrainSite& site, const RankPaces& paces,
                                                    const std::vector<ChunkOfModel>& parts) {
  return Costing(plan, network, site, paces).parts(parts);
}

}  // namespace windtunnel::strategies
