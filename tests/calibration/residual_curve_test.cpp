// Laws of the corrections that a fit keeps beside its parameters.
#include "calibration/residual_curve.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace windtunnel::calibration {
namespace {

using collectives::Algorithm;
using collectives::Op;
using collectives::Protocol;

CollectiveCase case_at(Op op, double octave, int nodes, int gpus) {
  CollectiveCase c;
  c.op = op;
  c.bytes = std::exp2(octave);
  c.nodes = nodes;
  c.gpus_per_node = gpus;
  return c;
}

double hidden(double octave) {
  return 0.15 * std::sin(octave / 3.0);
}

// A smooth residual, measured `repeats` times an octave with noise.
std::vector<ResidualRow> drawn(int repeats, double noise, int nodes) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> jitter(0.0, noise);
  std::vector<ResidualRow> rows;
  for (int octave = 3; octave <= 33; ++octave) {
    for (int i = 0; i < repeats; ++i)
      rows.push_back({case_at(Op::all_reduce, octave, nodes, 8), hidden(octave) + jitter(random)});
  }
  return rows;
}

TEST(Residuals, ASmoothCorrectionIsFoundBetweenTheSizesMeasured) {
  const ResidualField field(fit_residuals(drawn(3, 0.01, 2)));
  for (double octave = 3.5; octave < 33.0; octave += 1.0) {
    const ResidualKnot found = field.at(case_at(Op::all_reduce, octave, 2, 8), 1.0);
    EXPECT_NEAR(found.mean, hidden(octave), 0.02) << octave;
    EXPECT_LT(found.deviation, 0.10);
  }
}

TEST(Residuals, NoiseIsNotChased) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> jitter(0.0, 0.03);
  std::vector<ResidualRow> rows;
  for (int i = 0; i < 120; ++i)
    rows.push_back({case_at(Op::all_reduce, 3 + i % 30, 2, 8), jitter(random)});
  const ResidualField field(fit_residuals(rows));
  double squares = 0.0;
  for (int octave = 3; octave < 33; ++octave)
    squares += std::pow(field.at(case_at(Op::all_reduce, octave, 2, 8), 1.0).mean, 2);
  // Means of four rows have a deviation of 0.015.
  EXPECT_LT(std::sqrt(squares / 30.0), 0.012);
}

TEST(Residuals, OneOutlierMovesTheCurveLittle) {
  std::vector<ResidualRow> rows = drawn(3, 0.01, 2);
  rows[45].residual += 2.0;
  const ResidualField field(fit_residuals(rows));
  const CollectiveCase& there = rows[45].the_case;
  EXPECT_NEAR(field.at(there, 1.0).mean, hidden(std::log2(there.bytes)), 0.25);
  EXPECT_NEAR(field.at(case_at(Op::all_reduce, 25, 2, 8), 1.0).mean, hidden(25), 0.03);
}

TEST(Residuals, AwayFromWhatWasMeasuredTheCorrectionEndsAndTheDoubtGrows) {
  const Residuals fitted = fit_residuals(drawn(2, 0.01, 2));
  const ResidualField field(fitted);
  double last = std::abs(field.at(case_at(Op::all_reduce, 33, 2, 8), 1.0).mean), doubt = 0.0;
  for (const double octave : {34.0, 36.0, 40.0, 50.0}) {
    const ResidualKnot there = field.at(case_at(Op::all_reduce, octave, 2, 8), 1.0);
    EXPECT_LT(std::abs(there.mean), last);
    EXPECT_GT(there.deviation, doubt);
    last = std::abs(there.mean);
    doubt = there.deviation;
  }
  EXPECT_NEAR(doubt, fitted.amplitude, 0.001);
  for (const int nodes : {4, 16, 512}) {
    const ResidualKnot there = field.at(case_at(Op::all_reduce, 10, nodes, 8), 1.0);
    EXPECT_LT(std::abs(there.mean), std::abs(hidden(10)));
  }
  // One node says nothing about several, one op nothing about another.
  EXPECT_EQ(field.at(case_at(Op::all_reduce, 10, 1, 8), 1.0).mean, 0.0);
  EXPECT_EQ(field.at(case_at(Op::all_to_all, 10, 2, 8), 1.0).mean, 0.0);
}

TEST(Residuals, TwinOpsAndForcedAlgorithmsShareWhatTheyShare) {
  std::vector<ResidualRow> rows = drawn(3, 0.01, 1);
  for (ResidualRow& row : rows) row.the_case.op = Op::reduce;
  const ResidualField field(fit_residuals(rows));
  const double own = field.at(case_at(Op::reduce, 10, 1, 8), 1.0).mean;
  EXPECT_NEAR(field.at(case_at(Op::broadcast, 10, 1, 8), 1.0).mean, 0.9 * own, 1e-12);
  CollectiveCase forced = case_at(Op::reduce, 10, 1, 8);
  forced.algorithm = Algorithm::ring;
  EXPECT_NEAR(field.at(forced, 0.4).mean, 0.4 * own, 1e-12);
  EXPECT_NEAR(field.at(forced, 1.0).mean, own, 1e-12);
}

TEST(Residuals, RowsThatAgreeNarrowTheBandAndRowsThatDoNotWidenIt) {
  const auto band = [](double noise) {
    const Residuals fitted = fit_residuals(drawn(4, noise, 2));
    return fitted.scale[2] * std::hypot(fitted.noise[2], fitted.curves[0].knots[25].deviation);
  };
  EXPECT_LT(band(0.003), 0.6 * band(0.03));
  // 90 % of normal noise stay within 1.645 deviations.
  EXPECT_GT(band(0.03), 1.3 * 0.03);
  EXPECT_LT(band(0.03), 4.0 * 0.03);
}

}  // namespace
}  // namespace windtunnel::calibration
