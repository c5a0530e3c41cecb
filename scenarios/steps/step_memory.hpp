// The memory that a measured row states, held against the same quantity of its prediction.
//
// `memory_kind` says in words what was measured. Quantities of a device that ran: what it reports
// (nvidia-smi; also where the words say nothing else), and PyTorch's peaks of reserved or allocated
// memory, each of the stage that has most of it. Quantities of an analytic profile (Korthikanti et
// al. 2022, arXiv 2205.05198, figures 1 and 7), each of the first stage and of its layers alone, as
// the paper counts (embedding, head and what a layer needs while it is computed again are left out):
//   states            weights, gradients and optimizer states
//   activations       kept by the micro-batches in flight
//   activation_share  the same over that of the baseline: the same job with tensor parallelism
//                     alone, no sequence parallelism and nothing computed again
// Words that name both states and activations mean their sum. Bands (90 %): of a device those of
// run_train's facts, of activations kActivationsSpread; states are counted, to the rounding of what
// is printed.
#pragma once

#include <optional>
#include <string_view>

#include "scenarios/steps/step_row.hpp"
#include "scenarios/steps/step_scenario.hpp"
#include "sim/base/fact.hpp"

namespace windtunnel::scenarios {

enum class MemoryOf {
  device,
  reserved,
  allocated,
  states,
  activations,
  states_and_activations,
  activation_share,
};
std::string_view to_text(MemoryOf of);

struct StatedMemory {
  MemoryOf of = MemoryOf::device;
  double value = 0.0;  // bytes, or of a share the fraction
};
// Nothing where the row states none, or only a percentage of something that its words do not name.
std::optional<StatedMemory> stated_memory(const StepRow& row);
// Of a profile, not of a device that ran.
bool is_of_layers(MemoryOf of);

struct ComparedMemory {
  StatedMemory stated;
  double predicted = 0.0;  // in the unit of what is stated
  std::optional<base::Band> band{};
  // Of a profile, bytes: what is compared, and the same of the whole first stage, embedding and head
  // included where they stand on it.
  double layers = 0.0, stage = 0.0;

  double error() const { return predicted / stated.value - 1.0; }
  bool inside() const { return band && stated.value >= band->low && stated.value <= band->high; }
};

// `predicted` is of run_train on the scenario. Nothing where it has no such fact.
std::optional<ComparedMemory> compare_memory(const StatedMemory& stated,
                                             const StepScenario& scenario,
                                             const base::Outcome& predicted);

// The device's predicted memory of the quantity that the row's words name, 0 where there is none.
double device_memory(MemoryOf of, const base::Outcome& predicted);

}  // namespace windtunnel::scenarios
