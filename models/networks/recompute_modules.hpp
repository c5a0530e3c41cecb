// Parts of a layer that selective recomputation runs again one by one, as Megatron-Core's
// --recompute-modules names them (megatron/core/transformer/transformer_config.py).
//
// core_attn: products and softmax of attention; moe_act: the activation between the matrices of
// experts; layernorm: the norms before attention, scan and MLP; mla_up_proj: up-projections of latent
// attention with their norms and rotary embedding; mlp: the dense MLP; moe: all of the experts, their
// router and both ways of their tokens; shared_experts: experts that every token goes to.
// What a part put out is dropped after the forward pass and made again from what it was given, which
// stays: activation_memory.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace windtunnel::models {

enum class RecomputeModule : std::uint8_t {
  core_attn,
  moe_act,
  layernorm,
  mla_up_proj,
  mlp,
  moe,
  shared_experts
};
inline constexpr std::array kRecomputeModules{
    RecomputeModule::core_attn,     RecomputeModule::moe_act, RecomputeModule::layernorm,
    RecomputeModule::mla_up_proj,   RecomputeModule::mlp,     RecomputeModule::moe,
    RecomputeModule::shared_experts};

std::string_view to_text(RecomputeModule module);
std::optional<RecomputeModule> recompute_module_from(std::string_view text);

class RecomputeModules {
 public:
  constexpr RecomputeModules() = default;
  constexpr RecomputeModules(std::initializer_list<RecomputeModule> modules) {
    for (const RecomputeModule module : modules) add(module);
  }
  constexpr void add(RecomputeModule module) { bits_ |= bit(module); }
  constexpr bool has(RecomputeModule module) const { return (bits_ & bit(module)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(RecomputeModules, RecomputeModules) = default;

 private:
  static constexpr std::uint32_t bit(RecomputeModule module) {
    return 1U << static_cast<std::uint32_t>(module);
  }
  std::uint32_t bits_ = 0;
};

}  // namespace windtunnel::models
