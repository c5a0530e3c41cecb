// Sampling: order statistics against values worked out by hand, and the stopping rule against clocks
// that are known.
#include "real/sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/base/random.hpp"

namespace windtunnel::real {
namespace {

using base::Seconds;

std::vector<Seconds> seconds(const std::vector<double>& values) {
  std::vector<Seconds> out;
  for (const double value : values) out.emplace_back(value);
  return out;
}

// A call takes `noise` times one millisecond.
class FakeStopwatch : public Stopwatch {
 public:
  explicit FakeStopwatch(std::function<double(std::int64_t)> time_of_call)
      : time_of_call_(std::move(time_of_call)) {}
  Seconds time(const Work& work, std::int64_t first, std::int64_t calls) override {
    double total = 0;
    for (std::int64_t call = first; call < first + calls; ++call) {
      work(call);
      total += time_of_call_(call);
    }
    return Seconds(total);
  }

 private:
  std::function<double(std::int64_t)> time_of_call_;
};

SamplingPlan quick_plan() {
  SamplingPlan plan;
  plan.warm_up = Seconds(0);
  return plan;
}

TEST(Sampling, MedianAndQuantilesOfElevenSamplesAreTheOrderStatistics) {
  const SampleSummary s = summarize(seconds({11, 1, 10, 2, 9, 3, 8, 4, 7, 5, 6}));
  EXPECT_EQ(s.median, Seconds(6));
  EXPECT_EQ(s.min, Seconds(1));
  EXPECT_EQ(s.p10, Seconds(2));
  EXPECT_EQ(s.p90, Seconds(10));
  // n = 11, z sqrt n = 6.5: ranks floor(2.25) = 2 and ceil(9.75) = 10, so (10 - 2) / 2.
  EXPECT_EQ(s.ci_half_width, Seconds(4));
  EXPECT_EQ(s.samples, 11);
}

TEST(Sampling, OutliersAreCountedAndStayInTheFigures) {
  const SampleSummary s = summarize(seconds({10, 10.1, 9.9, 10, 10.05, 9.95, 10, 50}));
  EXPECT_EQ(s.outliers, 1);
  EXPECT_EQ(s.samples, 8);
  EXPECT_GT(s.p90, Seconds(10.1));
}

TEST(Sampling, TheIntervalCoversTheTrueMedianAboutNinetyFiveTimesInAHundred) {
  base::RandomStream stream(1, "coverage");
  int covered = 0;
  constexpr int kRounds = 2000;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Seconds> samples;
    for (int i = 0; i < 31; ++i) samples.emplace_back(stream.log_normal(1.0, 0.2));
    const SampleSummary s = summarize(samples);
    // The half width is of the whole interval; around the median it is a little too narrow or wide
    // on either side, as the interval is not symmetric.
    if (s.median - s.ci_half_width <= Seconds(1) && Seconds(1) <= s.median + s.ci_half_width)
      ++covered;
  }
  EXPECT_NEAR(covered, 0.95 * kRounds, 0.04 * kRounds);
}

TEST(Sampling, ASteadyClockStopsAtTheFewestSamplesAndBatchesUpToTheShortestSample) {
  FakeStopwatch stopwatch([](std::int64_t) { return 1e-6; });
  NoPeers peers;
  const Sampled sampled = sample(stopwatch, [](std::int64_t) {}, quick_plan(), peers, {});
  EXPECT_EQ(sampled.stop, Sampled::Stop::converged);
  EXPECT_EQ(sampled.summary.samples, 11);
  EXPECT_NEAR(static_cast<double>(sampled.calls_per_sample), 200, 1);  // 200 us of 1 us calls
  EXPECT_NEAR(sampled.summary.median.value(), 1e-6, 1e-15);
}

TEST(Sampling, ANoisyClockGoesOnToTheCapAndSaysSo) {
  base::RandomStream stream(2, "noise");
  FakeStopwatch stopwatch([&](std::int64_t) { return stream.log_normal(1e-3, 1.0); });
  NoPeers peers;
  SamplingPlan plan = quick_plan();
  plan.max_samples = 40;
  const Sampled sampled = sample(stopwatch, [](std::int64_t) {}, plan, peers, {});
  EXPECT_EQ(sampled.stop, Sampled::Stop::max_samples);
  EXPECT_EQ(sampled.summary.samples, 40);
}

TEST(Sampling, CallsAreNumberedWithoutGapFromWarmUpToTheLastSample) {
  std::vector<std::int64_t> calls;
  FakeStopwatch stopwatch([](std::int64_t) { return 1e-3; });
  NoPeers peers;
  sample(stopwatch, [&](std::int64_t call) { calls.push_back(call); }, quick_plan(), peers, {});
  ASSERT_GE(calls.size(), 13u);
  for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(calls[i], static_cast<std::int64_t>(i));
}

TEST(Sampling, AStopSignalEndsItBetweenTwoSamples) {
  FakeStopwatch stopwatch([](std::int64_t) { return 1e-3; });
  NoPeers peers;
  int asked = 0;
  EXPECT_THROW(
      sample(
          stopwatch, [](std::int64_t) {}, quick_plan(), peers, [&] { return ++asked > 5; }),
      Interrupted);
}

// The slowest of two ranks counts.
class SlowPeer : public NoPeers {
 public:
  int size() const override { return 2; }
  double max(double value) override { return value > 1e-9 && value < 0.5 ? 2e-3 : value; }
};

TEST(Sampling, TheSlowestRankIsTheTime) {
  FakeStopwatch stopwatch([](std::int64_t) { return 1e-3; });
  SlowPeer peers;
  const Sampled sampled = sample(stopwatch, [](std::int64_t) {}, quick_plan(), peers, {});
  EXPECT_EQ(sampled.summary.median, Seconds(2e-3));
}

}  // namespace
}  // namespace windtunnel::real
