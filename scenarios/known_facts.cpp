#include "scenarios/known_facts.hpp"

#include "strategies/collective/run_collective.hpp"
#include "strategies/serve/run_serve.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::scenarios {

const std::map<std::string, base::FactInfo>& facts_of_workload(std::string_view kind) {
  static const std::map<std::string, base::FactInfo> kNone;
  if (kind == "collective") return strategies::collective_fact_info();
  if (kind == "serve") return strategies::serve_fact_info();
  return kind == "train" ? strategies::train_fact_info() : kNone;
}

std::map<std::string, base::FactInfo> facts_of_all_workloads() {
  std::map<std::string, base::FactInfo> all = facts_of_workload("collective");
  for (const char* kind : {"train", "serve"}) {
    all.insert(facts_of_workload(kind).begin(), facts_of_workload(kind).end());
  }
  return all;
}

}  // namespace windtunnel::scenarios
