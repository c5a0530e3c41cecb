#include <fmt/format.h>
#include <fmt/ranges.h>

#include <variant>

#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/step/engine_layout.hpp"
#include "strategies/serve/step/engine_memory.hpp"
#include "strategies/serve/step/engine_stack.hpp"
#include "strategies/serve/step/llm_step_time.hpp"
#include "strategies/serve/step/serve_formats.hpp"

namespace windtunnel::strategies {
namespace {

// The GPU an engine runs on and who knows its kernels.
struct Device {
  sim::Gpu gpu;
  const models::KernelTimeModel* kernels = nullptr;
  std::shared_ptr<const models::KernelTimeModel> keep{};
};

struct Draft {
  std::shared_ptr<const models::Model> model;
  std::shared_ptr<const models::Network> network;
  EngineLayout layout;
};

struct Parts {
  std::shared_ptr<const models::Network> network;
  EngineLayout layout;
  EngineStack stack;
  RankOptions rank;
  std::optional<Draft> draft{};
};

std::string known_stacks() {
  std::vector<std::string> names;
  for (const EngineStack& stack : engine_stacks()) names.push_back(stack.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// "vllm 0.19.0" and the profile "rtx-4090-vllm-0.19.0".
bool of_this_release(const std::string& software, const std::string& profile) {
  const std::size_t space = software.rfind(' ');
  return space != std::string::npos && profile.ends_with("-" + software.substr(space + 1));
}

LlmStepOptions step_options(const Parts& parts, const Device& device, const ServeSite& site) {
  return {.network = parts.network,
          .cluster = site.cluster,
          .kernels = *device.kernels,
          .links = site.links,
          .gpu = device.gpu,
          .stack = parts.stack,
          .layout = parts.layout,
          .rank = parts.rank,
          .keep = device.keep};
}

std::shared_ptr<StepTimeModel> steps_of(const ServeJob& job, const Parts& parts,
                                        const Device& device, const ServeSite& site) {
  LlmStepOptions options = step_options(parts, device, site);
  const Speculation& speculation = job.strategy.speculative;
  if (of_this_release(job.strategy.software, device.kernels->name()))
    options.tables = LlmStepOptions::Tables::of_this_release;
  options.draft_tokens = speculation.tokens;
  options.draft_time = speculation.draft_time;
  if (parts.draft) {
    Parts small = parts;
    small.network = parts.draft->network;
    small.layout = parts.draft->layout;
    small.rank.sparsity = Sparsity::dense;
    options.draft = std::make_shared<LlmStepTime>(step_options(small, device, site));
  }
  return std::make_shared<LlmStepTime>(std::move(options));
}

// Empty, or why the named draft model cannot be used.
std::string add_draft(const ServeJob& job, const ServeSite& site, Parts& parts) {
  const Speculation& speculation = job.strategy.speculative;
  if (speculation.tokens <= 0 || speculation.draft.empty()) return {};
  Draft draft;
  if (site.model_of) draft.model = site.model_of(speculation.draft);
  if (!draft.model) return fmt::format("there is no model {} to draft with", speculation.draft);
  if (!std::holds_alternative<models::Transformer>(draft.model->architecture)) {
    return fmt::format("{} cannot draft: it is no transformer", speculation.draft);
  }
  draft.network = std::make_shared<models::Network>(models::build_network(*draft.model));
  draft.layout = draft_layout(parts.layout, {*draft.model, *draft.network});
  parts.draft = std::move(draft);
  return {};
}

EnginePlanning plan_on(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                       const Device& device, const EngineSizes& sizes) {
  EnginePlanning planning;
  const auto* transformer = std::get_if<models::Transformer>(&subject.model.architecture);
  if (transformer == nullptr || transformer->role != models::TransformerRole::decoder) {
    planning.infeasible = fmt::format("{} is no decoder and makes no tokens", subject.model.name);
    return planning;
  }
  if (job.strategy.beams > 1 && job.strategy.speculative.tokens > 0) {
    planning.infeasible = "beams and speculative decoding exclude each other";
    return planning;
  }
  const auto stack = engine_stack_for(job.strategy.software, device.kernels->name());
  if (!stack) {
    planning.infeasible = fmt::format("no serving engine is called {}; known are {}",
                                      job.strategy.software, known_stacks());
    return planning;
  }
  LayoutAnswer layout =
      lay_out_engine(sizes, subject, site.cluster, job.strategy.pruning.layers_removed);
  planning.infeasible = layout.infeasible;
  if (!layout.layout) return planning;
  Parts parts{.network = std::make_shared<models::Network>(subject.network),
              .layout = std::move(*layout.layout),
              .stack = on_host_of(*stack, device.gpu),
              .rank = rank_options(job.strategy)};
  if (transformer->moe.experts > 0) parts.rank.formats = with_experts_alone(parts.rank.formats);
  // On the latent the products beside attention stay at 16 bits, and so does it.
  if (stack->eight_bit_attention && transformer->mla.kv_lora == 0) {
    parts.rank.formats = with_narrow_attention(parts.rank.formats);
  }
  planning.infeasible = add_draft(job, site, parts);
  if (!planning.infeasible.empty()) return planning;
  const MemoryAnswer memory =
      engine_memory({.job = job,
                     .network = *parts.network,
                     .layout = parts.layout,
                     .stack = parts.stack,
                     .gpu = device.gpu,
                     .rank = parts.rank,
                     .draft = parts.draft ? parts.draft->network.get() : nullptr,
                     .draft_layout = parts.draft ? &parts.draft->layout : nullptr});
  planning.infeasible = memory.infeasible;
  EnginePlan plan{.gpu = device.gpu.name,
                  .gpus = parts.layout.gpus(),
                  .data_ranks = sizes.data,
                  .stages = sizes.pipeline,
                  .steps = steps_of(job, parts, device, site),
                  .memory = memory.memory,
                  .kv_request_token = memory.kv_request_token,
                  .max_model_len = job.strategy.batching.max_model_len > 0
                                       ? job.strategy.batching.max_model_len
                                       : subject.network.max_positions,
                  .request_time = parts.stack.request,
                  .prompt_token_time = parts.stack.request_token,
                  .plans_ahead = parts.stack.overlap == HostOverlap::next_step,
                  .host_bandwidth = device.gpu.pcie_bandwidth,
                  .software = stack->name};
  plan.notes = plan.steps->notes();
  planning.warnings = rank_warnings(job.strategy);
  planning.plan = std::move(plan);
  return planning;
}

}  // namespace

EnginePlanning make_engine_plan(const ServeJob& job, const ServeSubject& subject,
                                const ServeSite& site, EngineRole role) {
  const Device device{.gpu = site.cluster->node.gpu, .kernels = &site.kernels};
  EnginePlanning planning = plan_on(job, subject, site, device, engine_sizes(job, role));
  if (planning.plan) planning.plan->role = role;
  return planning;
}

EnginePlanning make_pool_plan(const ServeJob& job, const ServeSubject& subject,
                              const ServeSite& site, const Pool& pool) {
  EnginePlanning planning;
  Device device;
  bool found = false;
  for (int node = 0; node < site.cluster->nodes && !found; ++node) {
    device.gpu = site.cluster.node_at(node).gpu;
    found = device.gpu.name == pool.gpu;
  }
  if (!found) {
    planning.infeasible = fmt::format("the cluster has no node of {}", pool.gpu);
    return planning;
  }
  if (site.kernels_of) device.keep = site.kernels_of(pool.gpu);
  if (!device.keep) {
    planning.infeasible = fmt::format("nothing knows the kernels of {}", pool.gpu);
    return planning;
  }
  device.kernels = device.keep.get();
  EngineSizes sizes = engine_sizes(job, EngineRole::both);
  if (pool.tensor > 0) sizes.tensor = pool.tensor;
  return plan_on(job, subject, site, device, sizes);
}

}  // namespace windtunnel::strategies
