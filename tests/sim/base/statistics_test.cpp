#include "sim/base/statistics.hpp"

#include <gtest/gtest.h>

#include "sim/base/quantity.hpp"

namespace windtunnel::base {
namespace {

TEST(Statistics, OfNothingAreZero) {
  EXPECT_EQ(mean(std::vector<double>{}), 0.0);
  EXPECT_EQ(median(std::vector<double>{}), 0.0);
  EXPECT_EQ(quantile(std::vector<Seconds>{}, 0.9), Seconds(0));
}

TEST(Statistics, QuantilesRunLinearlyBetweenNeighboursWhateverTheOrder) {
  const std::vector<double> values{40, 10, 30, 20};
  EXPECT_EQ(quantile(values, 0.0), 10);
  EXPECT_EQ(quantile(values, 1.0), 40);
  EXPECT_EQ(median(values), 25);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 37);
  EXPECT_EQ(mean(values), 25);
}

TEST(Statistics, QuantitiesKeepTheirUnit) {
  const std::vector<Seconds> times{Seconds(3), Seconds(1), Seconds(2)};
  EXPECT_EQ(median(times), Seconds(2));
  EXPECT_EQ(mean(times), Seconds(2));
}

}  // namespace
}  // namespace windtunnel::base
