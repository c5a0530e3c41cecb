// Where one algorithm overtakes another.
#include "strategies/collective/crossover.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Op;

TimedCase timed(Algorithm algorithm, double bytes, double seconds, Op op = Op::all_reduce) {
  return {op, algorithm, base::Bytes(bytes), base::Seconds(seconds)};
}

// time = latency + bytes / bandwidth at powers of two.
void add_line(std::vector<TimedCase>& cases, Algorithm algorithm, double latency,
              double bandwidth) {
  for (double bytes = 1024; bytes <= 1 << 30; bytes *= 2) {
    cases.push_back(timed(algorithm, bytes, latency + bytes / bandwidth));
  }
}

TEST(Crossover, StraightLinesMeetWhereTheirFormulaSays) {
  // t = 1e-6 s^1 and t = 8e-6 s^0.5 per KiB: equal at 64 KiB, between the two sizes given.
  const auto steep = [](double kib) { return 1e-6 * kib; };
  const auto flat = [](double kib) { return 8e-6 * std::sqrt(kib); };
  std::vector<TimedCase> cases;
  for (const double kib : {16.0, 1024.0}) {
    cases.push_back(timed(Algorithm::tree, kib, steep(kib)));
    cases.push_back(timed(Algorithm::ring, kib, flat(kib)));
  }
  const auto found = find_crossovers(cases);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].from, Algorithm::tree);
  EXPECT_EQ(found[0].to, Algorithm::ring);
  EXPECT_NEAR(found[0].bytes.value(), 64.0, 1e-9);
  EXPECT_EQ(found[0].below.value(), 16.0);
  EXPECT_EQ(found[0].above.value(), 1024.0);
}

TEST(Crossover, OfLatencyAgainstBandwidthIsFoundToAFewPerCent) {
  std::vector<TimedCase> cases;
  add_line(cases, Algorithm::tree, 20e-6, 50e9);
  add_line(cases, Algorithm::ring, 200e-6, 100e9);
  const double exact = (200e-6 - 20e-6) / (1 / 50e9 - 1 / 100e9);
  const auto found = find_crossovers(cases);
  ASSERT_EQ(found.size(), 1U);
  // Between powers of two the curves bend away from the straight lines; 5 % in size is what that
  // makes.
  EXPECT_NEAR(found[0].bytes.value() / exact, 1.0, 0.05);
}

TEST(Crossover, EveryChangeOfTheLeaderIsListedInOrderOfSize) {
  std::vector<TimedCase> cases;
  add_line(cases, Algorithm::recursive_doubling, 5e-6, 5e9);
  add_line(cases, Algorithm::tree, 20e-6, 50e9);
  add_line(cases, Algorithm::ring, 200e-6, 100e9);
  const auto found = find_crossovers(cases);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].from, Algorithm::recursive_doubling);
  EXPECT_EQ(found[0].to, Algorithm::tree);
  EXPECT_EQ(found[1].to, Algorithm::ring);
  EXPECT_LT(found[0].bytes, found[1].bytes);
}

TEST(Crossover, EqualTimesChangeNothing) {
  std::vector<TimedCase> cases;
  add_line(cases, Algorithm::tree, 20e-6, 50e9);
  add_line(cases, Algorithm::ring, 20e-6, 50e9);
  EXPECT_TRUE(find_crossovers(cases).empty());
}

TEST(Crossover, OrderOfTheCasesDoesNotMatter) {
  std::vector<TimedCase> cases;
  add_line(cases, Algorithm::tree, 20e-6, 50e9);
  add_line(cases, Algorithm::ring, 200e-6, 100e9);
  const double forwards = find_crossovers(cases).at(0).bytes.value();
  std::reverse(cases.begin(), cases.end());
  EXPECT_EQ(find_crossovers(cases).at(0).bytes.value(), forwards);
}

TEST(Crossover, AnAlgorithmThatWasNotInTheRaceDidNotOvertake) {
  EXPECT_TRUE(find_crossovers(std::vector{timed(Algorithm::tree, 1024, 1e-5),
                                          timed(Algorithm::ring, 2048, 1e-6),
                                          timed(Algorithm::automatic, 1024, 1e-7)})
                  .empty());
}

TEST(Crossover, OpsAreKeptApart) {
  std::vector<TimedCase> cases{timed(Algorithm::tree, 1024, 1e-5),
                               timed(Algorithm::ring, 1024, 2e-5),
                               timed(Algorithm::tree, 2048, 4e-5, Op::broadcast),
                               timed(Algorithm::ring, 2048, 2e-5, Op::broadcast)};
  EXPECT_TRUE(find_crossovers(cases).empty());
}

}  // namespace
}  // namespace windtunnel::strategies
