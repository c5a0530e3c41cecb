// A made-up training result, for the tests of its page: a 1F1B pipeline drawn by its rule, parts of
// the time that add up, and memory that falls from stage to stage.
#pragma once

#include "reports/result.hpp"

namespace windtunnel::reports::sample {

// Passes of `stages` stages and `micro_batches`: forward 1 ms, backward 2 ms, sends 0.1 ms beside.
base::Table pipeline_timeline(int stages, int micro_batches);
// One iteration on 4 stages.
Result training_case();
// 3 x 4 cases; those of tensor 1 are out of memory, the last has no facts at all.
Result training_sweep();

}  // namespace windtunnel::reports::sample
