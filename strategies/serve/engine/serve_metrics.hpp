// From what happened to requests to the facts of a run.
//
// Definitions (the reference page prints them): TTFT = first token - arrival, arrival at the engine,
// or at the client where front_end is given; e2e = last token - arrival; TPOT = (e2e - TTFT) /
// (output - 1), of requests of two tokens and more; ITL = time between two output events of a
// request, tokens of one event after the first count 0; queue = start of the first step that works
// on it - arrival. Percentiles are exact, linear between ranks (NumPy's default); those of ITL are
// nearest ranks.
// Measured: requests after the first `warmup_requests`, from the arrival of the first of them to the
// last answer of theirs. Latencies, throughput, tokens a second, SLO attainment and goodput are of
// these; goodput = those within every limit a second = attainment x throughput where none is
// rejected. Counts (requests, completed, rejected, in flight), makespan, energy and cost are of the
// whole run, and of requests that came before the horizon.
// makespan = first arrival to last answer, or to the horizon where it cuts the run.
// saturated: saturation.hpp.
#pragma once

#include <vector>

#include "sim/base/fact.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"

namespace windtunnel::strategies {

struct FleetFigures {
  struct Engine {
    double gpus = 1, power = 0;  // W, all its GPUs at their limit
  };
  double gpus = 0;                 // all replicas that could be there
  std::vector<Engine> replicas{};  // of each; those left out have one GPU without a price
  double gpu_hour = 0, power_price = 0, pue = 1;  // $/s, $/J
};

void add_serve_facts(const ServeJob& job, const ServedRun& run, const FleetFigures& fleet,
                     base::Outcome& out);

base::Table requests_table(const ServedRun& run);
base::Table load_table(const ServedRun& run);
base::Table replicas_table(const ServedRun& run);
// Steps by what was in them, with means.
base::Table steps_table(const ServedRun& run);

}  // namespace windtunnel::strategies
