// Laws of a server of batches: queueing theory, conservation, order, sharing of the GPU, run to
// completion.
#include "strategies/serve/batcher/batch_server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/base/random.hpp"
#include "tests/strategies/batch_servers.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using test::arrivals_at;
using test::FormulaTime;
using test::server_of;

Traffic poisson(double rate, std::int64_t requests, std::uint64_t seed) {
  ServeWorkload workload;
  workload.arrivals = {.rate = rate, .requests = requests};
  return make_traffic(workload, seed);
}

double mean_wait(const std::vector<RequestRecord>& records) {
  double sum = 0;
  for (const RequestRecord& record : records) sum += (record.start - record.arrival).value();
  return sum / static_cast<double>(records.size());
}

// Mean number of requests in the system over time: area under arrivals less departures.
double mean_in_system(const std::vector<RequestRecord>& records, double& span) {
  double area = 0;
  span = 0;
  std::vector<std::pair<double, int>> changes;
  for (const RequestRecord& record : records) {
    changes.emplace_back(record.arrival.value(), 1);
    changes.emplace_back(record.finish.value(), -1);
  }
  std::sort(changes.begin(), changes.end());
  int inside = 0;
  for (const auto& [time, change] : changes) {
    area += inside * (time - span);
    span = time;
    inside += change;
  }
  return area / span;
}

// rho = 0.5, service 1 s; waiting times of successive requests hang together, so that the standard
// error of the mean over 100,000 is 2.4 % (M/M/1) and 1.3 % (M/D/1): five seeds bring that to 1.1 %.
TEST(BatchServer, WaitsOfAnMD1QueueFollowPollaczekAndKhinchine) {
  double wait = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Traffic traffic = poisson(0.5, 100'000, seed);
    BatchServer server = server_of({.policy = BatchingPolicy::none}, traffic,
                                   std::make_shared<FormulaTime>([](const auto&) { return 1.0; }));
    wait += mean_wait(serve_alone(traffic, server)) / 5;
  }
  EXPECT_NEAR(wait, 0.5 * 1.0 / (2 * 0.5), 0.03 * 0.5);  // rho s / 2 (1 - rho)
}

TEST(BatchServer, WaitsOfAnMM1QueueAreRhoOverMuLessLambda) {
  double wait = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Traffic traffic = poisson(0.5, 100'000, seed);
    base::RandomStream random(seed, "service times of the test");
    for (Request& request : traffic.requests) {
      request.input_tokens = std::llround(1e6 * random.exponential(1)) + 1;
    }
    BatchServer server = server_of({.policy = BatchingPolicy::none}, traffic,
                                   std::make_shared<FormulaTime>([](const auto& batch) {
                                     return 1e-6 * static_cast<double>(batch.tokens);
                                   }));
    wait += mean_wait(serve_alone(traffic, server)) / 5;
  }
  EXPECT_NEAR(wait, 1.0, 0.03);
}

TEST(BatchServer, LittlesLawHoldsOnEveryRun) {
  for (const BatchingPolicy policy :
       {BatchingPolicy::none, BatchingPolicy::fixed, BatchingPolicy::dynamic}) {
    const Traffic traffic = poisson(20, 2'000, 3);
    BatchServer server =
        server_of({.policy = policy, .max_batch = 8, .max_delay = Seconds(0.01), .instances = 2},
                  traffic, std::make_shared<FormulaTime>([](const auto& batch) {
                    return 0.02 + 0.001 * static_cast<double>(batch.samples);
                  }));
    const std::vector<RequestRecord> records = serve_alone(traffic, server);
    double stay = 0, span = 0;
    for (const RequestRecord& record : records) {
      ASSERT_EQ(record.fate, Fate::completed);
      stay += (record.finish - record.arrival).value();
    }
    const double inside = mean_in_system(records, span);
    const double rate = static_cast<double>(records.size()) / span;
    EXPECT_NEAR(inside, rate * stay / static_cast<double>(records.size()), 1e-9 * inside);
  }
}

TEST(BatchServer, OverloadEndsAndNothingIsLost) {
  for (const DynamicBatcher batcher : {DynamicBatcher::triton, DynamicBatcher::tf_serving}) {
    const Traffic traffic = poisson(200, 20'000, 1);  // twice what one batch of 4 in 40 ms serves
    BatchServer server =
        server_of({.policy = BatchingPolicy::dynamic,
                   .batcher = batcher,
                   .max_batch = 4,
                   .max_delay = Seconds(0.01),
                   .max_enqueued_batches = 10,
                   .queue = {.size = 40, .timeout = Seconds(0.5)}},
                  traffic, std::make_shared<FormulaTime>([](const auto&) { return 0.04; }));
    std::int64_t completed = 0, rejected = 0;
    for (const RequestRecord& record : serve_alone(traffic, server)) {
      completed += record.fate == Fate::completed ? 1 : 0;
      rejected += record.fate == Fate::rejected ? 1 : 0;
      if (record.fate == Fate::completed) {
        EXPECT_GE(record.first_token, record.start);
        EXPECT_GE(record.start, record.arrival);
      }
    }
    EXPECT_EQ(completed + rejected, 20'000);
    // 100/s of 200/s arriving.
    EXPECT_NEAR(static_cast<double>(completed) / 20'000, 0.5, 0.02);
  }
}

TEST(BatchServer, StoppedAtTheHorizonTheRestIsInFlight) {
  const Traffic traffic = arrivals_at({0, 1, 2, 3});
  BatchServer server = server_of({.policy = BatchingPolicy::none}, traffic,
                                 std::make_shared<FormulaTime>([](const auto&) { return 2.0; }));
  const std::vector<RequestRecord> records = serve_alone(traffic, server, Seconds(4));
  EXPECT_EQ(records[1].fate, Fate::completed);
  EXPECT_EQ(records[2].fate, Fate::in_flight);
  EXPECT_EQ(records[2].start, Seconds(4));
  EXPECT_EQ(records[3].start, kNever);
  EXPECT_EQ(server.waiting() + server.running(), 2);
}

// Two instances on one GPU: alone a batch takes 1 s of host and 2 s of device.
TEST(BatchServer, InstancesHideTheirHostTimeAndShareTheDevice) {
  const Traffic traffic = arrivals_at({0, 0, 10});
  const auto times = std::make_shared<FormulaTime>([](const auto&) { return 2.0; }, 1.0);
  BatchServer server = server_of({.policy = BatchingPolicy::none, .instances = 2}, traffic, times);
  const std::vector<RequestRecord> records = serve_alone(traffic, server);
  EXPECT_EQ(records[0].finish, Seconds(5));  // 1 s of host, then both have half of the device
  EXPECT_EQ(records[1].finish, Seconds(5));
  EXPECT_EQ(records[2].finish, Seconds(13));
  EXPECT_EQ(server.totals().device_busy, Seconds(6));
}

TEST(BatchServer, SharedDeviceTimeIsKeptWhenOneInstanceJoinsLater) {
  const Traffic traffic = arrivals_at({0, 1});
  BatchServer server = server_of({.policy = BatchingPolicy::none, .instances = 2}, traffic,
                                 std::make_shared<FormulaTime>([](const auto&) { return 2.0; }));
  const std::vector<RequestRecord> records = serve_alone(traffic, server);
  EXPECT_EQ(records[0].finish, Seconds(3));  // 1 s alone, 1 s of work at half the speed
  EXPECT_EQ(records[1].finish, Seconds(4));
}

TEST(BatchServer, AnswersKeepTheOrderOfTheirRequestsIfAsked) {
  Traffic traffic = arrivals_at({0, 0.1, 0.2});
  traffic.requests[0].input_tokens = 10;  // the first takes 10 s, the others 1 s
  const auto times = std::make_shared<FormulaTime>(
      [](const auto& batch) { return static_cast<double>(batch.tokens); });
  Batching batching{.policy = BatchingPolicy::none, .instances = 3};
  BatchServer free = server_of(batching, traffic, times);
  const std::vector<RequestRecord> loose = serve_alone(traffic, free);
  EXPECT_LT(loose[1].finish, loose[0].finish);
  batching.preserve_ordering = true;
  BatchServer ordered = server_of(batching, traffic, times);
  const std::vector<RequestRecord> kept = serve_alone(traffic, ordered);
  EXPECT_EQ(kept[0].finish, loose[0].finish);
  EXPECT_EQ(kept[1].finish, kept[0].finish);
  EXPECT_EQ(kept[2].finish, kept[0].finish);
}

TEST(BatchServer, ADelayedBatchStartsWhenItsDelayIsOver) {
  const Traffic traffic = arrivals_at({0, 0.05, 0.2, 0.21});
  BatchServer server =
      server_of({.policy = BatchingPolicy::dynamic, .max_batch = 8, .max_delay = Seconds(0.1)},
                traffic, std::make_shared<FormulaTime>([](const auto&) { return 0.01; }));
  const std::vector<RequestRecord> records = serve_alone(traffic, server);
  EXPECT_EQ(records[1].start, Seconds(0.1));
  EXPECT_DOUBLE_EQ(records[3].start.value(), 0.3);
  EXPECT_EQ(test::batches_of(records).size(), 2u);
}

TEST(BatchServer, PaddingIsComputedUnlessItIsRemoved) {
  Traffic traffic = arrivals_at({0, 0});
  traffic.requests[0].input_tokens = 384;
  traffic.requests[1].input_tokens = 100;
  for (const auto& [padding, tokens] :
       {std::pair{InputPadding::removed, 484}, {InputPadding::to_longest, 768}}) {
    const auto times = std::make_shared<FormulaTime>([](const auto&) { return 1.0; });
    BatchServer server({.policy = BatchingPolicy::dynamic}, one_pass_work(times, padding),
                       traffic.requests);
    serve_alone(traffic, server);
    ASSERT_EQ(times->asked.size(), 1u);
    EXPECT_EQ(times->asked[0].tokens, tokens);
    EXPECT_EQ(times->asked[0].longest, 384);
  }
}

TEST(BatchServer, AFailedServerNamesAllThatItHad) {
  const Traffic traffic = arrivals_at({0, 0, 0, 0, 0});
  BatchServer server = server_of({.policy = BatchingPolicy::dynamic, .max_batch = 2}, traffic,
                                 std::make_shared<FormulaTime>([](const auto&) { return 1.0; }));
  std::vector<BatchEvent> events;
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_TRUE(server.submit(i, Seconds(0)));
  server.advance(Seconds(0), events);
  server.advance(Seconds(1), events);
  EXPECT_EQ(server.fail(Seconds(1.5)), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(server.waiting() + server.running() + server.running_samples(), 0);
  EXPECT_EQ(server.next_time(), kNever);
  EXPECT_TRUE(server.submit(2, Seconds(2)));
  events.clear();
  server.advance(Seconds(2), events);
  EXPECT_EQ(server.next_time(), Seconds(3));
}

Traffic sequences(const std::vector<std::pair<std::int64_t, std::int64_t>>& lengths) {
  Traffic traffic = arrivals_at(std::vector<double>(lengths.size(), 0.0));
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    traffic.requests[i].input_tokens = lengths[i].first;
    traffic.requests[i].output_tokens = lengths[i].second;
  }
  return traffic;
}

TEST(RunToCompletion, ABatchHoldsItsPlacesUntilItsLongestOutputIsComplete) {
  const Traffic traffic = sequences({{10, 3}, {30, 5}, {5, 1}});
  const auto step = std::make_shared<test::LinearStep>(1.0, 0.125);
  BatchServer server({.policy = BatchingPolicy::fixed, .max_batch = 2},
                     run_to_completion_work(step, {}), traffic.requests);
  const std::vector<RequestRecord> records = serve_alone(traffic, server);
  EXPECT_EQ(records[0].first_token, Seconds(1 + 0.125 * 40));
  EXPECT_EQ(records[0].finish, Seconds(6 + 4 * 1.25));  // four more steps of two sequences
  EXPECT_EQ(records[1].finish, records[0].finish);
  EXPECT_EQ(records[2].start, records[0].finish);
  EXPECT_EQ(records[2].finish, records[2].first_token);
  std::int64_t gaps = 0;
  for (const TokenGap& gap : server.take_gaps()) gaps += gap.count;
  EXPECT_EQ(gaps, 2 + 4);
}

TEST(RunToCompletion, PromptsArePaddedToTheLongestIfAsked) {
  const Traffic traffic = sequences({{10, 1}, {30, 1}});
  const auto step = std::make_shared<test::LinearStep>(1.0, 0.125);
  BatchServer server({.policy = BatchingPolicy::fixed, .max_batch = 2},
                     run_to_completion_work(step, {.padding = InputPadding::to_longest}),
                     traffic.requests);
  EXPECT_EQ(serve_alone(traffic, server)[0].finish, Seconds(1 + 0.125 * 60));
}

TEST(RunToCompletion, WhatDoesNotFitInTheCacheRunsAfterwards) {
  const Traffic traffic = sequences({{10, 10}, {10, 10}, {10, 10}, {100, 10}});
  const auto step = std::make_shared<test::LinearStep>(1.0, 0.0);
  BatchServer server({.policy = BatchingPolicy::fixed, .max_batch = 3},
                     run_to_completion_work(step, {.kv_tokens = 45}), traffic.requests);
  const std::vector<RequestRecord> records = serve_alone(traffic, server);
  EXPECT_EQ(records[1].finish, Seconds(10));
  EXPECT_EQ(records[2].start, Seconds(10));
  EXPECT_EQ(records[2].finish, Seconds(20));
  EXPECT_EQ(records[3].fate, Fate::rejected);  // never fits
}

}  // namespace
}  // namespace windtunnel::strategies
