// The study without the program around it: engines, workers, interruption, exact transport.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "scenarios/study.hpp"
#include "scenarios/study_bytes.hpp"
#include "scenarios/study_case.hpp"
#include "scenarios/study_engine.hpp"
#include "sim/engine/isolated.hpp"
#include "tests/cli/program.hpp"
#include "tests/cli/scenario_text.hpp"

namespace windtunnel::tests {
namespace {

using scenarios::LoadedScenario;
using ::testing::HasSubstr;

LoadedScenario load(const std::string& text) {
  const std::string path = scratch_folder() + "/s.yaml";
  write_text(path, text);
  base::Diagnostics diagnostics;
  auto loaded = scenarios::load_scenario(path, {}, diagnostics);
  if (!loaded) throw std::runtime_error(diagnostics.to_text());
  return *loaded;
}

scenarios::Study study(const std::string& text, scenarios::StudyOptions options = {}) {
  const std::vector loaded{load(text)};
  return scenarios::run_study(loaded, options);
}

TEST(StudyBytes, BringEveryBitOfAnOutcomeBack) {
  scenarios::TimedOutcome timed;
  timed.wall_s = 0.1 + 0.2;
  base::Outcome& outcome = timed.outcome;
  outcome.status = base::Status::infeasible;
  outcome.reason = std::string("with a \0 in it", 14);
  outcome.facts = {{"a", -0.0}, {"b", std::numeric_limits<double>::quiet_NaN()}, {"c", 1e-310}};
  outcome.labels = {{"algorithm", "ring"}};
  outcome.bands = {{"a", {1, 2, 0.9}}};
  outcome.rests_on = {{"a", {"model", "extrapolated"}}, {"b", {}}};
  outcome.tables["t"] = {
      .columns = {"x", "y"},
      .rows = {{std::int64_t{-1}, 2.5}, {std::monostate{}, std::string("w")}, {}}};
  outcome.warnings = {"", "w"};
  outcome.events = -5;
  const std::string bytes = scenarios::to_bytes(timed);
  EXPECT_EQ(scenarios::to_bytes(scenarios::from_bytes(bytes)), bytes);
  EXPECT_TRUE(std::signbit(scenarios::from_bytes(bytes).outcome.facts.at("a")));
}

TEST(StudyBytes, DamagedBytesBreakAContract) {
  const std::string bytes = scenarios::to_bytes({});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(scenarios::from_bytes(bytes.substr(0, length)), base::ContractViolation) << length;
  }
  EXPECT_THROW(scenarios::from_bytes(bytes + "x"), base::ContractViolation);
}

TEST(Study, JobsDoNotChangeCases) {
  const std::string text = small_with("engine: {kind: simgrid}");
  const scenarios::Study one = study(text, {.jobs = 1});
  const scenarios::Study three = study(text, {.jobs = 3});
  ASSERT_EQ(one.result.cases.size(), three.result.cases.size());
  for (std::size_t i = 0; i < one.result.cases.size(); ++i) {
    EXPECT_EQ(one.result.cases[i].name, three.result.cases[i].name);
    EXPECT_EQ(scenarios::to_bytes({one.result.cases[i].outcome, 0}),
              scenarios::to_bytes({three.result.cases[i].outcome, 0}));
  }
}

TEST(Study, SaysWhyAutoTookAnEngine) {
  for (const auto& one : study(kSmall).result.cases) {
    EXPECT_THAT(one.outcome.labels.at("engine_reason"), HasSubstr("auto: ")) << one.name;
  }
}

TEST(Study, SaysThatAProfileAnswersWhereAnEngineWasAskedFor) {
  const scenarios::Study asked = study(R"(schema: windtunnel/1
name: a
cluster: {use: dgx-h100, nodes: 2}
workload: {kind: collective, op: all_reduce, algorithms: [ring], sizes: [1KiB, 1MiB]}
engine: {kind: simgrid}
)");
  if (asked.result.calibrations.empty()) GTEST_SKIP() << "no profile answered";
  EXPECT_THAT(asked.result.warnings,
              ::testing::Contains(HasSubstr("engine simgrid was asked for")));
}

TEST(Study, StoppedAtOnceItHasNoCases) {
  const scenarios::Study stopped = study(kSmall, {.stop_requested = [] { return true; }});
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_TRUE(stopped.result.cases.empty());
  EXPECT_EQ(stopped.planned_cases, 4);
}

TEST(Study, StoppedOnTheWayItKeepsWhatIsFinished) {
  for (const char* engine : {"analytic", "simgrid"}) {
    std::int64_t finished = 0;
    const scenarios::Study stopped =
        study(small_with(std::string("engine: {kind: ") + engine + "}"),
              {.stop_requested = [&finished] { return finished >= 2; },
               .on_progress = [&finished](std::int64_t done, std::int64_t) { finished = done; }});
    EXPECT_TRUE(stopped.interrupted);
    EXPECT_EQ(stopped.result.cases.size(), 2U) << engine;
  }
}

TEST(Study, ProgressCountsEveryCaseOnce) {
  std::vector<std::int64_t> seen;
  study(kSmall, {.on_progress = [&seen](std::int64_t done, std::int64_t total) {
          EXPECT_EQ(total, 4);
          seen.push_back(done);
        }});
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(Study, CalibratedCasesTakeLessThanAMillisecondEach) {
  const std::string text = R"(schema: windtunnel/1
name: many
cluster: {use: dgx-h100, nodes: 4}
workload: {kind: collective, op: all_reduce, algorithms: [ring], sizes: {from: 1KiB, to: 1GiB, factor: 1.01}}
)";
  const auto start = std::chrono::steady_clock::now();
  const scenarios::Study many = study(text);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  ASSERT_GT(many.result.cases.size(), 1000U);
  if (many.result.calibrations.empty()) GTEST_SKIP() << "no profile answered";
  EXPECT_LT(elapsed.count() / static_cast<double>(many.result.cases.size()), 1e-3);
}

// The promise of `auto`: where it takes analytic because nothing is shared, simgrid says the same.
class AutoEngine : public ::testing::TestWithParam<std::string> {};

double time_on(sim::EngineKind kind, const scenarios::StudyCase& one) {
  scenarios::StudyCase here = one;
  here.engine.kind = kind;
  const std::string bytes =
      sim::run_isolated([&here] { return scenarios::to_bytes(scenarios::run_here(here)); });
  return scenarios::from_bytes(bytes).outcome.facts.at("time_s");
}

TEST_P(AutoEngine, TakesAnalyticOnlyWhereSimGridAgrees) {
  const LoadedScenario loaded = load(R"(schema: windtunnel/1
name: a
cluster: )" + GetParam() + R"(
workload: {kind: collective, op: all_reduce, algorithms: [ring, recursive_doubling, halving_doubling],
           sizes: [1KiB, 1MiB], lowering: steps}
calibration: none
)");
  scenarios::SiteCache sites;
  const auto& point = loaded.points.front();
  const auto site = sites.at(point.scenario);
  int analytic = 0;
  for (const auto& spec :
       strategies::expand(std::get<strategies::CollectiveWorkload>(point.scenario.workload),
                          site->network.gpu_count())) {
    scenarios::StudyCase one;
    one.site = site;
    one.spec = spec;
    scenarios::choose_engine(one);
    if (one.engine.kind != sim::EngineKind::analytic) continue;
    ++analytic;
    const double reference = time_on(sim::EngineKind::simgrid, one);
    EXPECT_NEAR(time_on(sim::EngineKind::analytic, one), reference, 1e-9 * reference)
        << strategies::name_of(spec);
  }
  EXPECT_GT(analytic, 0);
}

INSTANTIATE_TEST_SUITE_P(Clusters, AutoEngine,
                         ::testing::Values("dgx-h100", "{use: dgx-h100, nodes: 1}", "dgx-a100",
                                           "gb200-nvl72", "teaching-4gpu"));

}  // namespace
}  // namespace windtunnel::tests
