#include "scenarios/steps/step_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/gpu_library.hpp"
#include "scenarios/steps/step_defaults.hpp"
#include "scenarios/steps/step_fit.hpp"
#include "scenarios/steps/step_software.hpp"
#include "scenarios/steps/step_stages.hpp"
#include "scenarios/steps/step_words.hpp"
#include "strategies/train/software_stack.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::TrainJob;
using strategies::TrainStrategy;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Adapters of NeMo's and Megatron-Bridge's fine-tuning recipes: one beside the fused matrix of query,
// key and value, counted as one beside its largest part.
models::FineTuning bridge_adapters() {
  return {.method = models::FineTuningMethod::lora,
          .rank = 8,
          .targets = {models::AdapterTarget::query}};
}

class JobMaker {
 public:
  JobMaker(const StepRow& row, const models::Model& model, std::vector<std::string>& inferred)
      : row_(row),
        model_(model),
        defaults_(step_defaults_of(software_of(row))),
        inferred_(inferred) {}

  TrainJob make() {
    if (!strategies::stack_of_text(row_.stack)) say("software", defaults_.software);
    workload();
    sizes();
    schedule();
    sharing();
    return std::move(job_);
  }

 private:
  void say(std::string_view what, std::string_view value) {
    inferred_.push_back(fmt::format("{}: {}", what, value));
  }

  void workload() {
    auto& w = job_.workload;
    w.sequence_length = row_.sequence_length.value_or(0);
    w.global_batch = row_.global_batch.value_or(1);
    const auto precision = precision_of_words(row_.precision);
    if (!precision) say("precision", "bf16");
    const models::NumberFormat asked = precision.value_or(models::NumberFormat::bf16);
    const auto gpu = models::gpu_named(gpu_of_words(row_.gpu));
    w.precision = gpu ? run_on(*gpu, asked) : asked;
    if (w.precision != asked)
      say("precision", fmt::format("{} ({} has no {})", models::to_text(w.precision), gpu->name,
                                   models::to_text(asked)));
    if (defaults_.precision) {
      w.precision = *defaults_.precision;
      say("precision", models::to_text(w.precision));
    }
    if (has(row_.notes, "task LoRA")) {
      w.fine_tuning = bridge_adapters();
      say("fine_tuning", "one lora of rank 8 a layer, on query, key and value");
    }
    w.optimizer =
        has(row_.optimizer, "sgd") ? strategies::Optimizer::sgd : strategies::Optimizer::adam;
  }

  // Megatron-Core splits the matrices of an expert as it splits the rest, unless told otherwise
  // (--expert-tensor-parallel-size), which recipes do where experts are narrower than the hidden
  // state. Ranks that do not suffice for it say that it was not so.
  std::int64_t expert_tensor() const {
    const auto* t = std::get_if<models::Transformer>(&model_.architecture);
    const std::int64_t tensor = row_.tensor.value_or(1), expert = row_.expert.value_or(1);
    if (t == nullptr || t->moe.experts == 0 || t->moe.ffn < t->hidden || tensor <= 1) return 1;
    if (!defaults_.split_experts || expert <= 1) return 1;
    const std::int64_t ranks = *row_.gpus / std::max<std::int64_t>(1, row_.pipeline.value_or(1));
    return ranks % (tensor * expert) == 0 ? tensor : 1;
  }

  void sizes() {
    auto& s = job_.strategy;
    s.sizes.tensor = std::max<std::int64_t>(1, row_.tensor.value_or(1));
    s.sizes.pipeline = std::max<std::int64_t>(1, row_.pipeline.value_or(1));
    s.sizes.context = std::max<std::int64_t>(1, row_.context.value_or(1));
    s.sizes.expert = std::max<std::int64_t>(1, row_.expert.value_or(1));
    s.sizes.expert_tensor = expert_tensor();
    s.data_auto = true;
    const std::int64_t data = data_ranks();
    if (row_.micro_batch) {
      s.micro_batch = std::max<std::int64_t>(1, *row_.micro_batch);
    } else if (s.sizes.pipeline > 1) {
      say("micro_batch", "1 (of a pipeline)");
    } else {
      s.micro_batch = std::max<std::int64_t>(1, job_.workload.global_batch / data / 4);
      while (job_.workload.global_batch % (data * s.micro_batch) != 0 && s.micro_batch > 1) {
        --s.micro_batch;
      }
      say("micro_batch", fmt::format("{}", s.micro_batch));
    }
    // A batch that does not divide (2043 of BLOOM's) loses its remainder, as the loader drops it.
    const std::int64_t unit = data * s.micro_batch;
    if (job_.workload.global_batch % unit != 0 && job_.workload.global_batch > unit) {
      job_.workload.global_batch -= job_.workload.global_batch % unit;
      say("global_batch", fmt::format("{} (whole micro-batches)", job_.workload.global_batch));
    }
  }

  // Of an interleaved schedule that does not say: as many as give every chunk a layer, evenly,
  // embedding and loss counted as one each where that is what divides.
  std::int64_t most_virtual_stages() const {
    const auto* t = std::get_if<models::Transformer>(&model_.architecture);
    const std::int64_t stages = std::max<std::int64_t>(1, row_.pipeline.value_or(1));
    if (t == nullptr) return 1;
    for (std::int64_t v = (t->layers + 2) / stages; v > 1; --v)
      if ((t->layers + 2) % (stages * v) == 0 || t->layers % (stages * v) == 0) return v;
    return 1;
  }

  std::int64_t data_ranks() const {
    const auto& sizes = job_.strategy.sizes;
    const std::int64_t others = sizes.tensor * sizes.pipeline * sizes.context;
    return std::max<std::int64_t>(1, *row_.gpus / others);
  }

  strategies::PipelineSchedule schedule_of() {
    using strategies::PipelineSchedule;
    const auto& s = job_.strategy;
    if (s.virtual_stages > 1) return PipelineSchedule::interleaved;
    const auto named = schedule_of_words(row_.schedule);
    if (!named || *named == PipelineSchedule::interleaved) return PipelineSchedule::one_f_one_b;
    const auto reason = strategies::pipeline_infeasible(
        {.schedule = *named,
         .stages = static_cast<std::int32_t>(s.sizes.pipeline),
         .micro_batches = static_cast<std::int32_t>(job_.workload.global_batch /
                                                    (data_ranks() * s.micro_batch))});
    if (!reason) return *named;
    say("schedule", "1f1b (" + *reason + ")");
    return PipelineSchedule::one_f_one_b;
  }

  void schedule() {
    auto& s = job_.strategy;
    s.virtual_stages = std::max<std::int64_t>(1, row_.virtual_stages.value_or(1));
    if (!row_.virtual_stages && has(row_.schedule, "interleav")) {
      s.virtual_stages = most_virtual_stages();
      say("virtual_stages", fmt::format("{}", s.virtual_stages));
    }
    if (s.sizes.pipeline == 1) s.virtual_stages = 1;
    s.schedule = schedule_of();
    if (row_.recompute == "full") {
      s.recompute = models::Recompute::full;
    } else if (row_.recompute == "selective") {
      s.recompute = models::Recompute::selective;
    } else if (row_.recompute != "none") {
      s.recompute = defaults_.recompute;
      say("recompute", defaults_.recompute_to_fit ? "none, or the least that fits" : "none");
    }
  }

  // Where tokens leave the NVLink domain, beside the other micro-batches of an interleaved schedule.
  bool overlaps_experts() const {
    const auto& s = job_.strategy;
    const auto* t = std::get_if<models::Transformer>(&model_.architecture);
    const bool hybrid = t != nullptr && t->scan.heads > 0;  // layers of one kind alone are paired
    if (s.sizes.expert <= 1 || hybrid) return false;
    // What this schedule is for: a forward and a backward pass hide each other's exchanges.
    if (s.schedule == strategies::PipelineSchedule::dualpipe) return true;
    const bool narrow = models::activation_bytes(job_.workload.precision) < 2.0;
    if (defaults_.overlap_expert_8bit && narrow) return true;
    const std::int64_t ranks = s.sizes.expert * s.sizes.expert_tensor;
    const bool beyond = ranks > row_.scale_up_size.value_or(8);
    return defaults_.overlap_expert && beyond && s.virtual_stages > 1;
  }

  void sharing() {
    auto& s = job_.strategy;
    s.zero =
        static_cast<strategies::ZeroLevel>(std::clamp<std::int64_t>(row_.zero.value_or(0), 0, 3));
    if (!row_.zero) say("zero", "0");
    // Gradients scattered after every micro-batch do not go with a pipeline: who says 2 there
    // scatters them once, at the end.
    if (s.zero == strategies::ZeroLevel::gradients && s.sizes.pipeline > 1) {
      s.zero = strategies::ZeroLevel::optimizer;
      say("zero", "1 (2 with a pipeline: gradients are scattered once)");
    }
    const bool tensor = s.sizes.tensor > 1;
    if (row_.sequence_parallel) {
      s.sequence_parallel = tensor && *row_.sequence_parallel > 0;
    } else {
      s.sequence_parallel = tensor && defaults_.sequence_parallel;
      if (tensor) say("sequence_parallel", s.sequence_parallel ? "true" : "false");
    }
    if (s.sizes.context > 1 && has(row_.notes, "CP via A2A")) {
      s.context_scheme = models::ContextScheme::all_to_all;
      say("context_scheme", "all_to_all");
    }
    s.software = defaults_.software;
    const bool bf16 = job_.workload.precision == models::NumberFormat::bf16;
    s.gradient_precision =
        bf16 ? defaults_.bf16_gradients.value_or(defaults_.gradients) : defaults_.gradients;
    const bool off = row_.overlap.starts_with("off");
    s.overlap = {.data = !off && defaults_.overlap_data,
                 .tensor = !off && (defaults_.overlap_tensor || has(row_.overlap, "AsyncTP")),
                 .pipeline = !off && defaults_.overlap_pipeline,
                 .expert = !off && overlaps_experts()};
    if (s.overlap.expert) say("overlap.expert", "true");
    if (row_.overlap.empty()) say("overlap", "as the software does");
    if (s.software == "fsdp-compiled" && has(row_.notes, "eager")) s.software = "fsdp-eager";
  }

  const StepRow& row_;
  const models::Model& model_;
  const StepDefaults& defaults_;
  std::vector<std::string>& inferred_;
  TrainJob job_;
};

// Megatron-Core can give embedding and loss chunks of their own, which is the only way to have up to
// two chunks more than layers (126 layers of Llama-3.1-405B over 16 x 8).
void place_ends(const models::Network& network, TrainJob& job, std::vector<std::string>& inferred) {
  TrainStrategy& s = job.strategy;
  const auto layers = static_cast<std::int64_t>(network.order.size()) - 2;
  const std::int64_t chunks = s.sizes.pipeline * s.virtual_stages;
  if (chunks <= layers || chunks > layers + 2) return;
  s.stage_layers.assign(static_cast<std::size_t>(chunks), 1);
  s.stage_layers.back() = 0;
  if (chunks == layers + 2) s.stage_layers.front() = 0;
  inferred.push_back("stage_layers: embedding and loss are chunks of their own");
}

// Layers where the row says that they are.
void place_stages(const StepRow& row, const models::Network& network, TrainJob& job,
                  std::vector<std::string>& inferred) {
  const auto layers = static_cast<std::int64_t>(network.order.size()) - 2;
  std::vector<std::int64_t> stated = stated_stage_layers(row, layers);
  if (stated.empty()) return;
  job.strategy.stage_layers = std::move(stated);
  inferred.push_back("stage_layers: as the notes say");
}

}  // namespace

StepTurning scenario_of(const StepRow& row) {
  if (has(row.model, "single layer")) return {std::nullopt, "the time of a layer, not of a step"};
  const auto gpu = models::gpu_named(gpu_of_words(row.gpu));
  if (!gpu) return {std::nullopt, no_gpu_called(row.gpu)};
  std::vector<std::string> inferred;
  if (gpu->name != row.gpu) inferred.push_back(fmt::format("gpu '{}': {}", row.gpu, gpu->name));
  auto model = model_of(row, inferred);
  if (!model) return {std::nullopt, fmt::format("nothing is known of the model '{}'", row.model)};
  base::Diagnostics diagnostics;
  auto cluster =
      validate(cluster_of(row, *gpu), {row.origin.file, row.origin.line, 1}, diagnostics);
  if (!cluster) return {std::nullopt, "no such cluster: " + diagnostics.to_text()};
  TrainJob job = JobMaker(row, *model, inferred).make();
  auto network = std::make_shared<const models::Network>(models::build_network(*model));
  place_ends(*network, job, inferred);
  place_stages(row, *network, job, inferred);
  StepScenario scenario{std::make_shared<const models::Model>(*std::move(model)),
                        std::move(network), *std::move(cluster), std::move(job),
                        std::move(inferred)};
  fit_memory(row, scenario);
  return {std::move(scenario), ""};
}

}  // namespace windtunnel::scenarios
