// Table of `workload.kind: train`.
#include <array>

#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "strategies/train/job.hpp"

namespace windtunnel::scenarios {
namespace {

using base::Dimension;
using models::NumberFormat;
using strategies::Checkpointing;
using strategies::DataLoading;
using strategies::Optimizer;
using strategies::Packing;
using strategies::TrainWorkload;

Words<NumberFormat> precision_words() {
  return {{NumberFormat::fp32, {"fp32", ""}},
          {NumberFormat::tf32, {"tf32", "fp32 with products on tensor cores"}},
          {NumberFormat::fp16, {"fp16", "with loss scaling"}},
          {NumberFormat::bf16, {"bf16", ""}},
          {NumberFormat::fp8, {"fp8", "linear layers in E4M3, one scale a tensor"}},
          {NumberFormat::mxfp8, {"mxfp8", "linear layers, one scale per 32 elements"}},
          {NumberFormat::nvfp4, {"nvfp4", "linear layers, one scale per 16 elements"}},
          {NumberFormat::int8, {"int8", ""}}};
}

Field targets_field() {
  using models::AdapterTarget;
  constexpr std::array kTargets{AdapterTarget::query,  AdapterTarget::key,  AdapterTarget::value,
                                AdapterTarget::output, AdapterTarget::gate, AdapterTarget::up,
                                AdapterTarget::down};
  std::vector<Choice> words;
  for (const AdapterTarget target : kTargets) {
    words.push_back({std::string(models::to_text(target)), ""});
  }
  return bound_by<models::FineTuning>(
      [kTargets](const Node& node, models::FineTuning& out) {
        out.targets.clear();
        for (const Node& item : node.items) {
          for (const AdapterTarget target : kTargets) {
            if (models::to_text(target) == item.text) out.targets.push_back(target);
          }
        }
      },
      {.name = "targets",
       .type = list_type(choice_type(std::move(words)), 1),
       .fallback = "[query, value]",
       .doc = "matrices of each layer that get adapters (method lora)"});
}

Field interval_field() {
  return bound_by<Checkpointing>(
      [](const Node& node, Checkpointing& out) {
        out.best_interval = node.text == "auto";
        if (!out.best_interval) out.interval = checked_integer(node);
      },
      {.name = "interval",
       .type = or_keyword(integer_type(0), {{"auto", "the best for cluster.failures"}}),
       .fallback = "0",
       .doc = "steps from one to the next; 0: never"});
}

std::vector<Field> workload_fields() {
  return {
      {.name = "kind",
       .type = choice_type({{"train", "iterations of training"}}),
       .required = true,
       .doc = "what runs on the cluster"},
      bound(&TrainWorkload::sequence_length,
            {.name = "sequence_length",
             .type = or_keyword(integer_type(1, 16777216), {{"auto", "the model's own"}}),
             .fallback = "auto",
             .doc = "tokens of a sequence; of an encoder-decoder model those of its decoder"}),
      bound(&TrainWorkload::encoder_length,
            {.name = "encoder_length",
             .type = or_keyword(integer_type(1, 16777216), {{"auto", "as sequence_length"}}),
             .fallback = "auto",
             .doc = "encoder-decoder models: tokens of a source"}),
      bound(&TrainWorkload::global_batch, {.name = "global_batch",
                                           .type = integer_type(1),
                                           .required = true,
                                           .doc = "sequences (images) of one step over all GPUs"}),
      bound_choice(&TrainWorkload::precision, precision_words(),
                   {.name = "precision", .fallback = "bf16", .doc = "of the products"}),
      bound_choice(&TrainWorkload::optimizer,
                   Words<Optimizer>{{Optimizer::sgd, {"sgd", ""}},
                                    {Optimizer::momentum, {"momentum", ""}},
                                    {Optimizer::adam, {"adam", ""}},
                                    {Optimizer::adamw, {"adamw", ""}},
                                    {Optimizer::lamb, {"lamb", ""}},
                                    {Optimizer::lars, {"lars", ""}},
                                    {Optimizer::adafactor, {"adafactor", ""}}},
                   {.name = "optimizer", .fallback = "adamw", .doc = "decides states and step"}),
      bound(&TrainWorkload::data_loading, {.name = "data_loading",
                                           .type = structure_type(data_loading_structure),
                                           .fallback = "{}",
                                           .doc = "where samples come from"}),
      bound(&TrainWorkload::checkpointing, {.name = "checkpointing",
                                            .type = structure_type(checkpointing_structure),
                                            .fallback = "{}",
                                            .doc = "saving the state"}),
      bound(&TrainWorkload::total_tokens,
            {.name = "total_tokens",
             .type = integer_type(0, 1e15),
             .fallback = "0",
             .doc = "of the whole training, for the fact `days_to_tokens`; 0: not asked"}),
      bound_by<TrainWorkload>(
          [](const Node& node, TrainWorkload& out) { out.lengths = lengths_from(node); },
          {.name = "lengths",
           .type = structure_type(length_structure),
           .doc = "tokens of the samples, drawn anew for each step; those longer than "
                  "sequence_length are cut. Left out: every sample fills its row"}),
      bound_choice(&TrainWorkload::packing,
                   Words<Packing>{
                       {Packing::padded, {"padded", "a sample a row, padded to sequence_length"}},
                       {Packing::longest, {"longest", "padded to the longest of the micro-batch"}},
                       {Packing::bucketed,
                        {"bucketed",
                         "as longest, samples of alike length in a micro-batch and at one time"}},
                       {Packing::packed,
                        {"packed",
                         "samples fill rows of sequence_length, each attends to itself alone; "
                         "global_batch and micro_batch count rows"}}},
                   {.name = "packing",
                    .fallback = "padded",
                    .doc = "how samples of different lengths become rows"}),
      bound(&TrainWorkload::filled,
            {.name = "filled",
             .type = number_type({.minimum = 0.001, .maximum = 1}),
             .fallback = "1",
             .doc = "mean length over padded length where no `lengths` are given: tokens that "
                    "count"}),
      bound(&TrainWorkload::fine_tuning, {.name = "fine_tuning",
                                          .type = structure_type(fine_tuning_structure),
                                          .fallback = "{}",
                                          .doc = "which weights are trained"}),
  };
}

}  // namespace

const Structure& train_structure() {
  static const Structure kTable = finished({.name = "workload (train)",
                                            .doc = "Kind `train`: one iteration of training.",
                                            .fields = workload_fields(),
                                            .selected_kind = "train"});
  return kTable;
}

const Structure& fine_tuning_structure() {
  using models::BaseFormat;
  using models::FineTuning;
  using models::FineTuningMethod;
  static const Structure kTable = finished(
      {.name = "workload.fine_tuning",
       .doc = "What is trained. Model FLOPs count what that needs: frozen matrices 2 x forward, "
              "layers without a backward pass 1 x.",
       .fields = {
           bound_choice(
               &FineTuning::method,
               Words<FineTuningMethod>{
                   {FineTuningMethod::full, {"full", "everything"}},
                   {FineTuningMethod::lora, {"lora", "low-rank adapters beside frozen matrices"}},
                   {FineTuningMethod::last_layers,
                    {"last_layers", "the last `layers` and the head; all before is frozen"}}},
               {.name = "method", .fallback = "full", .doc = "which weights have gradients"}),
           bound(&FineTuning::rank, {.name = "rank",
                                     .type = integer_type(1, 65536),
                                     .fallback = "16",
                                     .doc = "of the adapters (method lora)"}),
           targets_field(),
           bound(&FineTuning::layers, {.name = "layers",
                                       .type = integer_type(0, 4096),
                                       .fallback = "0",
                                       .doc = "the last ones, trained or with adapters; 0: all"}),
           bound_choice(
               &FineTuning::base,
               Words<BaseFormat>{
                   {BaseFormat::same, {"same", "as the training stores weights"}},
                   {BaseFormat::int8, {"int8", "1 byte a weight"}},
                   {BaseFormat::nf4, {"nf4", "4.127 bits a weight, as QLoRA stores them"}}},
               {.name = "base",
                .fallback = "same",
                .doc = "format of the frozen matrices of layers, dequantized before each use"}),
       }});
  return kTable;
}

const Structure& data_loading_structure() {
  static const Structure kTable = finished(
      {.name = "workload.data_loading",
       .doc = "A node reads and prepares the samples of its GPUs.",
       .fields = {
           bound(&DataLoading::sample_bytes,
                 {.name = "sample_bytes",
                  .type = or_keyword(quantity_type(Dimension::bytes),
                                     {{"auto", "4 bytes a token, 110 kB an image"}}),
                  .fallback = "auto",
                  .doc = "of one sample in storage"}),
           bound(&DataLoading::storage_bandwidth,
                 {.name = "storage_bandwidth",
                  .type = or_keyword(quantity_type(Dimension::bandwidth,
                                                   {.minimum = 0, .exclusive_minimum = true}),
                                     {{"unlimited", ""}}),
                  .fallback = "unlimited",
                  .doc = "that a node reads with"}),
           bound(&DataLoading::sample_time, {.name = "sample_time",
                                             .type = quantity_type(Dimension::time),
                                             .fallback = "0s",
                                             .doc = "one worker needs to prepare one sample"}),
           bound(&DataLoading::workers, {.name = "workers",
                                         .type = integer_type(1, 4096),
                                         .fallback = "8",
                                         .doc = "of a node"}),
           bound(&DataLoading::prefetch,
                 {.name = "prefetch",
                  .type = integer_type(0, 1024),
                  .fallback = "2",
                  .doc = "batches made ready ahead; 0: loading and step take turns"})}});
  return kTable;
}

const Structure& checkpointing_structure() {
  static const Structure kTable =
      finished({.name = "workload.checkpointing",
                .doc = "Weights, master copy and optimizer states go to storage.",
                .fields = {interval_field(),
                           bound(&Checkpointing::bandwidth,
                                 {.name = "bandwidth",
                                  .type = quantity_type(Dimension::bandwidth,
                                                        {.minimum = 0, .exclusive_minimum = true}),
                                  .fallback = "100GB/s",
                                  .doc = "of the storage, all nodes together"}),
                           bound(&Checkpointing::asynchronous,
                                 {.name = "asynchronous",
                                  .type = boolean_type(),
                                  .fallback = "false",
                                  .doc = "only the copy to host memory stops the step"})}});
  return kTable;
}

}  // namespace windtunnel::scenarios
