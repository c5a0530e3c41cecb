// Several groups at once: what each loses to the others, on the engine that shares links.
#include <gtest/gtest.h>

#include <cstdlib>

#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "tests/strategies/clusters.hpp"

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Op;

constexpr double kMib = 1024.0 * 1024;

// One fact of a case on simgrid, from a process of its own.
double simgrid_fact(const test::Site& site, const CollectiveCase& one, const std::string& fact,
                    const CollectiveOptions& options = {}) {
  const std::string text = sim::run_isolated([&] {
    const base::Outcome outcome =
        run_collective_case(one, site.site(sim::make_simgrid_engine), options);
    if (outcome.status != base::Status::ok) throw std::runtime_error(outcome.reason);
    return std::to_string(outcome.facts.at(fact) * 1e6);  // millionths, for digits
  });
  return std::strtod(text.c_str(), nullptr) * 1e-6;
}

TEST(Groups, TwoOverOneUplinkTakeTwiceAsLongAsAlone) {
  const test::Site site(test::one_uplink(2));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, 256 * kMib);
  one.groups = {{0, 2}, {1, 3}};
  // The latency is not shared: 8 us of about 11 ms.
  EXPECT_NEAR(simgrid_fact(site, one, "slowdown"), 2.0, 2e-3);
}

TEST(Groups, FourOverOneUplinkTakeFourTimesAsLong) {
  const test::Site site(test::one_uplink(4));
  CollectiveCase one = site.one(Op::all_gather, Algorithm::direct, 256 * kMib);
  one.groups = {{0, 4}, {1, 5}, {2, 6}, {3, 7}};
  EXPECT_NEAR(simgrid_fact(site, one, "slowdown"), 4.0, 4e-3);
}

TEST(Groups, EightRailsDoNotSlowEachOtherDown) {
  const test::Site site(test::h100_nodes(4));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, 64 * kMib);
  one.groups.clear();
  for (int rail = 0; rail < 8; ++rail) one.groups.push_back(test::gpus(rail, 4, 8));
  EXPECT_NEAR(simgrid_fact(site, one, "slowdown"), 1.0, 1e-9);
  EXPECT_NEAR(site.run(one).facts.at("slowdown"), 1.0, 1e-9);
}

TEST(Groups, TheSlowestGroupSetsTheTimeAndEachHasARow) {
  const test::Site site(test::h100_nodes(2));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, 64 * kMib);
  one.groups = {test::gpus(0, 4), test::gpus(4, 8)};  // the second one crosses nodes
  const base::Outcome outcome = site.run(one);
  const base::Table& groups = outcome.tables.at("groups");
  EXPECT_EQ(groups.columns, (std::vector<std::string>{"group", "time_s", "alone_s", "slowdown"}));
  ASSERT_EQ(groups.rows.size(), 2U);
  double slowest = 0;
  for (const auto& row : groups.rows) {
    slowest = std::max(slowest, std::get<double>(row[1]));
    EXPECT_NEAR(std::get<double>(row[1]), std::get<double>(row[2]) * std::get<double>(row[3]),
                1e-12);
  }
  EXPECT_DOUBLE_EQ(outcome.facts.at("time_s"), slowest);
  EXPECT_EQ(outcome.facts.at("ranks"), 8);
}

TEST(Groups, OneGroupHasNoSlowdown) {
  const test::Site site(test::h100_nodes(1));
  const base::Outcome outcome = site.run(site.one(Op::all_reduce, Algorithm::ring, kMib));
  EXPECT_FALSE(outcome.facts.contains("slowdown"));
  EXPECT_FALSE(outcome.tables.contains("groups"));
}

TEST(Lowering, BulkTakesTheTimeOfStepsToOnePerCent) {
  const test::Site site(test::h100_nodes(4));
  for (const Algorithm algorithm :
       {Algorithm::ring, Algorithm::halving_doubling, Algorithm::recursive_doubling}) {
    for (const double bytes : {65536.0, 64 * kMib}) {
      const CollectiveCase one = site.one(Op::all_reduce, algorithm, bytes);
      const double steps = simgrid_fact(site, one, "time_s");
      const double bulk = simgrid_fact(site, one, "time_s", {.steps_limit_simgrid = 10});
      EXPECT_NEAR(bulk / steps, 1.0, 0.01) << to_text(algorithm) << " " << bytes;
    }
  }
}

TEST(Lowering, AutomaticSaysWhichAndWhy) {
  const test::Site site(test::switched_hosts(8));
  const CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, kMib);
  EXPECT_EQ(site.run(one).labels.at("lowering").substr(0, 6), "steps:");
  const base::Outcome bulk = site.run(one, {.steps_limit_analytic = 10});
  EXPECT_EQ(bulk.labels.at("lowering").substr(0, 5), "bulk:");
  EXPECT_LT(bulk.facts.at("messages"), site.run(one).facts.at("messages"));
}

TEST(Lowering, HierarchicalAlgorithmsAreJudgedByWhatTheySendNotByTheirLooseBound) {
  const test::Site site(test::h100_nodes(16));
  for (const Algorithm algorithm : {Algorithm::hierarchical, Algorithm::in_network}) {
    const CollectiveCase one = site.one(Op::all_reduce, algorithm, 4096 * kMib);
    const base::Outcome outcome = site.run(one, {.timeline_rows = 0, .link_rows = 0});
    EXPECT_EQ(outcome.labels.at("lowering").substr(0, 6), "steps:") << to_text(algorithm);
  }
}

TEST(Lowering, AsStatedIsObeyed) {
  const test::Site site(test::switched_hosts(8));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, kMib);
  one.lowering = Lowering::bulk;
  EXPECT_EQ(site.run(one).labels.at("lowering"), "bulk, as the scenario says");
  one.lowering = Lowering::steps;
  EXPECT_EQ(site.run(one, {.steps_limit_analytic = 1}).labels.at("lowering"),
            "steps, as the scenario says");
}

}  // namespace
}  // namespace windtunnel::strategies
