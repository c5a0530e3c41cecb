#include "scenarios/search/question.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scenarios/document/write.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::scenarios {

bool trains(const LoadedScenario& loaded) {
  return std::holds_alternative<TrainScenario>(loaded.points.front().scenario.workload);
}

namespace {

void add_fields(const Node& node, const std::string& path, const std::set<std::string>& varied,
                std::string& out) {
  for (const Entry& entry : node.entries) {
    const std::string here = path + entry.key;
    if (varied.contains("strategy." + here)) continue;
    if (entry.value.kind == NodeKind::mapping) {
      add_fields(entry.value, here + ".", varied, out);
    } else if (entry.value.kind == NodeKind::scalar) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", here, value_text(entry.value));
    }
  }
}

}  // namespace

std::string held_fields(const LoadedScenario& loaded, const std::vector<SearchAxis>& axes) {
  std::set<std::string> varied;
  for (const SearchAxis& one : axes) {
    for (const Path& path : one.axis.paths) varied.insert(to_text(path));
  }
  std::string out;
  loaded.tree->forget();
  const auto bound = loaded.tree->bind({});
  loaded.tree->forget();
  if (bound) add_fields(*bound->resolved.find("strategy"), "", varied, out);
  return out;
}

namespace {

bool asks_for_rate(const std::string& fact) {
  return fact == "max_rate_per_s" || fact == "max_rate_per_s_per_gpu" || fact == "capacity_runs";
}

FactGoal goal_of(std::string fact) {
  const Better better = better_of(fact);
  return {std::move(fact), better};
}

bool has_experts(const Scenario& scenario) {
  const auto& train = std::get<TrainScenario>(scenario.workload);
  const auto* model = std::get_if<models::Transformer>(&train.model->architecture);
  return model != nullptr && model->moe.experts > 1;
}

void ask_for_training(const LoadedScenario& loaded, Question& out) {
  if (out.search.axes.empty()) {
    out.search.axes = usual_axes(loaded.tree->root(), loaded.tree->fixed());
    if (!has_experts(loaded.points.front().scenario)) {
      std::erase_if(out.search.axes, [](const SearchAxis& one) {
        return to_text(one.axis.paths.front()) == "strategy.expert";
      });
    }
  }
  out.objective = out.search.objective.value_or(goal_of("iteration_time_s"));
}

FactGoal usual_goal(const Scenario& scenario, const Search& search) {
  const auto& serve = std::get<ServeScenario>(scenario.workload);
  if (!search.pareto.empty()) return search.pareto.front();
  if (search.axes.empty()) return goal_of("max_rate_per_s");
  if (serve.job.workload.slo.any()) {
    return goal_of(scenario.cluster->cost.gpu_hour.value() > 0 ? "cost_per_hour_usd" : "gpus");
  }
  return goal_of("output_tokens_per_s_per_gpu");
}

void ask_for_serving(const LoadedScenario& loaded, Question& out) {
  const Scenario& scenario = loaded.points.front().scenario;
  const auto& serve = std::get<ServeScenario>(scenario.workload);
  out.objective = out.search.objective.value_or(usual_goal(scenario, out.search));
  std::vector<std::string> named{out.objective.fact};
  for (const FactGoal& goal : out.search.pareto) named.push_back(goal.fact);
  for (const FactConstraint& one : out.search.constraints) named.push_back(one.fact);
  const bool rate = std::any_of(named.begin(), named.end(), asks_for_rate);
  const bool slo = serve.job.workload.slo.any();
  if ((rate || out.search.axes.empty()) && !slo) {
    throw base::InputError(
        out.search.where,
        "a plan of a serve workload needs workload.slo for the highest rate that meets it, or "
        "search.vary and an objective");
  }
  if (rate || out.search.axes.empty()) {
    out.aim.serve = SearchAim::Serve::highest_rate;
    return;
  }
  // `auto` replicas: as few as carry the rate.
  const auto replicas =
      std::find_if(out.search.axes.begin(), out.search.axes.end(), [](const SearchAxis& one) {
        return one.automatic && to_text(one.axis.paths.front()) == "strategy.replicas";
      });
  if (slo && replicas != out.search.axes.end()) {
    out.search.axes.erase(replicas);
    out.shown.push_back("replicas");
    out.aim.serve = SearchAim::Serve::fewest_replicas;
  }
}

}  // namespace

Question question_of(const LoadedScenario& loaded) {
  Question out;
  if (loaded.search) out.search = *loaded.search;
  if (loaded.points.size() > 1) {
    throw base::InputError({loaded.path, 0, 0},
                           "plan takes one scenario: put what `sweep` varies into search.vary");
  }
  const Workload& workload = loaded.points.front().scenario.workload;
  if (trains(loaded)) {
    ask_for_training(loaded, out);
  } else if (std::holds_alternative<ServeScenario>(workload)) {
    ask_for_serving(loaded, out);
  } else {
    throw base::InputError(
        {loaded.path, 0, 0},
        std::holds_alternative<MixScenario>(workload)
            ? "plan searches train and serve workloads, not a mix: plan each of its jobs in a "
              "scenario of its own"
            : "plan searches train and serve workloads; `algorithms: auto` chooses the "
              "algorithm of a collective");
  }
  out.aim.share = out.search.share;
  out.aim.constraints = out.search.constraints;
  std::set<std::string> facts{out.objective.fact};
  for (const FactGoal& goal : out.search.pareto) facts.insert(goal.fact);
  for (const FactConstraint& one : out.search.constraints) facts.insert(one.fact);
  if (trains(loaded)) facts.insert("memory_total_bytes");  // the less the better among equals
  out.aim.facts.assign(facts.begin(), facts.end());
  return out;
}

}  // namespace windtunnel::scenarios
