#include "scenarios/bind_serve.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "models/gpu_library.hpp"
#include "models/networks/library.hpp"
#include "scenarios/import_model.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/serve_checks.hpp"
#include "strategies/serve/step/engine_stack.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::ServeJob;

bool makes_tokens(const models::Model& model) {
  const auto* t = std::get_if<models::Transformer>(&model.architecture);
  return t != nullptr && t->role == models::TransformerRole::decoder;
}

// Sequences of tokens go in, whether or not any come out.
bool reads_tokens(const models::Model& model) {
  const auto* t = std::get_if<models::Transformer>(&model.architecture);
  return t != nullptr && t->role != models::TransformerRole::vision;
}

class ServeBinder {
 public:
  ServeBinder(const ServeTrees& trees, TraceShelf& traces, base::Diagnostics& diagnostics)
      : workload_(*trees.resolved.find("workload")),
        strategy_(*trees.resolved.find("strategy")),
        resolved_(trees.resolved),
        traces_(traces),
        diagnostics_(diagnostics) {}

  std::optional<ServeScenario> bind() {
    ServeScenario out;
    bind_structure(serve_structure(), workload_, &out.job.workload);
    bind_structure(serve_strategy_structure(), strategy_, &out.job.strategy);
    auto model = bind_model(*resolved_.find("model"), diagnostics_);
    if (!model) return std::nullopt;
    lengths(*model, out.job);
    policy(*model, out.job);
    names(out.job.strategy);
    trace(out.job.workload);
    out.network = std::make_shared<const models::Network>(models::build_network(*model));
    out.model = std::make_shared<const models::Model>(*std::move(model));
    return out;
  }

 private:
  void lengths(const models::Model& model, ServeJob& job) {
    const Node* lengths = workload_.find("lengths");
    if (lengths != nullptr) {
      if (!check_lengths(*lengths, diagnostics_)) return;
      LengthPair pair;
      bind_structure(lengths_structure(), *lengths, &pair);
      job.workload.input = pair.input;
      job.workload.output = pair.output;
    } else if (workload_.find("trace") == nullptr && reads_tokens(model)) {
      diagnostics_.error(workload_.where,
                         fmt::format("workload.lengths is missing: tokens of the requests to {}, "
                                     "as {{input: {{constant: 1024}}, output: {{constant: 128}}}}",
                                     model.name));
    }
  }

  void policy(const models::Model& model, ServeJob& job) {
    const Node& policy = *strategy_.find("batching")->find("policy");
    if (makes_tokens(model)) return;
    if (policy.text == "auto") job.strategy.batching.policy = strategies::BatchingPolicy::dynamic;
    if (policy.text != "continuous") return;
    diagnostics_.error(policy.where,
                       fmt::format("continuous batching is for models that generate tokens step "
                                   "by step; {} answers at once: none, static or dynamic",
                                   model.name));
  }

  void names(strategies::ServeStrategy& strategy) {
    const Node& software = *strategy_.find("software");
    if (software.text == "auto") {
      strategy.software.clear();
    } else if (!known_software(software.text)) {
      diagnostics_.error(software.where, unknown_software(software.text));
    }
    const Node& draft = *strategy_.find("speculative")->find("draft");
    if (draft.text != "none" && !models::canonical_model_name(draft.text)) {
      const std::vector<std::string> all = models::model_names();
      diagnostics_.error(draft.where,
                         fmt::format("there is no model '{}' to draft with{} (`windtunnel list "
                                     "models` shows all)",
                                     draft.text, base::did_you_mean(draft.text, all)));
    }
    for (const Node& pool : strategy_.find("pools")->items) {
      const Node& gpu = *pool.find("gpu");
      if (models::gpu_named(gpu.text)) continue;
      const std::vector<std::string> all = models::gpu_names();
      diagnostics_.error(gpu.where, fmt::format("there is no GPU '{}'{} (`windtunnel list gpus` "
                                                "shows all)",
                                                gpu.text, base::did_you_mean(gpu.text, all)));
    }
  }

  static bool known_software(const std::string& text) {
    return strategies::engine_stack_of(text).has_value();
  }

  static std::string unknown_software(const std::string& text) {
    std::vector<std::string> names{"vllm", "sglang", "tensorrt-llm"};
    for (const strategies::EngineStack& stack : strategies::engine_stacks()) {
      names.push_back(stack.name);
    }
    std::string listed;
    for (const std::string& name : names) listed += (listed.empty() ? "" : ", ") + name;
    return fmt::format(
        "strategy.software cannot be '{}'{}; known are: {}, with a version behind "
        "it (vllm 0.11.0)",
        text, base::did_you_mean(text, names), listed);
  }

  void trace(strategies::ServeWorkload& workload) {
    const Node* path = workload_.find("trace");
    if (path == nullptr) return;
    if (!path->text.ends_with(".csv") && !path->text.ends_with(".jsonl") &&
        !path->text.ends_with(".gz")) {
      diagnostics_.error(path->where,
                         "workload.trace has to be a path ending in .csv, .jsonl or "
                         ".gz");
      return;
    }
    try {
      workload.trace = traces_.at(std::filesystem::proximate(path->text).string(), diagnostics_);
    } catch (const base::EnvironmentError& error) {
      diagnostics_.error(path->where, error.what());
      return;
    }
    check_trace({.trace = workload.trace.get(), .path = *path}, workload, diagnostics_);
  }

  const Node& workload_;
  const Node& strategy_;
  const Node& resolved_;
  TraceShelf& traces_;
  base::Diagnostics& diagnostics_;
};

}  // namespace

std::optional<ServeScenario> bind_serve(const ServeTrees& trees, TraceShelf& traces,
                                        base::Diagnostics& diagnostics) {
  check_serve(trees.given, trees.resolved, diagnostics);
  return ServeBinder(trees, traces, diagnostics).bind();
}

}  // namespace windtunnel::scenarios
