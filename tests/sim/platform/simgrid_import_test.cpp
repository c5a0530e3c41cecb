// Platforms read by us and by SimGrid itself have the same routes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/platform/simgrid_platform.hpp"
#include "tests/sim/platform/clusters.hpp"
#include "tests/sim/platform/simgrid_witness.hpp"

namespace windtunnel::sim::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string platform(const std::string& inside) {
  return "<?xml version=\"1.0\"?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
         "<platform version=\"4.1\">\n" +
         inside + "</platform>\n";
}

std::string hosts(const std::string& prefix, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += fmt::format("<host id=\"{}{}\" speed=\"1Gf\"/>\n", prefix, i);
  }
  return text;
}

std::string links(int count, const std::string& policy) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += fmt::format(
        "<link id=\"l{0}\" bandwidth=\"{1}MBps\" latency=\"{2}us\" sharing_policy=\"{3}\"/>\n", i,
        100 + i, 10 + i, policy);
  }
  return text;
}

std::string way(const std::string& from, const std::string& to, const std::string& links,
                const std::string& more = "") {
  return fmt::format("<route src=\"{}\" dst=\"{}\" {}>{}</route>\n", from, to, more, links);
}

std::string ctn(int link, const std::string& direction = "") {
  return fmt::format("<link_ctn id=\"l{}\"{}/>", link,
                     direction.empty() ? "" : " direction=\"" + direction + "\"");
}

std::optional<Cluster> import_platform(const std::string& text, base::Diagnostics& diagnostics) {
  return read_simgrid_platform(text, "platform.xml", diagnostics);
}

std::string errors_of(const std::string& text) {
  base::Diagnostics diagnostics;
  EXPECT_FALSE(import_platform(text, diagnostics).has_value());
  return diagnostics.to_text();
}

// SimGrid's Dijkstra turns the links of one stated route round (its flows do not mind their order),
// so the order is not compared where links differ in bandwidth.
void sort_by_bandwidth(const Network& network, Route& ours, WitnessRoute& theirs) {
  const auto bandwidth = [&](LinkId link) { return network.links()[link.slot()].bandwidth; };
  std::stable_sort(ours.links.begin(), ours.links.end(),
                   [&](LinkId a, LinkId b) { return bandwidth(a) < bandwidth(b); });
  std::stable_sort(theirs.links.begin(), theirs.links.end(),
                   [](const auto& a, const auto& b) { return a.bandwidth < b.bandwidth; });
}

// Every pair: as many links, the same bandwidth of each, the same latency; and where SimGrid shares
// a link between two routes so do we.
void expect_same_routes(const std::string& text) {
  base::Diagnostics diagnostics;
  const std::optional<Cluster> cluster = import_platform(text, diagnostics);
  ASSERT_TRUE(cluster.has_value()) << diagnostics.to_text();
  const Network network(valid(*cluster));
  const WitnessRoutes witness = simgrid_routes(text);
  const auto count = static_cast<std::size_t>(network.gpu_count());
  ASSERT_EQ(witness.size(), count * (count - 1));
  std::map<std::string, std::string> theirs_of;
  std::map<std::string, std::string> ours_of;
  for (int from = 0; from < network.gpu_count(); ++from) {
    for (int to = 0; to < network.gpu_count(); ++to) {
      if (from == to) continue;
      const std::string source = network.endpoint_name(network.gpu(from));
      const std::string target = network.endpoint_name(network.gpu(to));
      WitnessRoute expected = witness.at({source, target});
      Route found = route(network, from, to);
      ASSERT_EQ(found.links.size(), expected.links.size()) << source << " to " << target;
      EXPECT_NEAR(found.latency.value(), expected.latency, 1e-12 * expected.latency);
      sort_by_bandwidth(network, found, expected);
      for (std::size_t i = 0; i < found.links.size(); ++i) {
        const std::string ours = network.link_name(found.links[i]);
        const std::string theirs = expected.links[i].name;
        EXPECT_DOUBLE_EQ(network.links()[found.links[i].slot()].bandwidth.value(),
                         expected.links[i].bandwidth);
        EXPECT_EQ(theirs_of.emplace(ours, theirs).first->second, theirs) << source << " " << target;
        EXPECT_EQ(ours_of.emplace(theirs, ours).first->second, ours) << source << " " << target;
      }
    }
  }
}

TEST(SimgridImport, FullRoutingAsStated) {
  expect_same_routes(platform("<zone id=\"z\" routing=\"Full\">\n" + hosts("h", 3) +
                              links(4, "SHARED") + way("h0", "h1", ctn(0) + ctn(1)) +
                              way("h0", "h2", ctn(2), "symmetrical=\"NO\"") +
                              way("h2", "h0", ctn(3) + ctn(0), "symmetrical=\"NO\"") +
                              way("h1", "h2", ctn(1) + ctn(3)) + "</zone>\n"));
}

TEST(SimgridImport, SplitDuplexLinksTurnRoundOnTheWayBack) {
  expect_same_routes(platform("<zone id=\"z\" routing=\"Full\">\n" + hosts("h", 3) +
                              links(3, "SPLITDUPLEX") +
                              way("h0", "h1", ctn(0, "UP") + ctn(1, "DOWN")) +
                              way("h0", "h2", ctn(0, "UP") + ctn(2, "DOWN")) +
                              way("h1", "h2", ctn(1, "UP") + ctn(2, "DOWN")) + "</zone>\n"));
}

// A ring of routers with a host at each and a chord: ways of equal length must be broken as SimGrid
// does.
std::string ring_with_chord(const std::string& routing, int size) {
  std::string text = fmt::format("<zone id=\"z\" routing=\"{}\">\n", routing) + hosts("h", size);
  for (int i = 0; i < size; ++i) text += fmt::format("<router id=\"r{}\"/>\n", i);
  text += links(2 * size + 1, "SPLITDUPLEX");
  for (int i = 0; i < size; ++i) {
    text += way(fmt::format("h{}", i), fmt::format("r{}", i), ctn(i, "UP"));
    text += way(fmt::format("r{}", i), fmt::format("r{}", (i + 1) % size), ctn(size + i, "UP"));
  }
  return text + way("r0", fmt::format("r{}", size / 2), ctn(2 * size, "UP")) + "</zone>\n";
}

TEST(SimgridImport, FloydTakesTheFewestLinksAndBreaksTiesAlike) {
  for (const int size : {4, 5, 6, 8, 9})
    expect_same_routes(platform(ring_with_chord("Floyd", size)));
}

TEST(SimgridImport, DijkstraTakesTheFewestLinksAndBreaksTiesAlike) {
  for (const int size : {4, 5, 6, 8, 9})
    expect_same_routes(platform(ring_with_chord("Dijkstra", size)));
  expect_same_routes(platform(ring_with_chord("DijkstraCache", 7)));
}

std::string flat_cluster(const std::string& id, const std::string& more) {
  return fmt::format(
      "<cluster id=\"{0}\" prefix=\"{0}-\" radical=\"0-3,10\" suffix=\".me\" speed=\"1Gf\" "
      "bw=\"125MBps\" lat=\"50us\" {1}/>\n",
      id, more);
}

TEST(SimgridImport, FlatClustersCrossTheirBackboneOnce) {
  expect_same_routes(platform(flat_cluster("c", "bb_bw=\"2.25GBps\" bb_lat=\"500us\"")));
}

TEST(SimgridImport, FlatClustersWithoutBackboneOrWithOtherPolicies) {
  expect_same_routes(platform(flat_cluster("c", "")));
  expect_same_routes(
      platform(flat_cluster("c", "sharing_policy=\"SHARED\" limiter_link=\"200MBps\"")));
  expect_same_routes(platform(flat_cluster(
      "c",
      "bb_bw=\"2.25GBps\" bb_lat=\"500us\" bb_sharing_policy=\"FATPIPE\" limiter_link=\"1Gbps\"")));
}

TEST(SimgridImport, ZoneRoutesGoThroughGateways) {
  const std::string clusters =
      flat_cluster("a", "bb_bw=\"1GBps\" bb_lat=\"5us\" router_id=\"ra\"") +
      flat_cluster("b", "bb_bw=\"1GBps\" bb_lat=\"5us\"");
  for (const char* routing : {"Full", "Floyd", "Dijkstra"}) {
    expect_same_routes(
        platform(fmt::format("<zone id=\"world\" routing=\"{}\">\n", routing) + clusters +
                 links(2, "SHARED") +
                 "<zoneRoute src=\"a\" dst=\"b\" gw_src=\"ra\" gw_dst=\"b-b_router.me\">" + ctn(0) +
                 ctn(1) + "</zoneRoute>\n</zone>\n"));
  }
}

TEST(SimgridImport, NestedZonesWithDifferentGatewaysAreCrossedInside) {
  std::string zones;
  for (const char name : {'a', 'b', 'c'}) {
    const std::string z(1, name);
    zones += "<zone id=\"" + z + "\" routing=\"Full\">\n" + hosts(z, 2) + "<link id=\"in" + z +
             "\" bandwidth=\"1GBps\" latency=\"1us\"/>\n<route src=\"" + z + "0\" dst=\"" + z +
             "1\"><link_ctn id=\"in" + z + "\"/></route>\n</zone>\n";
  }
  // b is entered at b0 and left at b1
  expect_same_routes(
      platform("<zone id=\"world\" routing=\"Floyd\">\n" + zones + links(2, "SHARED") +
               "<zoneRoute src=\"a\" dst=\"b\" gw_src=\"a0\" gw_dst=\"b0\">" + ctn(0) +
               "</zoneRoute>\n<zoneRoute src=\"b\" dst=\"c\" gw_src=\"b1\" gw_dst=\"c1\">" +
               ctn(1) + "</zoneRoute>\n</zone>\n"));
}

TEST(SimgridImport, ATorusIsCrossedDimensionByDimension) {
  for (const char* dims : {"5", "4,3", "2,3,4", "6,2"}) {
    int count = 1;
    for (const char* c = dims; *c != '\0'; ++c) count *= *c == ',' ? 1 : *c - '0';
    for (const char* policy : {"SPLITDUPLEX", "SHARED"}) {
      expect_same_routes(platform(fmt::format(
          "<cluster id=\"t\" prefix=\"n\" radical=\"0-{}\" suffix=\"\" speed=\"1Gf\" bw=\"1GBps\" "
          "lat=\"1us\" topology=\"TORUS\" topo_parameters=\"{}\" sharing_policy=\"{}\"/>\n",
          count - 1, dims, policy)));
    }
  }
}

TEST(SimgridImport, AClusterZoneHasAnUpAndADownLinkForEachHost) {
  std::string text = "<zone id=\"z\" routing=\"Cluster\">\n" + hosts("h", 3) + links(6, "SHARED");
  for (int i = 0; i < 3; ++i) {
    text += fmt::format("<host_link id=\"h{}\" up=\"l{}\" down=\"l{}\"/>\n", i, 2 * i, 2 * i + 1);
  }
  text += "<backbone id=\"bb\" bandwidth=\"1GBps\" latency=\"2us\"/>\n</zone>\n";
  expect_same_routes(platform(text));
}

TEST(SimgridImport, HostsAreRanksInTheNaturalOrderOfTheirNames) {
  base::Diagnostics diagnostics;
  const auto cluster = import_platform(platform(flat_cluster("c", "")), diagnostics);
  ASSERT_TRUE(cluster.has_value()) << diagnostics.to_text();
  EXPECT_THAT(cluster->explicit_network->hosts,
              ElementsAre("c-0.me", "c-1.me", "c-2.me", "c-3.me", "c-10.me"));
}

TEST(SimgridImport, UnitsAreThoseOfSimgrid) {
  base::Diagnostics diagnostics;
  const auto cluster = import_platform(
      platform(
          "<zone id=\"z\" routing=\"Full\"><host id=\"a\" speed=\"1f\"/><host id=\"b\" "
          "speed=\"1f\"/>"
          "<link id=\"x\" bandwidth=\"1Gbps\" latency=\"50us\"/>"
          "<link id=\"y\" bandwidth=\"1.5MiBps\" latency=\"2ms\" sharing_policy=\"FATPIPE\"/>"
          "<route src=\"a\" dst=\"b\"><link_ctn id=\"x\"/><link_ctn id=\"y\"/></route></zone>\n"),
      diagnostics);
  ASSERT_TRUE(cluster.has_value()) << diagnostics.to_text();
  const ExplicitNetwork& network = *cluster->explicit_network;
  EXPECT_DOUBLE_EQ(network.links[0].bandwidth.value(), 125e6);
  EXPECT_DOUBLE_EQ(network.links[1].bandwidth.value(), 1.5 * 1024 * 1024);
  EXPECT_DOUBLE_EQ(network.links[1].latency.value(), 2e-3);
  EXPECT_TRUE(network.links[1].fat_pipe);
}

TEST(SimgridImport, WhatIsNotSupportedIsAnErrorAtItsLine) {
  const std::string zone = "<zone id=\"z\" routing=\"Full\">\n";
  EXPECT_THAT(errors_of(platform("<zone id=\"z\" routing=\"Vivaldi\">\n</zone>\n")),
              HasSubstr("platform.xml:4:2: error: routing=\"Vivaldi\" is not supported"));
  EXPECT_THAT(errors_of(platform(zone + "<peer id=\"p\"/>\n</zone>\n")),
              HasSubstr("platform.xml:5:2: error: <peer> is not supported"));
  EXPECT_THAT(errors_of(platform(flat_cluster("c", "topology=\"DRAGONFLY\""))),
              HasSubstr("topology=\"DRAGONFLY\" of <cluster> is not supported"));
  EXPECT_THAT(errors_of(platform(zone + hosts("h", 2) + links(1, "WIFI") + "</zone>\n")),
              HasSubstr("sharing_policy=\"WIFI\" is not supported"));
  EXPECT_THAT(errors_of(platform(
                  zone + "<link id=\"l\" bandwidth=\"1GBps\" bandwidth_file=\"f\"/>\n</zone>\n")),
              HasSubstr("bandwidth_file of <link> is not supported"));
  EXPECT_THAT(errors_of("<platform version=\"3\"/>"), HasSubstr("simgrid_update_xml"));
}

TEST(SimgridImport, MistakesAreToldInOneGo) {
  const std::string errors = errors_of(
      platform("<zone id=\"z\" routing=\"Full\">\n" + hosts("node", 3) + links(2, "SPLITDUPLEX") +
               way("node0", "nod1", ctn(0, "UP")) + way("node1", "node2", ctn(0)) +
               way("node0", "node2", ctn(7)) + way("node2", "node0", "") + "</zone>\n"));
  EXPECT_THAT(errors,
              HasSubstr("dst=\"nod1\" names nothing in this platform; did you mean 'node1'?"));
  EXPECT_THAT(errors, HasSubstr("link 'l0' is SPLITDUPLEX"));
  EXPECT_THAT(errors, HasSubstr("there is no link 'l7'"));
  EXPECT_THAT(errors, HasSubstr("the route holds no link"));
}

TEST(SimgridImport, PairsWithoutARouteAreNamed) {
  EXPECT_THAT(errors_of(platform("<zone id=\"z\" routing=\"Full\">\n" + hosts("h", 3) +
                                 links(1, "SHARED") + way("h0", "h1", ctn(0)) + "</zone>\n")),
              HasSubstr("there is no route from 'h0' to 'h2' in zone 'z'"));
}

}  // namespace
}  // namespace windtunnel::sim::testing
