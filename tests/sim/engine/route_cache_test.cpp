#include "sim/engine/route_cache.hpp"

#include <gtest/gtest.h>

#include "tests/sim/engine/networks.hpp"

namespace windtunnel::sim::testing {
namespace {

// 400 x 400 pairs are more than the cache holds: every one of them is replaced and asked for again.
TEST(RouteCache, AnswersAsTheNetworkHoweverManyPairsAreAskedFor) {
  const Network network = network_of(fat_tree_cluster(400, 64, 2));
  RouteCache cache(network, RouteCache::Keep::links);
  for (int round = 0; round < 2; ++round) {
    for (int from = 0; from < 400; ++from) {
      for (int to = 0; to < 400; ++to) {
        if (from == to) continue;
        const CachedRoute& cached = cache.find(network.gpu(from), network.gpu(to));
        const Route route = network.route(network.gpu(from), network.gpu(to));
        ASSERT_EQ(cached.links, route.links);
        ASSERT_EQ(cached.latency, route.latency.value());
        ASSERT_EQ(cached.bandwidth, route.bandwidth.value());
        ASSERT_EQ(cached.out_port, route.out_port);
        ASSERT_EQ(cached.in_port, route.in_port);
      }
    }
  }
}

TEST(RouteCache, KeepsNoLinksWhereASummaryIsEnough) {
  const Network network = star(2);
  RouteCache cache(network, RouteCache::Keep::summary);
  EXPECT_TRUE(cache.find(network.gpu(0), network.gpu(1)).links.empty());
}

}  // namespace
}  // namespace windtunnel::sim::testing
