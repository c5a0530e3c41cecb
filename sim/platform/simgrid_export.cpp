#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "sim/platform/simgrid_platform.hpp"

namespace windtunnel::sim {
namespace {

constexpr std::string_view kHead =
    R"(<?xml version="1.0"?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<!-- Written by windtunnel: one host a GPU, every link is one direction. For its times run SimGrid or smpirun
     with these settings, each after "cfg=" and two dashes: network/model:CM02 network/TCP-gamma:0
     network/crosstraffic:0 network/weight-S:0 network/bandwidth-factor:1 network/latency-factor:1
     surf/precision:1e-12 network/optim:Full -->
<platform version="4.1">
  <zone id="windtunnel" routing="Full">
)";

// Names may hold what XML does not.
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    switch (c) {
      case '&':
        text += "&amp;";
        break;
      case '<':
        text += "&lt;";
        break;
      case '"':
        text += "&quot;";
        break;
      default:
        text += c;
    }
  }
  return text;
}

std::string_view policy(const Link& link) {
  return link.fat_pipe ? "FATPIPE" : "SHARED";
}

// Marks the links that some route takes; the others (of host memory) have no place in the file.
std::vector<bool> used_links(const Network& network) {
  std::vector<bool> used(network.links().size(), false);
  for (int from = 0; from < network.gpu_count(); ++from) {
    for (int to = 0; to < network.gpu_count(); ++to) {
      for (const LinkId link : network.route(network.gpu(from), network.gpu(to)).links) {
        used[link.slot()] = true;
      }
    }
  }
  return used;
}

void write_routes(const Network& network, const std::vector<std::string>& hosts,
                  const std::vector<std::string>& links, std::string& text) {
  const auto out = std::back_inserter(text);
  for (int from = 0; from < network.gpu_count(); ++from) {
    for (int to = 0; to < network.gpu_count(); ++to) {
      if (from == to) continue;
      fmt::format_to(out, "    <route src=\"{}\" dst=\"{}\" symmetrical=\"NO\">",
                     hosts[static_cast<std::size_t>(from)], hosts[static_cast<std::size_t>(to)]);
      for (const LinkId link : network.route(network.gpu(from), network.gpu(to)).links) {
        fmt::format_to(out, "<link_ctn id=\"{}\"/>", links[link.slot()]);
      }
      text += "</route>\n";
    }
  }
}

// Bytes of the file, from a few routes.
double estimated_bytes(const Network& network) {
  const double hosts = network.gpu_count();
  std::size_t sample = 0;
  constexpr int kSamples = 16;
  for (int i = 0; i < kSamples; ++i) {
    const int to = 1 + static_cast<int>((hosts - 1) * i / kSamples);
    for (const LinkId link : network.route(network.gpu(0), network.gpu(to)).links) {
      sample += network.link_name(link).size() + 18;
    }
  }
  return hosts * hosts * (90.0 + static_cast<double>(sample) / kSamples);
}

}  // namespace

std::optional<std::string> write_simgrid_platform(const Network& network,
                                                  const SimgridExport& options,
                                                  base::Diagnostics& diagnostics) {
  const int count = network.gpu_count();
  if (count > options.most_hosts) {
    diagnostics.error(
        {}, fmt::format("a SimGrid platform of {} hosts would take about {:.0f} MB, as it "
                        "spells out the route of every pair; the most is {} hosts",
                        count, estimated_bytes(network) / 1e6, options.most_hosts));
    return std::nullopt;
  }
  std::vector<std::string> hosts;
  std::vector<std::string> links;
  for (int gpu = 0; gpu < count; ++gpu) {
    hosts.push_back(escaped(network.endpoint_name(network.gpu(gpu))));
  }
  for (int link = 0; link < network.link_count(); ++link) {
    links.push_back(escaped(network.link_name(LinkId(link))));
  }
  std::string text(kHead);
  const auto out = std::back_inserter(text);
  for (const std::string& host : hosts) {
    fmt::format_to(out, "    <host id=\"{}\" speed=\"1Gf\"/>\n", host);
  }
  const std::vector<bool> used = used_links(network);
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (!used[i]) continue;
    const Link& link = network.links()[i];
    fmt::format_to(
        out, "    <link id=\"{}\" bandwidth=\"{}Bps\" latency=\"{}s\" sharing_policy=\"{}\"/>\n",
        links[i], link.bandwidth.value(), link.latency.value(), policy(link));
  }
  write_routes(network, hosts, links, text);
  text += "  </zone>\n</platform>\n";
  return text;
}

}  // namespace windtunnel::sim
