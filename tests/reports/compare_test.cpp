#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/compare.hpp"

#include <algorithm>
#include <cmath>

#include "reports/table.hpp"
#include "tests/reports/sample.hpp"

namespace windtunnel::reports {
namespace {

using ::testing::HasSubstr;

TEST(Compare, AResultIsTheSameAsItself) {
  for (const Result& result :
       {sample::collective_sweep(), sample::validation(20), sample::unknown_workload()}) {
    const Comparison comparison = compare(result, result, {});
    EXPECT_TRUE(comparison.same());
    EXPECT_EQ(comparison.matched_cases, result.cases.size());
  }
}

TEST(Compare, DiffersOnlyBeyondTheTolerance) {
  const Result a = sample::unknown_workload();
  Result b = a;
  b.cases[2].outcome.facts["iteration_time_s"] *= 1.05;
  EXPECT_EQ(compare(a, b, {.tolerance = 0.04}).differences, 1U);
  EXPECT_EQ(compare(a, b, {.tolerance = 0.06}).differences, 0U);
}

TEST(Compare, MatchesCasesByParametersWhateverTheirOrderOrName) {
  const Result a = sample::collective_sweep();
  Result b = a;
  std::reverse(b.cases.begin(), b.cases.end());
  for (ResultCase& one : b.cases) {
    one.name = "other";
    std::reverse(one.parameters.begin(), one.parameters.end());
  }
  EXPECT_TRUE(compare(a, b, {}).same());
}

TEST(Compare, CasesWithoutAPartnerStatusesAndWordsCount) {
  const Result a = sample::unknown_workload();
  Result b = a;
  b.cases.pop_back();
  EXPECT_EQ(compare(a, b, {}).differences, 1U);
  EXPECT_EQ(compare(b, a, {}).differences, 1U);
  b = a;
  b.cases[0].outcome.status = base::Status::ok;
  EXPECT_EQ(compare(a, b, {}).differences, 1U);
  b = sample::single_case();
  b.cases[0].outcome.labels["algorithm"] = "tree";
  EXPECT_EQ(compare(sample::single_case(), b, {.tolerance = 0.5}).differences, 1U);
}

TEST(Compare, FactsOfOneSideOnlyAndOfTheSimulationItselfDoNotCount) {
  const Result a = sample::single_case();
  Result b = a;
  b.cases[0].outcome.facts["novel"] = 1;
  b.cases[0].outcome.facts["evaluations_per_s"] = 5;
  b.cases[0].wall_s = 99;
  const Comparison comparison = compare(a, b, {});
  EXPECT_TRUE(comparison.same());
  const bool listed =
      std::any_of(comparison.rows.begin(), comparison.rows.end(), [](const FactComparison& row) {
        return row.fact == "novel" && row.verdict == Verdict::only_b;
      });
  EXPECT_TRUE(listed);
}

TEST(Compare, ZeroAgreesWithZeroAndWithNothingElse) {
  Result a = sample::single_case();
  a.cases[0].outcome.facts["loss"] = 0.0;
  EXPECT_TRUE(compare(a, a, {}).same());
  Result b = a;
  b.cases[0].outcome.facts["loss"] = 1e-9;
  EXPECT_EQ(compare(a, b, {.tolerance = 0.1}).differences, 1U);
  b.cases[0].outcome.facts["loss"] = std::nan("");
  EXPECT_EQ(compare(a, b, {.tolerance = 0.1}).differences, 1U);
  EXPECT_TRUE(compare(b, b, {}).same());
}

TEST(Compare, IsRenderedWithTheDifferencesFirst) {
  const Result a = sample::unknown_workload();
  Result b = a;
  b.cases[2].outcome.facts["mfu"] = 0.5;
  const Result result =
      to_result(compare(a, b, {.tolerance = 0.01, .name_a = "old.json", .name_b = "new.json"}));
  EXPECT_EQ(result.cases[0].outcome.facts.at("differences"), 1);
  EXPECT_EQ(std::get<std::string>(result.cases[0].outcome.tables.at("comparison").rows[0][5]),
            "DIFFERS");
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("new.json against old.json"));
  EXPECT_THAT(text, HasSubstr("1.220x"));
  EXPECT_THAT(text, HasSubstr("DIFFERS"));
}

TEST(Compare, PeopleSeeFactsByNameTimeFirstAndMemoryInOneUnit) {
  Result a;
  a.fact_info = {{"iteration_time_s", {"iteration time", "s", ""}},
                 {"memory_total_bytes", {"memory", "bytes", ""}},
                 {"a_fact", {"a fact", "", ""}}};
  a.cases.resize(1);
  a.cases[0].name = "x";
  a.cases[0].outcome.facts = {
      {"iteration_time_s", 2.0}, {"memory_total_bytes", 24679.0 * 1048576.0}, {"a_fact", 1.0}};
  Result b = a;
  b.cases[0].outcome.facts["a_fact"] = 9.0;
  const Comparison found = compare(a, b, {});
  const base::Table shown =
      for_people(to_result(found).cases[0].outcome.tables.at("comparison"), found.fact_info);
  ASSERT_EQ(shown.rows.size(), 4U);
  EXPECT_EQ(std::get<std::string>(shown.rows[1][1]), "iteration time");
  EXPECT_EQ(std::get<std::string>(shown.rows[2][1]), "memory");
  EXPECT_EQ(std::get<std::string>(shown.rows[2][2]), "24.1 GiB");
  EXPECT_EQ(std::get<std::string>(shown.rows[3][1]), "a fact");
}

}  // namespace
}  // namespace windtunnel::reports
