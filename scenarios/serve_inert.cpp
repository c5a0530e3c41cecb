#include "scenarios/serve_inert.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "scenarios/document/write.hpp"

namespace windtunnel::scenarios {
namespace {

// How requests are batched, as far as it decides which keys act.
enum class Rules : unsigned {
  none = 1,
  fixed = 2,  // static
  triton = 4,
  tf_serving = 8,
  continuous = 16,
};
constexpr unsigned operator|(Rules a, Rules b) {
  return static_cast<unsigned>(a) | static_cast<unsigned>(b);
}
constexpr unsigned operator|(unsigned a, Rules b) {
  return a | static_cast<unsigned>(b);
}
constexpr unsigned only(Rules rules) {
  return static_cast<unsigned>(rules);
}

struct KeyRule {
  std::string_view path;  // below strategy
  unsigned acts = 0;      // under these rules
  std::string_view of;    // whose it is, in words
  std::string_view idle;  // its default
};

constexpr unsigned kBatches = Rules::none | Rules::fixed | Rules::triton | Rules::tf_serving;
constexpr unsigned kQueued = Rules::none | Rules::fixed | Rules::triton;

constexpr std::array kRules{
    KeyRule{"batching.order", only(Rules::continuous), "policy continuous", "unified"},
    KeyRule{"batching.chunked_prefill", only(Rules::continuous), "policy continuous", "true"},
    KeyRule{"batching.poll_steps", only(Rules::continuous), "policy continuous", "1"},
    KeyRule{"beams", only(Rules::continuous), "policy continuous", "1"},
    KeyRule{"batching.batcher", Rules::triton | Rules::tf_serving, "policy dynamic", "triton"},
    KeyRule{"batching.max_delay", Rules::triton | Rules::tf_serving,
            "policy dynamic (static waits for max_batch, however long it takes)", "0s"},
    KeyRule{"batching.preferred_sizes", only(Rules::triton), "policy dynamic, batcher triton",
            "[]"},
    KeyRule{"batching.allowed_sizes", only(Rules::tf_serving), "policy dynamic, batcher tf_serving",
            "[]"},
    KeyRule{"batching.max_enqueued_batches", only(Rules::tf_serving),
            "policy dynamic, batcher tf_serving", "0"},
    KeyRule{"batching.large_batch_splitting", only(Rules::tf_serving),
            "policy dynamic, batcher tf_serving", "false"},
    KeyRule{"batching.instances", kBatches, "policies none, static and dynamic", "1"},
    KeyRule{"batching.preserve_ordering", kBatches, "policies none, static and dynamic", "false"},
    KeyRule{"batching.pad_to_longest", kBatches, "policies none, static and dynamic", "false"},
    KeyRule{"batching.queue.size", kQueued | Rules::continuous,
            "other batchers (TensorFlow Serving limits its queue by max_enqueued_batches)", "0"},
    KeyRule{"batching.queue.timeout", kQueued, "policies none and static, and batcher triton",
            "none"},
    KeyRule{"batching.queue.timeout_action", only(Rules::triton), "policy dynamic, batcher triton",
            "reject"},
    KeyRule{"batching.queue.priority_levels", only(Rules::triton), "policy dynamic, batcher triton",
            "0"},
    KeyRule{"kv.preemption", only(Rules::continuous), "policy continuous", "recompute"},
    KeyRule{"kv.watermark", only(Rules::continuous), "policy continuous", "0"},
    KeyRule{"kv.host_memory", only(Rules::continuous), "policy continuous", "0B"},
    KeyRule{"kv.warm", only(Rules::continuous), "policy continuous", "false"},
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

Rules rules_of(const strategies::Batching& batching) {
  using strategies::BatchingPolicy;
  switch (batching.policy) {
    case BatchingPolicy::none:
      return Rules::none;
    case BatchingPolicy::fixed:
      return Rules::fixed;
    case BatchingPolicy::continuous:
      return Rules::continuous;
    case BatchingPolicy::dynamic:
      break;
  }
  const bool triton = batching.batcher == strategies::DynamicBatcher::triton;
  return triton ? Rules::triton : Rules::tf_serving;
}

std::string words_of(Rules rules) {
  switch (rules) {
    case Rules::none:
      return "policy none";
    case Rules::fixed:
      return "policy static";
    case Rules::triton:
      return "policy dynamic with batcher triton";
    case Rules::tf_serving:
      return "policy dynamic with batcher tf_serving";
    case Rules::continuous:
      return "policy continuous";
  }
  return "";
}

}  // namespace

std::vector<InertKey> inert_keys(const InertQuestion& of) {
  std::vector<InertKey> out;
  const Rules rules = rules_of(of.batching);
  for (const KeyRule& key : kRules) {
    if ((key.acts & only(rules)) != 0) continue;
    const Node* node = at_path(of.given, key.path);
    const Node* value = at_path(of.resolved, key.path);
    if (node == nullptr || value == nullptr || to_flow_yaml(*value) == key.idle) continue;
    const bool tolerated = rules == Rules::continuous && key.path == "batching.max_delay";
    out.push_back({fmt::format("strategy.{}", key.path),
                   {tolerated ? base::Severity::warning : base::Severity::error, node->where,
                    fmt::format("strategy.{} has no effect with {}: it is of {}", key.path,
                                words_of(rules), key.of)}});
  }
  return out;
}

void InertEverywhere::meet(const std::vector<InertKey>& at_point) {
  std::map<std::string, InertKey> here;
  for (const InertKey& one : at_point) here.emplace(one.path, one);
  if (!keys_) {
    keys_ = std::move(here);
    return;
  }
  std::erase_if(*keys_, [&here](const auto& entry) { return !here.contains(entry.first); });
}

void InertEverywhere::report(base::Diagnostics& diagnostics) const {
  if (!keys_) return;
  for (const auto& [path, one] : *keys_) diagnostics.add(one.said);
}

}  // namespace windtunnel::scenarios
