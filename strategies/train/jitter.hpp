// Random delays of passes: what the slowest of n ranks takes.
//
// Model: a rank's pass takes 1 + X times its time (sim/platform/faults.hpp). Ranks that begin a pass
// together also end it together, so the pass takes 1 + max of n draws, which is drawn at once:
// F^-1(u^(1/n)) for a uniform u. Expected: exponential, mean x (1 + 1/2 + ... + 1/n); uniform,
// 2 mean n / (n + 1). A draw depends on the seed and on which step, gang, stage and pass it is for,
// and on nothing else, so every engine sees the same ones.
#pragma once

#include <cstdint>

#include "sim/platform/faults.hpp"

namespace windtunnel::strategies {

// Value that X stays below with probability u, 0 <= u < 1.
double jitter_quantile(const sim::Jitter& jitter, double u);

// Which draw: passes of a step that draws once a step are all pass 0.
struct DrawPlace {
  std::uint64_t seed = 1;
  std::int64_t step = 0, lane = 0, stage = 0, pass = 0;
};
// In [0, 1), the same for the same place.
double uniform_at(const DrawPlace& place);

// 1 + the largest X of `ranks` ranks.
double slowest_factor(const sim::Jitter& jitter, std::int64_t ranks, DrawPlace place);

}  // namespace windtunnel::strategies
