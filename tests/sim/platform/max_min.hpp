// Max-min fair sharing by progressive filling, written apart from both engines as their witness.
//
// Model (Bertsekas and Gallager 1992, section 6.5.2): all flows grow at the same pace until a link
// is full; its flows stop there, the others go on. With equal bytes per flow, rates are shared anew
// whenever a flow ends; the makespan follows.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

#include "sim/platform/network.hpp"

namespace windtunnel::sim::testing {

using FlowRoutes = std::vector<std::vector<LinkId>>;

// Rates in bytes/s of the flows that are `active`; fat pipes bound a flow but are not shared.
inline std::vector<double> max_min_rates(const Network& network, const FlowRoutes& routes,
                                         const std::vector<bool>& active) {
  std::vector<double> rates(routes.size(), 0.0);
  std::vector<bool> growing = active;
  std::map<LinkId, double> left;
  for (const auto& route : routes) {
    for (const LinkId link : route) left[link] = network.links()[link.slot()].bandwidth.value();
  }
  while (std::find(growing.begin(), growing.end(), true) != growing.end()) {
    std::map<LinkId, int> users;
    for (std::size_t flow = 0; flow < routes.size(); ++flow) {
      for (const LinkId link : routes[flow]) users[link] += growing[flow] ? 1 : 0;
    }
    const auto room = [&](LinkId link) {
      const Link& described = network.links()[link.slot()];
      return described.fat_pipe ? left[link] : left[link] / users[link];
    };
    double step = std::numeric_limits<double>::infinity();
    for (const auto& [link, count] : users) {
      if (count > 0) step = std::min(step, room(link));
    }
    std::vector<LinkId> full;
    for (auto& [link, count] : users) {
      if (count == 0) continue;
      if (room(link) <= step * (1 + 1e-12)) full.push_back(link);
      left[link] -= network.links()[link.slot()].fat_pipe ? step : step * count;
    }
    for (std::size_t flow = 0; flow < routes.size(); ++flow) {
      if (!growing[flow]) continue;
      rates[flow] += step;
      for (const LinkId link : routes[flow]) {
        if (std::find(full.begin(), full.end(), link) != full.end()) growing[flow] = false;
      }
    }
  }
  return rates;
}

// Seconds until flows of `bytes` each, all started at once, are done.
inline double makespan(const Network& network, const FlowRoutes& routes, double bytes) {
  std::vector<double> left(routes.size(), bytes);
  std::vector<bool> active(routes.size(), true);
  double now = 0.0;
  while (std::find(active.begin(), active.end(), true) != active.end()) {
    const std::vector<double> rates = max_min_rates(network, routes, active);
    double step = std::numeric_limits<double>::infinity();
    for (std::size_t flow = 0; flow < left.size(); ++flow) {
      if (active[flow]) step = std::min(step, left[flow] / rates[flow]);
    }
    now += step;
    for (std::size_t flow = 0; flow < left.size(); ++flow) {
      if (!active[flow]) continue;
      left[flow] -= rates[flow] * step;
      if (left[flow] <= 1e-9 * bytes) active[flow] = false;
    }
  }
  return now;
}

}  // namespace windtunnel::sim::testing
