// The view of a mix: slowdowns first, what is shared, and every job as its own view has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "reports/html.hpp"
#include "reports/table.hpp"
#include "reports/view.hpp"
#include "reports/views/mix.hpp"
#include "tests/reports/train_sample.hpp"

namespace windtunnel::reports {
namespace {

using ::testing::HasSubstr;

// The training sample twice, as jobs `late` and `early` that share two links.
Result mixed(double slowdown = 1.25) {
  Result result = sample::training_case();
  ResultCase& one = result.cases.front();
  const base::Outcome alone = one.outcome;
  one.outcome = {};
  base::Table jobs{{"job", "kind", "gpus", "fact", "alone", "with_the_others", "ratio"}, {}};
  for (const std::string name : {"late", "early"}) {
    for (const auto& [fact, value] : alone.facts) one.outcome.facts[name + "." + fact] = value;
    for (const auto& [key, rows] : alone.tables) {
      if (key != "timeline") one.outcome.tables[name + "." + key] = rows;
    }
    one.outcome.facts[name + ".slowdown"] = slowdown;
    jobs.rows.push_back({name, std::string("train"), std::int64_t{32},
                         std::string("iteration_time_s"), 1.0, slowdown, slowdown});
  }
  one.outcome.facts["jobs"] = 2;
  one.outcome.facts["shared_links"] = slowdown > 1.0 ? 2 : 0;
  one.outcome.facts["shared_link_peak"] = 0.75;
  one.outcome.facts["makespan_s"] = 10;
  one.outcome.labels["busiest_shared_link"] = "leaf0.up1";
  one.outcome.tables["jobs"] = std::move(jobs);
  one.outcome.tables["shared_links"] = {
      {"link", "kind", "bandwidth_bytes_per_s", "use", "busy_share", "shared_share", "late_bytes",
       "early_bytes"},
      {{std::string("leaf0.up1"), std::string("fabric"), 50e9, 0.75, 0.9, 0.6, 250e9, 125e9},
       {std::string("leaf1.down0"), std::string("fabric"), 50e9, 0.5, 0.8, 0.4, 125e9, 125e9}}};
  return result;
}

TEST(MixView, LeadsWithTheSlowdownOfEachJobInTheOrderOfTheScenario) {
  const View view = make_view(mixed());
  ASSERT_EQ(view.headline.size(), 2U);
  EXPECT_EQ(view.headline[0].label, "late against alone");
  EXPECT_EQ(view.headline[0].value, "1.250 x");
  EXPECT_THAT(view.summary.front(), HasSubstr("leaf0.up1, carries 75.0 %"));
}

TEST(MixView, SaysThatNothingIsSharedWhereNothingIs) {
  const View view = make_view(mixed(1.0));
  EXPECT_THAT(view.summary.front(), HasSubstr("late as long as alone"));
  EXPECT_THAT(view.summary.front(), HasSubstr("They share no link"));
}

TEST(MixView, HasSectionsOfEachJobWithNamesOfTheirOwn) {
  const View view = make_view(mixed());
  std::set<std::string> sections, charts;
  for (const Section& section : view.sections) {
    EXPECT_TRUE(sections.insert(section.id).second) << section.id;
    for (const Chart& chart : section.charts) {
      const std::string id = std::visit([](const auto& one) { return one.id; }, chart);
      EXPECT_TRUE(charts.insert(id).second) << id;
    }
  }
  for (const char* id : {"jobs", "shared-links", "late-speed", "early-speed", "early-memory"})
    EXPECT_TRUE(sections.contains(id)) << id;
  EXPECT_FALSE(sections.contains("tables")) << "all tables are shown where they belong";
}

TEST(MixView, BarsOfALinkAddUpToItsUse) {
  const View view = make_view(mixed());
  const auto section = std::find_if(view.sections.begin(), view.sections.end(),
                                    [](const Section& one) { return one.id == "shared-links"; });
  ASSERT_NE(section, view.sections.end());
  const auto& chart = std::get<BarChart>(section->charts.front());
  double sum = 0.0;
  for (const BarPart& part : chart.parts) sum += part.values.front();
  EXPECT_NEAR(sum, 0.75, 1e-12);
}

TEST(MixView, FitsATerminalAndAPage) {
  EXPECT_THAT(to_text(mixed(), {.width = 100}), HasSubstr("1.250 x"));
  EXPECT_THAT(to_html(mixed()), HasSubstr("late: Where the time goes"));
}

}  // namespace
}  // namespace windtunnel::reports
