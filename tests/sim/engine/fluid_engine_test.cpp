// The own engine that shares every link: by hand, against SimGrid, and its laws.
#include "sim/engine/fluid_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/base/random.hpp"
#include "sim/engine/graph_execution.hpp"
#include "tests/sim/engine/networks.hpp"

namespace windtunnel::sim::testing {
namespace {

constexpr double kAlpha = 2 * kNicLatency;

struct Timed {
  double at = 0.0;  // s, when it is asked for
  TransferRequest request;
};

std::vector<double> ends_on(Engine& engine, const std::vector<Timed>& work) {
  std::vector<double> ends(work.size());
  for (std::size_t i = 0; i < work.size(); ++i) {
    engine.after(Seconds(work[i].at), [&, i] {
      engine.transfer(work[i].request, [&, i] { ends[i] = engine.now().value(); });
    });
  }
  engine.run();
  return ends;
}

std::vector<double> fluid_ends(const Network& network, const std::vector<Timed>& work) {
  const auto engine = make_fluid_engine(network, {});
  return ends_on(*engine, work);
}

// Transfers between random GPUs of [first, last], some with limits of their own.
std::vector<Timed> random_work(const Network& network, int first, int last, std::uint64_t seed) {
  base::RandomStream random(seed, "transfers");
  std::vector<Timed> work;
  const auto gpu = [&] { return first + static_cast<int>(random.uniform() * (last - first + 1)); };
  for (int i = 0; i < 120; ++i) {
    const int from = gpu();
    int to = gpu();
    if (to == from) to = from == last ? first : from + 1;
    Timed one{.at = random.uniform() * 2.0,
              .request = {.from = network.gpu(from),
                          .to = network.gpu(to),
                          .bytes = Bytes(kBandwidth * random.uniform() * 0.3)}};
    if (random.uniform() < 0.4)
      one.request.rate_limit = BytesPerSecond(kBandwidth * (0.05 + random.uniform()));
    work.push_back(one);
  }
  return work;
}

TEST(FluidEngine, TwoTransfersOnOneLinkEachGetHalf) {
  const Network network = star(3);
  const auto ends =
      fluid_ends(network, {{0.0, {network.gpu(0), network.gpu(2), Bytes(kBandwidth)}},
                           {0.0, {network.gpu(1), network.gpu(2), Bytes(kBandwidth)}}});
  EXPECT_NEAR(ends[0], 2 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 2 + kAlpha, 1e-12);
}

TEST(FluidEngine, ATransferThatEndsLeavesItsShareToTheOthers) {
  const Network network = star(4);
  const EndpointId to = network.gpu(3);
  // 1/3 each until the small one is done at 1.5 s; then 1/2 each: 0.5 left of both takes 1 s more.
  const auto ends = fluid_ends(network, {{0.0, {network.gpu(0), to, Bytes(kBandwidth / 2)}},
                                         {0.0, {network.gpu(1), to, Bytes(kBandwidth)}},
                                         {0.0, {network.gpu(2), to, Bytes(kBandwidth)}}});
  EXPECT_NEAR(ends[0], 1.5 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 2.5 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[2], 2.5 + kAlpha, 1e-12);
}

TEST(FluidEngine, WhatATransferMayNotUseTheOthersGet) {
  const Network network = star(3);
  const auto ends =
      fluid_ends(network, {{0.0,
                            {.from = network.gpu(0),
                             .to = network.gpu(2),
                             .bytes = Bytes(kBandwidth),
                             .rate_limit = BytesPerSecond(kBandwidth / 4)}},
                           {0.0, {network.gpu(1), network.gpu(2), Bytes(kBandwidth)}}});
  EXPECT_NEAR(ends[0], 4.0 + kAlpha, 1e-12);
  EXPECT_NEAR(ends[1], 4.0 / 3.0 + kAlpha, 1e-12);
}

// The same shares by another's code: differences are SimGrid's units of 2^-16 byte and its clock.
TEST(FluidEngine, AgreesWithSimgridsMaxMinOnAnOversubscribedFatTree) {
  const Network network = network_of(fat_tree_cluster(16, 8, 2.0));
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const auto work = random_work(network, 0, 15, seed);
    const auto own = fluid_ends(network, work);
    const auto theirs = isolated_numbers([&] {
      const auto engine = make_simgrid_engine(network, {.sharing = Sharing::max_min});
      return ends_on(*engine, work);
    });
    for (std::size_t i = 0; i < own.size(); ++i) EXPECT_NEAR(own[i], theirs[i], 1e-7) << i;
  }
}

// Leaves 0 and 1 carry one lot, leaves 2 and 3 the other; no link carries both.
TEST(FluidEngine, WorkThatSharesNoLinkTakesToTheLastBitWhatItTakesAlone) {
  const Network network = star(16);
  for (const std::uint64_t seed : {5U, 6U, 7U}) {
    const auto a = random_work(network, 0, 7, seed), b = random_work(network, 8, 15, seed + 10);
    auto both = a;
    both.insert(both.end(), b.begin(), b.end());
    const auto alone = fluid_ends(network, a), other = fluid_ends(network, b);
    const auto together = fluid_ends(network, both);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(together[i], alone[i]);
    for (std::size_t i = 0; i < b.size(); ++i) EXPECT_EQ(together[a.size() + i], other[i]);
  }
}

TEST(FluidEngine, NoLinkCarriesMoreThanItsRate) {
  const Network network = network_of(fat_tree_cluster(16, 8, 4.0));
  const auto engine = make_fluid_engine(network, {.record_links = true});
  const auto ends = ends_on(*engine, random_work(network, 0, 15, 11));
  const double end = *std::max_element(ends.begin(), ends.end());
  double busiest = 0.0;
  for (std::size_t i = 0; i < network.links().size(); ++i) {
    busiest = std::max(busiest, engine->bytes_by_link()[i] / network.links()[i].bandwidth.value());
  }
  EXPECT_LE(busiest, end);
  EXPECT_GT(busiest, 0.5 * end);  // the uplinks are what it waits for
}

TEST(GraphExecution, AGraphRunsAgainWhileOthersUseTheEngine) {
  const Network network = star(3);
  TaskGraph graph;
  const TaskId work = graph.add(ComputeTask{network.gpu(0), 0, Seconds(1)}, "work");
  const TaskId send =
      graph.add(TransferTask{{network.gpu(0), network.gpu(1), Bytes(kBandwidth)}}, "send");
  graph.depend(send, work);
  const auto engine = make_fluid_engine(network, {});
  GraphExecution execution(graph, *engine);
  std::vector<double> ends;
  const std::function<void()> again = [&] {
    ends.push_back((engine->now() - execution.begin()).value());
    if (ends.size() < 3) execution.start(again);
  };
  execution.start(again);
  // Takes half of the link for the send of the second round, from 3 s on.
  engine->after(Seconds(3), [&] {
    engine->transfer({network.gpu(2), network.gpu(1), Bytes(kBandwidth)}, {});
  });
  engine->run();
  ASSERT_EQ(ends.size(), 3U);
  EXPECT_NEAR(ends[0], 2 + kAlpha, 1e-9);
  EXPECT_NEAR(ends[1], 3 + kAlpha, 1e-5);
  EXPECT_NEAR(ends[2], 2 + kAlpha, 1e-5);
}

}  // namespace
}  // namespace windtunnel::sim::testing
