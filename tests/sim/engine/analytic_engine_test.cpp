// The port model of the analytic engine (sim/engine/engine.hpp, make_analytic_engine), and its
// speed.
#include <gtest/gtest.h>

#include <ctime>

#include "tests/sim/engine/networks.hpp"
#include "tests/sim/engine/ring_driver.hpp"

namespace windtunnel::sim::testing {
namespace {

constexpr double kAlpha = 2 * kNicLatency;

std::vector<double> ends_of(const Network& network, const std::vector<TransferRequest>& requests) {
  const auto engine = make_analytic_engine(network, {});
  std::vector<double> ends(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    engine->transfer(requests[i], [&, i] { ends[i] = engine->now().value(); });
  }
  engine->run();
  return ends;
}

TEST(AnalyticEngine, ASendersPortServesFirstComeFirstServed) {
  const Network network = star(4);
  const EndpointId from = network.gpu(0);
  const auto ends = ends_of(network, {{from, network.gpu(1), Bytes(kBandwidth)},
                                      {from, network.gpu(2), Bytes(kBandwidth)},
                                      {from, network.gpu(3), Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[0], 1 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 2 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[2], 3 + kAlpha, 1e-12);
}

TEST(AnalyticEngine, AReceiversPortServesInOrderOfArrival) {
  const Network network = star(4);
  const EndpointId to = network.gpu(0);
  // 2 -> 0 is submitted last but leaves at once; 1 -> 0 leaves when 1 -> 3 has, at 0.5 s.
  const auto ends = ends_of(network, {{network.gpu(1), network.gpu(3), Bytes(kBandwidth / 2)},
                                      {network.gpu(1), to, Bytes(kBandwidth)},
                                      {network.gpu(2), to, Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[0], 0.5 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[2], 1.0 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 2.0 + kAlpha, 1e-12);
}

TEST(AnalyticEngine, ABusyReceiverDoesNotKeepTheSenderFromItsNextTransfer) {
  const Network network = star(4);
  const auto ends = ends_of(network, {{network.gpu(1), network.gpu(0), Bytes(10 * kBandwidth)},
                                      {network.gpu(2), network.gpu(0), Bytes(kBandwidth)},
                                      {network.gpu(2), network.gpu(3), Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[1], 11 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[2], 2 + kAlpha, 1e-12);
}

TEST(AnalyticEngine, SendingAndReceivingDoNotDisturbEachOther) {
  const Network network = star(2);
  const auto ends = ends_of(network, {{network.gpu(0), network.gpu(1), Bytes(kBandwidth)},
                                      {network.gpu(1), network.gpu(0), Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[0], 1 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 1 + kAlpha, 1e-12);
}

TEST(AnalyticEngine, ARateLimitDelaysTheTransferAndNotThePort) {
  const Network network = star(3);
  const BytesPerSecond half(kBandwidth / 2);
  const auto ends =
      ends_of(network, {{network.gpu(0), network.gpu(1), Bytes(kBandwidth), Seconds(0), half},
                        {network.gpu(0), network.gpu(2), Bytes(kBandwidth), Seconds(0), half}});
  EXPECT_NEAR(ends[0], 2 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 3 + kAlpha, 1e-12);
}

// A link that is the sender's port and the receiver's (a mesh or PCIe link) is held once.
TEST(AnalyticEngine, ALinkThatIsBothPortsIsWaitedForOnce) {
  Cluster cluster = star_cluster(1);
  cluster.node.gpus = 2;
  cluster.node.nics = {};
  cluster.fabric.kind = FabricKind::none;
  cluster.node.scale_up = {.kind = ScaleUpKind::nvlink_mesh,
                           .bandwidth = BytesPerSecond(kBandwidth),
                           .latency = Seconds(kAlpha)};
  const Network network = network_of(cluster);
  const auto ends = ends_of(network, {{network.gpu(0), network.gpu(1), Bytes(kBandwidth)},
                                      {network.gpu(0), network.gpu(1), Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[0], 1 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 2 + kAlpha, 1e-12);
}

TEST(AnalyticEngine, RingAllReduceOf1024RanksTakesUnderTwoSeconds) {
  const Network network = star(1024);
  const std::clock_t begin = std::clock();  // of this process: others may be busy
  const auto engine = make_analytic_engine(network, {});
  RingDriver ring(*engine, all_gpus(network), Bytes(1 << 30));
  const double time = ring.run().value();
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  const double expected = 2.0 * 1023 * (kAlpha + (1 << 30) / (1024 * kBandwidth));
  EXPECT_NEAR(time / expected, 1.0, 1e-12);
  EXPECT_EQ(ring.messages(), 2 * 1023 * 1024);
  std::printf("    2.1 M transfers in %.3f s\n", seconds);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__)
  EXPECT_LT(seconds, 2.0);
#endif
}

}  // namespace
}  // namespace windtunnel::sim::testing
