// An own engine whose transfers share links as fluids: what jobs on one cluster do to each other,
// without SimGrid.
//
// Model: a transfer waits out its start-up and the latency of its route, then its bytes move at the
// max-min fair rate of all transfers that are moving (Bertsekas and Gallager 1992, section 6.5.2),
// every link of the network shared but fat pipes, each transfer held to its rate limit besides. The
// same as `simgrid` with Sharing::max_min. Rates change where a transfer begins or ends, and only
// those of transfers that are joined to it by a chain of shared links, by the same arithmetic
// whatever else goes on: work that shares no link with other work takes, to the last bit, the time
// that it takes alone.
// Contract: as Engine; kind() is analytic. O(links x rounds of filling) a change of the transfers
// that share links.
#pragma once

#include <memory>

#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

// `network` must outlive the engine. Of the options only record_links counts.
std::unique_ptr<Engine> make_fluid_engine(const Network& network, const EngineOptions& options);

}  // namespace windtunnel::sim
