// Quantities, diagnostics, contracts and random streams.
#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "sim/base/contract.hpp"
#include "sim/base/diagnostics.hpp"
#include "sim/base/quantity.hpp"
#include "sim/base/random.hpp"
#include "sim/base/strong_id.hpp"

namespace windtunnel::base {
namespace {

static_assert(std::is_same_v<decltype(Bytes(1) / BytesPerSecond(1)), Seconds>);
static_assert(std::is_same_v<decltype(Watts(1) * Seconds(1)), Joules>);
static_assert(std::is_same_v<decltype(Seconds(1) / Seconds(1)), double>);
static_assert(!std::is_convertible_v<double, Seconds>);
static_assert(!std::is_convertible_v<Seconds, double>);

TEST(Quantity, BytesOverBandwidthAreSeconds) {
  EXPECT_DOUBLE_EQ((Bytes(1e9) / BytesPerSecond(50e9)).value(), 0.02);
}

TEST(StrongId, NoneIsNotValid) {
  struct Tag;
  EXPECT_FALSE(StrongId<Tag>::none().valid());
  EXPECT_TRUE(StrongId<Tag>(0).valid());
}

TEST(Diagnostics, AreSortedByPlaceAndSayFileLineAndColumn) {
  Diagnostics all;
  all.error({"b.yaml", 2, 3}, "second");
  all.warning({"a.yaml", 9, 1}, "first");
  all.error({"b.yaml", 1, 7}, "middle");
  EXPECT_EQ(all.to_text(),
            "a.yaml:9:1: warning: first\nb.yaml:1:7: error: middle\nb.yaml:2:3: error: second\n");
  EXPECT_EQ(all.error_count(), 2);
}

TEST(Diagnostics, ASlipOfTheFingerGetsASuggestion) {
  const std::vector<std::string> names{"calibration", "cluster", "workload"};
  EXPECT_EQ(did_you_mean("calibraton", names), "; did you mean 'calibration'?");
  EXPECT_EQ(did_you_mean("clutser", names), "; did you mean 'cluster'?");
  EXPECT_EQ(did_you_mean("zebra", names), "");
  EXPECT_EQ(did_you_mean(std::string(10000, 'x'), names), "");
}

TEST(Contract, ABrokenOneSaysWhere) {
  try {
    expects(false, "two is not three");
    FAIL();
  } catch (const ContractViolation& error) {
    EXPECT_NE(std::string(error.what()).find("base_test.cpp"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("two is not three"), std::string::npos);
  }
}

TEST(RandomStream, SameSeedAndNameGiveTheSameNumbersAndOthersOthers) {
  RandomStream a(7, "arrivals");
  RandomStream again(7, "arrivals");
  RandomStream other_name(7, "lengths");
  RandomStream other_seed(8, "arrivals");
  const std::uint64_t first = a.next();
  EXPECT_EQ(first, again.next());
  EXPECT_NE(first, other_name.next());
  EXPECT_NE(first, other_seed.next());
  EXPECT_EQ(RandomStream(7, "x").substream("y").next(), RandomStream(7, "x").substream("y").next());
}

// Means of n draws lie within 5 standard errors.
TEST(RandomStream, DistributionsHaveTheirMeans) {
  constexpr int kDraws = 200000;
  RandomStream random(1, "means");
  double uniform = 0;
  double exponential = 0;
  double normal = 0;
  double gamma = 0;
  double below = 0;
  for (int i = 0; i < kDraws; ++i) {
    uniform += random.uniform();
    exponential += random.exponential(3.0);
    normal += random.normal(2.0, 0.5);
    gamma += random.gamma(0.5, 4.0);
    below += static_cast<double>(random.below(7));
  }
  const double root = std::sqrt(kDraws);
  EXPECT_NEAR(uniform / kDraws, 0.5, 5 * std::sqrt(1.0 / 12) / root);
  EXPECT_NEAR(exponential / kDraws, 3.0, 5 * 3.0 / root);
  EXPECT_NEAR(normal / kDraws, 2.0, 5 * 0.5 / root);
  EXPECT_NEAR(gamma / kDraws, 2.0, 5 * std::sqrt(0.5) * 4.0 / root);
  EXPECT_NEAR(below / kDraws, 3.0, 5 * 2.0 / root);
}

}  // namespace
}  // namespace windtunnel::base
