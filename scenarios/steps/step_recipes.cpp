#include "scenarios/steps/step_recipes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "models/networks/library.hpp"
#include "scenarios/steps/step_software.hpp"

namespace windtunnel::scenarios {
namespace {

using models::RecomputeModules;
using strategies::ExpertDispatch;
using enum models::RecomputeModule;

// NVIDIA-NeMo/Megatron-Bridge, scripts/performance/configs/*/*workload_base_configs.py
// (recompute_modules, moe_flex_dispatcher_backend, moe_token_dispatcher_type); NVIDIA/NeMo,
// scripts/performance/recommended_model_configs. A recipe without a flexible dispatcher runs the plain
// all-to-all.
std::vector<StepRecipe> make_recipes() {
  const RecomputeModules up{mla_up_proj}, up_mlp{mla_up_proj, mlp};
  const RecomputeModules norms{layernorm, moe_act}, most{moe_act, layernorm, core_attn};
  RecomputeModules all = most;
  all.add(moe);
  const auto plain = ExpertDispatch::all_to_all;
  return {
      // NeMo 2 of 2025
      {.model = "deepseek-v3", .gpus = "gb200", .to = 2508, .again = {core_attn}},
      {.model = "deepseek-v3", .to = 2508, .again = up},
      // Megatron-Bridge
      {.model = "deepseek-v3", .gpus = "gb300", .precisions = "bf16", .again = {moe_act}},
      {.model = "deepseek-v3", .gpus = "gb300", .precisions = "mxfp8 nvfp4", .from = 2606},
      {.model = "deepseek-v3", .gpus = "gb200", .precisions = "fp8", .from = 2601, .again = {mlp}},
      {.model = "deepseek-v3", .gpus = "gb200 gb300 b300-sxm", .again = up},
      {.model = "deepseek-v3",
       .gpus = "b200-sxm",
       .precisions = "mxfp8",
       .from = 2604,
       .again = up_mlp},
      {.model = "deepseek-v3", .gpus = "b200-sxm", .again = up},
      {.model = "deepseek-v3", .again = up_mlp},
      {.model = "kimi-k2", .gpus = "gb300", .precisions = "mxfp8", .from = 2606},
      {.model = "kimi-k2", .gpus = "gb200 gb300", .again = up},
      {.model = "kimi-k2", .gpus = "b200-sxm b300-sxm", .again = up, .dispatch = plain},
      {.model = "kimi-k2", .again = up_mlp, .dispatch = plain},
      {.model = "qwen3-235b", .gpus = "b200-sxm b300-sxm h100-sxm", .dispatch = plain},
      {.model = "gpt-oss-120b", .precisions = "mxfp8", .from = 2606},
      {.model = "gpt-oss-120b", .gpus = "b300-sxm", .from = 2604},
      {.model = "gpt-oss-120b", .gpus = "gb300 b300-sxm", .dispatch = plain},
      {.model = "gpt-oss-120b", .from = 2601, .again = norms, .dispatch = plain},
      {.model = "gpt-oss-120b", .dispatch = plain},
      {.model = "nemotron-3-super", .gpus = "gb200", .precisions = "bf16 mxfp8", .again = all},
      {.model = "nemotron-3-super", .gpus = "b200-sxm", .precisions = "bf16 mxfp8", .again = most},
      {.model = "nemotron-3-nano",
       .gpus = "h100-sxm",
       .precisions = "bf16",
       .again = {moe, layernorm}},
      {.model = "nemotron-3-nano", .gpus = "h100-sxm", .again = all},
  };
}

bool names(std::string_view list, std::string_view word) {
  if (list.empty()) return true;
  const auto at = list.find(word);
  if (at == std::string_view::npos) return false;
  const auto end = at + word.size();
  return (at == 0 || list[at - 1] == ' ') && (end == list.size() || list[end] == ' ');
}

bool is_of_megatron(const StepRow& row) {
  const std::string software = software_of(row);
  return software == "nemo" || software.starts_with("megatron-bridge");
}

const StepRecipe* recipe_of(const StepRow& row) {
  const auto model = models::model_by_name(row.model);
  if (!model || !is_of_megatron(row) || row.notes.find("task LoRA") != std::string::npos) {
    return nullptr;
  }
  const int release = release_of(row.stack);
  for (const StepRecipe& recipe : megatron_recipes()) {
    if (model->name.starts_with(recipe.model) && names(recipe.gpus, row.gpu) &&
        names(recipe.precisions, row.precision) && release >= recipe.from && release <= recipe.to) {
      return &recipe;
    }
  }
  return nullptr;
}

std::string text_of(const RecomputeModules& modules) {
  std::string text;
  for (const models::RecomputeModule module : models::kRecomputeModules) {
    if (modules.has(module)) text += (text.empty() ? "" : ", ") + std::string(to_text(module));
  }
  return text;
}

}  // namespace

const std::vector<StepRecipe>& megatron_recipes() {
  static const std::vector<StepRecipe> all = make_recipes();
  return all;
}

int release_of(std::string_view stack) {
  static const std::regex kRelease("([0-9]{2})\\.([0-9]{2})");
  std::match_results<std::string_view::const_iterator> found;
  if (!std::regex_search(stack.begin(), stack.end(), found, kRelease)) return 0;
  return std::stoi(found[1]) * 100 + std::stoi(found[2]);
}

void apply_recipe(const StepRow& row, StepScenario& scenario) {
  const StepRecipe* recipe = recipe_of(row);
  if (recipe == nullptr) return;
  strategies::TrainStrategy& s = scenario.job.strategy;
  if (row.recompute.empty() && !recipe->again.empty()) {
    s.recompute = models::Recompute::selective;
    s.recompute_modules = recipe->again;
    scenario.inferred.push_back(
        fmt::format("recompute_modules: {} (the recipe)", text_of(recipe->again)));
  }
  if (s.sizes.expert > 1 && recipe->dispatch != ExpertDispatch::automatic) {
    s.expert_dispatch = recipe->dispatch;
    scenario.inferred.push_back(
        fmt::format("expert_dispatch: {} (the recipe)",
                    recipe->dispatch == ExpertDispatch::all_to_all ? "all_to_all" : "per_node"));
  }
}

}  // namespace windtunnel::scenarios
