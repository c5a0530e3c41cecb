// Which engines a serving job asks for, and whether the cluster has the GPUs for them.
//
// Replicas of the first kind take GPUs of the cluster's first node type, pools those of their own.
// An engine's share of its nodes' NICs is what its GPUs are of the node's; where all GPUs are in one
// scale-up domain, KV caches travel on that.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "strategies/serve/engine/serve_metrics.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

struct FleetPlanning {
  EngineFleet fleet;                 // batch_work is left open
  std::optional<BatchPlan> batches;  // of a model without iterations
  FleetFigures figures;
  std::string infeasible;  // why there is none; empty: there is
  std::vector<std::string> warnings;
};
FleetPlanning plan_fleet(const ServeJob& job, const ServeSubject& subject, const ServeSite& site);

}  // namespace windtunnel::strategies
