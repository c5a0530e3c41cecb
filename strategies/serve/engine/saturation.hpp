// Whether requests come faster than they are served, from what happened while they came.
//
// With arrivals of their own (open loop) only the time from the first to the last arrival is looked
// at: what is left is answered after it, and says nothing of the load. n requests arrive, c is the
// coefficient of variation of their gaps; bursts alone, at full load, leave a random walk of
// standard deviation sqrt(n (c^2 + 1)) in the system (heavy traffic: M/M/1 at c = 1). Saturated:
//   - as the last request comes, more than 1.5 such deviations wait for their first step;
//   - or, once the system has filled, more requests come than leave, by more than one in twenty of
//     those that come and by more than 5 deviations (of those; steps take longer the more there
//     are, so that what is in an engine swings more widely than a queue). It has filled when nine
//     in ten of the first quarter's requests would have been answered.
// Unknown: it grows by 2 to 5 deviations; or fewer than a quarter of the requests come after it has
// filled, and more than one in ten is in the system at the last arrival.
// A fixed number of clients (closed loop): requests wait for more than a fifth of their time.
#pragma once

#include "strategies/serve/engine/serve_simulation.hpp"

namespace windtunnel::strategies {

enum class Saturation { no, yes, unknown };

Saturation judge_saturation(const ServeJob& job, const ServedRun& run);

}  // namespace windtunnel::strategies
