// SimGrid's flow-level network behind the Engine interface: the same links and routes as
// `analytic`, with (weighted) max-min fair sharing on every link. Facts it rests on:
// design/architecture.md, "Facts about SimGrid 3.32". One per process, ever: make it inside
// run_isolated().
//
// Model: a transfer waits for the latency of its route, then moves its bytes at its share of every
// link (EngineOptions::sharing); a rate_limit is one more link of its own. Latencies, compute and
// delays are exact; rates are as exact as SimGrid's solver (1e-5 of a link's bandwidth at worst,
// 1e-12 s an event). Cost: about 1 us a transfer with 64 in flight, 4 us with 1,024 (SimGrid scans
// a list of the activities in flight when one ends); links and their memory are made on first use.
#pragma once

#include <memory>

#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

// `network` must outlive the engine. A second call in the same process breaks a contract.
std::unique_ptr<Engine> make_simgrid_engine(const Network& network, const EngineOptions& options);

}  // namespace windtunnel::sim
