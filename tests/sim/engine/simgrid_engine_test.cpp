// Sharing of links by the SimGrid engine, its cost, and that it stays quiet.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <ctime>

#include "sim/base/contract.hpp"
#include "tests/sim/engine/networks.hpp"
#include "tests/sim/engine/ring_driver.hpp"

namespace windtunnel::sim::testing {
namespace {

constexpr double kAlpha = 2 * kNicLatency;

// When each transfer ends, all of them asked for at 0 s.
std::vector<double> ends_of(const Network& network, const std::vector<TransferRequest>& requests,
                            const EngineOptions& options = {}) {
  return on_engine(
      EngineKind::simgrid, network,
      [&](Engine& engine) {
        std::vector<double> ends(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
          engine.transfer(requests[i], [&, i] { ends[i] = engine.now().value(); });
        }
        engine.run();
        return ends;
      },
      options);
}

double memory_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

TEST(SimgridEngine, TwoFlowsOnOneLinkEachGetHalf) {
  const Network network = star(3);
  const auto ends = ends_of(network, {{network.gpu(0), network.gpu(2), Bytes(kBandwidth)},
                                      {network.gpu(1), network.gpu(2), Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[0], 2 + kAlpha, 1e-9);
  EXPECT_NEAR(ends[1], 2 + kAlpha, 1e-9);
}

TEST(SimgridEngine, AFlowThatEndsLeavesItsShareToTheOthers) {
  const Network network = star(4);
  const EndpointId to = network.gpu(3);
  // 1/3 each until the small one is done at 1.5 s; then 1/2 each: 0.5 left of both takes 1 s more.
  const auto ends = ends_of(network, {{network.gpu(0), to, Bytes(kBandwidth / 2)},
                                      {network.gpu(1), to, Bytes(kBandwidth)},
                                      {network.gpu(2), to, Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[0], 1.5 + kAlpha, 1e-9);
  EXPECT_NEAR(ends[1], 2.5 + kAlpha, 1e-9);
  EXPECT_NEAR(ends[2], 2.5 + kAlpha, 1e-9);
}

TEST(SimgridEngine, WhatOneFlowCannotUseTheOthersGet) {
  const Network network = star(3);
  const auto ends = ends_of(network, {{.from = network.gpu(0),
                                       .to = network.gpu(2),
                                       .bytes = Bytes(kBandwidth),
                                       .rate_limit = BytesPerSecond(kBandwidth / 4)},
                                      {network.gpu(1), network.gpu(2), Bytes(kBandwidth)}});
  EXPECT_NEAR(ends[0], 4.0 + kAlpha, 1e-9);
  EXPECT_NEAR(ends[1], 4.0 / 3.0 + kAlpha, 1e-9);
}

TEST(SimgridEngine, ARateLimitIsItsOwnFlowsAlone) {
  const Network network = star(4);
  const auto one_by_one = on_engine(EngineKind::simgrid, network, [&](Engine& engine) {
    std::vector<double> ends;
    for (const double share : {0.5, 0.25, 2.0, 0.5}) {  // a flow's slot is used again
      engine.transfer({.from = network.gpu(0),
                       .to = network.gpu(1),
                       .bytes = Bytes(kBandwidth),
                       .rate_limit = BytesPerSecond(kBandwidth * share)},
                      [&] { ends.push_back(engine.now().value()); });
      engine.run();
    }
    return ends;
  });
  EXPECT_NEAR(one_by_one[0], 2 + kAlpha, 1e-9);
  EXPECT_NEAR(one_by_one[1], 6 + 2 * kAlpha, 1e-9);
  EXPECT_NEAR(one_by_one[2], 7 + 3 * kAlpha, 1e-9);
  EXPECT_NEAR(one_by_one[3], 9 + 4 * kAlpha, 1e-9);
}

// 0 -> 3 stays below one leaf, 4 -> 3 goes through the spine: its latency is higher.
TEST(SimgridEngine, ALongerRouteGetsTheSmallerShareUnlessAskedOtherwise) {
  const Network network = network_of(fat_tree_cluster(8, 8, 1));
  const EndpointId to = network.gpu(3);
  const std::vector<TransferRequest> both = {{network.gpu(0), to, Bytes(kBandwidth)},
                                             {network.gpu(4), to, Bytes(kBandwidth)}};
  const double near = network.route(network.gpu(0), to).latency.value();
  const double far = network.route(network.gpu(4), to).latency.value();
  ASSERT_LT(near, far);
  // Which of them starts a fraction of a microsecond before the other is all that 1e-5 allows for.
  const auto weighted = ends_of(network, both);
  EXPECT_NEAR(weighted[0], 1 + near / far, 1e-5);
  EXPECT_NEAR(weighted[1], 2, 1e-5);
  const auto equal = ends_of(network, both, {.record_links = false, .sharing = Sharing::max_min});
  EXPECT_NEAR(equal[0], 2, 1e-5);
  EXPECT_NEAR(equal[1], 2, 1e-5);
}

TEST(SimgridEngine, BothWaysOfSharingAreOneWhereLatenciesAreEqual) {
  const Network network = star(6);
  std::vector<TransferRequest> requests;
  for (int from = 0; from < 6; ++from) {
    for (int hop = 1; hop < 6; ++hop) {
      requests.push_back({network.gpu(from), network.gpu((from * hop) % 6), Bytes(1e6 * hop)});
    }
  }
  const auto weighted = ends_of(network, requests);
  const auto equal =
      ends_of(network, requests, {.record_links = false, .sharing = Sharing::max_min});
  for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_NEAR(weighted[i], equal[i], 1e-12);
}

TEST(SimgridEngine, RingAllReduceIsExactFrom8To512Ranks) {
  for (const int ranks : {8, 64, 512}) {
    const Network network = star(ranks);
    const auto seen = on_engine(EngineKind::simgrid, network, [&](Engine& engine) {
      return std::vector<double>{
          RingDriver(engine, all_gpus(network), Bytes(1 << 28)).run().value()};
    });
    const double expected = 2.0 * (ranks - 1) * (kAlpha + (1 << 28) / (ranks * kBandwidth));
    EXPECT_NEAR(seen[0] / expected, 1.0, 1e-9) << ranks;  // asked for: 1e-6
  }
}

TEST(SimgridEngine, RingAllReduceOf1024RanksStaysBelowAMinuteAndHalfAGigabyte) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
  GTEST_SKIP() << "2.1 million messages take too long without optimisation";
#endif
  const Network network = star(1024);
  const auto seen = isolated_numbers([&] {
    const std::clock_t begin = std::clock();  // of this process: others may be busy
    const auto engine = make_simgrid_engine(network, {});
    const double time = RingDriver(*engine, all_gpus(network), Bytes(1 << 30)).run().value();
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    return std::vector<double>{time, seconds, memory_mb()};
  });
  const double expected = 2.0 * 1023 * (kAlpha + (1 << 30) / (1024 * kBandwidth));
  EXPECT_NEAR(seen[0] / expected, 1.0, 1e-9);
  std::printf("    2.1 M transfers in %.1f s and %.0f MB\n", seen[1], seen[2]);
  EXPECT_LT(seen[1], 60.0);
  EXPECT_LT(seen[2], 500.0);
}

TEST(SimgridEngine, CreatesForSixteenThousandGpusInUnderASecondAndAGigabyte) {
  Cluster cluster = fat_tree_cluster(2048, 64, 1);
  cluster.node.gpus = 8;
  cluster.node.scale_up = {
      .kind = ScaleUpKind::nvswitch, .bandwidth = BytesPerSecond(450e9), .latency = Seconds(1e-6)};
  cluster.node.nics.count = 8;
  cluster.fabric.levels = 3;
  const auto seen = isolated_numbers([&] {
    const std::clock_t begin = std::clock();  // of this process: others may be busy
    const Network network = network_of(cluster);
    const auto engine = make_simgrid_engine(network, {});
    for (int i = 0; i < 16384; ++i) {
      engine->transfer({network.gpu(i), network.gpu((i + 8) % 16384), Bytes(1e6)}, [] {});
    }
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    return std::vector<double>{seconds, memory_mb(), static_cast<double>(network.gpu_count())};
  });
  EXPECT_EQ(seen[2], 16384);
  std::printf("    16,384 GPUs, engine and a first transfer each: %.3f s, %.0f MB\n", seen[0],
              seen[1]);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__)
  EXPECT_LT(seen[0], 1.0);
  EXPECT_LT(seen[1], 1024.0);
#endif
}

TEST(SimgridEngine, WritesNothing) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const Network network = star(8);
  on_engine(EngineKind::simgrid, network, [&](Engine& engine) {
    RingDriver(engine, all_gpus(network), Bytes(1 << 20)).run();
    return std::vector<double>{};
  });
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(SimgridEngine, ASecondOneInAProcessIsABug) {
  const Network network = star(2);
  EXPECT_THROW(run_isolated([&] {
                 const auto first = make_simgrid_engine(network, {});
                 const auto second = make_simgrid_engine(network, {});
                 return std::string();
               }),
               base::ContractViolation);
}

TEST(SimgridEngine, CanBeLeftWithWorkPending) {
  const Network network = star(2);
  EXPECT_EQ(run_isolated([&] {
              const auto engine = make_simgrid_engine(network, {});
              engine->transfer({network.gpu(0), network.gpu(1), Bytes(1e9)}, [] {});
              engine->after(Seconds(1), [] {});
              return std::string("left");
            }),
            "left");
}

}  // namespace
}  // namespace windtunnel::sim::testing
