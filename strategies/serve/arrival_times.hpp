// Times at which an open stream of requests arrives.
//
// Model, rate r in requests/s, of n requests:
//   poisson, server  gaps exponential of mean 1/r
//   gamma            gaps of shape 1/c^2 and scale c^2/r, c the coefficient of
//   variation (0: constant) constant         request i at i/r burst b requests
//   at once, burst k at k b/r diurnal          Poisson of rate r (1 + s sin(2
//   pi t / T)), by thinning one of rate r (1 + s)
//                    (Lewis and Shedler 1979)
//   all_at_once, offline   all at 0
// Processes whose clients wait for answers (closed_loop, single_stream,
// multi_stream) have no times of their own: see traffic.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/base/random.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

// Clients that send their next request as an answer comes; 0: an open stream.
std::int64_t waiting_clients(const Arrivals& arrivals);

// Pre: waiting_clients() is 0; rate > 0 unless all arrive at once; 0 <= swing
// <= 1; period > 0. Ascending.
std::vector<base::Seconds> arrival_times(const Arrivals& arrivals, std::int64_t count,
                                         base::RandomStream& random);

}  // namespace windtunnel::strategies
