// Clusters that come from other tools' files.
#pragma once

#include <optional>
#include <string>

#include "scenarios/document/node.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::scenarios {

// The cluster mapping that an NCCL topology XML describes (one node of it; `nodes` and the fabric
// are the scenario's to give), with all values at `reference`. `invalid`, with errors, where the
// file is no use.
Node import_nccl_topology(const Node& reference, const std::string& path,
                          base::Diagnostics& diagnostics);

// The explicit network of a SimGrid platform file.
std::optional<sim::Cluster> import_simgrid_platform(const Node& reference,
                                                    base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
