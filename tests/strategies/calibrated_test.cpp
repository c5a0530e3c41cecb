// Cases that a calibrated model answers, by a model made up for the purpose.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "tests/strategies/clusters.hpp"

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Op;
using collectives::Protocol;
using collectives::TimePrediction;
using collectives::TimeQuery;
using test::mentions;

constexpr double kMib = 1024.0 * 1024;
const CollectiveOptions kFactsOnly{.timeline_rows = 0, .link_rows = 0};

// Answers `time` for ring and auto, and nothing for any other algorithm.
class RingModel : public collectives::TimeModel {
 public:
  explicit RingModel(double seconds) : seconds_(seconds) {}
  std::string name() const override { return "made-up"; }
  std::optional<TimePrediction> predict(const TimeQuery& query) const override {
    last_query = query;
    if (query.algorithm != Algorithm::automatic && query.algorithm != Algorithm::ring) return {};
    TimePrediction out;
    out.time = base::Seconds(seconds_);
    out.band = {seconds_ * 0.9, seconds_ * 1.2, 0.9};
    out.rests_on = {"measured", "interpolated"};
    out.algorithm = Algorithm::ring;
    out.protocol = Protocol::ll128;
    out.alternatives = {{Algorithm::double_binary_tree, Protocol::simple, base::Seconds(1.0)}};
    out.note = "a note of the model";
    return out;
  }
  mutable TimeQuery last_query;

 private:
  double seconds_;
};

std::unique_ptr<sim::Engine> no_engine(const sim::Network&, const sim::EngineOptions&) {
  ADD_FAILURE() << "an engine was made for a case that a formula answers";
  return nullptr;
}

TEST(Calibrated, AModelAnswersOneGroupWithoutAnEngine) {
  const RingModel model(0.01);
  const test::Site site(test::h100_nodes(2), &model);
  const CollectiveCase one = site.one(Op::all_reduce, Algorithm::automatic, kMib);
  EXPECT_FALSE(needs_engine(one, site.site(), kFactsOnly));
  EXPECT_TRUE(needs_engine(one, site.site(), {}));
  const base::Outcome outcome = run_collective_case(one, site.site(no_engine), kFactsOnly);
  ASSERT_EQ(outcome.status, base::Status::ok) << outcome.reason;
  EXPECT_EQ(outcome.facts.at("time_s"), 0.01);
  EXPECT_DOUBLE_EQ(outcome.bands.at("time_s").low, 0.009);
  EXPECT_DOUBLE_EQ(outcome.bands.at("time_s").high, 0.012);
  EXPECT_DOUBLE_EQ(outcome.bands.at("algbw_bytes_per_s").high, kMib / 0.009);
  EXPECT_EQ(outcome.rests_on.at("time_s"), (std::vector<std::string>{"measured", "interpolated"}));
  EXPECT_EQ(outcome.labels.at("algorithm"), "ring");
  EXPECT_EQ(outcome.labels.at("protocol"), "ll128");
  EXPECT_EQ(outcome.labels.at("chosen_by"), "profile made-up");
  EXPECT_EQ(outcome.labels.at("runner_up"), "double_binary_tree/simple");
  EXPECT_EQ(outcome.facts.at("runner_up_time_s"), 1.0);
  EXPECT_EQ(outcome.labels.at("engine"), "formula");
  EXPECT_EQ(outcome.facts.at("steps"), 2 * 15);
  EXPECT_TRUE(mentions(outcome.warnings, "a note of the model"));
}

TEST(Calibrated, TheModelIsAskedAboutTheGroupAsItLiesOnTheCluster) {
  const RingModel model(0.01);
  const test::Site site(test::h100_nodes(4), &model);
  CollectiveCase one = site.one(Op::all_gather, Algorithm::ring, kMib);
  one.groups = {test::gpus(8, 16)};
  one.launch = "one_process_per_node";
  one.protocol = Protocol::simple;
  run_collective_case(one, site.site(no_engine), kFactsOnly);
  const TimeQuery& query = model.last_query;
  EXPECT_EQ(query.op, Op::all_gather);
  EXPECT_EQ(query.algorithm, Algorithm::ring);
  EXPECT_EQ(query.protocol, Protocol::simple);
  EXPECT_EQ(query.nodes, 2);
  EXPECT_EQ(query.gpus_per_node, 8);
  EXPECT_EQ(query.gpu, "h100-sxm");
  EXPECT_EQ(query.fabric, "h100-nodes");
  EXPECT_EQ(query.interconnect, "8x400Gb/s per node");
  EXPECT_EQ(query.nics_per_node, 8);
  EXPECT_EQ(query.nic_bandwidth.value(), 50e9);
  EXPECT_EQ(query.launch, "one_process_per_node");
}

TEST(Calibrated, WithTablesTheTimeStaysTheModelsAndTheSimulatedOneStandsBeside) {
  const RingModel model(0.01);
  const test::Site site(test::h100_nodes(2), &model);
  const base::Outcome outcome = site.run(site.one(Op::all_reduce, Algorithm::ring, kMib));
  EXPECT_EQ(outcome.facts.at("time_s"), 0.01);
  EXPECT_LT(outcome.facts.at("simulated_time_s"), 0.01);
  EXPECT_TRUE(outcome.tables.contains("timeline"));
  EXPECT_TRUE(mentions(outcome.warnings, "not of the calibrated time"));
}

TEST(Calibrated, SeveralGroupsMultiplyThePredictionByTheSlowdownOfTheEngine) {
  const RingModel model(0.1);
  const test::Site site(test::one_uplink(2), &model);
  CollectiveCase one = site.one(Op::all_reduce, Algorithm::ring, 256 * kMib);
  one.groups = {{0, 2}, {1, 3}};
  const std::string text = sim::run_isolated([&] {
    const base::Outcome outcome =
        run_collective_case(one, site.site(sim::make_simgrid_engine), kFactsOnly);
    return std::to_string(outcome.facts.at("time_s")) + " " +
           std::to_string(outcome.bands.at("time_s").high);
  });
  char* rest = nullptr;
  EXPECT_NEAR(std::strtod(text.c_str(), &rest), 0.2, 5e-4);
  EXPECT_NEAR(std::strtod(rest, nullptr), 0.24, 5e-4);
}

TEST(Calibrated, WhatTheModelHasNoAnswerForIsSimulatedAndSaysSo) {
  const RingModel model(0.01);
  const test::Site site(test::h100_nodes(2), &model);
  const test::Site bare(test::h100_nodes(2));
  const CollectiveCase one = site.one(Op::all_reduce, Algorithm::hierarchical, kMib);
  const base::Outcome outcome = site.run(one);
  EXPECT_EQ(outcome.facts.at("time_s"), bare.run(one).facts.at("time_s"));
  EXPECT_EQ(outcome.rests_on.at("time_s"), (std::vector<std::string>{"model", "roofline"}));
  EXPECT_FALSE(outcome.bands.contains("time_s"));
  EXPECT_TRUE(
      mentions(outcome.warnings, "profile made-up has no answer for all_reduce by hierarchical"));
}

TEST(Calibrated, ATimeBelowTheLowerBoundIsRaisedToItWithAWarning) {
  const RingModel model(1e-9);
  const test::Site site(test::h100_nodes(2), &model);
  const base::Outcome outcome =
      site.run(site.one(Op::all_reduce, Algorithm::ring, 64 * kMib), kFactsOnly);
  EXPECT_EQ(outcome.facts.at("time_s"), outcome.facts.at("lower_bound_s"));
  EXPECT_GE(outcome.bands.at("time_s").low, outcome.facts.at("lower_bound_s"));
  EXPECT_GE(outcome.bands.at("time_s").high, outcome.facts.at("time_s"));
  EXPECT_TRUE(mentions(outcome.warnings, "raised to it"));
}

}  // namespace
}  // namespace windtunnel::strategies
