#include "tests/sim/platform/simgrid_witness.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <simgrid/s4u.hpp>
#include <sstream>

#include "sim/engine/isolated.hpp"

namespace windtunnel::sim::testing {
namespace {

std::string routes_as_text(const std::string& path) {
  int argc = 2;
  char name[] = "witness";
  char quiet[] = "--log=root.thresh:error";
  char* argv[] = {name, quiet, nullptr};
  simgrid::s4u::Engine engine(&argc, argv);
  engine.load_platform(path);
  engine.seal_platform();  // Floyd and Dijkstra make their tables here
  std::ostringstream out;
  out.precision(17);
  for (const auto* from : engine.get_all_hosts()) {
    for (const auto* to : engine.get_all_hosts()) {
      if (from == to) continue;
      std::vector<simgrid::s4u::Link*> links;
      double latency = 0.0;
      from->route_to(to, links, &latency);
      out << from->get_name() << ' ' << to->get_name() << ' ' << latency << ' ' << links.size();
      for (const auto* link : links) out << ' ' << link->get_name() << ' ' << link->get_bandwidth();
      out << '\n';
    }
  }
  return out.str();
}

}  // namespace

WitnessRoutes simgrid_routes(const std::string& platform) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("windtunnel_platform_" + std::to_string(getpid()) + ".xml");
  std::ofstream(path) << platform;
  std::istringstream text(run_isolated([&path] { return routes_as_text(path.string()); }));
  std::filesystem::remove(path);
  WitnessRoutes routes;
  std::string from;
  std::string to;
  while (text >> from >> to) {
    WitnessRoute& route = routes[{from, to}];
    std::size_t count = 0;
    text >> route.latency >> count;
    route.links.resize(count);
    for (WitnessLink& link : route.links) text >> link.name >> link.bandwidth;
  }
  return routes;
}

}  // namespace windtunnel::sim::testing
