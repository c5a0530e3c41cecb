#include "strategies/serve/engine/serve_simulation.hpp"

#include "sim/base/contract.hpp"
#include "strategies/serve/engine/simulation.hpp"

namespace windtunnel::strategies {

ServedRun simulate(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                   const SimulationOptions& options) {
  base::expects(!fleet.plans.empty(), "a serving system has an engine");
  return ServingSimulation(job, fleet, traffic, options, nullptr).run();
}

std::unique_ptr<ServingClock> make_serving_clock(const ServeJob& job, const EngineFleet& fleet,
                                                 const Traffic& traffic,
                                                 const SimulationOptions& options,
                                                 TrafficCarrier* carrier) {
  base::expects(!fleet.plans.empty(), "a serving system has an engine");
  auto simulation = std::make_unique<ServingSimulation>(job, fleet, traffic, options, carrier);
  simulation->prepare();
  return simulation;
}

}  // namespace windtunnel::strategies
