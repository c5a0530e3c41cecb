#include "strategies/serve/engine_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/networks/counts.hpp"
#include "strategies/serve/step/engine_memory.hpp"
#include "strategies/serve/step/engine_stack.hpp"
#include "strategies/serve/step/llm_step_time.hpp"

namespace windtunnel::strategies {
namespace {

using models::NumberFormat;

double mean_of(const Lengths& lengths) {
  struct Mean {
    double operator()(const ConstantLength& l) const { return static_cast<double>(l.tokens); }
    double operator()(const NormalLength& l) const { return l.mean; }
    double operator()(const LognormalLength& l) const {
      return l.median * std::exp(l.sigma * l.sigma / 2.0);
    }
    double operator()(const UniformLength& l) const {
      return static_cast<double>(l.min + l.max) / 2.0;
    }
    double operator()(const EmpiricalLength& l) const {
      double sum = 0, weight = 0;
      for (const auto& [tokens, w] : l.weights) {
        sum += static_cast<double>(tokens) * w;
        weight += w;
      }
      return weight > 0 ? sum / weight : 1.0;
    }
  };
  return std::visit(Mean{}, lengths);
}

std::int64_t typical_length(const ServeWorkload& workload) {
  double sum = mean_of(workload.input) + mean_of(workload.output);
  if (workload.trace && !workload.trace->empty()) {
    sum = 0;
    for (const Request& request : *workload.trace)
      sum += static_cast<double>(request.input_tokens + request.output_tokens);
    sum /= static_cast<double>(workload.trace->size());
  }
  return std::max<std::int64_t>(1, std::llround(std::min(sum, 1e9)));
}

const models::Transformer* decoder(const models::Model& model) {
  const auto* t = std::get_if<models::Transformer>(&model.architecture);
  return t != nullptr && t->role == models::TransformerRole::decoder ? t : nullptr;
}

std::string structure(const ServeStrategy& s, const models::Transformer& t, std::int64_t tensor) {
  if (t.heads % tensor != 0)
    return fmt::format("tensor is {}, which does not divide the {} attention heads", tensor,
                       t.heads);
  if (s.pipeline > t.layers)
    return fmt::format("pipeline is {}, more than the {} layers", s.pipeline, t.layers);
  if (s.expert > 1 && t.moe.experts == 0)
    return fmt::format("expert is {}, and the model has no experts", s.expert);
  if (s.expert > 1 && (tensor * s.data) % s.expert != 0)
    return fmt::format("expert is {}, which does not divide tensor x data = {}", s.expert,
                       tensor * s.data);
  if (s.expert > 1 && s.expert > t.moe.experts)
    return fmt::format("expert is {}, more than the {} experts", s.expert, t.moe.experts);
  if (s.pruning.layers_removed >= t.layers)
    return fmt::format("pruning.layers_removed is {}, and the model has {} layers",
                       s.pruning.layers_removed, t.layers);
  return "";
}

models::Formats formats(const ServeStrategy& s) {
  models::Formats out;
  out.linear = s.precision;
  out.experts = s.precision;
  out.kv_cache = s.kv_precision;
  if (s.precision == NumberFormat::fp32 || s.precision == NumberFormat::tf32) {
    out.attention = out.head = s.precision;
  }
  return out;
}

std::string too_big(const EngineMemory& memory, const sim::Gpu& gpu) {
  const auto gib = [](base::Bytes bytes) { return bytes.value() / 1073741824.0; };
  return fmt::format(
      "does not fit: weights {:.1f} GiB, activations {:.1f} GiB, context and buffers {:.1f} GiB of "
      "the {:.1f} GiB that an engine may use on a {}; nothing is left for the KV cache (more "
      "tensor "
      "or pipeline ranks, a narrower precision or a smaller max_tokens would help)",
      gib(memory.weights), gib(memory.activation_peak),
      gib(memory.context + memory.graphs + memory.communication), gib(memory.capacity), gpu.name);
}

}  // namespace

EnginePlanning make_engine_plan(const ServeJob& job, const ServeSubject& subject,
                                const ServeSite& site, EngineRole role) {
  const ServeStrategy& s = job.strategy;
  const models::Transformer* t = decoder(subject.model);
  if (t == nullptr) return {std::nullopt, "the model is no decoder and makes no tokens", {}};
  std::int64_t tensor = s.tensor;
  if (role == EngineRole::prefill && s.disaggregate.prefill_tensor > 0)
    tensor = s.disaggregate.prefill_tensor;
  if (role == EngineRole::decode && s.disaggregate.decode_tensor > 0)
    tensor = s.disaggregate.decode_tensor;
  if (std::string why = structure(s, *t, tensor); !why.empty())
    return {std::nullopt, std::move(why), {}};

  EnginePlan plan;
  const EngineStack stack = engine_stack_of(s.software.empty() ? site.kernels.name() : s.software);
  const sim::Gpu& gpu = site.cluster->node.gpu;
  const models::Layout layout{
      .tensor = tensor,
      .expert = s.expert,
      .expert_tensor = std::max<std::int64_t>(1, tensor * s.data / s.expert)};
  EngineShape shape{.layout = layout,
                    .stages = s.pipeline,
                    .data_ranks = s.data,
                    .typical_length = typical_length(job.workload)};
  shape.kept_layers = 1.0 - static_cast<double>(s.pruning.layers_removed) /
                                static_cast<double>(std::max<std::int64_t>(1, t->layers));
  // 2:4: half of the values and two bits of place for each (NVIDIA A100 whitepaper): 9/16.
  if (s.pruning.two_four) shape.weight_share = 9.0 / 16.0;
  plan.role = role;
  plan.gpu = gpu.name;
  plan.data_ranks = s.data;
  plan.stages = s.pipeline;
  plan.gpus = tensor * s.pipeline * s.data;
  plan.memory = engine_memory(subject.network, shape, s, gpu, stack);
  plan.kv_request_token =
      plan.memory.kv_token * static_cast<double>(tensor) * static_cast<double>(s.pipeline);
  plan.max_model_len = s.batching.max_model_len > 0 ? s.batching.max_model_len : 0;
  plan.software = stack.name;
  LlmEngine engine{.formats = formats(s),
                   .layout = layout,
                   .expert_skew = s.expert_skew,
                   .stages = s.pipeline,
                   .data_ranks = s.data,
                   .gpus_per_node = site.cluster->node.gpus,
                   .kept_layers = shape.kept_layers,
                   // Sparse tensor cores double the rate; kernels reach about 1.6 (cuSPARSELt).
                   .linear_speedup = s.pruning.two_four ? 1.6 : 1.0,
                   .stack = stack};
  plan.steps = std::make_shared<LlmStepTime>(subject.network, site, std::move(engine));
  EnginePlanning out{std::move(plan), "", {}};
  if (out.plan->memory.blocks == 0) out.infeasible = too_big(out.plan->memory, gpu);
  return out;
}

}  // namespace windtunnel::strategies
