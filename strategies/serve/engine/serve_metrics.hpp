// From what happened to requests to the facts of a run.
//
// Definitions (the reference page prints them): TTFT = first token - arrival, arrival at the engine,
// or at the client where front_end is given; e2e = last token - arrival; TPOT = (e2e - TTFT) /
// (output - 1), of requests of two tokens and more; ITL = time between two output events of a
// request, tokens of one event after the first count 0; queue = start of the first step that works
// on it - arrival. Percentiles are exact, linear between ranks (NumPy's default); those of ITL are
// nearest ranks. Requests before `warmup_requests` are left out of latencies, not of throughput.
// makespan = first arrival to last answer. goodput = completed requests a second within every limit.
// saturated = the queue grew to the end: with arrivals of their own, fewer requests are completed
// while they arrive than nine in ten, and more than 8 wait at the last arrival; of a fixed number of
// clients, requests wait for more than a fifth of their time.
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
