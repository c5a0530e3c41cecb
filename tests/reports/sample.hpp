// A made-up but realistic result, for the tests of every writer: ring against two others on 16
// nodes of 8 GPUs, times by the closed forms, with bands, crossovers, measurements, a timeline and
// links.
#pragma once

#include "reports/result.hpp"

namespace windtunnel::reports::sample {

// all_reduce of 1KiB to 1GiB by ring, double_binary_tree, in_network (infeasible above 256MiB) and
// auto.
Result collective_sweep();
// One case of it.
Result single_case();
// What `validate` gives for one file of `rows` rows.
Result validation(std::size_t rows);
// What `calibrate` gives.
Result calibration();
// A workload no view knows.
Result unknown_workload();
// Ranks in a ring: `steps` rounds of send and receive for each, 10 us long.
base::Table ring_timeline(int ranks, int steps);

}  // namespace windtunnel::reports::sample
