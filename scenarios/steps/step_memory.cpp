#include "scenarios/steps/step_memory.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "models/networks/fine_tuning.hpp"
#include "strategies/train/memory_facts.hpp"
#include "strategies/train/train_memory.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::scenarios {
namespace {

constexpr double kGiB = 1073741824.0;
constexpr double kPrinted = 0.005;  // figures of three digits

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

template <std::size_t count>
bool names_one(const std::string& text, const std::array<std::string_view, count>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

MemoryOf quantity(const std::string& words) {
  static constexpr std::array<std::string_view, 3> kStates{"param", "weight", "optim"};
  const bool states = names_one(words, kStates);
  const bool activations = words.find("activation") != std::string::npos;
  if (states && activations) return MemoryOf::states_and_activations;
  if (states) return MemoryOf::states;
  if (activations) return MemoryOf::activations;
  if (words.find("reserved") != std::string::npos) return MemoryOf::reserved;
  if (words.find("allocated") != std::string::npos) return MemoryOf::allocated;
  return MemoryOf::device;
}

const char* fact_of(MemoryOf of) {
  switch (of) {
    case MemoryOf::reserved:
      return "memory_reserved_bytes";
    case MemoryOf::allocated:
      return "memory_allocated_bytes";
    default:
      return "memory_used_bytes";
  }
}

// The first stage of a job, its layers alone and whole.
struct FirstStage {
  strategies::LayersMemory layers;
  strategies::StageMemory whole;
};

std::optional<FirstStage> first_stage(const StepScenario& scenario,
                                      const strategies::TrainJob& job) {
  const models::Network network =
      models::fine_tuned(*scenario.network, scenario.job.workload.fine_tuning);
  const auto planning =
      strategies::make_train_plan(job, *scenario.model, network, *scenario.cluster);
  if (!planning.plan) return std::nullopt;
  return FirstStage{strategies::layers_memory(*planning.plan, network, 0),
                    strategies::stage_memory(*planning.plan, network).front()};
}

// Tensor parallelism alone.
strategies::TrainJob baseline_of(strategies::TrainJob job) {
  job.strategy.sequence_parallel = false;
  job.strategy.recompute = models::Recompute::none;
  job.strategy.recompute_layers = 0;
  job.strategy.offload_activations = strategies::OffloadTarget::none;
  job.strategy.offload_layers = 0;
  return job;
}

base::Band around(double value, double share) {
  return {value * (1.0 - share), value * (1.0 + share), 0.9};
}

std::optional<ComparedMemory> compare_layers(const StatedMemory& stated,
                                             const StepScenario& scenario) {
  const auto first = first_stage(scenario, scenario.job);
  if (!first) return std::nullopt;
  ComparedMemory out{.stated = stated};
  const auto& whole = first->whole;
  const double states = first->layers.states.value();
  const double activations = first->layers.activations.value();
  const double whole_states = (whole.weights + whole.gradients + whole.optimizer).value();
  double half = strategies::kActivationsSpread * activations;
  out.layers = activations, out.stage = whole.activations.value();
  if (stated.of == MemoryOf::states) {
    out.layers = states, out.stage = whole_states;
    half = kPrinted * states;
  } else if (stated.of == MemoryOf::states_and_activations) {
    out.layers += states, out.stage += whole_states;
  }
  out.predicted = out.layers;
  out.band = base::Band{out.layers - half, out.layers + half, 0.9};
  if (stated.of != MemoryOf::activation_share) return out;
  const auto baseline = first_stage(scenario, baseline_of(scenario.job));
  if (!baseline || baseline->layers.activations.value() <= 0) return std::nullopt;
  out.predicted = activations / baseline->layers.activations.value();
  out.band = around(out.predicted, strategies::kActivationsSpread);
  return out;
}

}  // namespace

std::string_view to_text(MemoryOf of) {
  switch (of) {
    case MemoryOf::device:
      return "used on the device";
    case MemoryOf::reserved:
      return "reserved by the allocator";
    case MemoryOf::allocated:
      return "allocated";
    case MemoryOf::states:
      return "states of layers";
    case MemoryOf::activations:
      return "activations of layers";
    case MemoryOf::states_and_activations:
      return "states and activations of layers";
    case MemoryOf::activation_share:
      return "activations, share of baseline";
  }
  return "";
}

bool is_of_layers(MemoryOf of) {
  return of != MemoryOf::device && of != MemoryOf::reserved && of != MemoryOf::allocated;
}

std::optional<StatedMemory> stated_memory(const StepRow& row) {
  const std::string words = lower(row.memory_kind);
  const MemoryOf of = quantity(words);
  if (row.memory_gib) return StatedMemory{of, *row.memory_gib * kGiB};
  if (row.memory_percent && of == MemoryOf::activations) {
    return StatedMemory{MemoryOf::activation_share, *row.memory_percent / 100.0};
  }
  return std::nullopt;
}

double device_memory(MemoryOf of, const base::Outcome& predicted) {
  const auto found = predicted.facts.find(fact_of(of));
  return found == predicted.facts.end() ? 0.0 : found->second;
}

std::optional<ComparedMemory> compare_memory(const StatedMemory& stated,
                                             const StepScenario& scenario,
                                             const base::Outcome& predicted) {
  if (is_of_layers(stated.of)) return compare_layers(stated, scenario);
  ComparedMemory out{.stated = stated, .predicted = device_memory(stated.of, predicted)};
  if (out.predicted <= 0) return std::nullopt;
  const auto band = predicted.bands.find(fact_of(stated.of));
  if (band != predicted.bands.end()) out.band = band->second;
  return out;
}

}  // namespace windtunnel::scenarios
