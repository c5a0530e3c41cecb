#include "sim/platform/simgrid_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sim/platform/simgrid_units.hpp"

namespace windtunnel::sim {
namespace {

std::optional<ZoneRouting> routing_from_text(std::string_view text) {
  if (text == "Full") return ZoneRouting::full;
  if (text == "Floyd") return ZoneRouting::floyd;
  if (text == "Dijkstra" || text == "DijkstraCache") return ZoneRouting::dijkstra;
  if (text == "Star" || text == "Cluster") return ZoneRouting::star;
  if (text == "None" || text == "Empty") return ZoneRouting::empty;
  return std::nullopt;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

SimgridReader::SimgridReader(const XmlText& xml, base::Diagnostics& diagnostics)
    : xml_(xml), diagnostics_(diagnostics) {}

std::string SimgridReader::text_of(pugi::xml_node node, const char* attribute) {
  const std::string text = node.attribute(attribute).value();
  if (text.empty()) error(node, fmt::format("<{}> needs {}=\"...\"", node.name(), attribute));
  return text;
}

double SimgridReader::bandwidth_of(pugi::xml_node node, const char* attribute) {
  const std::string text = text_of(node, attribute);
  if (text.empty()) return 1.0;
  const std::optional<double> value = simgrid_bandwidth(text);
  if (value && *value > 0) return *value;
  error(node, fmt::format("{}=\"{}\" is not a bandwidth: write 125MBps (bytes) or 1Gbps (bits)",
                          attribute, text));
  return 1.0;
}

double SimgridReader::time_of(pugi::xml_node node, const char* attribute) {
  const std::string text = node.attribute(attribute).value();
  if (text.empty()) return 0.0;
  const std::optional<double> value = simgrid_time(text);
  if (value && *value >= 0) return *value;
  error(node, fmt::format("{}=\"{}\" is not a time: write 50us or 1ms", attribute, text));
  return 0.0;
}

// What changes in the course of time would have to change our links too.
void SimgridReader::refuse_changes(pugi::xml_node node) {
  for (const char* attribute : {"bandwidth_file", "latency_file", "state_file", "bandwidth_profile",
                                "latency_profile", "state_profile", "availability_file"}) {
    if (!node.attribute(attribute)) continue;
    error(node, fmt::format("{} of <{}> is not supported: links and hosts do not change here",
                            attribute, node.name()));
  }
}

int SimgridReader::new_point(pugi::xml_node node, const std::string& name, int zone) {
  const int index = static_cast<int>(zones_.points.size());
  if (!points_.emplace(name, index).second) {
    error(node, fmt::format("'{}' is there twice", name));
  }
  zones_.points.push_back({.name = name, .zone = zone});
  if (zone >= 0) {
    zones_.points.back().local = static_cast<int>(at(zone).points.size());
    at(zone).points.push_back(index);
  }
  return index;
}

int SimgridReader::new_zone(pugi::xml_node node, ZoneRouting routing, int parent) {
  const int zone = static_cast<int>(zones_.zones.size());
  zones_.zones.emplace_back();
  at(zone).id = text_of(node, "id");
  at(zone).routing = routing;
  at(zone).parent = parent;
  at(zone).where = xml_.where(node);
  const int point = new_point(node, at(zone).id, parent);
  zones_.points[static_cast<std::size_t>(point)].inside = zone;
  at(zone).point = point;
  return zone;
}

int SimgridReader::read_zone(pugi::xml_node node, int parent) {
  const std::string text = text_of(node, "routing");
  const std::optional<ZoneRouting> routing = routing_from_text(text);
  if (!routing && !text.empty()) {
    error(node, fmt::format(
                    "routing=\"{}\" is not supported; Full, Floyd, Dijkstra, DijkstraCache, Star, "
                    "Cluster and None are",
                    text));
  }
  const int zone = new_zone(node, routing.value_or(ZoneRouting::full), parent);
  for (const pugi::xml_node child : node.children()) {
    if (child.type() == pugi::node_element) read_member(child, zone);
  }
  bool zones = false;
  bool others = false;
  for (const int point : at(zone).points) {
    (zones_.points[static_cast<std::size_t>(point)].inside >= 0 ? zones : others) = true;
  }
  if (zones && others) {
    error(node,
          fmt::format("zone '{}' holds zones beside hosts or routers: SimGrid finds no routes "
                      "between the two; put the hosts in a zone of their own",
                      at(zone).id));
  }
  return zone;
}

void SimgridReader::read_member(pugi::xml_node node, int zone) {
  const std::string_view name = node.name();
  refuse_changes(node);
  if (name == "zone" || name == "AS") {
    read_zone(node, zone);
  } else if (name == "cluster") {
    read_cluster(node, zone);
  } else if (name == "host" || name == "router") {
    const int point = new_point(node, text_of(node, "id"), zone);
    if (name == "router") return;
    zones_.points[static_cast<std::size_t>(point)].host = true;
    ++hosts_;
  } else if (name == "link") {
    read_link(node);
  } else if (name == "backbone") {
    read_link(node);
    connections_.emplace_back(node, zone);
  } else if (is_one_of(name, {"route", "zoneRoute", "ASroute", "host_link"})) {
    connections_.emplace_back(node, zone);
  } else if (name != "prop") {
    error(node, fmt::format("<{}> is not supported in a platform", name));
  }
}

void SimgridReader::read_link(pugi::xml_node node) {
  LinkText link{.id = text_of(node, "id"), .bandwidth = bandwidth_of(node, "bandwidth")};
  link.latency = time_of(node, "latency");
  link.policy = node.attribute("sharing_policy").as_string("SHARED");
  for (const pugi::xml_node child : node.children()) {
    if (child.type() == pugi::node_element && std::string_view(child.name()) != "prop") {
      error(child, fmt::format("<{}> is not supported in a link", child.name()));
    }
  }
  new_link(node, link);
}

void SimgridReader::new_link(pugi::xml_node node, const LinkText& link) {
  const auto add = [&](const std::string& name) {
    const int index = static_cast<int>(zones_.links.size());
    if (!links_.emplace(name, index).second) {
      error(node, fmt::format("link '{}' is there twice", name));
    }
    zones_.links.push_back({.name = name,
                            .bandwidth = base::BytesPerSecond{link.bandwidth},
                            .latency = base::Seconds{link.latency},
                            .fat_pipe = link.policy == "FATPIPE"});
    return index;
  };
  if (link.policy == "SPLITDUPLEX") {
    const int up = add(link.id + "_UP");
    const int down = add(link.id + "_DOWN");
    split_links_[link.id] = {up, down};
  } else if (link.policy == "SHARED" || link.policy == "FATPIPE") {
    add(link.id);
  } else {
    error(node,
          fmt::format("sharing_policy=\"{}\" is not supported; SHARED, SPLITDUPLEX and FATPIPE are",
                      link.policy));
  }
}

void SimgridReader::read_connection(pugi::xml_node node, int zone) {
  const std::string_view name = node.name();
  if (name == "host_link") return read_host_link(node, zone);
  if (name == "backbone") return read_backbone(node, zone);
  if (at(zone).routing == ZoneRouting::star) return read_star_route(node, zone);
  read_route(node, zone);
}

std::optional<SimgridZones> SimgridReader::read() {
  const int errors = diagnostics_.error_count();
  const double version = xml_.root().attribute("version").as_double();
  if (version < 4.0) {
    error(xml_.root(), fmt::format("this is a platform of version {}; versions from 4 on are read "
                                   "(simgrid_update_xml brings an older file up to date)",
                                   xml_.root().attribute("version").as_string("?")));
    return std::nullopt;
  }
  int top = 0;
  for (const pugi::xml_node child : xml_.root().children()) {
    if (child.type() != pugi::node_element) continue;
    const std::string_view name = child.name();
    if (name == "config") {
      diagnostics_.warning(xml_.where(child),
                           "settings of SimGrid (<config>) are not applied here");
    } else if (name == "zone" || name == "AS" || name == "cluster") {
      if (++top > 1) error(child, "a platform has one outermost zone");
      name == "cluster" ? read_cluster(child, -1) : static_cast<void>(read_zone(child, -1));
    } else if (name != "prop") {
      error(child, fmt::format("<{}> is not supported in a platform", name));
    }
  }
  if (top == 0) error(xml_.root(), "the platform holds no zone");
  if (hosts_ == 0 && top > 0) error(xml_.root(), "the platform holds no hosts");
  if (hosts_ > kMostHosts) {
    error(xml_.root(),
          fmt::format("the platform holds {} hosts; at most {} can be imported, as every "
                      "route is stored",
                      hosts_, kMostHosts));
  }
  if (diagnostics_.error_count() > errors) return std::nullopt;
  for (const auto& [node, zone] : connections_) read_connection(node, zone);
  if (diagnostics_.error_count() > errors) return std::nullopt;
  zones_.seal();
  return std::move(zones_);
}

}  // namespace windtunnel::sim
