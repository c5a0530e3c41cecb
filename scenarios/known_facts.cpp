#include "scenarios/known_facts.hpp"

#include "strategies/collective/run_collective.hpp"
#include "strategies/mix/run_mix.hpp"
#include "strategies/serve/run_serve.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::scenarios {

const std::map<std::string, base::FactInfo>& facts_of_workload(std::string_view kind) {
  static const std::map<std::string, base::FactInfo> kNone;
  if (kind == "collective") return strategies::collective_fact_info();
  if (kind == "mix") return strategies::mix_fact_info();
  if (kind == "serve") return strategies::serve_fact_info();
  return kind == "train" ? strategies::train_fact_info() : kNone;
}

std::map<std::string, base::FactInfo> facts_of_mix(
    const std::vector<std::pair<std::string, std::string>>& jobs) {
  std::map<std::string, base::FactInfo> all = strategies::mix_fact_info();
  for (const auto& [name, kind] : jobs) {
    const auto add = [&all, &job = name](const std::string& fact, base::FactInfo info) {
      info.name = job + ": " + info.name;
      all.emplace(job + "." + fact, std::move(info));
    };
    for (const auto& [fact, info] : strategies::mixed_job_fact_info()) add(fact, info);
    for (const auto& [fact, info] : facts_of_workload(kind)) {
      add(fact, info);
      base::FactInfo alone = info;
      alone.name += " alone";
      alone.description +=
          alone.description.empty() ? "without the other jobs" : ", without the other jobs";
      add("alone_" + fact, std::move(alone));
    }
  }
  return all;
}

std::map<std::string, base::FactInfo> facts_of_all_workloads() {
  std::map<std::string, base::FactInfo> all = facts_of_workload("collective");
  for (const char* kind : {"train", "serve", "mix"}) {
    all.insert(facts_of_workload(kind).begin(), facts_of_workload(kind).end());
  }
  return all;
}

}  // namespace windtunnel::scenarios
