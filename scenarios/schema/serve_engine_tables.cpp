// Tables of what is inside a serving engine: batching, queue, KV cache.
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using strategies::Batching;
using strategies::KvCache;

constexpr double kMost = 1048576;
constexpr double kMostTokens = 16777216;

Type time_or_never(std::string doc) {
  return or_keyword(quantity_type(Dimension::time, {.minimum = 0, .exclusive_minimum = true}),
                    {{"none", std::move(doc)}});
}

Field policy_field() {
  using strategies::BatchingPolicy;
  return bound_by<Batching>(
      [](const Node& node, Batching& out) {
        out.policy = node.text == "none"      ? BatchingPolicy::none
                     : node.text == "static"  ? BatchingPolicy::fixed
                     : node.text == "dynamic" ? BatchingPolicy::dynamic
                                              : BatchingPolicy::continuous;
      },
      {.name = "policy",
       .type = or_keyword(
           choice_type({{"none", "one request at a time"},
                        {"static", "waits for max_batch requests, however long it takes"},
                        {"dynamic",
                         "waits for max_batch requests or max_delay, whichever is "
                         "first"},
                        {"continuous", "requests join and leave at every step"}}),
           {{"auto", "continuous for a model that generates tokens, else dynamic"}}),
       .fallback = "auto",
       .doc = "what runs together"});
}

std::vector<Field> continuous_fields() {
  using strategies::ContinuousOrder;
  return {
      bound_choice(
          &Batching::order,
          Words<ContinuousOrder>{
              {ContinuousOrder::unified, {"unified", "vLLM v1: running sequences first"}},
              {ContinuousOrder::prefill_first, {"prefill_first", "vLLM v0: new prompts first"}},
              {ContinuousOrder::orca,
               {"orca", "whole prompts join; memory is reserved for the longest output"}},
              {ContinuousOrder::sarathi, {"sarathi", "chunks of prompts beside decodes"}},
              {ContinuousOrder::no_evict,
               {"no_evict", "TensorRT-LLM: memory for the whole output is reserved"}}},
          {.name = "order", .fallback = "unified", .doc = "of continuous: who goes first"}),
      bound(&Batching::max_batch, {.name = "max_batch",
                                   .type = integer_type(1, kMost),
                                   .fallback = "256",
                                   .doc = "requests that run together, a data-parallel rank each"}),
      bound(&Batching::max_tokens, {.name = "max_tokens",
                                    .type = integer_type(1, kMostTokens),
                                    .fallback = "8192",
                                    .doc = "of continuous: tokens of one step"}),
      bound(&Batching::chunked_prefill,
            {.name = "chunked_prefill",
             .type = boolean_type(),
             .fallback = "true",
             .doc = "of continuous: prompts may be cut to fill a step"}),
      bound(
          &Batching::poll_steps,
          {.name = "poll_steps",
           .type = integer_type(1, kMost),
           .fallback = "1",
           .doc = "of continuous: new requests are looked for after so many steps of decodes, and "
                  "after each step with a prompt (SGLang's scheduler-recv-interval)"}),
      bound(&Batching::max_model_len,
            {.name = "max_model_len",
             .type = or_keyword(integer_type(1, kMostTokens), {{"auto", "the model's"}}),
             .fallback = "auto",
             .doc = "longest sequence, input and output; longer requests are rejected"}),
  };
}

std::vector<Field> dynamic_fields() {
  using strategies::DynamicBatcher;
  const Type sizes = list_type(integer_type(1, kMost));
  return {
      bound_choice(&Batching::batcher,
                   Words<DynamicBatcher>{
                       {DynamicBatcher::triton, {"triton", "NVIDIA Triton Inference Server"}},
                       {DynamicBatcher::tf_serving, {"tf_serving", "TensorFlow Serving"}}},
                   {.name = "batcher", .fallback = "triton", .doc = "of dynamic: whose rules"}),
      bound(&Batching::max_delay,
            {.name = "max_delay",
             .type = quantity_type(Dimension::time),
             .fallback = "0s",
             .doc = "of dynamic: a request waits at most so long for others (Triton's "
                    "max_queue_delay_microseconds, TensorFlow Serving's batch_timeout_micros)"}),
      bound(&Batching::preferred_sizes, {.name = "preferred_sizes",
                                         .type = sizes,
                                         .fallback = "[]",
                                         .doc = "of triton: sizes that leave at once"}),
      bound(&Batching::allowed_sizes, {.name = "allowed_sizes",
                                       .type = sizes,
                                       .fallback = "[]",
                                       .doc = "of tf_serving: a batch is padded to one of these"}),
      bound(&Batching::max_enqueued_batches,
            {.name = "max_enqueued_batches",
             .type = integer_type(0, kMost),
             .fallback = "0",
             .doc = "of tf_serving: a request beyond them is rejected; 0: no limit"}),
      bound(&Batching::large_batch_splitting,
            {.name = "large_batch_splitting",
             .type = boolean_type(),
             .fallback = "false",
             .doc = "of tf_serving: a query of more samples than max_batch is divided"}),
      bound(&Batching::instances, {.name = "instances",
                                   .type = integer_type(1, 1024),
                                   .fallback = "1",
                                   .doc = "of the model on a replica, sharing its GPU"}),
      bound(&Batching::preserve_ordering, {.name = "preserve_ordering",
                                           .type = boolean_type(),
                                           .fallback = "false",
                                           .doc = "of triton: answers in order of arrival"}),
      bound(&Batching::pad_to_longest,
            {.name = "pad_to_longest",
             .type = boolean_type(),
             .fallback = "false",
             .doc = "inputs of a batch are padded to the longest; else padding is removed"}),
      bound(&Batching::queue, {.name = "queue",
                               .type = structure_type(queue_structure),
                               .fallback = "{}",
                               .doc = "of none, static and dynamic: where requests wait"}),
  };
}

}  // namespace

const Structure& batching_structure() {
  static const Structure kTable = [] {
    Structure table{.name = "strategy.batching",
                    .doc =
                        "What runs together. Keys of another policy than the one chosen have no "
                        "effect, so that policies can be swept."};
    table.fields.push_back(policy_field());
    for (auto* fields : {continuous_fields, dynamic_fields}) {
      for (Field& field : fields()) table.fields.push_back(std::move(field));
    }
    return finished(std::move(table));
  }();
  return kTable;
}

const Structure& queue_structure() {
  using strategies::QueuePolicy;
  static const Structure kTable = finished(
      {.name = "strategy.batching.queue",
       .doc = "Triton's queue policy and priorities.",
       .fields = {
           bound(&QueuePolicy::size, {.name = "size",
                                      .type = integer_type(0, 1e9),
                                      .fallback = "0",
                                      .doc = "requests that may wait, more are rejected; 0: no "
                                             "limit"}),
           bound(&QueuePolicy::timeout, {.name = "timeout",
                                         .type = time_or_never("a request may wait for ever"),
                                         .fallback = "none",
                                         .doc = "of waiting"}),
           bound_by<QueuePolicy>(
               [](const Node& n, QueuePolicy& q) { q.timeout_delays = n.text == "delay"; },
               {.name = "timeout_action",
                .type = choice_type({{"reject", ""}, {"delay", "goes behind all others"}}),
                .fallback = "reject",
                .doc = "after the timeout"}),
           bound(&QueuePolicy::priority_levels, {.name = "priority_levels",
                                                 .type = integer_type(0, 1024),
                                                 .fallback = "0",
                                                 .doc = "queues by priority; 0: one"}),
           bound(&QueuePolicy::default_priority, {.name = "default_priority",
                                                  .type = integer_type(0, 1024),
                                                  .fallback = "0",
                                                  .doc = "of requests without one; 1 is the "
                                                         "highest"})}});
  return kTable;
}

const Structure& kv_structure() {
  using strategies::Preemption;
  static const Structure kTable = finished(
      {.name = "strategy.kv",
       .doc = "Blocks of keys and values in what memory leaves beside weights, activations, CUDA "
              "context and graphs.",
       .fields = {
           bound(&KvCache::block, {.name = "block",
                                   .type = integer_type(1, 65536),
                                   .fallback = "16",
                                   .doc = "tokens of a block"}),
           bound(&KvCache::memory_fraction,
                 {.name = "memory_fraction",
                  .type = number_type({.minimum = 0.01, .maximum = 1}),
                  .fallback = "0.9",
                  .doc = "of the GPU's memory that the engine may take (vLLM's "
                         "gpu_memory_utilization)"}),
           bound(&KvCache::blocks,
                 {.name = "blocks",
                  .type = or_keyword(integer_type(1, 1e9), {{"auto", "what memory leaves"}}),
                  .fallback = "auto",
                  .doc = "of a data-parallel rank, stated outright"}),
           bound(&KvCache::prefix_caching, {.name = "prefix_caching",
                                            .type = boolean_type(),
                                            .fallback = "true",
                                            .doc = "blocks of equal beginnings are shared"}),
           bound_choice(
               &KvCache::preemption,
               Words<Preemption>{
                   {Preemption::recompute, {"recompute", "blocks are freed, computed again"}},
                   {Preemption::swap, {"swap", "blocks go to host memory and back"}}},
               {.name = "preemption", .fallback = "recompute", .doc = "when blocks run out"}),
           bound(&KvCache::watermark,
                 {.name = "watermark",
                  .type = number_type({.minimum = 0, .maximum = 0.99}),
                  .fallback = "0",
                  .doc = "share of blocks kept free as a request is admitted"}),
           bound(&KvCache::host_memory,
                 {.name = "host_memory",
                  .type = quantity_type(Dimension::bytes),
                  .fallback = "0B",
                  .doc = "of a replica, for swapped and evicted blocks, over "
                         "PCIe or C2C"}),
           bound(&KvCache::warm,
                 {.name = "warm",
                  .type = boolean_type(),
                  .fallback = "false",
                  .doc = "shared prefixes are cached when the simulation starts"})}});
  return kTable;
}

}  // namespace windtunnel::scenarios
