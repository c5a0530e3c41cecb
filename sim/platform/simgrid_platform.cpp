#include "sim/platform/simgrid_platform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sim/platform/simgrid_reader.hpp"
#include "sim/platform/xml_text.hpp"

namespace windtunnel::sim {
namespace {

constexpr int kMostProblems = 10;  // missing routes that are told one by one

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// The run of digits at `at`, without leading zeros.
std::string_view digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  while (at + 1 < end && text[at] == '0') ++at;
  return text.substr(at, end - at);
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// Numbers inside names compare as numbers: node-2 before node-10.
bool naturally_before(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view first = digits_at(a, i);
      const std::string_view second = digits_at(b, j);
      if (first.size() != second.size()) return first.size() < second.size();
      if (first != second) return first < second;
      i = skip_digits(a, i);
      j = skip_digits(b, j);
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;  // names that differ in leading zeros only
}

std::vector<int> hosts_in_order(const SimgridZones& zones) {
  std::vector<int> hosts;
  for (std::size_t point = 0; point < zones.points.size(); ++point) {
    if (zones.points[point].host) hosts.push_back(static_cast<int>(point));
  }
  std::sort(hosts.begin(), hosts.end(), [&](int a, int b) {
    return naturally_before(zones.points[static_cast<std::size_t>(a)].name,
                            zones.points[static_cast<std::size_t>(b)].name);
  });
  return hosts;
}

}  // namespace

std::optional<Cluster> read_simgrid_platform(std::string_view text, const std::string& file,
                                             base::Diagnostics& diagnostics) {
  const std::optional<XmlText> xml = XmlText::parse(text, file, "platform", diagnostics);
  if (!xml) return std::nullopt;
  std::optional<SimgridZones> zones = SimgridReader(*xml, diagnostics).read();
  if (!zones) return std::nullopt;
  const std::vector<int> hosts = hosts_in_order(*zones);
  ExplicitNetwork network;
  network.routes.resize(hosts.size() * hosts.size());
  int problems = 0;
  for (std::size_t from = 0; from < hosts.size(); ++from) {
    network.hosts.push_back(zones->points[static_cast<std::size_t>(hosts[from])].name);
    for (std::size_t to = 0; to < hosts.size(); ++to) {
      std::string problem;
      std::vector<int>& links = network.routes[from * hosts.size() + to];
      if (from == to || zones->route(hosts[from], hosts[to], links, problem)) continue;
      if (++problems > kMostProblems) continue;
      diagnostics.error(zones->zones.front().where, problem);
    }
  }
  if (problems > kMostProblems) {
    diagnostics.error(
        zones->zones.front().where,
        fmt::format("... and {} more pairs without a route", problems - kMostProblems));
  }
  if (problems > 0) return std::nullopt;
  network.links = std::move(zones->links);
  Cluster cluster;
  cluster.name = zones->zones.front().id;
  cluster.nodes = static_cast<int>(hosts.size());
  cluster.explicit_network = std::move(network);
  return cluster;
}

}  // namespace windtunnel::sim
