// One case end to end on data-sheet links: facts, laws, choices, what cannot run.
#include "strategies/collective/run_collective.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "collectives/request.hpp"
#include "strategies/collective/crossover.hpp"
#include "tests/strategies/clusters.hpp"

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Op;
using test::mentions;

constexpr double kMib = 1024.0 * 1024;

void expect_complete(const base::Outcome& outcome, const CollectiveCase& one) {
  ASSERT_EQ(outcome.status, base::Status::ok) << outcome.reason;
  for (const char* fact : {"time_s", "algbw_bytes_per_s", "busbw_bytes_per_s", "lower_bound_s",
                           "steps", "ranks", "bytes"}) {
    ASSERT_TRUE(outcome.facts.contains(fact)) << fact;
  }
  EXPECT_GE(outcome.facts.at("time_s"), outcome.facts.at("lower_bound_s"));
  EXPECT_GT(outcome.facts.at("lower_bound_s"), 0);
  EXPECT_GE(outcome.facts.at("steps"), 1);
  EXPECT_EQ(outcome.facts.at("bytes"), one.bytes.value());
  EXPECT_EQ(outcome.labels.at("algorithm"), to_text(one.algorithm));
  const auto ranks = static_cast<std::int64_t>(outcome.facts.at("ranks"));
  EXPECT_EQ(ranks, static_cast<std::int64_t>(one.groups.front().size()));
  EXPECT_DOUBLE_EQ(outcome.facts.at("algbw_bytes_per_s"),
                   one.bytes.value() / outcome.facts.at("time_s"));
  EXPECT_DOUBLE_EQ(outcome.facts.at("busbw_bytes_per_s"),
                   outcome.facts.at("algbw_bytes_per_s") * collectives::bus_factor(one.op, ranks));
  EXPECT_TRUE(outcome.rests_on.contains("time_s"));
}

TEST(RunCollective, EveryOpAndAlgorithmGivesCompleteFactsAboveTheLowerBound) {
  const test::Site site(test::h100_nodes(2));
  for (const Op op : collectives::kOps) {
    for (const Algorithm algorithm : collectives::kAlgorithms) {
      if (algorithm == Algorithm::automatic || !collectives::supports(op, algorithm)) continue;
      for (const double bytes : {64.0, 1000003.0, 16 * kMib}) {
        SCOPED_TRACE(std::string(to_text(op)) + " " + std::string(to_text(algorithm)) + " " +
                     std::to_string(bytes));
        const CollectiveCase one = site.one(op, algorithm, bytes);
        expect_complete(site.run(one), one);
      }
    }
  }
}

TEST(RunCollective, EveryFactAndLabelHasANameAndADescription) {
  const test::Site site(test::h100_nodes(2));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::automatic, kMib);
  one.groups = {test::gpus(0, 8), test::gpus(8, 8)};
  const base::Outcome outcome = site.run(one, {.engine_reason = "because"});
  const auto& info = collective_fact_info();
  for (const auto& [name, value] : outcome.facts) EXPECT_TRUE(info.contains(name)) << name;
  for (const auto& [name, value] : outcome.labels) EXPECT_TRUE(info.contains(name)) << name;
  for (const auto& [name, entry] : info) {
    EXPECT_FALSE(entry.name.empty()) << name;
    EXPECT_FALSE(entry.description.empty()) << name;
    if (name.ends_with("_s") && !name.ends_with("per_s")) {
      EXPECT_EQ(entry.unit, "s") << name;
    }
  }
}

TEST(RunCollective, ARingTakesTwiceNMinusOneStepsOfLatencyAndAnNthOfTheBytes) {
  for (const int ranks : {2, 8, 32}) {
    const test::Site site(test::switched_hosts(ranks));
    CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, 32 * kMib);
    one.chunk = base::Bytes(32 * kMib);
    const base::Outcome outcome = site.run(one);
    const double expected = 2.0 * (ranks - 1) * (2e-6 + 32 * kMib / ranks / 50e9);
    EXPECT_NEAR(outcome.facts.at("time_s") / expected, 1.0, 1e-9);
    EXPECT_EQ(outcome.facts.at("steps"), 2.0 * (ranks - 1));
    EXPECT_EQ(outcome.rests_on.at("time_s"), (std::vector<std::string>{"model", "roofline"}));
  }
}

TEST(RunCollective, TheSameCaseGivesTheSameOutcomeTwice) {
  const test::Site site(test::h100_nodes(2));
  const CollectiveCase one = site.one(Op::all_reduce, Algorithm::hierarchical, kMib);
  const base::Outcome first = site.run(one);
  const base::Outcome second = site.run(one);
  EXPECT_EQ(first.facts, second.facts);
  EXPECT_EQ(first.labels, second.labels);
  EXPECT_EQ(first.warnings, second.warnings);
  ASSERT_TRUE(first.tables.contains("timeline"));
  EXPECT_EQ(first.tables.at("timeline").rows, second.tables.at("timeline").rows);
  EXPECT_EQ(first.tables.at("links").rows, second.tables.at("links").rows);
}

TEST(RunCollective, TheEngineIsMadeOnceACaseHoweverManyGroups) {
  const test::Site site(test::h100_nodes(2));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, kMib);
  one.groups = {test::gpus(0, 8), test::gpus(8, 8)};
  int made = 0;
  const auto counting = [&](const sim::Network& network, const sim::EngineOptions& options) {
    ++made;
    return sim::make_analytic_engine(network, options);
  };
  run_collective_case(one, site.site(counting), {});
  EXPECT_EQ(made, 1);
}

TEST(RunCollective, AutoSaysWhatNcclChoseWhyAndWhatTheRunnerUpWouldHaveCost) {
  const test::Site site(test::h100_nodes(1));
  const base::Outcome small = site.run(site.one(Op::all_reduce, Algorithm::automatic, 65536));
  EXPECT_EQ(small.labels.at("algorithm"), "ring");
  EXPECT_EQ(small.labels.at("protocol"), "ll");
  EXPECT_EQ(small.labels.at("nccl_choice"), "Ring/LL");
  EXPECT_NE(small.labels.at("chosen_by").find("NCCL"), std::string::npos);
  EXPECT_NE(small.labels.at("why").find("next is " + small.labels.at("runner_up")),
            std::string::npos);
  EXPECT_GT(small.facts.at("runner_up_time_s"), 0);
  const base::Outcome large = site.run(site.one(Op::all_reduce, Algorithm::automatic, 256 * kMib));
  EXPECT_EQ(large.labels.at("algorithm"), "in_network");
  EXPECT_EQ(large.labels.at("nccl_choice"), "NVLS/Simple");
  const base::Table& alternatives = large.tables.at("alternatives");
  EXPECT_EQ(alternatives.columns.at(2), "time_s");
  for (std::size_t i = 1; i < alternatives.rows.size(); ++i) {
    EXPECT_LE(std::get<double>(alternatives.rows[i - 1][2]),
              std::get<double>(alternatives.rows[i][2]));
  }
}

TEST(RunCollective, AutoSimulatesWhatNamingTheSameAlgorithmSimulates) {
  const test::Site site(test::h100_nodes(1));
  const base::Outcome chosen = site.run(site.one(Op::all_reduce, Algorithm::automatic, 256 * kMib));
  const base::Outcome named = site.run(site.one(Op::all_reduce, Algorithm::in_network, 256 * kMib));
  EXPECT_EQ(chosen.facts.at("time_s"), named.facts.at("time_s"));
}

TEST(RunCollective, AutoOverNodesUsesTheChannelsOfNcclAndSoAllRails) {
  sim::Cluster cluster = test::h100_nodes(4);
  cluster.node.scale_up.in_switch_reduction = false;
  const test::Site site(cluster);
  const base::Outcome chosen = site.run(site.one(Op::all_reduce, Algorithm::automatic, 1e9));
  EXPECT_EQ(chosen.labels.at("nccl_choice"), "Ring/Simple");
  CollectiveCase ring = site.one(Op::all_reduce, Algorithm::ring, 1e9);
  const base::Outcome one_channel = site.run(ring);
  EXPECT_TRUE(mentions(one_channel.warnings, "one of its 8 NICs; channels: 8 uses all"));
  EXPECT_NEAR(one_channel.facts.at("busbw_bytes_per_s"), 50e9, 2e9);
  EXPECT_GT(chosen.facts.at("busbw_bytes_per_s"), 300e9);
  ring.channels = static_cast<int>(chosen.facts.at("channels"));
  const base::Outcome named = site.run(ring);
  EXPECT_EQ(chosen.facts.at("time_s"), named.facts.at("time_s"));
  EXPECT_FALSE(mentions(named.warnings, "NICs"));
}

TEST(RunCollective, TreesLeadAtSmallSizesAndRingsAtLargeOnesOnSixteenNodes) {
  const test::Site site(test::h100_nodes(16));
  const CollectiveOptions facts_only{.timeline_rows = 0, .link_rows = 0};
  std::vector<TimedCase> cases;
  for (double bytes = 1024; bytes <= 1024 * kMib; bytes *= 32) {
    for (const Algorithm algorithm : {Algorithm::ring, Algorithm::tree}) {
      const base::Outcome outcome =
          site.run(site.one(Op::all_reduce, algorithm, bytes), facts_only);
      cases.push_back({Op::all_reduce, algorithm, base::Bytes(bytes),
                       base::Seconds(outcome.facts.at("time_s"))});
    }
  }
  const auto found = find_crossovers(cases);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].from, Algorithm::tree);
  EXPECT_EQ(found[0].to, Algorithm::ring);
  // One ring of 128 takes 1.1 ms of latency, a tree 49 us; at 2 S / 50 GB/s against 3 S / 50 GB/s
  // they meet near 50 MB.
  EXPECT_GT(found[0].bytes.value(), 16 * kMib);
  EXPECT_LT(found[0].bytes.value(), 256 * kMib);
}

TEST(RunCollective, AnAutomaticChunkIsTheBestOfTheClosedFormAndHelpsATree) {
  const test::Site site(test::h100_nodes(2));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::tree, 64 * kMib);
  const base::Outcome chosen = site.run(one);
  EXPECT_NE(chosen.labels.at("chunk").find("the best of the closed form"), std::string::npos);
  EXPECT_GT(chosen.facts.at("chunk_bytes"), 0);
  one.chunk = one.bytes;
  const base::Outcome whole = site.run(one);
  EXPECT_EQ(whole.labels.at("chunk"), "64MiB, as the scenario says");
  EXPECT_LT(chosen.facts.at("time_s"), 0.5 * whole.facts.at("time_s"));
}

TEST(RunCollective, AChunkThatAnAlgorithmHasNoUseForIsSaid) {
  const test::Site site(test::switched_hosts(4));
  CollectiveCase one = site.one(Op::all_to_all, Algorithm::pairwise, kMib);
  one.chunk = base::Bytes(4096);
  EXPECT_TRUE(mentions(site.run(one).warnings, "chunk 4KiB has no effect"));
}

TEST(RunCollective, OnAUniformSwitchTheClosedFormIsTheTime) {
  const test::Site site(test::switched_hosts(8));
  for (const Algorithm algorithm :
       {Algorithm::ring, Algorithm::halving_doubling, Algorithm::recursive_doubling}) {
    const base::Outcome outcome = site.run(site.one(Op::all_reduce, algorithm, 8 * kMib));
    EXPECT_NEAR(outcome.facts.at("closed_form_s") / outcome.facts.at("time_s"), 1.0, 1e-9);
    EXPECT_FALSE(outcome.labels.at("formula").empty());
  }
}

TEST(RunCollective, WhatCannotRunIsInfeasibleWithAReason) {
  const test::Site site(test::switched_hosts(4));
  const auto reason = [&](const CollectiveCase& one) {
    const base::Outcome outcome = site.run(one);
    EXPECT_EQ(outcome.status, base::Status::infeasible);
    EXPECT_TRUE(outcome.facts.empty());
    return outcome.reason;
  };
  EXPECT_EQ(reason(site.one(Op::broadcast, Algorithm::halving_doubling, kMib)),
            "halving_doubling cannot do broadcast");
  EXPECT_FALSE(reason(site.one(Op::all_reduce, Algorithm::in_network, kMib)).empty());
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, kMib);
  one.groups = {{0, 1, 4}};
  EXPECT_EQ(reason(one), "group 0 names GPU 4; the cluster has GPUs 0 to 3");
  one.groups = {{0, 1, 1}};
  EXPECT_EQ(reason(one), "group 0 names a GPU twice");
  one.groups = {{0, 1}, {}};
  EXPECT_EQ(reason(one), "group 1 is empty");
  one.groups = {{0, 1}, {2, 3}};
  one.root = 2;
  EXPECT_EQ(reason(one), "root 2 is not a position in group 0 of 2 GPUs");
}

TEST(RunCollective, ASingleRankIsDoneAtOnce) {
  const test::Site site(test::switched_hosts(2));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::automatic, kMib);
  one.groups = {{1}};
  const base::Outcome outcome = site.run(one);
  EXPECT_EQ(outcome.status, base::Status::ok);
  EXPECT_EQ(outcome.facts.at("time_s"), 0);
  EXPECT_EQ(outcome.facts.at("ranks"), 1);
}

TEST(RunCollective, WhatOnlyAProfileGivesAMeaningToIsNotIgnoredInSilence) {
  const test::Site site(test::switched_hosts(2));
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, kMib);
  one.protocol = collectives::Protocol::ll;
  one.launch = "per_gpu_process";
  const base::Outcome outcome = site.run(one);
  EXPECT_EQ(outcome.labels.at("protocol"), "ll");
  EXPECT_TRUE(mentions(outcome.warnings, "protocol ll does not change the time"));
  EXPECT_TRUE(mentions(outcome.warnings, "launch per_gpu_process does not change the time"));
}

TEST(RunCollective, TheEngineThatACaseNeedsFollowsFromItsTraffic) {
  const test::Site rails(test::h100_nodes(2));
  EXPECT_EQ(choose_engine(rails.one(Op::all_reduce, Algorithm::ring, kMib), rails.site(), {}).kind,
            sim::EngineKind::analytic);
  const test::Site uplink(test::one_uplink(2));
  CollectiveCase one = uplink.one(Op::all_reduce, Algorithm::ring, kMib);
  one.groups = {{0, 2}, {1, 3}};
  const sim::EngineDecision decision = choose_engine(one, uplink.site(), {});
  EXPECT_EQ(decision.kind, sim::EngineKind::simgrid);
  EXPECT_FALSE(decision.reason.empty());
  // A tree's ports serve children and parents: the order of their transfers is the engine's.
  const sim::EngineDecision tree =
      choose_engine(rails.one(Op::all_reduce, Algorithm::tree, kMib), rails.site(), {});
  EXPECT_EQ(tree.kind, sim::EngineKind::simgrid);
}

}  // namespace
}  // namespace windtunnel::strategies
