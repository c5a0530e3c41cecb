// What the recipes of Megatron-Bridge and NeMo turn on in measured rows that do not say.
#include <gtest/gtest.h>

#include "models/networks/library.hpp"
#include "scenarios/steps/step_recipes.hpp"

namespace windtunnel::scenarios {
namespace {

using enum models::RecomputeModule;
using strategies::ExpertDispatch;

StepRow row_of(const std::string& model, const std::string& gpu, const std::string& precision) {
  StepRow row;
  row.model = model, row.stack = "Megatron-Bridge/NeMo 26.04.01", row.gpu = gpu;
  row.gpus = 256, row.gpus_per_node = 8, row.scale_up_size = 8;
  row.precision = precision;
  row.sequence_length = 4096, row.micro_batch = 1, row.global_batch = 2048;
  row.pipeline = 8, row.expert = 8;
  row.time_s = 5.0;
  return row;
}

strategies::TrainStrategy strategy_of(const StepRow& row) {
  const StepTurning turned = scenario_of(row);
  EXPECT_TRUE(turned.scenario) << turned.reason;
  return turned.scenario ? turned.scenario->job.strategy : strategies::TrainStrategy{};
}

TEST(StepRecipes, NameModelsOfTheLibrary) {
  for (const StepRecipe& recipe : megatron_recipes()) {
    const auto names = models::model_names();
    EXPECT_TRUE(std::any_of(names.begin(), names.end(), [&](const auto& name) {
      return std::string_view(name).starts_with(recipe.model);
    })) << recipe.model;
  }
}

TEST(StepRecipes, SayWhatIsComputedAgain) {
  const auto b200 = strategy_of(row_of("deepseek-v3", "b200-sxm", "fp8"));
  EXPECT_EQ(b200.recompute, models::Recompute::selective);
  EXPECT_EQ(b200.recompute_modules, models::RecomputeModules{mla_up_proj});
  const auto h100 = strategy_of(row_of("gpt-oss-120b", "h100-sxm", "bf16"));
  EXPECT_EQ(h100.recompute_modules, (models::RecomputeModules{layernorm, moe_act}));
  EXPECT_EQ(h100.expert_dispatch, ExpertDispatch::all_to_all);
}

TEST(StepRecipes, OfAReleaseAreThatRelease) {
  StepRow row = row_of("gpt-oss-120b", "h100-sxm", "bf16");
  row.stack = "Megatron-Bridge/NeMo 25.11";
  EXPECT_TRUE(strategy_of(row).recompute_modules.empty());
  EXPECT_EQ(release_of("Megatron-Bridge/NeMo 26.06.01"), 2606);
  EXPECT_EQ(release_of("Megatron-LM"), 0);
}

TEST(StepRecipes, LeaveWhatARowSaysAndOtherSoftware) {
  StepRow row = row_of("deepseek-v3", "b200-sxm", "fp8");
  row.recompute = "none";
  EXPECT_EQ(strategy_of(row).recompute, models::Recompute::none);
  row.recompute = "", row.stack = "Megatron-LM with TE (Megatron-Core)";
  EXPECT_TRUE(strategy_of(row).recompute_modules.empty());
}

}  // namespace
}  // namespace windtunnel::scenarios
