// Table of the `strategy` of a training job.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "strategies/train/job.hpp"
#include "strategies/train/software_stack.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using models::ContextScheme;
using models::NumberFormat;
using models::Recompute;
using strategies::AttentionChoice;
using strategies::ExpertDispatch;
using strategies::OffloadTarget;
using strategies::Overlap;
using strategies::PipelineSchedule;
using strategies::StageBalance;
using strategies::TrainStrategy;
using strategies::ZeroLevel;

constexpr double kMost = 1048576;

template <class Read>
Field size_field(std::string name, Read read, std::string doc) {
  return bound_by<TrainStrategy>(
      read, {.name = std::move(name), .type = integer_type(1, kMost), .fallback = "1", .doc = doc});
}

std::vector<Field> size_fields() {
  return {
      size_field(
          "tensor", [](const Node& n, TrainStrategy& s) { s.sizes.tensor = checked_integer(n); },
          "ranks that share every matrix"),
      size_field(
          "pipeline",
          [](const Node& n, TrainStrategy& s) { s.sizes.pipeline = checked_integer(n); }, "stages"),
      bound_by<TrainStrategy>(
          [](const Node& n, TrainStrategy& s) {
            s.data_auto = n.text == "auto";
            if (!s.data_auto) s.sizes.data = checked_integer(n);
          },
          {.name = "data",
           .type = or_keyword(integer_type(1, kMost), {{"auto", "what the others leave"}}),
           .fallback = "auto",
           .doc = "replicas"}),
      size_field(
          "context", [](const Node& n, TrainStrategy& s) { s.sizes.context = checked_integer(n); },
          "ranks that share a sequence"),
      size_field(
          "expert", [](const Node& n, TrainStrategy& s) { s.sizes.expert = checked_integer(n); },
          "ranks that share the experts; divides tensor x context x data, adds no ranks"),
      size_field(
          "expert_tensor",
          [](const Node& n, TrainStrategy& s) { s.sizes.expert_tensor = checked_integer(n); },
          "ranks that share the matrices of an expert"),
  };
}

Field zero_field() {
  return bound_by<TrainStrategy>(
      [](const Node& n, TrainStrategy& s) { s.zero = static_cast<ZeroLevel>(checked_integer(n)); },
      {.name = "zero",
       .type = integer_type(0, 3),
       .fallback = "0",
       .doc = "shards over the data ranks: 1 optimizer states, 2 also gradients, 3 also weights "
              "(FSDP)"});
}

Field rank_order_field() {
  Type order =
      list_type(choice_type({{"tensor", ""}, {"context", ""}, {"data", ""}, {"pipeline", ""}}), 4);
  order.most_items = 4;
  return bound_by<TrainStrategy>(
      [](const Node& n, TrainStrategy& s) {
        for (std::size_t i = 0; i < s.rank_order.size(); ++i) {
          s.rank_order[i] = *strategies::parallel_dimension_from(n.items[i].text);
        }
      },
      {.name = "rank_order",
       .type = std::move(order),
       .fallback = "[tensor, context, data, pipeline]",
       .doc = "fastest first: decides which groups stay inside a node"});
}

Field recompute_modules_field() {
  const auto choice = [](models::RecomputeModule module, std::string doc) {
    return Choice{std::string(models::to_text(module)), std::move(doc)};
  };
  using enum models::RecomputeModule;
  Type modules = list_type(choice_type(
      {choice(core_attn, "attention between its projections"),
       choice(moe_act, "the activation between the matrices of experts"),
       choice(layernorm, "the norms before attention and MLP"),
       choice(mla_up_proj, "up-projections of latent attention"), choice(mlp, "the dense MLP"),
       choice(moe, "router, experts, and the way to them and back"),
       choice(shared_experts, "experts that every token goes to")}));
  modules.most_items = static_cast<int>(models::kRecomputeModules.size());
  return bound_by<TrainStrategy>(
      [](const Node& n, TrainStrategy& s) {
        for (const Node& item : n.items) {
          s.recompute_modules.add(*models::recompute_module_from(item.text));
        }
      },
      {.name = "recompute_modules",
       .type = std::move(modules),
       .fallback = "[]",
       .doc = "what recompute: selective runs again, as Megatron-Core's --recompute-modules; []: "
              "what the software does"});
}

std::vector<Field> schedule_fields() {
  return {
      bound_choice(
          &TrainStrategy::schedule,
          Words<PipelineSchedule>{
              {PipelineSchedule::gpipe, {"gpipe", "all forwards, then all backwards"}},
              {PipelineSchedule::one_f_one_b, {"1f1b", "one forward, one backward"}},
              {PipelineSchedule::interleaved, {"interleaved", "1F1B over virtual_stages chunks"}},
              {PipelineSchedule::zb_h1, {"zb_h1", "zero bubble, memory of 1F1B"}},
              {PipelineSchedule::zb_v, {"zb_v", "zero bubble, V-shaped"}},
              {PipelineSchedule::dualpipe, {"dualpipe", "two directions at once"}}},
          {.name = "schedule", .fallback = "1f1b", .doc = "of the pipeline"}),
      bound(&TrainStrategy::virtual_stages, {.name = "virtual_stages",
                                             .type = integer_type(1, 1024),
                                             .fallback = "1",
                                             .doc = "chunks of layers a stage, interleaved"}),
      bound(&TrainStrategy::micro_batch, {.name = "micro_batch",
                                          .type = integer_type(1, kMost),
                                          .fallback = "1",
                                          .doc = "sequences of one pass"}),
      bound_choice(
          &TrainStrategy::balance,
          Words<StageBalance>{
              {StageBalance::even, {"even", "as many everywhere"}},
              {StageBalance::speed, {"speed", "so that the slowest stage is as fast as can be"}}},
          {.name = "balance", .fallback = "even", .doc = "layers of the stages"}),
      bound(&TrainStrategy::stage_layers,
            {.name = "stage_layers",
             .type = list_type(integer_type(0, 4096)),
             .fallback = "[]",
             .doc = "layers of each chunk in order; [] spreads them evenly, embedding and head "
                    "counted as one each"}),
      bound_choice(
          &TrainStrategy::recompute,
          Words<Recompute>{{Recompute::none, {"none", ""}},
                           {Recompute::selective, {"selective", "the softmax of attention"}},
                           {Recompute::full, {"full", "all but each layer's input"}}},
          {.name = "recompute", .fallback = "none", .doc = "activations"}),
      bound(&TrainStrategy::recompute_layers, {.name = "recompute_layers",
                                               .type = integer_type(0, 4096),
                                               .fallback = "0",
                                               .doc = "of a chunk, the first ones; 0: all"}),
      recompute_modules_field(),
      rank_order_field(),
  };
}

Words<OffloadTarget> offload_words() {
  return {{OffloadTarget::none, {"none", ""}},
          {OffloadTarget::host, {"host", "over PCIe or C2C"}},
          {OffloadTarget::nvme, {"nvme", "of the node"}}};
}

std::vector<Field> sharing_fields() {
  return {
      bound(&TrainStrategy::sequence_parallel,
            {.name = "sequence_parallel",
             .type = boolean_type(),
             .fallback = "false",
             .doc = "norms and dropouts are divided among the tensor ranks"}),
      bound_choice(
          &TrainStrategy::context_scheme,
          Words<ContextScheme>{
              {ContextScheme::ring, {"ring", "keys and values go round, behind the attention"}},
              {ContextScheme::all_gather, {"all_gather", "each rank gathers all keys and values"}},
              {ContextScheme::all_to_all,
               {"all_to_all", "heads for tokens and back (DeepSpeed-Ulysses)"}}},
          {.name = "context_scheme",
           .fallback = "ring",
           .doc = "how ranks that share a sequence attend to all of it"}),
      bound_choice(
          &TrainStrategy::expert_dispatch,
          Words<ExpertDispatch>{
              {ExpertDispatch::automatic, {"auto", "as the software does"}},
              {ExpertDispatch::all_to_all,
               {"all_to_all", "a copy for each expert, sorted before and after (NCCL)"}},
              {ExpertDispatch::per_node,
               {"per_node", "once to each node, on from there (DeepEP, HybridEP)"}}},
          {.name = "expert_dispatch", .fallback = "auto", .doc = "how tokens reach their experts"}),
      zero_field(),
      bound(&TrainStrategy::shard,
            {.name = "shard",
             .type = or_keyword(integer_type(2, kMost), {{"auto", "all of data x context"}}),
             .fallback = "auto",
             .doc = "neighbouring ranks that zero shards over; more ranks hold copies, which add "
                    "up their gradients (hybrid or hierarchical sharding)"}),
      bound(&TrainStrategy::bucket,
            {.name = "bucket",
             .type = or_keyword(quantity_type(Dimension::bytes, {.minimum = 1}),
                                {{"auto", "as the software does"}}),
             .fallback = "auto",
             .doc = "of gradients that travel together, with zero 0 to 2 and overlap.data; weights "
                    "in as many messages"}),
      bound(&TrainStrategy::overlap, {.name = "overlap",
                                      .type = structure_type(train_overlap_structure),
                                      .fallback = "{}",
                                      .doc = "communication beside computation"}),
      bound_choice(&TrainStrategy::gradient_precision,
                   Words<NumberFormat>{{NumberFormat::fp32, {"fp32", ""}},
                                       {NumberFormat::bf16, {"bf16", ""}},
                                       {NumberFormat::fp16, {"fp16", ""}}},
                   {.name = "gradient_precision",
                    .fallback = "fp32",
                    .doc = "that gradients are kept and reduced in"}),
      bound_choice(&TrainStrategy::attention,
                   Words<AttentionChoice>{
                       {AttentionChoice::automatic, {"auto", "as the software does"}},
                       {AttentionChoice::flash, {"flash", "one fused kernel"}},
                       {AttentionChoice::unfused, {"unfused", "product, softmax, product"}}},
                   {.name = "attention", .fallback = "auto", .doc = "how it is computed"}),
      bound_choice(&TrainStrategy::offload_optimizer, offload_words(),
                   {.name = "offload_optimizer",
                    .fallback = "none",
                    .doc = "where optimizer states are kept and the step is made"}),
      bound_choice(&TrainStrategy::offload_activations, offload_words(),
                   {.name = "offload_activations",
                    .fallback = "none",
                    .doc = "where activations wait for their backward pass"}),
      bound(&TrainStrategy::offload_layers,
            {.name = "offload_layers",
             .type = integer_type(0, 4096),
             .fallback = "0",
             .doc = "whose activations: of a chunk, the first ones; 0: all"}),
      bound(&TrainStrategy::host_memory,
            {.name = "host_memory",
             .type = or_keyword(quantity_type(Dimension::bytes, {.minimum = 1}),
                                {{"auto", "256 GiB a GPU, 2 TiB of a DGX with eight"}}),
             .fallback = "auto",
             .doc = "of a node, for what is offloaded to the host"}),
  };
}

Field software_field() {
  std::vector<Choice> words;
  for (const strategies::SoftwareStack& stack : strategies::software_stacks()) {
    words.push_back({stack.name, stack.description});
  }
  return bound(&TrainStrategy::software,
               {.name = "software",
                .type = choice_type(std::move(words)),
                .fallback = std::string(strategies::default_stack().name),
                .doc = "whose conventions the prediction stands for: what is fused, what its host "
                       "costs"});
}

}  // namespace

const Structure& train_overlap_structure() {
  static const Structure kTable = finished(
      {.name = "strategy.overlap",
       .doc = "What communicates beside the computation.",
       .fields = {
           bound(&Overlap::data, {.name = "data",
                                  .type = boolean_type(),
                                  .fallback = "true",
                                  .doc = "gradients and sharded weights"}),
           bound(&Overlap::tensor, {.name = "tensor",
                                    .type = boolean_type(),
                                    .fallback = "false",
                                    .doc = "pieces of tensor collectives beside the products"}),
           bound(&Overlap::pipeline, {.name = "pipeline",
                                      .type = boolean_type(),
                                      .fallback = "true",
                                      .doc = "sends between stages, where the software can"}),
           bound(&Overlap::expert,
                 {.name = "expert",
                  .type = boolean_type(),
                  .fallback = "false",
                  .doc = "tokens on their way to experts, beside another micro-batch"})}});
  return kTable;
}

const Structure& strategy_structure() {
  static const Structure kTable = [] {
    Structure table{.name = "strategy", .doc = "How a training job is laid out on the cluster."};
    for (auto* fields : {size_fields, schedule_fields, sharing_fields}) {
      for (Field& field : fields()) table.fields.push_back(std::move(field));
    }
    table.fields.push_back(software_field());
    return finished(std::move(table));
  }();
  return kTable;
}

}  // namespace windtunnel::scenarios
