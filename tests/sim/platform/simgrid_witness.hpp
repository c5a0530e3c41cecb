// What SimGrid itself makes of a platform file: its hosts, and the route of every pair.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace windtunnel::sim::testing {

struct WitnessLink {
  std::string name;
  double bandwidth = 0.0;
};
struct WitnessRoute {
  std::vector<WitnessLink> links;
  double latency = 0.0;
};
using WitnessRoutes = std::map<std::pair<std::string, std::string>, WitnessRoute>;

// Runs SimGrid in a child process. `platform` is the text of the file.
WitnessRoutes simgrid_routes(const std::string& platform);

}  // namespace windtunnel::sim::testing
