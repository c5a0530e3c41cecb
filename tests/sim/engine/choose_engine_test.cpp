#include "sim/engine/choose_engine.hpp"

#include <gtest/gtest.h>

#include "tests/sim/engine/networks.hpp"

namespace windtunnel::sim::testing {
namespace {

std::vector<EndpointPair> ring_of(const Network& network) {
  std::vector<EndpointPair> pairs;
  const int ranks = network.gpu_count();
  for (int i = 0; i < ranks; ++i) pairs.push_back({network.gpu(i), network.gpu((i + 1) % ranks)});
  return pairs;
}
std::vector<EndpointPair> all_pairs_of(const Network& network) {
  std::vector<EndpointPair> pairs;
  for (const EndpointId from : all_gpus(network)) {
    for (const EndpointId to : all_gpus(network)) pairs.push_back({from, to});
  }
  return pairs;
}

TEST(ChooseEngine, IsAnalyticBelowOneSwitchWhateverIsSent) {
  const Network network = star(16);
  EXPECT_EQ(choose_engine(network, ring_of(network)).kind, EngineKind::analytic);
  const EngineDecision decision = choose_engine(network, all_pairs_of(network));
  EXPECT_EQ(decision.kind, EngineKind::analytic);
  EXPECT_EQ(decision.reason.find("nothing beyond the endpoint ports"), 0u) << decision.reason;
}

TEST(ChooseEngine, IsAnalyticWithNothingToSend) {
  EXPECT_EQ(choose_engine(star(2), {}).kind, EngineKind::analytic);
}

TEST(ChooseEngine, IsSimgridWhereAnOversubscribedUplinkIsSharedAndNamesIt) {
  const Network network = network_of(fat_tree_cluster(32, 10, 4));
  const EngineDecision decision = choose_engine(network, all_pairs_of(network));
  EXPECT_EQ(decision.kind, EngineKind::simgrid);
  EXPECT_NE(decision.reason.find("pairs can share"), std::string::npos) << decision.reason;
  EXPECT_NE(decision.reason.find("leaf"), std::string::npos) << decision.reason;
}

// One pair alone can be as narrow as it likes: analytic takes the narrowest link of a route.
TEST(ChooseEngine, IsAnalyticForOnePairThroughANarrowFabric) {
  Cluster cluster = fat_tree_cluster(32, 8, 1);
  cluster.fabric.bandwidth = BytesPerSecond(kBandwidth / 8);
  const Network network = network_of(cluster);
  const std::vector<EndpointPair> one = {{network.gpu(0), network.gpu(31)}};
  EXPECT_EQ(choose_engine(network, one).kind, EngineKind::analytic);
  const std::vector<EndpointPair> twice = {one[0], one[0]};
  EXPECT_EQ(choose_engine(network, twice).kind, EngineKind::analytic) << "the same pair again";
}

// Analytic would hold the sender's port for the slow receiver while it could serve the fast one.
TEST(ChooseEngine, IsSimgridWhereAPortServesPairsThatAreHeldUpElsewhere) {
  Cluster cluster = star_cluster(4);
  Nics slow = cluster.node.nics;
  slow.bandwidth = BytesPerSecond(kBandwidth / 8);
  cluster.overrides.push_back({.first = 3, .last = 3, .gpu = {}, .scale_up = {}, .nics = slow});
  const Network network = network_of(cluster);
  const std::vector<EndpointPair> fast = {{network.gpu(0), network.gpu(1)},
                                          {network.gpu(0), network.gpu(2)}};
  EXPECT_EQ(choose_engine(network, fast).kind, EngineKind::analytic);
  const std::vector<EndpointPair> mixed = {{network.gpu(0), network.gpu(1)},
                                           {network.gpu(0), network.gpu(3)}};
  const EngineDecision decision = choose_engine(network, mixed);
  EXPECT_EQ(decision.kind, EngineKind::simgrid);
  EXPECT_NE(decision.reason.find("through a link of only"), std::string::npos) << decision.reason;
}

// The promise behind `auto`: where it says analytic, both engines give the same ring.
TEST(ChooseEngine, WhereItSaysAnalyticTheEnginesAgree) {
  const Network network = network_of(fat_tree_cluster(4, 8, 1));
  const auto pairs = ring_of(network);
  ASSERT_EQ(choose_engine(network, pairs).kind, EngineKind::analytic);
  const EngineWork work = [&](Engine& engine) {
    for (const EndpointPair& pair : pairs) engine.transfer({pair.from, pair.to, Bytes(1e9)}, [] {});
    engine.run();
    return std::vector<double>{engine.now().value()};
  };
  EXPECT_NEAR(on_engine(EngineKind::analytic, network, work)[0] /
                  on_engine(EngineKind::simgrid, network, work)[0],
              1.0, 1e-9);
}

}  // namespace
}  // namespace windtunnel::sim::testing
