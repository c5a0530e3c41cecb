// Residual surfaces: what they interpolate, how they fit, what they do outside.
#include "calibration/kernels/residual_surface.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "calibration/kernels/quick_math.hpp"

namespace windtunnel::calibration {
namespace {

double smooth(double x, double y) {
  return 0.2 * std::sin(0.5 * x) + 0.1 * y * std::cos(0.3 * x);
}

std::vector<SurfacePoint> samples(std::size_t count, double noise) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> where(0.0, 10.0);
  std::normal_distribution<double> normal;
  std::vector<SurfacePoint> points(count);
  for (SurfacePoint& point : points) {
    point.at = {where(random), where(random) / 10.0};
    point.residual = smooth(point.at[0], point.at[1]) + noise * normal(random);
  }
  return points;
}

std::vector<GridAxis> axes() {
  return {{"x", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, {"y", {0, 0.5, 1}}};
}

TEST(ResidualSurface, FollowsASmoothFunctionThroughNoise) {
  const ResidualGrid grid = fit_residual_surface(axes(), samples(2000, 0.05), {});
  const ResidualSurface surface(grid);
  for (double x = 0.25; x < 10; x += 0.5)
    for (const double y : {0.1, 0.6, 0.9})
      EXPECT_NEAR(surface.at(std::array{x, y}).value, smooth(x, y), 0.03) << x << " " << y;
}

TEST(ResidualSurface, OutliersAreCastOut) {
  auto points = samples(2000, 0.01);
  for (std::size_t i = 0; i < points.size(); i += 20) points[i].residual += 3.0;
  const ResidualGrid grid = fit_residual_surface(axes(), points, {});
  const ResidualSurface surface(grid);
  for (double x = 0.5; x < 10; x += 1.0)
    EXPECT_NEAR(surface.at(std::array{x, 0.5}).value, smooth(x, 0.5), 0.04);
}

TEST(ResidualSurface, IsExactOnKnotsContinuousBetweenThemAndFlatOutside) {
  ResidualGrid grid{{{"x", {1, 2, 4}}, {"y", {0, 3}}}, {0, 100, 200, -300, 400, kNoKnot}};
  const ResidualSurface surface(grid);
  EXPECT_DOUBLE_EQ(surface.at(std::array{2.0, 0.0}).value, 200 * kGridStep);
  EXPECT_DOUBLE_EQ(surface.at(std::array{2.0, 0.0}).to_knot, 0.0);
  EXPECT_DOUBLE_EQ(surface.at(std::array{1.5, 0.0}).value, 100 * kGridStep);
  EXPECT_DOUBLE_EQ(surface.at(std::array{1.5, 0.0}).to_knot, 1.0);
  EXPECT_DOUBLE_EQ(surface.at(std::array{4.0, 3.0}).value, 0.0);  // no knot: the form alone
  EXPECT_DOUBLE_EQ(surface.at(std::array{9.0, 0.0}).value, 400 * kGridStep);
  EXPECT_DOUBLE_EQ(surface.at(std::array{9.0, -1.0}).outside, 6.0);
  for (double x = 0.5; x < 4.5; x += 0.01) {
    const double here = surface.at(std::array{x, 1.0}).value;
    EXPECT_NEAR(surface.at(std::array{x + 1e-9, 1.0}).value, here, 1e-8);
  }
}

TEST(ResidualSurface, AnAxisOfOneKnotIsNoAxis) {
  ResidualGrid grid{{{"x", {5}}, {"y", {0, 1}}}, {100, 300}};
  const ResidualSurface surface(grid);
  EXPECT_DOUBLE_EQ(surface.at(std::array{5.0, 0.5}).value, 200 * kGridStep);
  EXPECT_DOUBLE_EQ(surface.at(std::array{7.0, 0.5}).value, 200 * kGridStep);
  EXPECT_DOUBLE_EQ(surface.at(std::array{7.0, 0.5}).outside, 2.0);
}

TEST(ResidualSurface, KnotsCloseTogetherAreTold) {
  std::vector<double> knots;
  for (const double v : {64.0, 65.0, 128.0, 129.0, 4096.0, 4097.0}) knots.push_back(std::log2(v));
  ResidualGrid grid{{{"m", knots}}, {0, 10, 20, 30, 40, 50}};
  const ResidualSurface surface(grid);
  for (std::size_t i = 0; i < knots.size(); ++i)
    EXPECT_NEAR(surface.at(std::array{knots[i]}).value, 10.0 * static_cast<double>(i) * kGridStep,
                1e-12);
}

TEST(KnotsFrom, KeepsAllValuesWhereTheyFitElseSpreadsThem) {
  EXPECT_EQ(knots_from({3, 1, 2, 3}, 5), (std::vector<double>{1, 2, 3}));
  std::vector<double> many;
  for (int i = 0; i < 1000; ++i) many.push_back(i);
  const auto knots = knots_from(many, 10);
  EXPECT_LE(knots.size(), 10u);
  EXPECT_EQ(knots.front(), 0);
  EXPECT_EQ(knots.back(), 999);
}

TEST(QuickMath, AgreesWithTheLibrary) {
  for (double x = 1e-6; x < 1e9; x *= 1.0137)
    EXPECT_NEAR(quick_log2(x), std::log2(x), 1e-9 * std::max(1.0, std::abs(std::log2(x))));
  for (std::int64_t i = 1; i < 5000; ++i)
    EXPECT_NEAR(quick_log2(static_cast<double>(i)), std::log2(static_cast<double>(i)), 1e-9);
  for (double x = -20; x < 20; x += 0.0137) EXPECT_NEAR(quick_exp(x) / std::exp(x), 1.0, 1e-11);
}

}  // namespace
}  // namespace windtunnel::calibration
