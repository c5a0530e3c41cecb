// From the XML of a SimGrid platform to its zones. Internal to simgrid_platform.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/diagnostics.hpp"
#include "sim/platform/simgrid_zones.hpp"
#include "sim/platform/xml_text.hpp"

namespace windtunnel::sim {

class SimgridReader {
 public:
  static constexpr int kMostHosts = 2048;  // routes grow with their square: about 300 MB here

  SimgridReader(const XmlText& xml, base::Diagnostics& diagnostics);
  // Sealed, ready for routes; nothing where there were errors.
  std::optional<SimgridZones> read();

 private:
  enum class Turned { no, yes };
  struct SplitLink {
    int up = -1;
    int down = -1;
  };
  // A link in a route: its number as written, and in the way back.
  struct LinkUse {
    int there = -1;
    int back = -1;
  };
  struct LinkText {
    std::string id{};
    double bandwidth = 0.0;
    double latency = 0.0;
    std::string policy{};
  };

  // Zones and what they hold (simgrid_reader.cpp)
  int read_zone(pugi::xml_node node, int parent);
  void read_member(pugi::xml_node node, int zone);
  void read_connection(pugi::xml_node node, int zone);
  int new_zone(pugi::xml_node node, ZoneRouting routing, int parent);
  int new_point(pugi::xml_node node, const std::string& name, int zone);
  void read_link(pugi::xml_node node);
  void new_link(pugi::xml_node node, const LinkText& link);
  void refuse_changes(pugi::xml_node node);

  // Routes (simgrid_routes.cpp)
  void read_route(pugi::xml_node node, int zone);
  void add_route(pugi::xml_node node, Zone& zone, std::pair<int, int> ends, ZoneRoute route);
  void read_star_route(pugi::xml_node node, int zone);
  void read_host_link(pugi::xml_node node, int zone);
  void read_backbone(pugi::xml_node node, int zone);
  std::vector<LinkUse> link_uses(pugi::xml_node route);
  std::optional<int> point_of(pugi::xml_node node, const char* attribute);
  std::optional<int> point_in(pugi::xml_node node, const char* attribute, int zone);
  std::optional<int> link_of(pugi::xml_node node, const char* attribute);

  // Clusters (simgrid_cluster.cpp)
  void read_cluster(pugi::xml_node node, int parent);
  void flat_cluster(pugi::xml_node node, int zone, const std::vector<int>& radicals);
  void torus_cluster(pugi::xml_node node, int zone, const std::vector<int>& radicals);
  std::vector<int> read_radical(pugi::xml_node node);

  std::string text_of(pugi::xml_node node, const char* attribute);
  double bandwidth_of(pugi::xml_node node, const char* attribute);
  double time_of(pugi::xml_node node, const char* attribute);
  void error(pugi::xml_node node, std::string message) {
    diagnostics_.error(xml_.where(node), std::move(message));
  }
  Zone& at(int zone) { return zones_.zones[static_cast<std::size_t>(zone)]; }

  const XmlText& xml_;
  base::Diagnostics& diagnostics_;
  SimgridZones zones_;
  std::map<std::string, int> points_;
  std::map<std::string, int> links_;
  std::map<std::string, SplitLink> split_links_;
  std::vector<std::pair<pugi::xml_node, int>>
      connections_;  // routes, read when all points are known
  int hosts_ = 0;
};

}  // namespace windtunnel::sim
