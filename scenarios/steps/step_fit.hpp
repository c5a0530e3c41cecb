// What a row that ran leaves open of its memory: the least that fits.
//
// A table of measured iterations often leaves out whether activations are computed again, how large
// a micro-batch is, or whether the optimizer is sharded; the recipes behind it set them so that the
// job fits, and no further, because each costs time. So where the row's software leaves these to its
// recipes (StepDefaults::recompute_to_fit), what is unstated is, in this order and only as far as the
// job would not fit without:
//   zero         1 (Megatron's distributed optimizer)
//   micro_batch  halved, down to 1
//   recompute    selective where attention is unfused, then the whole of the first k layers of each
//                chunk with the smallest k that fits (Megatron's method `block`), then of all;
//                with ZeRO-3 under Megatron-Bridge instead the activations of the first k layers on
//                the host (cpu_offloading_num_layers)
// Each is listed in what was inferred. Rows that ran out of memory are taken as they stand.
#pragma once

#include <string>
#include <vector>

#include "scenarios/steps/step_row.hpp"
#include "scenarios/steps/step_scenario.hpp"

namespace windtunnel::scenarios {

void fit_memory(const StepRow& row, StepScenario& scenario);

}  // namespace windtunnel::scenarios
