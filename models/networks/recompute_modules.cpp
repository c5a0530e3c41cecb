#include "models/networks/recompute_modules.hpp"

#include <utility>

namespace windtunnel::models {
namespace {

constexpr std::array<std::pair<RecomputeModule, std::string_view>, 7> kNames{
    {{RecomputeModule::core_attn, "core_attn"},
     {RecomputeModule::moe_act, "moe_act"},
     {RecomputeModule::layernorm, "layernorm"},
     {RecomputeModule::mla_up_proj, "mla_up_proj"},
     {RecomputeModule::mlp, "mlp"},
     {RecomputeModule::moe, "moe"},
     {RecomputeModule::shared_experts, "shared_experts"}}};

}  // namespace

std::string_view to_text(RecomputeModule module) {
  for (const auto& [one, name] : kNames)
    if (one == module) return name;
  return "";
}

std::optional<RecomputeModule> recompute_module_from(std::string_view text) {
  for (const auto& [one, name] : kNames)
    if (name == text) return one;
  return std::nullopt;
}

}  // namespace windtunnel::models
