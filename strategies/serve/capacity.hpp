// How much load a serving design carries.
//
// highest_rate: bisection over the arrival rate for the highest one whose run meets the workload's
// SLO: `share` of the requests within every limit (p99 by default, as MLPerf's Server), no growing
// queue. Between rates the same seed is used, so that the same requests come closer together.
#pragma once

#include "sim/base/fact.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/run_serve.hpp"

namespace windtunnel::strategies {

struct CapacityOptions {
  ServeOptions serve{.request_rows = false, .load_rows = 0};
  double share = 0.99;      // of requests that must meet the SLO
  double precision = 0.02;  // relative, of the rate
};

// The outcome of the run at the highest rate, with the fact max_rate_per_s (and its band);
// `infeasible` where not even one request at a time meets the limits, with the sentence that says
// which limit and by how much. Pre: workload.slo.any(), or an error in words.
base::Outcome highest_rate(const ServeJob& job, const ServeSubject& subject, const ServeSite& site,
                           const CapacityOptions& options = {});

}  // namespace windtunnel::strategies
