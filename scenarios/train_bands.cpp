#include "scenarios/train_bands.hpp"

#include <array>

namespace windtunnel::scenarios {
namespace {

constexpr std::array kInverse{
    "samples_per_s", "tokens_per_s", "tokens_per_s_per_gpu",      "tokens_per_day",
    "mfu",           "hfu",          "model_flops_per_gpu_per_s", "hardware_flops_per_gpu_per_s"};
constexpr std::array kAlong{"cost_per_iteration_usd", "energy_per_iteration_j"};

}  // namespace

void add_bands_of_time(base::Outcome& outcome) {
  const auto time = outcome.facts.find("iteration_time_s");
  const auto found = outcome.bands.find("iteration_time_s");
  if (time == outcome.facts.end() || found == outcome.bands.end()) return;
  const base::Band band = found->second;
  if (time->second <= 0.0 || band.low <= 0.0) return;
  const auto add = [&](const char* name, double low, double high) {
    const auto fact = outcome.facts.find(name);
    if (fact == outcome.facts.end()) return;
    outcome.bands.try_emplace(name,
                              base::Band{fact->second * low, fact->second * high, band.level});
  };
  for (const char* name : kInverse) add(name, time->second / band.high, time->second / band.low);
  for (const char* name : kAlong) add(name, band.low / time->second, band.high / time->second);
  if (outcome.facts.contains("goodput_tokens_per_s")) return;
  add("days_to_tokens", band.low / time->second, band.high / time->second);
}

}  // namespace windtunnel::scenarios
