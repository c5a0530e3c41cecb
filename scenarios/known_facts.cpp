#include "scenarios/known_facts.hpp"

#include "strategies/collective/run_collective.hpp"

namespace windtunnel::scenarios {

const std::map<std::string, base::FactInfo>& facts_of_workload(std::string_view kind) {
  static const std::map<std::string, base::FactInfo> kNone;
  return kind == "collective" ? strategies::collective_fact_info() : kNone;
}

std::map<std::string, base::FactInfo> facts_of_all_workloads() {
  return facts_of_workload("collective");
}

}  // namespace windtunnel::scenarios
