// Checks of a network given link by link (an imported platform).
#pragma once

#include "sim/base/diagnostics.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::sim {

// Links with a bandwidth, and a route of known links for every ordered pair; errors go to
// `diagnostics`.
void check_explicit_network(const ExplicitNetwork& network, const base::SourceLocation& where,
                            base::Diagnostics& diagnostics);

}  // namespace windtunnel::sim
