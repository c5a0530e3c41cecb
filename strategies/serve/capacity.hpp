// How much load a serving design carries, and which design carries a load for the least.
//
// highest_rate: bisection over the arrival rate for the highest one whose run meets the workload's
// SLO: `share` of the requests within every limit (p99 by default, as MLPerf's Server; rejected ones
// and those in flight are outside), no growing queue. Between rates the same seed is used, so that the
// same requests come closer together. Runs are at least as long as it takes to see a queue grow
// (kRunsLimits of the limits).
// cheapest_layout: for each layout the highest rate of one replica, then as many replicas as the rate
// needs; the one of the fewest GPUs that meets the SLO when
// all of it is simulated.
// pareto_layouts: each layout under closed loops of 1, 2, 4, ... clients; the front of output tokens/s
// per GPU against output tokens/s of a user (1 / mean TPOT).
// Complexity: a run for each rate, about 12 a search.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/base/fact.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/run_serve.hpp"

namespace windtunnel::strategies {

struct CapacityOptions {
  ServeOptions serve{.request_rows = false, .load_rows = 0};
  double share = 0.99;                   // of requests that must meet the SLO
  double precision = 0.02;               // relative, of the rate
  std::int64_t most_requests = 300'000;  // of a run that is lengthened to see a queue grow
};

// A run of a job, with options.
using RunOfJob = std::function<base::Outcome(const ServeJob&, const ServeOptions&)>;

// The outcome of the run at the highest rate, with the fact max_rate_per_s, the table `capacity` (one
// row a rate that was tried) and, where runs have bands, one as wide as that of the throughput with all
// requests at once; `infeasible` where not even requests far apart meet the limits, with the sentence that
// says which limit and by how much, where no limit is stated, and where arrivals have no rate.
base::Outcome highest_rate(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                           const CapacityOptions& options = {});
base::Outcome highest_rate(const ServeJob& job, const RunOfJob& run,
                           const CapacityOptions& options = {});

// What may be varied; empty: as the job has it.
struct LayoutSpace {
  std::vector<std::int64_t> tensor{}, pipeline{}, max_batch{};
  std::vector<models::NumberFormat> precision{};
  std::int64_t gpus = 1;  // there are
};

// One row a layout: tensor, pipeline, max_batch, precision, replicas, gpus, and what it does; why it
// cannot be, where it cannot.
struct LayoutSearch {
  base::Outcome best{};      // of the winner; infeasible where there is none
  ServeStrategy strategy{};  // the winner's
  base::Table layouts{};
  std::int64_t evaluated = 0, infeasible = 0;
};

// The job's own rate (arrivals.rate) is what has to be carried.
LayoutSearch cheapest_layout(const ServeJob& job, const LayoutSpace& space, const RunOfJob& run,
                             const CapacityOptions& options = {});

// The max_batch, out of powers of two up to `most`, that completes the most requests a second with all of
// them there at once; the smallest of those within 1 % of the best. What who tunes a server would state
// (submitters to MLPerf do); a larger batch is not always faster: what it writes may not fit in L2.
std::int64_t fastest_batch(const ServeJob& job, std::int64_t most, const RunOfJob& run);

struct ParetoPoint {
  ServeStrategy strategy{};
  std::int64_t clients = 0;
  double tokens_per_gpu = 0, tokens_per_user = 0;  // a second
  bool on_front = false;
};
// `most_clients` of one replica. Points in the order of layouts, then clients.
std::vector<ParetoPoint> pareto_layouts(const ServeJob& job, const LayoutSpace& space,
                                        std::int64_t most_clients, const RunOfJob& run);
// Marks the points that none is at least as good as in both and better in one.
void mark_front(std::vector<ParetoPoint>& points);

const std::map<std::string, base::FactInfo>& capacity_fact_info();

}  // namespace windtunnel::strategies
