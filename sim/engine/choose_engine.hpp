// Which engine a simulation needs, and why: `analytic` where nothing can be shared that it does not
// see.
//
// Model: given the pairs of endpoints that may send at the same time. Links that are endpoint ports
// are served in turn by `analytic`, all others it takes as unshared. It is therefore right as long
// as (1) no other link can be asked for more than it has: what the distinct ports (of the senders,
// and of the
//     receivers) of the pairs crossing it can offer together is at most its bandwidth, counting a
//     pair without a port with the narrowest link of its route; fat pipes are never shared;
// (2) no port serves several pairs of which one is held up by a link narrower than the port: the
// port
//     could serve the others meanwhile, `analytic` makes them wait.
// Otherwise `simgrid`. Cost: O(pairs x links of a route).
#pragma once

#include <span>
#include <string>

#include "sim/engine/engine.hpp"

namespace windtunnel::sim {

struct EndpointPair {
  EndpointId from;
  EndpointId to;
};

struct EngineDecision {
  EngineKind kind = EngineKind::simgrid;
  std::string reason;  // a sentence for the user, without a full stop
};

EngineDecision choose_engine(const Network& network, std::span<const EndpointPair> active_together);

}  // namespace windtunnel::sim
