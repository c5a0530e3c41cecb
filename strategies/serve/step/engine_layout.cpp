#include "strategies/serve/step/engine_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <variant>

namespace windtunnel::strategies {
namespace {

using models::BlockRole;

const models::Transformer* transformer_of(const ServeSubject& subject) {
  return std::get_if<models::Transformer>(&subject.model.architecture);
}

std::string check_sizes(const EngineSizes& s, const ServeSubject& subject, std::int64_t layers) {
  const models::Transformer& t = *transformer_of(subject);
  if (s.tensor < 1 || s.pipeline < 1 || s.data < 1 || s.expert < 1) {
    return "tensor, pipeline, data and expert must be at least 1";
  }
  if (t.heads > 0 && t.heads % s.tensor != 0) {
    return fmt::format("{} attention heads cannot be split over tensor {}", t.heads, s.tensor);
  }
  const std::int64_t kv = t.mla.kv_lora > 0 ? 0 : t.kv_heads;
  if (kv > 0 && std::max(kv, s.tensor) % std::min(kv, s.tensor) != 0) {
    return fmt::format("{} key/value heads cannot be split over, or repeated on, tensor {}", kv,
                       s.tensor);
  }
  if (s.pipeline > layers) {
    return fmt::format("{} layers cannot fill pipeline {}", layers, s.pipeline);
  }
  if (s.expert == 1) return {};
  if (t.moe.experts == 0) {
    return fmt::format("expert {} asks for experts, which {} has not", s.expert,
                       subject.model.name);
  }
  if ((s.tensor * s.data) % s.expert != 0) {
    return fmt::format("expert {} does not divide tensor {} x data {}", s.expert, s.tensor, s.data);
  }
  if (s.expert > t.moe.experts) {
    return fmt::format("{} experts cannot fill expert {}", t.moe.experts, s.expert);
  }
  return {};
}

// Indices of the network's layers in order, less those taken out.
std::vector<std::size_t> layers_left(const models::Network& network, std::int64_t removed) {
  std::vector<std::size_t> layers;
  for (const std::size_t index : network.order) {
    const BlockRole role = network.blocks[index].role;
    const bool prediction = network.blocks[index].name == "multi-token prediction";
    if (role == BlockRole::layer && !prediction) layers.push_back(index);
  }
  const auto count = static_cast<std::int64_t>(layers.size());
  const std::int64_t taken = std::clamp<std::int64_t>(removed, 0, count);
  const std::int64_t end = std::max<std::int64_t>(taken, count - 1);
  layers.erase(layers.begin() + (end - taken), layers.begin() + end);
  return layers;
}

void count_block(std::size_t index, StageBlocks& stage) {
  const auto same = std::find_if(stage.blocks.begin(), stage.blocks.end(),
                                 [&](const BlockCount& b) { return b.block == index; });
  if (same != stage.blocks.end()) {
    ++same->count;
  } else {
    stage.blocks.push_back({index, 1});
  }
}

std::vector<StageBlocks> stages_of(const models::Network& network,
                                   const std::vector<std::size_t>& layers, std::int64_t pipeline) {
  std::vector<StageBlocks> stages(static_cast<std::size_t>(pipeline));
  const auto count = static_cast<std::int64_t>(layers.size());
  std::int64_t next = 0;
  for (std::int64_t s = 0; s < pipeline; ++s) {
    const std::int64_t own = count / pipeline + (s < count % pipeline ? 1 : 0);
    for (std::int64_t i = 0; i < own; ++i) {
      count_block(layers[static_cast<std::size_t>(next++)], stages[static_cast<std::size_t>(s)]);
    }
  }
  for (const std::size_t index : network.order) {
    if (network.blocks[index].role == BlockRole::embedding) count_block(index, stages.front());
    if (network.blocks[index].role == BlockRole::head) count_block(index, stages.back());
  }
  return stages;
}

// `ranks` neighbouring GPUs; every group of the engine works at the same time.
GroupShape group_of(std::int64_t ranks, std::int64_t gpus_per_node) {
  const std::int64_t inside = std::min(ranks, gpus_per_node);
  return {.ranks = ranks,
          .nodes = (ranks + gpus_per_node - 1) / gpus_per_node,
          .gpus_per_node = inside,
          .groups_per_node = std::max<std::int64_t>(1, gpus_per_node / inside)};
}

}  // namespace

EngineSizes engine_sizes(const ServeJob& job, EngineRole role) {
  const ServeStrategy& s = job.strategy;
  EngineSizes sizes{.tensor = s.tensor, .pipeline = s.pipeline, .data = s.data, .expert = s.expert};
  const Disaggregation& d = s.disaggregate;
  if (role == EngineRole::prefill && d.prefill_tensor > 0) sizes.tensor = d.prefill_tensor;
  if (role == EngineRole::decode && d.decode_tensor > 0) sizes.tensor = d.decode_tensor;
  return sizes;
}

LayoutAnswer lay_out_engine(const EngineSizes& sizes, const ServeSubject& subject,
                            const sim::ValidCluster& cluster, std::int64_t removed) {
  LayoutAnswer answer;
  const std::vector<std::size_t> layers = layers_left(subject.network, removed);
  if (layers.empty()) {
    answer.infeasible = fmt::format("pruning removes all layers of {}", subject.model.name);
    return answer;
  }
  answer.infeasible = check_sizes(sizes, subject, static_cast<std::int64_t>(layers.size()));
  if (!answer.infeasible.empty()) return answer;
  const std::int64_t gpus = sizes.tensor * sizes.data * sizes.pipeline;
  if (gpus > cluster->gpu_count()) {
    answer.infeasible = fmt::format(
        "an engine of tensor {} x data {} x pipeline {} needs {} GPUs; the cluster has {}",
        sizes.tensor, sizes.data, sizes.pipeline, gpus, cluster->gpu_count());
    return answer;
  }
  const std::int64_t per_node = std::max(1, cluster->node.gpus);
  EngineLayout layout;
  layout.ranks = {.tensor = sizes.tensor,
                  .expert = sizes.expert,
                  .expert_tensor = sizes.tensor * sizes.data / sizes.expert};
  layout.data = sizes.data;
  layout.stages = stages_of(subject.network, layers, sizes.pipeline);
  layout.tensor = group_of(sizes.tensor, per_node);
  layout.experts = group_of(sizes.tensor * sizes.data, per_node);
  layout.hop_between_nodes = gpus > per_node;
  answer.layout = std::move(layout);
  return answer;
}

EngineLayout draft_layout(const EngineLayout& target, const ServeSubject& draft) {
  const models::Transformer& t = *transformer_of(draft);
  const std::int64_t kv = t.mla.kv_lora > 0 ? t.heads : std::max<std::int64_t>(1, t.kv_heads);
  std::int64_t tensor = target.ranks.tensor;
  const auto fits = [&](std::int64_t n) {
    return t.heads % n == 0 && std::max(kv, n) % std::min(kv, n) == 0;
  };
  while (tensor > 1 && !fits(tensor)) tensor /= 2;
  EngineLayout layout;
  layout.ranks = {.tensor = tensor, .expert_tensor = tensor};
  layout.stages = stages_of(draft.network, layers_left(draft.network, 0), 1);
  layout.tensor = group_of(tensor, std::max<std::int64_t>(1, target.tensor.gpus_per_node));
  layout.experts = layout.tensor;
  return layout;
}

}  // namespace windtunnel::strategies
