// Requests as they are drawn: moments against closed forms, determinism, who waits for whom.
#include "strategies/serve/traffic.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <numbers>
#include <set>

#include "strategies/serve/length_draw.hpp"

namespace windtunnel::strategies {
namespace {

struct Moments {
  double mean = 0, variance = 0;
};
Moments moments(const std::vector<double>& values) {
  Moments out;
  for (const double value : values) out.mean += value;
  out.mean /= static_cast<double>(values.size());
  for (const double value : values) out.variance += (value - out.mean) * (value - out.mean);
  out.variance /= static_cast<double>(values.size() - 1);
  return out;
}

ServeWorkload workload_of(ArrivalProcess process, double rate, std::int64_t requests) {
  ServeWorkload workload;
  workload.arrivals = {.process = process, .rate = rate, .requests = requests};
  return workload;
}

std::vector<double> gaps(const Traffic& traffic) {
  std::vector<double> out;
  double last = 0;
  for (const Request& request : traffic.requests) {
    out.push_back(request.arrival.value() - last);
    last = request.arrival.value();
  }
  return out;
}

constexpr std::int64_t kMany = 200'000;
// Five standard errors of a mean and of a variance of n values (normal theory; the fourth moment of
// an exponential makes that of the variance sqrt(8/n) instead of sqrt(2/n)).
const double kMeanTolerance = 5 / std::sqrt(static_cast<double>(kMany));
const double kVarianceTolerance = 5 * std::sqrt(8.0 / static_cast<double>(kMany));

TEST(Traffic, GapsOfPoissonArrivalsHaveTheMomentsOfAnExponential) {
  for (const ArrivalProcess process : {ArrivalProcess::poisson, ArrivalProcess::server}) {
    const Moments found = moments(gaps(make_traffic(workload_of(process, 4.0, kMany), 1)));
    EXPECT_NEAR(found.mean * 4, 1, kMeanTolerance);
    EXPECT_NEAR(found.variance * 16, 1, kVarianceTolerance);
  }
}

TEST(Traffic, GammaArrivalsHaveTheirCoefficientOfVariation) {
  for (const double variation : {0.5, 2.0, 4.0}) {
    ServeWorkload workload = workload_of(ArrivalProcess::gamma, 10.0, kMany);
    workload.arrivals.variation = variation;
    const Moments found = moments(gaps(make_traffic(workload, 2)));
    EXPECT_NEAR(found.mean * 10, 1, kMeanTolerance * variation);
    // Kurtosis of a gamma is 3 + 6 c^2, so the relative standard error of its variance is
    // sqrt((2 + 6 c^2) / n).
    const double error = std::sqrt((2 + 6 * variation * variation) / static_cast<double>(kMany));
    EXPECT_NEAR(found.variance * 100 / (variation * variation), 1, 5 * error) << variation;
  }
}

TEST(Traffic, ConstantAndBurstArrivalsKeepTheirRate) {
  const Traffic constant = make_traffic(workload_of(ArrivalProcess::constant, 8.0, 100), 1);
  EXPECT_DOUBLE_EQ(constant.requests[80].arrival.value(), 10.0);
  ServeWorkload burst = workload_of(ArrivalProcess::burst, 8.0, 100);
  burst.arrivals.burst_requests = 16;
  const Traffic traffic = make_traffic(burst, 1);
  EXPECT_DOUBLE_EQ(traffic.requests[15].arrival.value(), 0.0);
  EXPECT_DOUBLE_EQ(traffic.requests[16].arrival.value(), 2.0);
  EXPECT_DOUBLE_EQ(traffic.requests[99].arrival.value(), 12.0);
}

TEST(Traffic, DiurnalArrivalsFollowTheSine) {
  ServeWorkload workload = workload_of(ArrivalProcess::diurnal, 10.0, kMany);
  workload.arrivals.swing = 0.8;
  workload.arrivals.period = base::Seconds(1000);
  const Traffic traffic = make_traffic(workload, 3);
  // Requests of the first and second half of each of the 20 periods: the sine adds 2 swing / pi of
  // the half's mean to one and takes it from the other.
  std::array<double, 2> halves{};
  for (const Request& request : traffic.requests) {
    if (request.arrival.value() >= 19'000) break;
    halves[std::fmod(request.arrival.value(), 1000.0) < 500 ? 0 : 1] += 1;
  }
  const double half_mean = 19'000 / 2 * 10.0;
  const double tilt = 2 * 0.8 / std::numbers::pi;
  EXPECT_NEAR(halves[0] / half_mean, 1 + tilt, 5 / std::sqrt(half_mean));
  EXPECT_NEAR(halves[1] / half_mean, 1 - tilt, 5 / std::sqrt(half_mean));
}

TEST(Traffic, LengthsHaveTheMomentsOfTheirDistribution) {
  struct Expected {
    Lengths lengths;
    double mean, variance;
  };
  const double spread = std::exp(0.25);  // of a log-normal of sigma 0.5
  const std::vector<Expected> all = {
      {ConstantLength{77}, 77, 0},
      {NormalLength{1000, 100}, 1000, 100 * 100},
      {LognormalLength{1000, 0.5}, 1000 * std::sqrt(spread), 1e6 * spread * (spread - 1)},
      {UniformLength{101, 300}, 200.5, (200.0 * 200.0 - 1) / 12},
      {EmpiricalLength{{{10, 1.0}, {20, 3.0}}}, 17.5, 18.75}};
  for (const Expected& one : all) {
    ServeWorkload workload = workload_of(ArrivalProcess::poisson, 1.0, kMany);
    workload.input = one.lengths;
    std::vector<double> drawn;
    for (const Request& request : make_traffic(workload, 4).requests) {
      drawn.push_back(static_cast<double>(request.input_tokens));
    }
    const Moments found = moments(drawn);
    const double deviation = std::sqrt(one.variance);
    EXPECT_NEAR(found.mean, one.mean, kMeanTolerance * deviation + 1e-9);
    // 4 %: five standard errors of the log-normal's variance (kurtosis 8.9), the widest of these.
    EXPECT_NEAR(found.variance, one.variance, 0.04 * one.variance + 1e-9);
    EXPECT_NEAR(mean_length(one.lengths), one.mean, 1e-9 * one.mean);
  }
}

TEST(Traffic, LengthsAreAtLeastOneToken) {
  ServeWorkload workload = workload_of(ArrivalProcess::poisson, 1.0, 10'000);
  workload.input = NormalLength{1, 50};
  workload.output = LognormalLength{1e8, 5};
  for (const Request& request : make_traffic(workload, 4).requests) {
    ASSERT_GE(request.input_tokens, 1);
    ASSERT_GE(request.output_tokens, 1);
    ASSERT_LE(request.output_tokens, kLongestLength);
  }
}

TEST(Traffic, SameSeedSameRequestsAndStreamsAreApart) {
  ServeWorkload workload = workload_of(ArrivalProcess::poisson, 5.0, 1000);
  workload.input = LognormalLength{100, 1};
  const Traffic one = make_traffic(workload, 7), again = make_traffic(workload, 7);
  const Traffic other = make_traffic(workload, 8);
  workload.output = UniformLength{1, 1000};
  workload.shared_prefix = {.tokens = 10, .groups = 5};
  const Traffic longer = make_traffic(workload, 7);
  int different = 0;
  for (std::size_t i = 0; i < one.requests.size(); ++i) {
    EXPECT_EQ(one.requests[i].arrival, again.requests[i].arrival);
    EXPECT_EQ(one.requests[i].input_tokens, again.requests[i].input_tokens);
    EXPECT_EQ(one.requests[i].arrival, longer.requests[i].arrival);
    EXPECT_EQ(one.requests[i].input_tokens, longer.requests[i].input_tokens);
    different += one.requests[i].arrival != other.requests[i].arrival ? 1 : 0;
  }
  EXPECT_EQ(different, 1000);
}

TEST(Traffic, ATurnHoldsTheWholeOfTheTurnBefore) {
  ServeWorkload workload = workload_of(ArrivalProcess::poisson, 1.0, 1001);
  workload.input = UniformLength{5, 50};
  workload.output = UniformLength{5, 50};
  workload.shared_prefix = {.tokens = 4, .groups = 3};
  workload.conversations = {.turns = 4, .think = base::Seconds(2)};
  const Traffic traffic = make_traffic(workload, 1);
  ASSERT_EQ(std::ssize(traffic.requests), 1001);
  std::vector<double> thoughts;
  std::set<std::int64_t> sessions;
  for (std::size_t i = 0; i < traffic.requests.size(); ++i) {
    const Request& request = traffic.requests[i];
    sessions.insert(request.session);
    if (request.turn == 0) {
      EXPECT_EQ(traffic.follows[i], -1);
      EXPECT_LT(request.arrival, kNever);
      continue;
    }
    const Request& before = traffic.requests[static_cast<std::size_t>(traffic.follows[i])];
    EXPECT_EQ(before.session, request.session);
    EXPECT_EQ(before.turn + 1, request.turn);
    EXPECT_GE(request.input_tokens, before.input_tokens + before.output_tokens + 5);
    EXPECT_EQ(request.prefix_id, before.prefix_id);
    EXPECT_EQ(request.arrival, kNever);
    thoughts.push_back(request.think.value());
  }
  EXPECT_EQ(sessions.size(), 251u);
  EXPECT_NEAR(moments(thoughts).mean, 2, 5 * 2 / std::sqrt(750.0));
}

TEST(Traffic, ClientsOfAClosedLoopSendOneAfterAnother) {
  ServeWorkload workload = workload_of(ArrivalProcess::closed_loop, 0, 10);
  workload.arrivals.concurrency = 3;
  const Traffic traffic = make_traffic(workload, 1);
  EXPECT_EQ(traffic.follows, (std::vector<std::int64_t>{-1, -1, -1, 0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(traffic.requests[2].arrival, base::Seconds(0));
  EXPECT_EQ(traffic.requests[3].arrival, kNever);
  workload.conversations.turns = 2;  // 5 conversations of 2 turns, by 3 clients
  const Traffic talks = make_traffic(workload, 1);
  EXPECT_EQ(talks.follows, (std::vector<std::int64_t>{-1, -1, -1, 5, 6, 0, 1, 2, 3, 4}));
}

TEST(Traffic, LoadgenScenariosAreArrivals) {
  ServeWorkload multi = workload_of(ArrivalProcess::multi_stream, 0, 5);
  multi.arrivals.query_samples = 8;
  const Traffic stream = make_traffic(multi, 1);
  EXPECT_EQ(stream.requests[4].samples, 8);
  EXPECT_EQ(stream.follows[4], 3);
  const Traffic all = make_traffic(workload_of(ArrivalProcess::offline, 0, 24'576), 1);
  EXPECT_EQ(std::ssize(all.requests), 24'576);
  EXPECT_EQ(all.requests.back().arrival, base::Seconds(0));
}

TEST(Traffic, RepeatedRequestsAreTheSameInAll) {
  ServeWorkload workload = workload_of(ArrivalProcess::poisson, 1.0, 20'000);
  workload.input = UniformLength{1, 1000};
  workload.repeated_share = 0.3;
  const Traffic traffic = make_traffic(workload, 1);
  double repeated = 0;
  for (std::int64_t i = 0; i < std::ssize(traffic.requests); ++i) {
    const Request& request = traffic.requests[static_cast<std::size_t>(i)];
    if (request.content == i) continue;
    repeated += 1;
    const Request& first = traffic.requests[static_cast<std::size_t>(request.content)];
    EXPECT_EQ(first.content, request.content);
    EXPECT_EQ(first.input_tokens, request.input_tokens);
  }
  EXPECT_NEAR(repeated / 20'000, 0.3, 5 * std::sqrt(0.3 * 0.7 / 20'000));
}

TEST(Traffic, PrioritiesComeInTheirShares) {
  ServeWorkload workload = workload_of(ArrivalProcess::poisson, 1.0, 20'000);
  workload.priority_shares = {1, 3};
  double first = 0;
  for (const Request& request : make_traffic(workload, 1).requests) {
    first += request.priority == 1 ? 1 : 0;
  }
  EXPECT_NEAR(first / 20'000, 0.25, 5 * std::sqrt(0.25 * 0.75 / 20'000));
}

TEST(Traffic, ATraceKeepsItsTimesUnlessAnotherProcessIsStated) {
  auto trace = std::make_shared<std::vector<Request>>();
  trace->push_back({.id = 0, .arrival = base::Seconds(5), .input_tokens = 1});
  trace->push_back({.id = 1, .arrival = base::Seconds(2), .input_tokens = 2, .session = 4});
  trace->push_back({.id = 2, .arrival = kNever, .input_tokens = 3, .session = 4, .turn = 1});
  ServeWorkload workload;
  workload.trace = trace;
  const Traffic kept = make_traffic(workload, 1);
  EXPECT_EQ(kept.requests[0].input_tokens, 2);
  EXPECT_EQ(kept.requests[1].input_tokens, 1);
  EXPECT_EQ(kept.requests[1].id, 1);
  EXPECT_EQ(kept.follows, (std::vector<std::int64_t>{-1, -1, 0}));
  workload.arrivals = {.process = ArrivalProcess::closed_loop, .concurrency = 1};
  const Traffic closed = make_traffic(workload, 1);
  EXPECT_EQ(closed.requests[0].input_tokens, 1);
  EXPECT_EQ(closed.follows, (std::vector<std::int64_t>{-1, 0, 1}));
  workload.mode = ServeMode::offline;
  EXPECT_EQ(make_traffic(workload, 1).requests[2].arrival, base::Seconds(0));
}

TEST(Traffic, NoRequestsAreNoRequests) {
  EXPECT_TRUE(make_traffic(workload_of(ArrivalProcess::poisson, 1, 0), 1).requests.empty());
  EXPECT_TRUE(make_traffic(workload_of(ArrivalProcess::closed_loop, 0, 0), 1).requests.empty());
}

TEST(Traffic, AMillionRequestsAreDrawnInWellUnderASecond) {
  ServeWorkload workload = workload_of(ArrivalProcess::poisson, 100, 1'000'000);
  workload.input = LognormalLength{256, 1};
  workload.output = LognormalLength{128, 1};
  const auto begin = std::chrono::steady_clock::now();
  const Traffic traffic = make_traffic(workload, 1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(std::ssize(traffic.requests), 1'000'000);
  // 0.1 s when optimised, on a core of this machine; unoptimised builds and loaded machines: 20 times
  // that.
  EXPECT_LT(took.count(), 2.0);
}

}  // namespace
}  // namespace windtunnel::strategies
