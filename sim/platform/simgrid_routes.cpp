// <route>, <zoneRoute>, <host_link> and <backbone> of a SimGrid platform.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sim/platform/simgrid_reader.hpp"

namespace windtunnel::sim {
namespace {

bool is_symmetrical(pugi::xml_node node) {
  const std::string_view text = node.attribute("symmetrical").as_string("YES");
  return text == "YES" || text == "yes";
}

}  // namespace

std::optional<int> SimgridReader::point_of(pugi::xml_node node, const char* attribute) {
  const std::string name = text_of(node, attribute);
  if (name.empty()) return std::nullopt;
  const auto found = points_.find(name);
  if (found != points_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, index] : points_) names.push_back(known);
  error(node, fmt::format("{}=\"{}\" names nothing in this platform{}", attribute, name,
                          base::did_you_mean(name, names)));
  return std::nullopt;
}

std::optional<int> SimgridReader::point_in(pugi::xml_node node, const char* attribute, int zone) {
  const std::optional<int> point = point_of(node, attribute);
  if (!point) return std::nullopt;
  if (zones_.points[static_cast<std::size_t>(*point)].zone == zone) return point;
  error(node, fmt::format("{}=\"{}\" is not in zone '{}' itself", attribute,
                          node.attribute(attribute).value(), at(zone).id));
  return std::nullopt;
}

std::optional<int> SimgridReader::link_of(pugi::xml_node node, const char* attribute) {
  const std::string name = text_of(node, attribute);
  const auto found = links_.find(name);
  if (found != links_.end()) return found->second;
  if (name.empty()) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& [known, index] : links_) names.push_back(known);
  error(node, fmt::format("there is no link '{}'{}", name, base::did_you_mean(name, names)));
  return std::nullopt;
}

std::vector<SimgridReader::LinkUse> SimgridReader::link_uses(pugi::xml_node route) {
  std::vector<LinkUse> uses;
  for (const pugi::xml_node child : route.children()) {
    if (child.type() != pugi::node_element) continue;
    if (std::string_view(child.name()) != "link_ctn") {
      error(child, fmt::format("<{}> is not supported in a route", child.name()));
      continue;
    }
    const std::string_view direction = child.attribute("direction").as_string("NONE");
    const auto split = split_links_.find(child.attribute("id").value());
    if (split == split_links_.end()) {
      const std::optional<int> link = link_of(child, "id");
      if (link) uses.push_back({*link, *link});
    } else if (direction == "UP") {
      uses.push_back({split->second.up, split->second.down});
    } else if (direction == "DOWN") {
      uses.push_back({split->second.down, split->second.up});
    } else {
      error(child, fmt::format("link '{}' is SPLITDUPLEX: a route says which direction, UP or DOWN",
                               split->first));
    }
  }
  return uses;
}

void SimgridReader::add_route(pugi::xml_node node, Zone& zone, std::pair<int, int> ends,
                              ZoneRoute route) {
  if (!zone.routes.emplace(ends, std::move(route)).second) {
    return error(node,
                 fmt::format("zone '{}' already has this route (routes are symmetrical unless they "
                             "say symmetrical=\"NO\")",
                             zone.id));
  }
  zone.route_order.push_back(ends);
}

void SimgridReader::read_route(pugi::xml_node node, int zone) {
  const bool between_zones = std::string_view(node.name()) != "route";
  const std::optional<int> from = point_in(node, "src", zone);
  const std::optional<int> to = point_in(node, "dst", zone);
  const std::vector<LinkUse> uses = link_uses(node);
  if (!from || !to) return;
  const ZonePoint& source = zones_.points[static_cast<std::size_t>(*from)];
  const ZonePoint& target = zones_.points[static_cast<std::size_t>(*to)];
  if (between_zones != (source.inside >= 0) || between_zones != (target.inside >= 0)) {
    return error(node, "a <route> joins hosts and routers, a <zoneRoute> joins zones");
  }
  if (uses.empty()) return error(node, "the route holds no link");
  ZoneRoute there;
  ZoneRoute back;
  for (const LinkUse& use : uses) {
    there.links.push_back(use.there);
    back.links.insert(back.links.begin(), use.back);
  }
  if (between_zones) {
    there.gateway_from = back.gateway_to = point_of(node, "gw_src").value_or(-1);
    there.gateway_to = back.gateway_from = point_of(node, "gw_dst").value_or(-1);
  }
  if (from == to) return;  // a loopback, which no route between two hosts takes
  add_route(node, at(zone), {source.local, target.local}, std::move(there));
  if (is_symmetrical(node)) {
    add_route(node, at(zone), {target.local, source.local}, std::move(back));
  }
}

// In a star a route leads from one point to all others ("*"), or the other way round.
void SimgridReader::read_star_route(pugi::xml_node node, int zone) {
  const std::string_view from = node.attribute("src").value();
  const std::string_view to = node.attribute("dst").value();
  if (from == to) return;
  if ((from == "*") == (to == "*")) {
    return error(
        node, "in a Star zone a route leads from one point to \"*\", or from \"*\" to one point");
  }
  const std::optional<int> point = point_in(node, from == "*" ? "dst" : "src", zone);
  const std::vector<LinkUse> uses = link_uses(node);
  if (!point) return;
  StarArm& arm = at(zone).arms[zones_.points[static_cast<std::size_t>(*point)].local];
  const char* gateway = from == "*" ? "gw_dst" : "gw_src";
  if (node.attribute(gateway)) arm.gateway = point_of(node, gateway).value_or(-1);
  if (from == "*") {
    arm.down.clear();
    for (const LinkUse& use : uses) arm.down.push_back(use.there);
    return;
  }
  arm.up.clear();
  for (const LinkUse& use : uses) arm.up.push_back(use.there);
  if (!is_symmetrical(node)) return;
  arm.down.clear();
  for (const LinkUse& use : uses) arm.down.insert(arm.down.begin(), use.back);
}

void SimgridReader::read_host_link(pugi::xml_node node, int zone) {
  if (at(zone).routing != ZoneRouting::star) {
    return error(node, "<host_link> belongs in a zone of routing Cluster");
  }
  const std::optional<int> point = point_in(node, "id", zone);
  const std::optional<int> up = link_of(node, "up");
  const std::optional<int> down = link_of(node, "down");
  if (!point || !up || !down) return;
  StarArm& arm = at(zone).arms[zones_.points[static_cast<std::size_t>(*point)].local];
  arm.up = {*up};
  arm.down = {*down};
}

// Every way through the zone crosses its backbone.
void SimgridReader::read_backbone(pugi::xml_node node, int zone) {
  if (at(zone).routing != ZoneRouting::star) {
    return error(node, "<backbone> belongs in a zone of routing Cluster");
  }
  const std::optional<int> link = link_of(node, "id");
  if (!link) return;
  for (auto& [local, arm] : at(zone).arms) {
    arm.up.push_back(*link);
    arm.down.insert(arm.down.begin(), *link);
  }
}

}  // namespace windtunnel::sim
