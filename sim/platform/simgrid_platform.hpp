// SimGrid platform files (XML, version 4.1): in, so that a platform somebody has can be used here;
// out, so that anyone can check our times with SimGrid's own tools.
//
// In: zones (routing Full, Floyd, Dijkstra, DijkstraCache, Star, Cluster, Empty/None), nested as
// SimGrid nests them; <cluster> of topology FLAT or TORUS; <host>, <router>, <link> (SHARED,
// SPLITDUPLEX, FATPIPE), <route>, <zoneRoute>, <host_link>, <backbone>. Routes are those that
// SimGrid 3.32 computes: Floyd and Dijkstra count links, symmetrical routes turn SPLITDUPLEX links
// round, zone routes go through their gateways. Hosts become ranks in the natural order of their
// names (node-2 before node-10). Compute speeds, cores and properties are not needed and not read.
// Everything else is an error that names the element: what would change times must not be dropped
// in silence.
//
// Out: one host a GPU, one link for each of ours (each is one direction), an explicit route for
// every pair. Host memory and reducing switches have no counterpart and are left out. SimGrid gives
// our times with
//   --cfg=network/model:CM02 --cfg=network/TCP-gamma:0 --cfg=network/crosstraffic:0
//   --cfg=network/weight-S:0 --cfg=network/bandwidth-factor:1 --cfg=network/latency-factor:1
//   --cfg=surf/precision:1e-12 --cfg=network/optim:Full
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sim/base/diagnostics.hpp"
#include "sim/platform/cluster.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::sim {

// A cluster with an explicit network; nothing, with errors at their lines, where the file is no
// use.
std::optional<Cluster> read_simgrid_platform(std::string_view text, const std::string& file,
                                             base::Diagnostics& diagnostics);

struct SimgridExport {
  int most_hosts = 512;  // the file grows with their square: about 100 MB here
};
// The text of the platform file; nothing, with an error that says how large it would be, for more
// hosts.
std::optional<std::string> write_simgrid_platform(const Network& network,
                                                  const SimgridExport& options,
                                                  base::Diagnostics& diagnostics);

}  // namespace windtunnel::sim
