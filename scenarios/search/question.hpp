// What a plan asks of its scenario: what is varied, the objective, and, of serving, whether candidates run
// as stated, at the highest rate that meets the SLO, or with as few replicas as carry the rate.
#pragma once

#include <string>
#include <vector>

#include "scenarios/search/candidate_run.hpp"
#include "scenarios/search/search.hpp"

namespace windtunnel::scenarios {

struct Question {
  Search search;
  FactGoal objective;
  SearchAim aim;
  std::vector<std::string> shown;  // facts beside those that are named
};

// Throws InputError where the scenario does not say what to search for.
Question question_of(const LoadedScenario& loaded);

bool trains(const LoadedScenario& loaded);

// Fields of the strategy that no axis varies, with their values: "schedule 1f1b, virtual_stages 1". Pre:
// it trains.
std::string held_fields(const LoadedScenario& loaded, const std::vector<SearchAxis>& axes);

}  // namespace windtunnel::scenarios
