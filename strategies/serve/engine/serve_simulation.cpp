#include "strategies/serve/engine/serve_simulation.hpp"

#include "sim/base/contract.hpp"
#include "strategies/serve/engine/simulation.hpp"

namespace windtunnel::strategies {

ServedRun simulate(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                   const SimulationOptions& options) {
  base::expects(!fleet.plans.empty(), "a serving system has an engine");
  return ServingSimulation(job, fleet, traffic, options).run();
}

}  // namespace windtunnel::strategies
