// Links and timeline of a case.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/strategies/clusters.hpp"

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Op;
using test::mentions;

constexpr double kMib = 1024.0 * 1024;

TEST(CaseTables, TablesKeepToTheirRowsAndSayWhatIsLeftOut) {
  const test::Site site(test::h100_nodes(2));
  const CollectiveCase one = site.one(Op::all_reduce, Algorithm::direct, kMib);
  const base::Outcome outcome = site.run(one, {.timeline_rows = 100, .link_rows = 10});
  EXPECT_LE(outcome.tables.at("timeline").rows.size(), 100U);
  EXPECT_EQ(outcome.tables.at("links").rows.size(), 10U);
  EXPECT_TRUE(mentions(outcome.warnings, "links: the busiest 10 of"));
  EXPECT_TRUE(mentions(outcome.warnings, "timeline: "));
  const base::Outcome bare = site.run(one, {.timeline_rows = 0, .link_rows = 0});
  EXPECT_FALSE(bare.tables.contains("timeline"));
  EXPECT_FALSE(bare.tables.contains("links"));
  EXPECT_EQ(bare.facts.at("time_s"), outcome.facts.at("time_s"));
}

TEST(CaseTables, LinksCarryWhatTheAlgorithmSends) {
  const test::Site site(test::switched_hosts(4));
  const base::Outcome outcome = site.run(site.one(Op::all_gather, Algorithm::ring, 4 * kMib));
  double most = 0;
  for (const auto& row : outcome.tables.at("links").rows) {
    // Every NIC sends and receives three parts of 1 MiB.
    EXPECT_DOUBLE_EQ(std::get<double>(row[2]), 3 * kMib);
    most = std::max(most, std::get<double>(row[3]));
  }
  EXPECT_LE(most, 1.0);
  EXPECT_GT(most, 0.9);
}

TEST(CaseTables, TheTimelineHoldsEveryMessageAtBothEnds) {
  const test::Site site(test::switched_hosts(4));
  const base::Outcome outcome = site.run(site.one(Op::all_gather, Algorithm::ring, 4 * kMib));
  const base::Table& timeline = outcome.tables.at("timeline");
  EXPECT_EQ(timeline.rows.size(), 2 * 12U);
  double end = 0;
  for (const auto& row : timeline.rows) {
    EXPECT_LE(std::get<double>(row[6]), std::get<double>(row[7]));
    end = std::max(end, std::get<double>(row[7]));
  }
  EXPECT_DOUBLE_EQ(end, outcome.facts.at("time_s"));
}

}  // namespace
}  // namespace windtunnel::strategies
