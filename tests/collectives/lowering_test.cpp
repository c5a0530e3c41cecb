#include "collectives/lowering.hpp"

#include <gtest/gtest.h>

#include "tests/collectives/simulations.hpp"

namespace windtunnel::collectives {
namespace {

using sim::EngineKind;
using testing::collective_time;
using testing::kBandwidth;
using testing::kLatency;

constexpr EngineKind kEngines[] = {EngineKind::analytic, EngineKind::simgrid};

ScheduleRequest all_reduce(Algorithm algorithm, std::int64_t bytes) {
  return {.op = Op::all_reduce, .algorithm = algorithm, .bytes = bytes};
}

TEST(RingAllReduce, TakesTwoLapsOfLatencyAndParts) {
  for (const int n : {2, 8, 64, 128}) {
    const sim::Network network = testing::network_of(testing::uniform_switch(n));
    const double bytes = n * 1e6;
    const double expected = 2.0 * (n - 1) * (kLatency + bytes / (n * kBandwidth));
    for (const EngineKind engine : kEngines) {
      const double time = collective_time(
          engine, network, all_reduce(Algorithm::ring, static_cast<std::int64_t>(bytes)));
      EXPECT_NEAR(time / expected, 1.0, 1e-9) << n << " ranks on " << to_text(engine);
    }
  }
}

TEST(Lowering, LocalMessagesTakeNoTimeAndAreNoTransfers) {
  const sim::Network network = testing::network_of(testing::uniform_switch(2));
  const Schedule schedule = make_schedule(
      {.op = Op::all_to_all, .algorithm = Algorithm::direct, .ranks = 2, .bytes = 100});
  const auto engine = sim::make_analytic_engine(network, {});
  const LoweringResult result = run_groups(
      *engine,
      std::vector<GroupRun>{{.schedule = &schedule, .endpoints = testing::all_gpus(network)}}, {});
  EXPECT_EQ(result.transfers, 2);
  EXPECT_DOUBLE_EQ(result.time.value(), kLatency + 50.0 / kBandwidth);
}

TEST(Lowering, OneRankIsDoneAtOnce) {
  const sim::Network network = testing::network_of(testing::uniform_switch(2));
  for (const Op op : {Op::all_reduce, Op::all_to_all}) {
    const Schedule schedule = make_schedule({.op = op, .ranks = 1, .bytes = 100});
    const auto engine = sim::make_analytic_engine(network, {});
    const LoweringResult result = run_groups(
        *engine, std::vector<GroupRun>{{.schedule = &schedule, .endpoints = {network.gpu(0)}}}, {});
    EXPECT_EQ(result.time.value(), 0.0);
    EXPECT_EQ(schedule.critical_steps(), 0);
  }
}

TEST(Lowering, AGroupBesideAnotherOnOtherPortsLosesNothing) {
  const sim::Network network = testing::network_of(testing::uniform_switch(8));
  const Schedule schedule = make_schedule({.ranks = 4, .bytes = 4000000});
  const auto gpu = [&](int i) { return network.gpu(i); };
  const std::vector<GroupRun> groups{
      {.schedule = &schedule, .endpoints = {gpu(0), gpu(1), gpu(2), gpu(3)}},
      {.schedule = &schedule, .endpoints = {gpu(4), gpu(5), gpu(6), gpu(7)}}};
  for (const EngineKind engine : kEngines) {
    const auto alone = testing::finish_times(engine, network, {groups[0]});
    const auto both = testing::finish_times(engine, network, groups);
    EXPECT_NEAR(both[0] / alone[0], 1.0, 1e-9);
    EXPECT_NEAR(both[1] / alone[0], 1.0, 1e-9);
  }
}

TEST(Lowering, TwoGroupsOnTheSamePortsTakeTwiceAsLong) {
  const sim::Network network = testing::network_of(testing::uniform_switch(4));
  const Schedule schedule = make_schedule({.ranks = 4, .bytes = 400000000});
  const std::vector<GroupRun> groups(
      2, {.schedule = &schedule, .endpoints = testing::all_gpus(network)});
  for (const EngineKind engine : kEngines) {
    const auto alone = testing::finish_times(engine, network, {groups[0]});
    const auto both = testing::finish_times(engine, network, groups);
    EXPECT_NEAR(both[1] / alone[0], 2.0, 0.01) << to_text(engine);
  }
}

TEST(Lowering, OverheadAndRateLimitArePaidByEveryMessage) {
  const sim::Network network = testing::network_of(testing::uniform_switch(4));
  const Schedule schedule = make_schedule({.ranks = 4, .bytes = 4000000});
  LoweringOptions options;
  options.costs = {base::Seconds(3e-6), base::BytesPerSecond(10e9)};
  for (const EngineKind engine : kEngines) {
    const auto time = testing::finish_times(
        engine, network, {{.schedule = &schedule, .endpoints = testing::all_gpus(network)}},
        options);
    EXPECT_NEAR(time[0] / (6 * (kLatency + 3e-6 + 1e6 / 10e9)), 1.0, 1e-9) << to_text(engine);
  }
}

TEST(Lowering, EveryByteOfTheScheduleLeavesAndArrives) {
  const sim::Network network = testing::network_of(testing::uniform_switch(7));
  for (const Algorithm algorithm : {Algorithm::ring, Algorithm::tree, Algorithm::direct}) {
    const Schedule schedule =
        make_schedule({.algorithm = algorithm, .ranks = 7, .bytes = 700, .chunk_bytes = 99});
    const auto engine = sim::make_analytic_engine(network, {.record_links = true});
    const LoweringResult result = run_groups(
        *engine,
        std::vector<GroupRun>{{.schedule = &schedule, .endpoints = testing::all_gpus(network)}},
        {});
    double out = 0.0;
    double in = 0.0;
    for (int gpu = 0; gpu < 7; ++gpu) {
      const sim::Route route = network.route(network.gpu(gpu), network.gpu((gpu + 1) % 7));
      out += result.bytes_by_link[route.out_port.slot()];
      in += result.bytes_by_link[route.in_port.slot()];
    }
    EXPECT_EQ(out, static_cast<double>(schedule.network_bytes()));
    EXPECT_EQ(in, out);
  }
}

TEST(Lowering, SpansCoverTheRunAndCarryItsBytes) {
  const sim::Network network = testing::network_of(testing::uniform_switch(5));
  const Schedule schedule = make_schedule({.ranks = 5, .bytes = 1000});
  const auto engine = sim::make_analytic_engine(network, {});
  const LoweringResult result = run_groups(
      *engine,
      std::vector<GroupRun>{{.schedule = &schedule, .endpoints = testing::all_gpus(network)}},
      {.record_spans = true});
  ASSERT_EQ(result.spans.size(), schedule.messages.size());
  double bytes = 0.0;
  for (const MessageSpan& span : result.spans) {
    EXPECT_LE(span.begin, span.end);
    bytes += span.bytes;
  }
  EXPECT_EQ(bytes, static_cast<double>(schedule.network_bytes()));
  EXPECT_EQ(result.spans.back().end, result.time);
}

TEST(Lowering, LaunchedCollectivesFollowEachOtherOnARunningEngine) {
  const sim::Network network = testing::network_of(testing::uniform_switch(4));
  const Schedule schedule = make_schedule({.ranks = 4, .bytes = 4000});
  const GroupRun group{.schedule = &schedule, .endpoints = testing::all_gpus(network)};
  const auto engine = sim::make_analytic_engine(network, {});
  double first = 0.0;
  double second = 0.0;
  launch(*engine, group, {}, [&] {
    first = engine->now().value();
    launch(*engine, group, {}, [&] { second = engine->now().value(); });
  });
  engine->run();
  EXPECT_GT(first, 0.0);
  EXPECT_NEAR(second, 2 * first, 1e-15);
}

}  // namespace
}  // namespace windtunnel::collectives
