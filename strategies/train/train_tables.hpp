// Tables of a training outcome.
#pragma once

#include "sim/base/fact.hpp"
#include "strategies/train/iteration.hpp"

namespace windtunnel::strategies {

// One row a stage: layers, passes, bubble, exposed gradient reduction, memory by part.
base::Table stages_table(const TrainPlan& plan, const Iteration& iteration);
// Columns: participant, channel, kind, label, peer, bytes, start_s, end_s; at most `rows`.
base::Table train_timeline(const TrainPlan& plan, const Iteration& iteration, std::int64_t rows);
// Where the iteration's time goes, from FLOPs at peak to the whole.
base::Table waterfall_table(const Iteration& iteration, base::Seconds at_peak);
// Kernels of the critical stage by kind: time, share.
base::Table kernels_table(const Iteration& iteration);

}  // namespace windtunnel::strategies
