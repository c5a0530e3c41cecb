#include "scenarios/train_inert.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <variant>

#include "scenarios/document/write.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::TrainJob;

struct TrainKeyRule {
  std::string_view path;
  std::string_view idle;  // its default
  bool (*acts)(const TrainJob& job, const models::Model& model);
  std::string_view otherwise;  // what there is instead, and what the key is of
};

bool adapters(const TrainJob& job, const models::Model&) {
  return job.workload.fine_tuning.method == models::FineTuningMethod::lora;
}
bool fine_tuned(const TrainJob& job, const models::Model&) {
  return job.workload.fine_tuning.method != models::FineTuningMethod::full;
}
bool sequence_shared(const TrainJob& job, const models::Model&) {
  return job.strategy.sizes.context > 1;
}
bool has_experts(const TrainJob&, const models::Model& model) {
  const auto* transformer = std::get_if<models::Transformer>(&model.architecture);
  return transformer != nullptr && transformer->moe.experts > 0;
}
bool recomputes(const TrainJob& job, const models::Model&) {
  return job.strategy.recompute != models::Recompute::none;
}
bool offloads(const TrainJob& job, const models::Model&) {
  return job.strategy.offload_activations != strategies::OffloadTarget::none;
}
bool saves(const TrainJob& job, const models::Model&) {
  return job.workload.checkpointing.interval > 0 || job.workload.checkpointing.best_interval;
}

constexpr std::string_view kNoAdapters = "without method lora: it is of adapters";
constexpr std::string_view kNotSaved =
    "without workload.checkpointing.interval: nothing is saved (auto: the best for "
    "cluster.failures)";

constexpr std::array kRules{
    TrainKeyRule{"workload.fine_tuning.rank", "16", adapters, kNoAdapters},
    TrainKeyRule{"workload.fine_tuning.targets", "[query, value]", adapters, kNoAdapters},
    TrainKeyRule{"workload.fine_tuning.layers", "0", fine_tuned,
                 "with method full: all layers are trained"},
    TrainKeyRule{"workload.fine_tuning.base", "same", fine_tuned,
                 "with method full: nothing is frozen"},
    TrainKeyRule{"workload.checkpointing.bandwidth", "100GB/s", saves, kNotSaved},
    TrainKeyRule{"workload.checkpointing.asynchronous", "false", saves, kNotSaved},
    TrainKeyRule{"strategy.context_scheme", "ring", sequence_shared,
                 "with context 1: it is of ranks that share a sequence"},
    TrainKeyRule{"strategy.expert_tensor", "1", has_experts,
                 "for a model without experts: it divides their matrices"},
    TrainKeyRule{"strategy.recompute_layers", "0", recomputes, "with recompute none"},
    TrainKeyRule{"strategy.offload_layers", "0", offloads, "with offload_activations none"},
};

const Node* at_path(const Node& root, std::string_view path) {
  const Node* node = &root;
  while (node != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    node = node->find(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return node;
}

}  // namespace

std::vector<InertKey> inert_train_keys(const TrainInertQuestion& of) {
  std::vector<InertKey> out;
  for (const TrainKeyRule& rule : kRules) {
    if (rule.acts(of.train.job, *of.train.model)) continue;
    const Node* node = at_path(of.given, rule.path);
    const Node* value = at_path(of.resolved, rule.path);
    if (node == nullptr || value == nullptr || to_flow_yaml(*value) == rule.idle) continue;
    out.push_back({std::string(rule.path),
                   {base::Severity::error, node->where,
                    fmt::format("{} has no effect {}", rule.path, rule.otherwise)}});
  }
  return out;
}

}  // namespace windtunnel::scenarios
