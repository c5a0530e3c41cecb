#include "sim/platform/simgrid_zones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>

namespace windtunnel::sim {
namespace {

constexpr int kFar = std::numeric_limits<int>::max() / 2;
constexpr int kDeepest = 500;  // of gateways that lead to gateways

std::size_t cell(std::size_t count, int from, int to) {
  return static_cast<std::size_t>(from) * count + static_cast<std::size_t>(to);
}

// Predecessors on the ways with the fewest links (Floyd and Warshall, in SimGrid's order of loops).
std::vector<int> floyd(const Zone& zone) {
  const std::size_t count = zone.points.size();
  const int n = static_cast<int>(count);
  std::vector<int> cost(count * count, kFar);
  std::vector<int> before(count * count, -1);
  for (const auto& [pair, route] : zone.routes) {
    cost[cell(count, pair.first, pair.second)] = static_cast<int>(route.links.size());
    before[cell(count, pair.first, pair.second)] = pair.first;
  }
  // SimGrid gives every point of a zone of hosts a loop of one link, which no shortest way takes.
  for (int via = 0; via < n; ++via) {
    for (int from = 0; from < n; ++from) {
      const int first = cost[cell(count, from, via)];
      if (first == kFar) continue;
      for (int to = 0; to < n; ++to) {
        const int second = cost[cell(count, via, to)];
        if (second == kFar || first + second >= cost[cell(count, from, to)]) continue;
        cost[cell(count, from, to)] = first + second;
        before[cell(count, from, to)] = before[cell(count, via, to)];
      }
    }
  }
  return before;
}

// The same from every point by Dijkstra; SimGrid numbers points by their first use in a route.
std::vector<int> dijkstra(const Zone& zone) {
  const std::size_t count = zone.points.size();
  std::vector<int> number(count, -1);
  std::vector<int> point;
  std::vector<std::vector<std::pair<int, int>>> edges(count);  // by number: to, links
  for (const auto& [from, to] : zone.route_order) {
    for (const int end : {from, to}) {
      if (number[static_cast<std::size_t>(end)] >= 0) continue;
      number[static_cast<std::size_t>(end)] = static_cast<int>(point.size());
      point.push_back(end);
    }
    edges[static_cast<std::size_t>(number[static_cast<std::size_t>(from)])].emplace_back(
        number[static_cast<std::size_t>(to)],
        static_cast<int>(zone.routes.at({from, to}).links.size()));
  }
  std::vector<int> before(count * count, -1);
  using Entry = std::pair<int, int>;
  for (std::size_t start = 0; start < point.size(); ++start) {
    std::vector<int> cost(point.size(), kFar);
    cost[start] = 0;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    queue.emplace(0, static_cast<int>(start));
    while (!queue.empty()) {
      const auto [reached, at] = queue.top();
      queue.pop();
      for (const auto& [next, links] : edges[static_cast<std::size_t>(at)]) {
        if (cost[static_cast<std::size_t>(at)] + links >= cost[static_cast<std::size_t>(next)])
          continue;
        cost[static_cast<std::size_t>(next)] = cost[static_cast<std::size_t>(at)] + links;
        before[cell(count, point[start], point[static_cast<std::size_t>(next)])] =
            point[static_cast<std::size_t>(at)];
        queue.emplace(cost[static_cast<std::size_t>(next)], next);
      }
    }
  }
  return before;
}

// Dimension by dimension. SimGrid looks at the coordinates of sender and receiver only: to the
// right where the target is at most half a ring to the right, or the sender is past the middle and
// the target within half a ring around the end.
void torus(const Zone& zone, int from, int to, std::vector<int>& out) {
  const std::size_t count = zone.dims.size();
  int node = from;
  int stride = 1;
  for (std::size_t dim = 0; dim < count; ++dim) {
    const int size = zone.dims[dim];
    const int mine = from / stride % size;
    const int target = to / stride % size;
    const bool right = (target > mine && target <= mine + size / 2) ||
                       (mine > size / 2 && (mine + size / 2) % size >= target);
    while (node / stride % size != target) {
      const int here = node / stride % size;
      const int next =
          node + ((right ? (here + 1) % size : (here + size - 1) % size) - here) * stride;
      const auto owner = static_cast<std::size_t>(right ? node : next) * count + dim;
      out.push_back(right ? zone.torus_links[owner].first : zone.torus_links[owner].second);
      node = next;
    }
    stride *= size;
  }
}

void add_once(const std::vector<int>& links, std::vector<int>& out) {
  for (const int link : links) {
    if (std::find(out.begin(), out.end(), link) == out.end()) out.push_back(link);
  }
}

}  // namespace

void SimgridZones::seal() {
  predecessors_.clear();
  for (const Zone& zone : zones) {
    switch (zone.routing) {
      case ZoneRouting::floyd:
        predecessors_.push_back(floyd(zone));
        break;
      case ZoneRouting::dijkstra:
        predecessors_.push_back(dijkstra(zone));
        break;
      case ZoneRouting::full:
      case ZoneRouting::star:
      case ZoneRouting::torus:
      case ZoneRouting::empty:
        predecessors_.emplace_back();
    }
  }
}

std::string SimgridZones::no_route(const Zone& zone, int from, int to) const {
  const auto name = [&](int local) {
    return points[static_cast<std::size_t>(zone.points[static_cast<std::size_t>(local)])].name;
  };
  return fmt::format("there is no route from '{}' to '{}' in zone '{}'", name(from), name(to),
                     zone.id);
}

// The stated routes one after the other, joined inside a zone where one ends at another gateway
// than the next begins at.
bool SimgridZones::along(const Zone& zone, const std::vector<std::pair<int, int>>& steps,
                         ZoneRoute& out, std::string& problem, int depth) const {
  int last_gateway = -1;
  for (const auto& step : steps) {
    const ZoneRoute& part = zone.routes.at(step);
    if (last_gateway >= 0 && last_gateway != part.gateway_from) {
      if (zone.routing == ZoneRouting::dijkstra) {
        problem = fmt::format(
            "zone '{}': routing Dijkstra through a zone that is entered and left by "
            "different gateways does not work in SimGrid either; take Floyd",
            zone.id);
        return false;
      }
      if (!route_at(last_gateway, part.gateway_from, out.links, problem, depth)) return false;
    }
    out.links.insert(out.links.end(), part.links.begin(), part.links.end());
    last_gateway = part.gateway_to;
  }
  out.gateway_from = zone.routes.at(steps.front()).gateway_from;
  out.gateway_to = last_gateway;
  return true;
}

bool SimgridZones::local_route(const Zone& zone, int from, int to, ZoneRoute& out,
                               std::string& problem, int depth) const {
  std::vector<std::pair<int, int>> steps;
  switch (zone.routing) {
    case ZoneRouting::full: {
      if (zone.routes.count({from, to}) > 0) steps.emplace_back(from, to);
      break;
    }
    case ZoneRouting::floyd:
    case ZoneRouting::dijkstra: {
      const std::size_t count = zone.points.size();
      const std::vector<int>& before =
          predecessors_[static_cast<std::size_t>(&zone - zones.data())];
      for (int at = to; at != from;) {
        const int previous = before[cell(count, from, at)];
        if (previous < 0) break;
        steps.emplace_back(previous, at);
        at = previous;
      }
      if (steps.empty() || steps.back().first != from) steps.clear();
      std::reverse(steps.begin(), steps.end());
      break;
    }
    case ZoneRouting::star: {
      const auto up = zone.arms.find(from);
      const auto down = zone.arms.find(to);
      static const StarArm kNone;
      const StarArm& source = up == zone.arms.end() ? kNone : up->second;
      const StarArm& target = down == zone.arms.end() ? kNone : down->second;
      add_once(source.up, out.links);
      add_once(target.down, out.links);
      out.gateway_from = source.gateway;
      out.gateway_to = target.gateway;
      return true;
    }
    case ZoneRouting::torus: {
      const int count = static_cast<int>(zone.torus_links.size() / zone.dims.size());
      if (from < count && to < count) torus(zone, from, to, out.links);  // its router is free
      return true;
    }
    case ZoneRouting::empty:
      break;
  }
  if (!steps.empty()) return along(zone, steps, out, problem, depth);
  problem = no_route(zone, from, to);
  return false;
}

// The zones around a point, innermost first.
std::vector<int> SimgridZones::ancestors(int point) const {
  std::vector<int> all;
  for (int zone = points[static_cast<std::size_t>(point)].zone; zone >= 0;
       zone = zones[static_cast<std::size_t>(zone)].parent) {
    all.push_back(zone);
  }
  return all;
}

bool SimgridZones::route(int from, int to, std::vector<int>& out, std::string& problem) const {
  return route_at(from, to, out, problem, 0);
}

bool SimgridZones::route_at(int from, int to, std::vector<int>& out, std::string& problem,
                            int depth) const {
  if (from == to) return true;
  if (depth > kDeepest) {
    problem = "gateways of zones lead to each other in a circle";
    return false;
  }
  std::vector<int> up = ancestors(from);
  std::vector<int> down = ancestors(to);
  while (up.size() > 1 && down.size() > 1 && up[up.size() - 2] == down[down.size() - 2]) {
    up.pop_back();
    down.pop_back();
  }
  const Zone& common = zones[static_cast<std::size_t>(up.back())];
  const auto seen_from_common = [&](const std::vector<int>& path, int point) {
    return path.size() == 1 ? point : zones[static_cast<std::size_t>(path[path.size() - 2])].point;
  };
  const int first = seen_from_common(up, from);
  const int last = seen_from_common(down, to);
  ZoneRoute middle;
  if (!local_route(common, points[static_cast<std::size_t>(first)].local,
                   points[static_cast<std::size_t>(last)].local, middle, problem, depth + 1)) {
    return false;
  }
  if (middle.gateway_from >= 0 && first != from &&
      !route_at(from, middle.gateway_from, out, problem, depth + 1)) {
    return false;
  }
  out.insert(out.end(), middle.links.begin(), middle.links.end());
  return middle.gateway_to < 0 || last == to ||
         route_at(middle.gateway_to, to, out, problem, depth + 1);
}

}  // namespace windtunnel::sim
