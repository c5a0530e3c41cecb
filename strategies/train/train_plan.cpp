#include "strategies/train/train_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

#include "models/kernels/format_support.hpp"
#include "models/networks/counts.hpp"
#include "sim/base/unit_text.hpp"
#include "strategies/train/encoder.hpp"
#include "strategies/train/goodput.hpp"

namespace windtunnel::strategies {
namespace {

using Reason = std::optional<std::string>;

const models::Transformer* transformer_of(const models::Model& model) {
  return std::get_if<models::Transformer>(&model.architecture);
}

Reason divides(std::string_view part, std::int64_t value, std::string_view whole, std::int64_t of) {
  if (value < 1 || of % value == 0) return std::nullopt;
  return fmt::format("{} {} does not divide the {} {}", part, value, of, whole);
}

// Fills in `data` and checks the ranks.
Reason settle_sizes(TrainStrategy& strategy, std::int64_t gpus) {
  ParallelSizes& sizes = strategy.sizes;
  if (strategy.data_auto) {
    const std::int64_t others = sizes.tensor * sizes.context * sizes.pipeline;
    if (others < 1 || gpus % others != 0) {
      return fmt::format("tensor {} x context {} x pipeline {} = {} does not divide the {} GPUs",
                         sizes.tensor, sizes.context, sizes.pipeline, others, gpus);
    }
    sizes.data = gpus / others;
  }
  return layout_infeasible(sizes, gpus);
}

Reason check_batch(const TrainJob& job) {
  const std::int64_t pieces = job.strategy.sizes.data * job.strategy.micro_batch;
  if (job.workload.global_batch % pieces == 0 && job.workload.global_batch > 0) return std::nullopt;
  return fmt::format("data {} x micro_batch {} does not divide the global_batch of {}",
                     job.strategy.sizes.data, job.strategy.micro_batch, job.workload.global_batch);
}

// An encoder's sources are shared by the ranks of a sequence as the decoder's tokens are.
Reason check_sources(const models::Model& model, const TrainJob& job) {
  const std::int64_t length = job.workload.encoder_length;
  if (length == 0) return std::nullopt;
  const models::Transformer* t = transformer_of(model);
  if (t == nullptr || t->role != models::TransformerRole::encoder_decoder) {
    return fmt::format("encoder_length {} for a model without an encoder beside its decoder",
                       length);
  }
  const ParallelSizes& sizes = job.strategy.sizes;
  const std::int64_t tensor = job.strategy.sequence_parallel ? sizes.tensor : 1;
  return divides(tensor > 1 ? "tensor x context" : "context", tensor * sizes.context,
                 "tokens of a source (encoder_length)", length);
}

Reason check_transformer(const models::Transformer& t, const TrainJob& job) {
  const ParallelSizes& sizes = job.strategy.sizes;
  if (auto why = divides("tensor", sizes.tensor, "heads", t.heads)) return why;
  if (auto why = divides("tensor", sizes.tensor, "columns of the MLP", t.ffn)) return why;
  const std::int64_t sequence = job.workload.sequence_length;
  if (auto why = divides("context", sizes.context, "tokens of a sequence", sequence)) return why;
  if (job.strategy.sequence_parallel) {
    if (auto why = divides("tensor x context", sizes.tensor * sizes.context,
                           "tokens of a sequence (sequence_parallel)", sequence)) {
      return why;
    }
  }
  if (job.strategy.context_scheme == models::ContextScheme::all_to_all) {
    if (auto why = divides("tensor x context", sizes.tensor * sizes.context,
                           "heads (context_scheme all_to_all gives each rank some)", t.heads)) {
      return why;
    }
  }
  if (t.moe.experts > 0) {
    if (auto why = divides("expert", sizes.expert, "experts", t.moe.experts)) return why;
  } else if (sizes.expert > 1) {
    return fmt::format("expert {} for a model without experts", sizes.expert);
  }
  if (t.positions == models::PositionKind::learned && sequence > t.max_positions &&
      t.role != models::TransformerRole::vision) {
    return fmt::format("sequence_length {} is longer than the {} learned positions", sequence,
                       t.max_positions);
  }
  return std::nullopt;
}

Reason check_model(const models::Model& model, const TrainJob& job) {
  if (auto why = check_sources(model, job)) return why;
  if (const models::Transformer* t = transformer_of(model)) return check_transformer(*t, job);
  const ParallelSizes& sizes = job.strategy.sizes;
  if (sizes.tensor > 1 || sizes.context > 1 || sizes.expert > 1) {
    return fmt::format(
        "{} has no tensor, context or expert parallelism here: it is not a transformer",
        model.name);
  }
  return std::nullopt;
}

Reason check_sharding(const TrainStrategy& s) {
  if (s.shard > 0) {
    if (s.zero == ZeroLevel::none) return "shard without zero: there is nothing to shard";
    if (auto why =
            divides("shard", s.shard, "data x context ranks", s.sizes.data * s.sizes.context)) {
      return why;
    }
  }
  if (s.zero == ZeroLevel::gradients && s.sizes.pipeline > 1) {
    return fmt::format(
        "zero 2 scatters gradients after every micro-batch and does not go with pipeline {}; zero "
        "1 "
        "or 3 do",
        s.sizes.pipeline);
  }
  return std::nullopt;
}

// Modules that recomputation names, which the network has to have.
Reason check_modules(const TrainStrategy& s, const models::Network& network) {
  if (s.recompute_modules.empty()) return std::nullopt;
  if (s.recompute != models::Recompute::selective) {
    return "recompute_modules are those of recompute selective, and recompute says something else";
  }
  for (const models::RecomputeModule module : models::kRecomputeModules) {
    if (!s.recompute_modules.has(module)) continue;
    const auto owner =
        module == models::RecomputeModule::moe_act ? models::RecomputeModule::moe : module;
    const bool found =
        std::any_of(network.blocks.begin(), network.blocks.end(), [&](const models::Block& block) {
          return std::any_of(block.ops.begin(), block.ops.end(),
                             [&](const models::Op& op) { return op.module == owner; });
        });
    if (!found) {
      return fmt::format("recompute_modules names {}, which this model does not have",
                         models::to_text(module));
    }
  }
  return std::nullopt;
}

Reason check_dispatch(const TrainStrategy& s) {
  if (s.expert_dispatch == ExpertDispatch::automatic || s.sizes.expert > 1) return std::nullopt;
  return "expert_dispatch without expert parallelism: tokens do not travel";
}

SoftwareStack stack_of(const TrainStrategy& s) {
  SoftwareStack stack = stack_by_name(s.software).value_or(default_stack());
  if (s.expert_dispatch == ExpertDispatch::all_to_all) stack.experts = ExpertSends::per_expert;
  if (s.expert_dispatch == ExpertDispatch::per_node) stack.experts = ExpertSends::per_node;
  // Nothing of data parallelism beside the computation: sharded weights are waited for too.
  if (!s.overlap.data) stack.gather = WeightGather::exposed;
  return stack;
}

// Elements of the largest layer on a rank.
double largest_layer(const models::Network& network, const models::Layout& layout) {
  double most = 0.0;
  for (std::size_t i = 1; i + 1 < network.order.size(); ++i) {
    const models::Block& block = network.at(i);
    if (i > 1 && network.order[i] == network.order[i - 1]) continue;
    most = std::max(most, models::trainable_on_rank(block, layout).total());
  }
  return most;
}

base::Bytes bucket_of(const TrainJob& job, const SoftwareStack& stack,
                      const models::Network& network, const models::Layout& layout) {
  const TrainStrategy& s = job.strategy;
  if (!s.overlap.data) return base::Bytes::infinity();
  if (s.bucket.value() > 0) return s.bucket;
  const BucketRule rule =
      s.zero == ZeroLevel::none ? stack.bucket : stack.sharded_bucket.value_or(stack.bucket);
  return bucket_size(rule, {.ranks = static_cast<double>(s.sizes.data * s.sizes.context),
                            .each = models::weight_bytes(s.gradient_precision),
                            .layer = largest_layer(network, layout)});
}

std::vector<ChunkOfModel> split_of(const TrainStrategy& strategy, std::int64_t layers,
                                   std::int64_t positions) {
  return strategy.stage_layers.empty() ? split_layers(layers, positions)
                                       : stated_split(strategy.stage_layers);
}

Reason check_split(const TrainStrategy& strategy, std::int64_t layers, std::int64_t positions) {
  if (positions == 1 && strategy.stage_layers.empty()) return std::nullopt;
  return strategy.stage_layers.empty()
             ? split_infeasible(layers, positions)
             : stated_split_infeasible(strategy.stage_layers, layers, positions);
}

models::LoweringOptions lowering_of(const TrainJob& job, const SoftwareStack& stack) {
  const TrainStrategy& s = job.strategy;
  models::LoweringOptions options{
      .mode = models::Mode::training,
      .formats = models::formats_of(job.workload.precision),
      .software = stack.forms,
      .layout = {.tensor = s.sizes.tensor,
                 .sequence = s.sequence_parallel ? models::SequenceParallel::on
                                                 : models::SequenceParallel::off,
                 .context = s.sizes.context,
                 .context_scheme = s.context_scheme,
                 .expert = s.sizes.expert,
                 .expert_tensor = s.sizes.expert_tensor},
      .again = s.recompute_modules};
  // FlashAttention and cuDNN take operands of 16 bits and fewer; the softmax then needs no casts.
  if (models::element_bytes(options.formats) > 2.0 &&
      options.software.attention == models::AttentionKernel::fused) {
    options.software.attention = models::AttentionKernel::unfused;
    options.software.softmax = models::Form::unfused;
    options.software.softmax_group = 4;
  }
  if (s.attention != AttentionChoice::automatic) {
    options.software.attention = s.attention == AttentionChoice::flash
                                     ? models::AttentionKernel::fused
                                     : models::AttentionKernel::unfused;
  }
  return options;
}

// Passes are simulated one by one; a job of more is no job that anyone runs.
constexpr double kMostPasses = 4e6;

Reason check_passes(const TrainStrategy& s, std::int64_t micro_batches) {
  const double passes = static_cast<double>(micro_batches) * static_cast<double>(s.sizes.pipeline) *
                        static_cast<double>(s.virtual_stages);
  if (passes <= kMostPasses) return std::nullopt;
  return fmt::format(
      "{} micro-batches over {} pipeline chunks are more than the {:.0f} passes of an iteration "
      "that "
      "are simulated; a larger micro_batch or a smaller global_batch has fewer",
      micro_batches, s.sizes.pipeline * s.virtual_stages, kMostPasses);
}

Reason check_cluster(const sim::Cluster& cluster) {
  if (cluster.explicit_network) {
    return "an imported SimGrid platform has hosts and no GPUs: training needs a cluster with GPUs";
  }
  return std::nullopt;
}

Reason check_checkpoints(const TrainJob& job, const sim::Cluster& cluster) {
  const Checkpointing& saved = job.workload.checkpointing;
  const sim::Failures& failures = cluster.failures;
  if (saved.best_interval && failures.none()) {
    return "checkpointing.interval auto is the best for failures, and cluster.failures states none";
  }
  if (failures.none() || saved.interval > 0 || saved.best_interval) return std::nullopt;
  const double rate = failure_rate(failures, cluster.gpu_count(), cluster.nodes);
  return fmt::format(
      "the cluster fails every {} and nothing is saved: each failure would lose the whole run; "
      "state workload.checkpointing.interval (auto: the best)",
      base::to_text(base::Seconds(1.0 / rate)));
}

PipelineShape shape_of(const TrainStrategy& s, std::int64_t micro_batches) {
  PipelineSchedule schedule = s.schedule;
  // Chunks of their own ask for the schedule that has them.
  if (s.virtual_stages > 1 && schedule == PipelineSchedule::one_f_one_b) {
    schedule = PipelineSchedule::interleaved;
  }
  return {.schedule = schedule,
          .stages = static_cast<std::int32_t>(s.sizes.pipeline),
          .virtual_stages = static_cast<std::int32_t>(s.virtual_stages),
          .micro_batches = static_cast<std::int32_t>(micro_batches)};
}

}  // namespace

std::int64_t TrainStrategy::dense_shards() const {
  return shard > 0 ? shard : sizes.data * sizes.context;
}

std::int64_t TrainStrategy::expert_shards() const {
  const std::int64_t all = sizes.tensor * sizes.data * sizes.context /
                           std::max<std::int64_t>(1, sizes.expert * sizes.expert_tensor);
  return shard > 0 ? std::gcd(shard, std::max<std::int64_t>(1, all)) : all;
}

TrainPlanning make_train_plan(const TrainJob& given, const models::Model& model,
                              const models::Network& network, const sim::Cluster& cluster,
                              PipelinePlans* met) {
  TrainPlanning out;
  const auto no = [&out](std::string why) {
    out.infeasible = std::move(why);
    return std::move(out);
  };
  TrainJob job = given;
  if (job.workload.sequence_length == 0) job.workload.sequence_length = network.max_positions;
  const bool sequences = network.sample == models::SampleKind::sequence;
  if (sequences && job.workload.sequence_length == 0) {
    return no(fmt::format("{} has no length of its own: sequence_length is due", model.name));
  }
  const std::int64_t gpus = cluster.gpu_count();
  if (auto why = check_cluster(cluster)) return no(*why);
  const auto support = models::training_support(job.workload.precision, cluster.node.gpu);
  if (support.runs == models::FormatRuns::never) return no(support.sentence);
  if (support.runs == models::FormatRuns::otherwise) out.warnings.push_back(support.sentence);
  if (auto why = check_checkpoints(job, cluster)) return no(*why);
  if (auto why = settle_sizes(job.strategy, gpus)) return no(*why);
  if (auto why = check_batch(job)) return no(*why);
  if (auto why = check_model(model, job)) return no(*why);
  if (auto why = check_sharding(job.strategy)) return no(*why);
  if (auto why = check_modules(job.strategy, network)) return no(*why);
  if (auto why = check_dispatch(job.strategy)) return no(*why);
  const TrainStrategy& s = job.strategy;
  const std::int64_t micro_batches = job.workload.global_batch / (s.sizes.data * s.micro_batch);
  if (auto why = check_passes(s, micro_batches)) return no(*why);
  const PipelineShape shape = shape_of(s, micro_batches);
  if (auto why = pipeline_infeasible(shape)) return no(*why);
  const std::int64_t positions = pipeline_positions(shape);
  // A network of one block (a linear model) has neither layers nor a head of its own.
  const auto layers =
      std::max<std::int64_t>(0, static_cast<std::int64_t>(network.order.size()) - 2);
  if (auto why = check_split(s, layers, positions)) return no(*why);
  const SoftwareStack software = stack_of(s);
  const models::LoweringOptions lowering = lowering_of(job, software);
  std::vector<ChunkOfModel> split = split_of(s, layers, positions);
  if (network.order.size() == 1) split.back().head = false;
  out.plan.emplace(
      TrainPlan{.job = job,
                .stack = software,
                .bucket = bucket_of(job, software, network, lowering.layout),
                .layout = RankLayout(s.sizes, s.rank_order, cluster.node.gpus,
                                     std::max(1, cluster.node.scale_up.size / cluster.node.gpus)),
                .pipeline = met != nullptr ? met->of(shape) : make_pipeline_plan(shape),
                .split = std::move(split),
                .micro_batch = {.sequences = s.micro_batch,
                                .query_tokens = sequences ? job.workload.sequence_length : 1,
                                .encoder_tokens = encoder_tokens(network, job.workload)},
                .lowering = lowering,
                .micro_batches = micro_batches,
                .gpus = gpus});
  return out;
}

}  // namespace windtunnel::strategies
