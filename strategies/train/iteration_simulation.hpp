// A whole iteration with every rank on an engine, and what it says beyond the
// folded one.
//
// The iteration takes as long as the graph; its parts are those of the rank
// that is done last before the norm: its passes cost what they cost folded,
// exchanges and reductions take what they were seen to take, and the slowest
// stage after the norm steps and gathers.
#pragma once

#include <cstdint>

#include "strategies/collective/run_collective.hpp"
#include "strategies/train/iteration_graph.hpp"
#include "strategies/train/timeline_rows.hpp"

namespace windtunnel::strategies {

struct RankEngine {
  const sim::Network& network;  // of the cluster
  EngineFactory make_engine;    // called once
};

struct SimulatedIteration {
  Iteration iteration;
  Links links = Links::unshared;
  TimelineRows timeline;  // of the ranks that are shown
  std::int64_t tasks = 0;
  std::int64_t events = 0;  // of the engine
};

// What a run of a graph says of the iteration; times from its begin. `folded` as
// below.
Iteration seen_iteration(const TrainPlan& plan, const Iteration& folded,
                         const IterationGraph& graph, const sim::Execution& done);

// `folded` is the iteration of the same plan with one rank of each stage. Links
// are shared on an engine that shares them.
SimulatedIteration simulate_iteration(const TrainPlan& plan, const Iteration& folded,
                                      const RankEngine& engine, std::int64_t shown_ranks);

}  // namespace windtunnel::strategies
