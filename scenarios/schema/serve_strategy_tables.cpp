// Table of the `strategy` of a serving job.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using models::NumberFormat;
using strategies::ServeStrategy;

constexpr double kMost = 1048576;

Words<NumberFormat> precision_words() {
  return {{NumberFormat::fp32, {"fp32", ""}},
          {NumberFormat::tf32, {"tf32", "fp32 with products on tensor cores"}},
          {NumberFormat::fp16, {"fp16", ""}},
          {NumberFormat::bf16, {"bf16", ""}},
          {NumberFormat::fp8, {"fp8", "E4M3, one scale a tensor or row"}},
          {NumberFormat::fp8_block, {"fp8_block", "E4M3, scales of 128 x 128 blocks"}},
          {NumberFormat::mxfp8, {"mxfp8", "one scale per 32 elements"}},
          {NumberFormat::int8, {"int8", "weights and activations"}},
          {NumberFormat::int8_weights, {"int8_weights", "16-bit activations"}},
          {NumberFormat::int4_weights, {"int4_weights", "AWQ, GPTQ: 16-bit activations"}},
          {NumberFormat::int4_fp8, {"int4_fp8", "4-bit weights, 8-bit activations"}},
          {NumberFormat::nvfp4, {"nvfp4", "one scale per 16 elements"}},
          {NumberFormat::mxfp4_weights, {"mxfp4_weights", "16-bit activations"}},
          {NumberFormat::mxfp4_mxfp8, {"mxfp4_mxfp8", "8-bit activations"}}};
}

Words<NumberFormat> kv_words() {
  return {{NumberFormat::bf16, {"bf16", ""}},
          {NumberFormat::fp16, {"fp16", ""}},
          {NumberFormat::fp32, {"fp32", ""}},
          {NumberFormat::fp8, {"fp8", "half the memory and traffic of 16 bits"}},
          {NumberFormat::int8, {"int8", ""}},
          {NumberFormat::nvfp4, {"nvfp4", ""}}};
}

Field count_field(std::int64_t ServeStrategy::*member, std::string name, std::string doc) {
  return bound(member, {.name = std::move(name),
                        .type = integer_type(1, kMost),
                        .fallback = "1",
                        .doc = std::move(doc)});
}

std::vector<Field> layout_fields() {
  return {
      count_field(&ServeStrategy::replicas, "replicas",
                  "engines behind the router, each with its own copy of the model"),
      count_field(&ServeStrategy::tensor, "tensor", "GPUs that share every matrix"),
      count_field(&ServeStrategy::pipeline, "pipeline", "stages of a replica"),
      count_field(&ServeStrategy::data, "data",
                  "data-parallel attention ranks inside one replica, each with its own queue and "
                  "cache; MoE ranks step together"),
      count_field(&ServeStrategy::expert, "expert", "ranks of a replica that share the experts"),
      bound(
          &ServeStrategy::beams,
          {.name = "beams",
           .type = integer_type(1, 64),
           .fallback = "1",
           .doc =
               "of a beam search: continuations of a request that are computed and kept together; "
               "one is the answer"}),
      bound(
          &ServeStrategy::expert_skew,
          {.name = "expert_skew",
           .type = number_type({.minimum = 0, .maximum = 10}),
           .fallback = "1.01",
           .doc =
               "of routing, exponent of the power law of experts' popularities: 0 is even, 1 gives "
               "the busiest expert several times its share"}),
      bound_choice(&ServeStrategy::precision, precision_words(),
                   {.name = "precision",
                    .fallback = "bf16",
                    .doc = "of weights and products; its cost in quality is not simulated"}),
      bound_choice(&ServeStrategy::kv_precision, kv_words(),
                   {.name = "kv_precision", .fallback = "bf16", .doc = "of the KV cache"}),
      bound(&ServeStrategy::pools, {.name = "pools",
                                    .type = list_type(structure_type(pool_structure)),
                                    .fallback = "[]",
                                    .doc = "replicas on other GPUs of the same cluster"}),
  };
}

template <class M>
Field part(M ServeStrategy::*member, std::string name, const Structure& (*structure)(),
           std::string doc) {
  return bound(member, {.name = std::move(name),
                        .type = structure_type(structure),
                        .fallback = "{}",
                        .doc = std::move(doc)});
}

std::vector<Field> part_fields() {
  return {
      part(&ServeStrategy::batching, "batching", batching_structure, "what runs together"),
      part(&ServeStrategy::kv, "kv", kv_structure, "the cache of keys and values"),
      part(&ServeStrategy::router, "router", router_structure, "which replica takes a request"),
      part(&ServeStrategy::disaggregate, "disaggregate", disaggregate_structure,
           "prompts and answers on engines of their own"),
      part(&ServeStrategy::speculative, "speculative", speculative_structure,
           "tokens drafted cheaply and verified together"),
      part(&ServeStrategy::autoscale, "autoscale", autoscale_structure,
           "replicas that come and go with the load"),
      part(&ServeStrategy::failures, "failures", replica_failures_structure,
           "replicas that break down"),
      part(&ServeStrategy::front_end, "front_end", front_end_structure,
           "what lies between client and engine"),
      part(&ServeStrategy::pruning, "pruning", pruning_structure,
           "weights that are left out; the cost in quality is not simulated"),
  };
}

std::vector<Field> other_fields() {
  return {
      bound(&ServeStrategy::response_cache,
            {.name = "response_cache",
             .type = boolean_type(),
             .fallback = "false",
             .doc = "requests asked before are answered at the front end (`repeated_share`)"}),
      bound(&ServeStrategy::distilled_from,
            {.name = "distilled_from",
             .type = text_type(),
             .doc = "the larger model that `model` learned from; the result says that quality is "
                    "not simulated"}),
      bound(&ServeStrategy::software,
            {.name = "software",
             .type = or_keyword(text_type(), {{"auto", "vLLM's latest"}}),
             .fallback = "auto",
             .doc = "engine and version that the prediction stands for, which chooses kernel "
                    "times, host costs and memory: `vllm 0.19.0`, `sglang`, `tensorrt-llm 1.0`, or "
                    "a stack by name"}),
  };
}

}  // namespace

const Structure& serve_strategy_structure() {
  static const Structure kTable = [] {
    Structure table{.name = "strategy (serve)",
                    .doc =
                        "How a model is served on the cluster. GPUs = replicas x tensor x "
                        "pipeline x data, pools and disaggregated engines likewise."};
    for (auto* fields : {layout_fields, part_fields, other_fields}) {
      for (Field& field : fields()) table.fields.push_back(std::move(field));
    }
    return finished(std::move(table));
  }();
  return kTable;
}

const Structure& pool_structure() {
  using strategies::Pool;
  static const Structure kTable = finished(
      {.name = "strategy.pools",
       .doc = "Replicas of another kind beside the first ones.",
       .fields = {bound(&Pool::gpu, {.name = "gpu",
                                     .type = text_type(),
                                     .required = true,
                                     .doc = "name of the GPU, present in the cluster"}),
                  bound(&Pool::replicas, {.name = "replicas",
                                          .type = integer_type(1, kMost),
                                          .required = true,
                                          .doc = "on such GPUs"}),
                  bound(&Pool::tensor,
                        {.name = "tensor",
                         .type = or_keyword(integer_type(1, kMost), {{"auto", "strategy.tensor"}}),
                         .fallback = "auto",
                         .doc = "of a replica"})}});
  return kTable;
}

const Structure& disaggregate_structure() {
  using strategies::Disaggregation;
  const auto tensor = [](std::int64_t Disaggregation::*member, std::string name) {
    return bound(member, {.name = std::move(name),
                          .type = or_keyword(integer_type(1, kMost), {{"auto", "strategy.tensor"}}),
                          .fallback = "auto",
                          .doc = "of such an engine"});
  };
  static const Structure kTable = finished(
      {.name = "strategy.disaggregate",
       .doc = "Prefill engines compute prompts and send the KV cache to decode engines over the "
              "cluster's links. 0 and 0: off.",
       .fields = {bound(&Disaggregation::prefill, {.name = "prefill",
                                                   .type = integer_type(0, kMost),
                                                   .fallback = "0",
                                                   .doc = "engines"}),
                  bound(&Disaggregation::decode, {.name = "decode",
                                                  .type = integer_type(0, kMost),
                                                  .fallback = "0",
                                                  .doc = "engines"}),
                  tensor(&Disaggregation::prefill_tensor, "prefill_tensor"),
                  tensor(&Disaggregation::decode_tensor, "decode_tensor")}});
  return kTable;
}

const Structure& speculative_structure() {
  using strategies::Speculation;
  static const Structure kTable = finished(
      {.name = "strategy.speculative",
       .doc = "Each step verifies `tokens` drafted ones; those accepted in a row count, and one "
              "more.",
       .fields = {
           bound(&Speculation::tokens, {.name = "tokens",
                                        .type = integer_type(0, 64),
                                        .fallback = "0",
                                        .doc = "drafted a step; 0: off"}),
           bound(&Speculation::acceptance,
                 {.name = "acceptance",
                  .type = number_type({.minimum = 0, .maximum = 1}),
                  .fallback = "0.7",
                  .doc = "of a drafted token, given that those before it were accepted"}),
           bound(&Speculation::draft,
                 {.name = "draft",
                  .type = or_keyword(text_type(), {{"none", "n-gram or a head of the model"}}),
                  .fallback = "none",
                  .doc = "model that drafts, by name"}),
           bound(&Speculation::draft_time, {.name = "draft_time",
                                            .type = quantity_type(Dimension::time),
                                            .fallback = "0s",
                                            .doc = "of a drafted token, without a model"})}});
  return kTable;
}

const Structure& autoscale_structure() {
  using strategies::Autoscale;
  static const Structure kTable = finished(
      {.name = "strategy.autoscale",
       .doc = "From min to max replicas, starting with `replicas`. max 0: off.",
       .fields = {
           bound(
               &Autoscale::min,
               {.name = "min", .type = integer_type(0, kMost), .fallback = "0", .doc = "replicas"}),
           bound(&Autoscale::max, {.name = "max",
                                   .type = integer_type(0, kMost),
                                   .fallback = "0",
                                   .doc = "replicas; 0: no scaling"}),
           bound(&Autoscale::target, {.name = "target",
                                      .type = number_type({.minimum = 0, .maximum = 1e6}),
                                      .fallback = "0",
                                      .doc = "requests in a replica, waiting and running, that "
                                             "scaling aims at"}),
           bound(&Autoscale::interval,
                 {.name = "interval",
                  .type = quantity_type(Dimension::time, {.minimum = 0, .exclusive_minimum = true}),
                  .fallback = "15s",
                  .doc = "between looks at the load"}),
           bound(&Autoscale::provisioning, {.name = "provisioning",
                                            .type = quantity_type(Dimension::time),
                                            .fallback = "60s",
                                            .doc = "until a new replica serves"}),
           bound(&Autoscale::cooldown, {.name = "cooldown",
                                        .type = quantity_type(Dimension::time),
                                        .fallback = "300s",
                                        .doc = "of less load before a replica goes"})}});
  return kTable;
}

}  // namespace windtunnel::scenarios
