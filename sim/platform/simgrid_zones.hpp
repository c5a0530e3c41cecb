// A SimGrid platform as its file states it, and the routes that SimGrid computes from it.
//
// Model (SimGrid 3.32, src/kernel/routing): a tree of zones; a zone holds hosts and routers, or
// zones. A route between two points of one zone is that zone's (by its routing); between points of
// two zones it is the route of their common ancestor between the child zones that hold them, with
// the way to and from that route's gateways before and after it, found the same way.
//   Full: as stated. Floyd, Dijkstra: the fewest links over the stated routes, ties as SimGrid
//   breaks them (by the order of points in the zone, and in the routes). Star: the links up of one
//   point, then those down to the other, none twice. Torus: by dimension.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/diagnostics.hpp"
#include "sim/platform/cluster.hpp"

namespace windtunnel::sim {

enum class ZoneRouting { full, floyd, dijkstra, star, torus, empty };

// A host, a router or a zone as seen from the zone around it.
struct ZonePoint {
  std::string name;
  int zone = -1;    // the zone around it
  int local = 0;    // its number there
  int inside = -1;  // the zone that it is, if it is one
  bool host = false;
};

struct ZoneRoute {
  std::vector<int> links;
  int gateway_from = -1;  // points; -1 in zones of hosts
  int gateway_to = -1;
};

struct StarArm {
  std::vector<int> up;
  std::vector<int> down;
  int gateway = -1;
};

struct Zone {
  std::string id;
  ZoneRouting routing = ZoneRouting::full;
  int parent = -1;
  int point = -1;                                   // as its parent sees it
  std::vector<int> points;                          // by local number
  std::map<std::pair<int, int>, ZoneRoute> routes;  // by local numbers: Full, Floyd, Dijkstra
  std::vector<std::pair<int, int>> route_order;     // Dijkstra numbers its points by this
  std::map<int, StarArm> arms;                      // by local number: Star
  std::vector<int> dims;                            // Torus
  std::vector<std::pair<int, int>>
      torus_links;  // up and down, by local number x dimensions + dimension
  base::SourceLocation where;
};

class SimgridZones {
 public:
  std::vector<ExplicitLink> links;
  std::vector<ZonePoint> points;
  std::vector<Zone> zones;

  bool holds_zones(const Zone& zone) const {
    return !zone.points.empty() &&
           points[static_cast<std::size_t>(zone.points.front())].inside >= 0;
  }
  // Fills the tables that Floyd and Dijkstra need; call once, when everything is read.
  void seal();
  // Links from one host or router to another. False where there is no route; then `problem` says
  // why.
  bool route(int from, int to, std::vector<int>& out, std::string& problem) const;

 private:
  bool route_at(int from, int to, std::vector<int>& out, std::string& problem, int depth) const;
  bool local_route(const Zone& zone, int from, int to, ZoneRoute& out, std::string& problem,
                   int depth) const;
  bool along(const Zone& zone, const std::vector<std::pair<int, int>>& steps, ZoneRoute& out,
             std::string& problem, int depth) const;
  std::vector<int> ancestors(int point) const;
  std::string no_route(const Zone& zone, int from, int to) const;

  std::vector<std::vector<int>> predecessors_;  // by zone: local x count + local, -1: none
};

}  // namespace windtunnel::sim
