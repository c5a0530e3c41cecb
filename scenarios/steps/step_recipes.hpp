// What the published performance recipes of a framework turn on for a model on a GPU, where a measured
// row does not say: what is computed again, how tokens reach their experts. Settings of software, as
// its repository states them; one row of the table a set of recipes, the first that fits counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/networks/recompute_modules.hpp"
#include "scenarios/steps/step_scenario.hpp"
#include "strategies/train/job.hpp"

namespace windtunnel::scenarios {

struct StepRecipe {
  std::string_view model;         // the beginning of its name in the library
  std::string_view gpus{};        // names, a blank between; empty: any
  std::string_view precisions{};  // likewise
  int from = 0, to = 9999;        // releases as 100 x year + month: 2604 is 26.04
  models::RecomputeModules again{};
  strategies::ExpertDispatch dispatch = strategies::ExpertDispatch::automatic;
};

// Of NVIDIA's Megatron-Bridge and NeMo (scripts/performance).
const std::vector<StepRecipe>& megatron_recipes();
// 2604 of "Megatron-Bridge/NeMo 26.04.01"; 0 where a text names no release.
int release_of(std::string_view stack);

// Sets what the recipe says and the row leaves open, and says so in `inferred`.
void apply_recipe(const StepRow& row, StepScenario& scenario);

}  // namespace windtunnel::scenarios
