// Runs one collective case end to end: chooses what is left to choose, simulates the schedule on an
// engine or asks a calibrated model, and says what the result rests on.
//
// Without a model (`calibration: none`): the schedule of the algorithm on data-sheet links,
// exactly; `auto` is what NCCL's own rules choose. With a model: time = its prediction for a group
// alone x slowdown, where
//   slowdown of a group = time on the engine with all groups at once / time on the engine alone;
// What the model has no answer for is simulated with a warning, on links derated to what the model
// found (derated_network.hpp), time = launch + time on the engine, band by LinkCosts::half_width;
// on data-sheet links where the model knows no link costs. An algorithm that cannot run here
// (halving_doubling of an op that it has none for, in_network without a reducing switch) is an
// `infeasible` outcome with the reason. Law: time_s >= lower_bound_s, whatever answered.
//
// Facts: time_s, algbw_bytes_per_s, busbw_bytes_per_s, lower_bound_s, steps, ranks, bytes, and,
// where they apply, slowdown, channels, chunk_bytes, messages, simulated_time_s, runner_up_time_s,
// closed_form_s (data-sheet links), launch_s.
// Labels: algorithm, protocol, chosen_by, why, lowering, engine_reason, nccl_choice, runner_up,
// formula, chunk, link_costs, engine. Tables: alternatives, links, timeline, groups (columns:
// reports/result.hpp).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "collectives/nccl/constants.hpp"
#include "collectives/time_model.hpp"
#include "sim/base/fact.hpp"
#include "sim/engine/choose_engine.hpp"
#include "strategies/collective/collective_case.hpp"
#include "strategies/collective/derated_network.hpp"
#include "strategies/collective/group_plan.hpp"

namespace windtunnel::strategies {

using EngineFactory =
    std::function<std::unique_ptr<sim::Engine>(const sim::Network&, const sim::EngineOptions&)>;

// Where a case runs. All of it outlives the run; `model`, `groups` and `derated` may be null.
struct CollectiveSite {
  const sim::ValidCluster& cluster;
  const sim::Network& network;
  EngineFactory
      make_engine;  // called at most once a case: one forked child a case does for SimGrid
  const collectives::TimeModel* model = nullptr;
  GroupCache* groups =
      nullptr;  // kept over all cases of the network; null: each case makes its own
  DeratedNetworks* derated = nullptr;  // the same
};

struct CollectiveOptions {
  std::string engine_reason{};  // why this engine, for the label; empty: no label
  std::string fabric{};  // of the cluster, as measurements name it; empty: the cluster's name
  std::string nccl_version = std::string(collectives::nccl::kDefaultVersion);
  // Messages up to which Lowering::automatic goes step by step. `bulk` is made for shared links; on
  // analytic, which serves a port's transfers whole, it would spoil pipelines.
  std::int64_t steps_limit_simgrid = 200'000;
  std::int64_t steps_limit_analytic = 5'000'000;
  // Rows of the tables; 0: none. A case that a model answers alone takes an engine only for these.
  std::int64_t timeline_rows = 5'000;
  std::int64_t link_rows = 300;
  // On an engine that shares nothing inside the fabric: raise the time to what the busiest link needs
  // for its bytes, which is what many flows at once come to.
  bool heed_busiest_link = false;
};

base::Outcome run_collective_case(const CollectiveCase& one, const CollectiveSite& site,
                                  const CollectiveOptions& options);

// Whether run_collective_case would call make_engine: a case that does not is answered by formulas
// alone.
bool needs_engine(const CollectiveCase& one, const CollectiveSite& site,
                  const CollectiveOptions& options);

// The engine that a case needs and why, from the pairs of endpoints that its messages go between:
// analytic where it gives what simgrid gives.
sim::EngineDecision choose_engine(const CollectiveCase& one, const CollectiveSite& site,
                                  const CollectiveOptions& options);

// Name, unit and description of every fact and label above.
const std::map<std::string, base::FactInfo>& collective_fact_info();

}  // namespace windtunnel::strategies
