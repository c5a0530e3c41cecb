// <cluster> of a SimGrid platform: FLAT (a star with a backbone) and TORUS.
#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "sim/platform/simgrid_reader.hpp"

namespace windtunnel::sim {
namespace {

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

// "0-3,7" are 0, 1, 2, 3 and 7.
std::vector<int> SimgridReader::read_radical(pugi::xml_node node) {
  std::vector<int> numbers;
  const std::string text = text_of(node, "radical");
  for (const std::string_view group : split(text, ',')) {
    const std::vector<std::string_view> ends = split(group, '-');
    const std::optional<int> first = whole_number(ends.front());
    const std::optional<int> last = whole_number(ends.back());
    if (!first || !last || ends.size() > 2 || *last < *first) {
      if (!text.empty())
        error(node, fmt::format("radical=\"{}\" is not a list such as 0-3,7", text));
      return {};
    }
    if (*last - *first >= kMostHosts) {
      error(node, fmt::format("radical=\"{}\" has more than the {} hosts that can be imported",
                              text, kMostHosts));
      return {};
    }
    for (int number = *first; number <= *last; ++number) numbers.push_back(number);
  }
  return numbers;
}

void SimgridReader::read_cluster(pugi::xml_node node, int parent) {
  const std::string_view topology = node.attribute("topology").as_string("FLAT");
  if (topology != "FLAT" && topology != "TORUS") {
    return error(
        node,
        fmt::format("topology=\"{}\" of <cluster> is not supported; FLAT and TORUS are", topology));
  }
  const bool flat = topology == "FLAT";
  const int zone = new_zone(node, flat ? ZoneRouting::star : ZoneRouting::torus, parent);
  const std::vector<int> radicals = read_radical(node);
  const std::string prefix = node.attribute("prefix").value();
  const std::string suffix = node.attribute("suffix").value();
  for (const int number : radicals) {
    const int point = new_point(node, fmt::format("{}{}{}", prefix, number, suffix), zone);
    zones_.points[static_cast<std::size_t>(point)].host = true;
    ++hosts_;
  }
  const std::string router = node.attribute("router_id").value();
  new_point(node, router.empty() ? prefix + at(zone).id + "_router" + suffix : router, zone);
  for (const pugi::xml_node child : node.children()) {
    if (child.type() == pugi::node_element && std::string_view(child.name()) != "prop") {
      error(child, fmt::format("<{}> is not supported in a <cluster>", child.name()));
    }
  }
  if (flat) {
    flat_cluster(node, zone, radicals);
  } else {
    torus_cluster(node, zone, radicals);
  }
}

void SimgridReader::flat_cluster(pugi::xml_node node, int zone, const std::vector<int>& radicals) {
  const std::string id = at(zone).id;
  LinkText link{.bandwidth = bandwidth_of(node, "bw"),
                .latency = time_of(node, "lat"),
                .policy = node.attribute("sharing_policy").as_string("SPLITDUPLEX")};
  int backbone = -1;
  if (node.attribute("bb_bw")) {
    backbone = static_cast<int>(zones_.links.size());
    new_link(node, {.id = id + "_backbone",
                    .bandwidth = bandwidth_of(node, "bb_bw"),
                    .latency = time_of(node, "bb_lat"),
                    .policy = node.attribute("bb_sharing_policy").as_string("SHARED")});
  }
  for (std::size_t host = 0; host < radicals.size(); ++host) {
    StarArm arm;
    link.id = fmt::format("{}_link_{}", id, radicals[host]);
    if (node.attribute("limiter_link")) {
      arm.up.push_back(static_cast<int>(zones_.links.size()));
      new_link(node, {.id = link.id + "_limiter",
                      .bandwidth = bandwidth_of(node, "limiter_link"),
                      .policy = "SHARED"});
    }
    const int first = static_cast<int>(zones_.links.size());
    new_link(node, link);
    const int last = static_cast<int>(zones_.links.size()) - 1;
    arm.down = arm.up;
    arm.up.push_back(first);
    arm.down.insert(arm.down.begin(), last);
    if (backbone >= 0) {
      arm.up.push_back(backbone);
      arm.down.insert(arm.down.begin(), backbone);
    }
    at(zone).arms[static_cast<int>(host)] = std::move(arm);
  }
}

void SimgridReader::torus_cluster(pugi::xml_node node, int zone, const std::vector<int>& radicals) {
  for (const char* attribute : {"bb_bw", "limiter_link", "loopback_bw"}) {
    if (node.attribute(attribute)) {
      error(node, fmt::format("{} is not supported in a <cluster> of topology TORUS", attribute));
    }
  }
  std::size_t product = 1;
  for (const std::string_view part : split(node.attribute("topo_parameters").value(), ',')) {
    const std::optional<int> size = whole_number(part);
    if (!size || *size < 1)
      return error(node, "topo_parameters of a TORUS are its dimensions: 4,4,2");
    at(zone).dims.push_back(*size);
    product *= static_cast<std::size_t>(*size);
  }
  if (product != radicals.size()) {
    return error(node, fmt::format("topo_parameters make a torus of {} hosts, radical names {}",
                                   product, radicals.size()));
  }
  LinkText link{.bandwidth = bandwidth_of(node, "bw"),
                .latency = time_of(node, "lat"),
                .policy = node.attribute("sharing_policy").as_string("SPLITDUPLEX")};
  for (std::size_t host = 0; host < radicals.size(); ++host) {
    for (std::size_t dim = 0; dim < at(zone).dims.size(); ++dim) {
      const int first = static_cast<int>(zones_.links.size());
      link.id = fmt::format("{}_link_from_{}_dim_{}", at(zone).id, radicals[host], dim);
      new_link(node, link);
      at(zone).torus_links.emplace_back(first, static_cast<int>(zones_.links.size()) - 1);
    }
  }
}

}  // namespace windtunnel::sim
