// SimGrid's flow-level network behind the Engine interface: the same links and routes as `analytic`, with
// max-min fair sharing on every link. Facts it rests on: design/architecture.md, "Facts about SimGrid 3.32".
// One per process, ever: make it inside run_isolated().
#pragma once

#include <memory>

#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

// `network` must outlive the engine. A second call in the same process breaks a contract.
std::unique_ptr<Engine> make_simgrid_engine(const Network& network, const EngineOptions& options);

}  // namespace windtunnel::sim
