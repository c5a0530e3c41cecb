// Laws of what a study says beyond its cases: crossovers and expectations, on results made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "scenarios/study_tables.hpp"

namespace windtunnel::tests {
namespace {

using base::Cell;
using ::testing::HasSubstr;

// time = start + bytes x per_byte of one algorithm.
struct Line {
  std::string algorithm;
  double start;
  double per_byte;
};

reports::ResultCase case_at(const Line& line, double bytes) {
  reports::ResultCase result;
  result.name = line.algorithm + " " + std::to_string(static_cast<std::int64_t>(bytes));
  result.parameters = {{"workload.op", Cell(std::string("all_reduce"))},
                       {"workload.algorithm", Cell(line.algorithm)},
                       {"workload.size", Cell(static_cast<std::int64_t>(bytes))}};
  result.outcome.facts = {
      {"time_s", line.start + bytes * line.per_byte}, {"bytes", bytes}, {"ranks", 8}};
  return result;
}

std::vector<reports::ResultCase> curves(const std::vector<Line>& lines, double factor) {
  std::vector<reports::ResultCase> cases;
  for (const Line& line : lines) {
    for (double bytes = 1024; bytes <= 1024.0 * 1024 * 1024; bytes *= factor) {
      cases.push_back(case_at(line, bytes));
    }
  }
  return cases;
}

double number(const Cell& cell) {
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*count);
  return std::get<double>(cell);
}

// tree: 10 us + n x 2 ns; ring: 100 us + n x 1 ns; equal at n = 90 us / 1 ns = 90,000 bytes.
const Line kTree{"tree", 10e-6, 2e-9};
const Line kRing{"ring", 100e-6, 1e-9};

TEST(Crossovers, MeetWhereTheCurvesMeet) {
  const auto cases = curves({kTree, kRing}, 2);
  const base::Table table = scenarios::find_crossovers(cases).table;
  ASSERT_EQ(table.rows.size(), 1U);
  const auto& row = table.rows[0];
  EXPECT_EQ(std::get<std::string>(row[4]), "tree");
  EXPECT_EQ(std::get<std::string>(row[5]), "ring");
  // On log-log axes the true curves bend between sizes a factor of 2 apart: a few per cent.
  EXPECT_NEAR(number(row[6]), 90'000, 0.05 * 90'000);
  EXPECT_EQ(number(row[7]), 65536);
  EXPECT_EQ(number(row[8]), 131072);
}

TEST(Crossovers, AreExactForPowerLaws) {
  std::vector<reports::ResultCase> cases;
  for (const double bytes : {1000.0, 1'000'000.0}) {
    cases.push_back(case_at({"tree", 1e-3, 0}, bytes));
    cases.push_back(case_at({"ring", 0, 1e-8}, bytes));  // equal at 1e5
  }
  const base::Table table = scenarios::find_crossovers(cases).table;
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_NEAR(number(table.rows[0][6]), 1e5, 1);
}

TEST(Crossovers, LeaveOutAutoAndWhatDidNotRun) {
  auto cases = curves({kTree, kRing, {"auto", 1e-9, 1e-12}}, 4);
  auto broken = case_at({"direct", 1e-9, 1e-12}, 4096);
  broken.outcome.status = base::Status::infeasible;
  cases.push_back(broken);
  EXPECT_EQ(scenarios::find_crossovers(cases).table.rows.size(), 1U);
}

TEST(Crossovers, AnAlgorithmThatIsAbsentAtASizeDidNotOvertake) {
  auto cases = curves({kTree}, 4);
  cases.push_back(case_at({"in_network", 1e-9, 1e-12}, 4096));
  EXPECT_TRUE(scenarios::find_crossovers(cases).table.rows.empty());
}

TEST(Crossovers, CompareOnlyTimesOfTheSameFooting) {
  auto cases = curves({kTree, kRing, {"direct", 1e-9, 1e-12}}, 4);
  for (auto& one : cases) {
    const bool direct = one.name.starts_with("direct");
    one.outcome.rests_on["time_s"] = {"model", direct ? "roofline" : "extrapolated"};
  }
  const auto crossovers = scenarios::find_crossovers(cases);
  EXPECT_EQ(crossovers.table.rows.size(), 1U);
  EXPECT_EQ(crossovers.left_out, std::set<std::string>{"direct"});
}

TEST(Crossovers, EveryPointOfASweepHasItsOwn) {
  auto cases = curves({kTree, kRing}, 4);
  auto more = curves({kTree, kRing}, 4);
  for (auto& one : more) one.parameters.emplace_back("cluster.nodes", Cell(std::int64_t{4}));
  cases.insert(cases.end(), more.begin(), more.end());
  const base::Table table = scenarios::find_crossovers(cases).table;
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(std::get<std::string>(table.rows[1][3]), "cluster.nodes=4");
}

scenarios::ExpectationCheck check(const scenarios::Expectation& expectation,
                                  const std::vector<reports::ResultCase>& cases) {
  sim::Cluster cluster;
  cluster.node.scale_up.kind = sim::ScaleUpKind::none;
  base::Diagnostics diagnostics;
  const auto valid = sim::validate(cluster, {}, diagnostics);
  if (!valid) throw std::runtime_error(diagnostics.to_text());
  scenarios::LoadedScenario loaded;
  loaded.name = "s";
  loaded.expectations = {expectation};
  loaded.points.push_back({.parameters = {},
                           .scenario = {.name = "s",
                                        .description = "",
                                        .cluster = *valid,
                                        .workload = strategies::CollectiveWorkload{},
                                        .calibration = "",
                                        .engine = {},
                                        .resolved_yaml = ""},
                           .expectations = {expectation}});
  std::vector<scenarios::CaseOfPoint> points;
  for (const auto& one : cases) points.push_back({&one, &loaded.points.front()});
  return scenarios::check_expectations(loaded, points);
}

scenarios::Expectation expect_time(double value, double tolerance) {
  scenarios::Expectation expectation;
  expectation.fact = "time_s";
  expectation.value = value;
  expectation.tolerance = tolerance;
  return expectation;
}

TEST(Expectations, HoldWithinTheirToleranceAndNotBeyond) {
  const std::vector cases{case_at({"ring", 1.0, 0}, 1024)};
  EXPECT_EQ(check(expect_time(1.0, 0), cases).failed, 0);
  EXPECT_EQ(check(expect_time(1.1, 0.1), cases).failed, 0);
  EXPECT_EQ(check(expect_time(1.1, 0.09), cases).failed, 1);
  EXPECT_EQ(check(expect_time(0.9, 0.1), cases).failed, 1);
}

TEST(Expectations, BoundsAreInclusive) {
  const std::vector cases{case_at({"ring", 1.0, 0}, 1024)};
  scenarios::Expectation bounds;
  bounds.fact = "time_s";
  bounds.minimum = 1.0;
  bounds.maximum = 1.0;
  EXPECT_EQ(check(bounds, cases).failed, 0);
  bounds.minimum = 1.01;
  bounds.maximum = 2.0;
  EXPECT_EQ(check(bounds, cases).failed, 1);
}

TEST(Expectations, HoldOnlyForTheCasesThatWhenNames) {
  const auto cases = curves({kTree, kRing}, 1024);
  auto expectation = expect_time(kRing.start + 1048576 * kRing.per_byte, 1e-6);
  expectation.when = {{"workload.algorithm", "ring"}, {"workload.size", "1MiB"}};
  const auto checked = check(expectation, cases);
  EXPECT_EQ(checked.table.rows.size(), 1U);
  EXPECT_EQ(checked.failed, 0);
}

TEST(Expectations, ThatMeanNoCaseFail) {
  auto expectation = expect_time(1, 1);
  expectation.when = {{"workload.algorithm", "tree"}};
  const auto checked = check(expectation, {case_at(kRing, 1024)});
  EXPECT_EQ(checked.failed, 1);
  EXPECT_THAT(std::get<std::string>(checked.table.rows[0][6]), HasSubstr("no case is meant"));
}

TEST(Expectations, OfAFactThatIsNotThereNameTheNearestOne) {
  scenarios::Expectation expectation;
  expectation.fact = "tme_s";
  expectation.value = 1;
  const auto checked = check(expectation, {case_at(kRing, 1024)});
  EXPECT_EQ(checked.failed, 1);
  EXPECT_EQ(std::get<std::string>(checked.table.rows[0][6]),
            "FAILS: the case has no fact 'tme_s'; did you mean 'time_s'?");
}

TEST(Expectations, OfACaseThatDidNotRunGiveItsReason) {
  auto infeasible = case_at(kRing, 1024);
  infeasible.outcome = {};
  infeasible.outcome.status = base::Status::infeasible;
  infeasible.outcome.reason = "does not fit";
  const auto checked = check(expect_time(1, 1), {infeasible});
  EXPECT_EQ(checked.failed, 1);
  EXPECT_EQ(std::get<std::string>(checked.table.rows[0][6]), "FAILS: does not fit");
}

}  // namespace
}  // namespace windtunnel::tests
