// How much of its time a training job makes progress, where it saves its state and its cluster fails.
//
// Model (Young 1974; Daly 2006, "A higher order estimate of the optimum checkpoint interval for
// restart dumps"): failures are exponential of rate l = n / gpu_mtbf + N / node_mtbf. A segment is k
// steps of t and a stop of d for the checkpoint; a failure, also while restarting, costs the restart
// R (with reading the state back) and the segment from its start:
//   E = exp(l R) (exp(l (k t + d)) - 1) / l          expected time of a segment
//   ETTR = k t / E                                    effective training time ratio
// An asynchronous checkpoint stops the job for the copy to host memory only and is complete w later;
// a failure before that also loses the segment before (to first order), and a segment is no shorter
// than w. Without failures E = k t + d. The best k makes E / (k t) least; Young's rule for small l is
// k t = sqrt(2 d / l).
// Contract: E >= k t + d; ETTR falls with l, R, d and w. Not modelled: failures that come together,
// shrinking jobs, loss of more than the last checkpoint.
#pragma once

#include <cstdint>

#include "sim/base/quantity.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::strategies {

struct CheckpointCost {
  base::Bytes bytes{0};     // of a checkpoint
  base::Seconds stop{0};    // d: the job stands still
  base::Seconds behind{0};  // w: written after the stop; 0 where the stop is all
  base::Seconds read{0};    // of the state, all nodes together
};

struct GoodputCase {
  base::Seconds step{0};  // t
  CheckpointCost checkpoint{};
  double failures_per_s = 0.0;  // l
  base::Seconds restart{0};     // R without reading the state
};

// Of a job on so many GPUs and nodes.
double failure_rate(const sim::Failures& failures, std::int64_t gpus, std::int64_t nodes);

// Expected time of a segment of `steps`; infinite where it is beyond what a double holds.
base::Seconds segment_time(const GoodputCase& job, std::int64_t steps);
double training_time_ratio(const GoodputCase& job, std::int64_t steps);
// Pre: failures happen. The k >= 1 that makes the ratio highest.
std::int64_t best_interval(const GoodputCase& job);

}  // namespace windtunnel::strategies
