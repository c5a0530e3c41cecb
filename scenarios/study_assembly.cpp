#include "scenarios/study_assembly.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "scenarios/known_facts.hpp"

namespace windtunnel::scenarios {

namespace {

// One line a text, in order of appearance.
class WarningList {
 public:
  void add(const reports::ResultCase& one) {
    std::set<std::string> said;
    for (const std::string& text : one.outcome.warnings) {
      if (!said.insert(text).second) continue;
      const auto [entry, fresh] = count_.emplace(text, 0);
      if (fresh) order_.push_back({text, one.name});
      ++entry->second;
    }
  }
  std::vector<std::string> lines(std::size_t cases) const {
    std::vector<std::string> lines;
    for (const auto& [text, first] : order_) {
      const std::size_t count = count_.at(text);
      if (count == cases) {
        lines.push_back(text);
      } else if (count == 1) {
        lines.push_back(fmt::format("{}: {}", first, text));
      } else {
        lines.push_back(fmt::format("{} ({} of {} cases)", text, count, cases));
      }
    }
    return lines;
  }

 private:
  struct First {
    std::string text;
    std::string name;
  };
  std::vector<First> order_;
  std::map<std::string, std::size_t> count_;
};

// Names of scenarios as cases refer to them: with the path where two files share a name.
std::map<const LoadedScenario*, std::string> scenario_names(
    std::span<const LoadedScenario> scenarios) {
  std::map<std::string, int> uses;
  for (const LoadedScenario& one : scenarios) ++uses[one.name];
  std::map<const LoadedScenario*, std::string> names;
  for (const LoadedScenario& one : scenarios) {
    names[&one] = uses[one.name] > 1 ? fmt::format("{} ({})", one.name, one.path) : one.name;
  }
  return names;
}

std::string_view kind_of(const Workload& workload) {
  if (std::holds_alternative<TrainScenario>(workload)) return "train";
  if (std::holds_alternative<MixScenario>(workload)) return "mix";
  return std::holds_alternative<ServeScenario>(workload) ? "serve" : "collective";
}

std::vector<std::pair<std::string, std::string>> jobs_of(const MixScenario& mix) {
  std::vector<std::pair<std::string, std::string>> jobs;
  for (const MixedJob& job : mix.jobs) {
    jobs.emplace_back(job.name,
                      std::holds_alternative<ServeScenario>(job.work) ? "serve" : "train");
  }
  return jobs;
}

// What the facts of a case mean: `steps` of a collective are not those of a serving engine. Where
// one result has both, the first stands.
void add_info(const CaseSlot& slot, std::map<std::string, base::FactInfo>& used) {
  const Workload& workload = slot.point->scenario.workload;
  const auto* mix = std::get_if<MixScenario>(&workload);
  const std::map<std::string, base::FactInfo> known =
      mix == nullptr ? facts_of_workload(kind_of(workload)) : facts_of_mix(jobs_of(*mix));
  const auto use = [&](const std::string& name) {
    const auto found = known.find(name);
    if (found != known.end()) used.emplace(name, found->second);
  };
  for (const auto& [name, value] : slot.result->outcome.facts) use(name);
  for (const auto& [name, value] : slot.result->outcome.labels) use(name);
}

void check_all(std::span<const LoadedScenario> scenarios, const std::vector<const CaseSlot*>& kept,
               Study& study) {
  base::Table all;
  for (const LoadedScenario& scenario : scenarios) {
    if (scenario.expectations.empty()) continue;
    std::vector<CaseOfPoint> cases;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i]->scenario == &scenario) cases.push_back({&study.result.cases[i], kept[i]->point});
    }
    ExpectationCheck check = check_expectations(scenario, cases);
    study.failed_expectations += check.failed;
    all.columns = check.table.columns;
    for (auto& row : check.table.rows) all.rows.push_back(std::move(row));
  }
  if (!all.rows.empty()) study.result.tables["expectations"] = std::move(all);
}

}  // namespace

void assemble(std::span<const LoadedScenario> scenarios, std::vector<CaseSlot> slots,
              Study& study) {
  reports::Result& result = study.result;
  const auto names = scenario_names(scenarios);
  for (const LoadedScenario& one : scenarios) {
    result.scenarios.push_back({names.at(&one), one.path, one.sha256});
  }
  if (!scenarios.empty()) result.seed = scenarios.front().points.front().scenario.engine.seed;
  WarningList warnings;
  std::vector<const CaseSlot*> kept;
  for (CaseSlot& slot : slots) {
    if (!slot.result) continue;
    slot.result->scenario = names.at(slot.scenario);
    warnings.add(*slot.result);
    add_info(slot, result.fact_info);
    result.cases.push_back(std::move(*slot.result));
    kept.push_back(&slot);
  }
  for (std::string& line : warnings.lines(result.cases.size())) {
    result.warnings.push_back(std::move(line));
  }
  Crossovers crossovers = find_crossovers(result.cases);
  if (!crossovers.left_out.empty()) {
    result.warnings.push_back(fmt::format(
        "crossovers leave out {}: simulated on data-sheet links, which know no start-up "
        "costs, while the profile answers for the others; `calibration: none` puts all "
        "on the same footing",
        fmt::join(crossovers.left_out, ", ")));
  }
  if (!crossovers.table.rows.empty()) result.tables["crossovers"] = std::move(crossovers.table);
  if (!study.interrupted) check_all(scenarios, kept, study);
}

}  // namespace windtunnel::scenarios
