// What a search is made of: axes and their sizes, goals and constraints, reasons, ranks and fronts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "scenarios/search/auto_values.hpp"
#include "scenarios/search/candidates.hpp"
#include "scenarios/search/ranking.hpp"
#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kTraining = R"(cluster: {use: dgx-h100, nodes: 3}
model: llama3-8b
workload: {kind: train, sequence_length: 4096, global_batch: 12}
strategy: {}
)";

std::optional<FactConstraint> constraint(const std::string& fact, const std::string& text) {
  base::Diagnostics diagnostics;
  return parse_constraint(fact, scalar_node(text, {"f", 1, 1}), diagnostics);
}

TEST(FactGoal, TimesAndMoneyAreBetterLowerRatesAndUseHigher) {
  for (const char* fact :
       {"iteration_time_s", "cost_per_iteration_usd", "memory_total_bytes", "gpus", "ttft_p99_s",
        "bubble_fraction", "cost_per_million_output_tokens_usd"}) {
    EXPECT_EQ(better_of(fact), Better::lower) << fact;
  }
  for (const char* fact :
       {"tokens_per_s", "mfu", "max_rate_per_s", "goodput_per_s", "slo_attainment",
        "output_tokens_per_s_per_gpu", "model_flops_per_gpu_per_s"}) {
    EXPECT_EQ(better_of(fact), Better::higher) << fact;
  }
}

TEST(FactConstraint, HasASignAndAnAmountInTheFactsUnit) {
  EXPECT_EQ(constraint("memory_total_bytes", "<= 75GiB")->limit, 75.0 * 1024 * 1024 * 1024);
  EXPECT_EQ(constraint("mfu", ">= 40%")->limit, 0.4);
  EXPECT_EQ(constraint("gpus", "==8")->limit, 8);
  EXPECT_EQ(constraint("ttft_p99_s", "< 500ms")->limit, 0.5);
  EXPECT_FALSE(constraint("ttft_p99_s", "500ms"));
  EXPECT_FALSE(constraint("ttft_p99_s", "< 0.5"));  // of which unit?
  EXPECT_FALSE(constraint("memory_total_bytes", "<= 75"));
  EXPECT_TRUE(constraint("goodput_per_s", ">= 3"));
  EXPECT_FALSE(constraint("mfu", ">= 4GiB"));
  EXPECT_TRUE(constraint("gpus", "> 8")->holds(9));
  EXPECT_FALSE(constraint("gpus", "> 8")->holds(8));
  EXPECT_TRUE(constraint("gpus", ">= 8")->holds(8));
  EXPECT_FALSE(constraint("gpus", "< 8")->holds(8));
}

TEST(AutoValues, AreSizesThatGoWithGpusAndModel) {
  const Loaded loaded = load_text(kTraining);
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const Scenario& scenario = loaded.only();
  EXPECT_THAT(auto_values("strategy.tensor", scenario), ElementsAre(1, 2, 4, 8));
  EXPECT_THAT(auto_values("strategy.pipeline", scenario), ElementsAre(1, 2, 3, 4, 6, 8, 12, 24));
  EXPECT_THAT(auto_values("strategy.micro_batch", scenario), ElementsAre(1, 2, 3, 4, 6, 12));
  EXPECT_THAT(auto_values("strategy.expert", scenario), ElementsAre(1));
}

TEST(CandidateSpace, SizesOfEachClusterAreItsOwn) {
  const Loaded loaded = load_text(kTraining +
                                  "search: {vary: {cluster.nodes: [1, 3], strategy.pipeline: auto, "
                                  "strategy.zero: [0, 1]}}\n");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const CandidateSpace space(*loaded.scenario, loaded.scenario->search->axes);
  EXPECT_EQ(space.settings().size(), 2U);
  // 1, 2, 4, 8 of 8 GPUs; 1, 2, 3, 4, 6, 8, 12, 24 of 24; with two levels of ZeRO each.
  EXPECT_EQ(space.all().size(), 2U * (4 + 8));
  const auto first = space.parameters(space.all().front());
  EXPECT_EQ(first.at(0), (std::pair<std::string, std::string>("cluster.nodes", "1")));
  EXPECT_EQ(space.parameters(space.all().back()).at(1).second, "24");
}

TEST(LayoutBinder, GivesTheStrategyThatAWholeScenarioHas) {
  const Loaded loaded = load_text(kTraining + R"(search:
  vary:
    strategy.tensor: [2]
    strategy.schedule: [gpipe]
    strategy.rank_order: [[data, tensor, context, pipeline]]
    strategy.overlap.data: [false]
    strategy.bucket: [100MiB]
)");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const CandidateSpace space(*loaded.scenario, loaded.scenario->search->axes);
  LayoutBinder binder(*loaded.scenario);
  std::string problem;
  const auto strategy = binder.bind(space.layout(0), problem);
  ASSERT_TRUE(strategy) << problem;
  const auto whole = loaded.scenario->tree->bind(space.assignments(space.all().front()));
  ASSERT_TRUE(whole);
  const auto& expected = std::get<TrainScenario>(whole->scenario.workload).job.strategy;
  EXPECT_EQ(strategy->sizes.tensor, expected.sizes.tensor);
  EXPECT_EQ(strategy->schedule, expected.schedule);
  EXPECT_EQ(strategy->rank_order, expected.rank_order);
  EXPECT_EQ(strategy->overlap.data, expected.overlap.data);
  EXPECT_EQ(strategy->bucket.value(), expected.bucket.value());
}

TEST(LayoutBinder, SaysWhyValuesDoNotGoTogether) {
  const Loaded loaded = load_text(kTraining + "search: {vary: {strategy.tensor: [2]}}\n");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  LayoutBinder binder(*loaded.scenario);
  std::string problem;
  Node order = sequence_node({});
  for (const char* word : {"tensor", "tensor", "data", "pipeline"}) {
    order.items.push_back(scalar_node(word, {}));
  }
  EXPECT_FALSE(binder.bind({{{"strategy", "rank_order"}, "strategy.rank_order", order}}, problem));
  EXPECT_THAT(problem, HasSubstr("names 'tensor' twice"));
}

TEST(Search, ResolvedTextOfAScenarioLoadsToItself) {
  const Loaded loaded = load_text(kTraining + R"(search:
  vary: {strategy.tensor: auto, zip: {strategy.pipeline: [1, 2], strategy.micro_batch: [1, 2]}}
  objective: {fact: mfu, direction: maximize}
  constraints: {memory_total_bytes: "<= 75GiB"}
)");
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  const Loaded again = load_text(loaded.scenario->resolved_yaml);
  ASSERT_TRUE(again.scenario) << again.errors();
  EXPECT_EQ(again.scenario->resolved_yaml, loaded.scenario->resolved_yaml);
  EXPECT_EQ(again.scenario->search->axes.size(), 2U);
}

TEST(Search, ASetPathIsNotVaried) {
  const Loaded loaded =
      load_text(kTraining + "search: {vary: {strategy.tensor: auto, strategy.zero: [0, 1]}}\n",
                {"strategy.tensor=4"});
  ASSERT_TRUE(loaded.scenario) << loaded.errors();
  ASSERT_EQ(loaded.scenario->search->axes.size(), 1U);
  EXPECT_EQ(loaded.scenario->search->axes.front().axis.written.front(), "strategy.zero");
}

TEST(Ranking, GenericReasonsHaveNoNumbersOfTheirOwn) {
  EXPECT_EQ(generic_reason("tensor 3 x context 1 = 3 does not divide the 128 GPUs"),
            "tensor N x context N = N does not divide the N GPUs");
  EXPECT_EQ(generic_reason("needs 1.5 TiB of 79.0 GiB; 1f1b on a h100-sxm of llama3.1-8b, 3.5GiB"),
            "needs N GiB of N GiB; 1f1b on a h100-sxm of llama3.1-8b, NGiB");
}

Judged judged(double time, double cost) {
  Judged one;
  one.done = true;
  one.verdict.outcome.facts = {{"iteration_time_s", time}, {"cost_per_iteration_usd", cost}};
  return one;
}

TEST(Ranking, FrontIsWhatNothingDominates) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int> value(0, 40);  // ties are frequent
  for (int round = 0; round < 50; ++round) {
    std::vector<Judged> all;
    for (int i = 0; i < 60; ++i) all.push_back(judged(1 + value(random), 1 + value(random)));
    Search search;
    search.pareto = {{"iteration_time_s", Better::lower},
                     {"cost_per_iteration_usd", Better::higher}};
    const Ranking ranking = rank(all, search, search.pareto.front());
    std::vector<std::size_t> expected;
    const auto time = [&](std::size_t i) { return all[i].fact("iteration_time_s"); };
    const auto cost = [&](std::size_t i) { return all[i].fact("cost_per_iteration_usd"); };
    for (std::size_t i = 0; i < all.size(); ++i) {
      bool dominated = false;
      for (std::size_t j = 0; j < all.size(); ++j) {
        dominated = dominated || (time(j) <= time(i) && cost(j) >= cost(i) &&
                                  (time(j) < time(i) || cost(j) > cost(i)));
      }
      if (!dominated) expected.push_back(i);
    }
    EXPECT_THAT(ranking.front, testing::UnorderedElementsAreArray(expected));
    for (std::size_t k = 1; k < ranking.best.size(); ++k) {
      EXPECT_LE(time(ranking.best[k - 1]), time(ranking.best[k]));
    }
  }
}

TEST(Ranking, WhatBreaksAConstraintIsNotRanked) {
  std::vector<Judged> all{judged(1, 9), judged(2, 5), judged(3, 1)};
  Search search;
  search.constraints = {*constraint("cost_per_iteration_usd", "<= 5")};
  const Ranking ranking = rank(all, search, {"iteration_time_s", Better::lower});
  EXPECT_THAT(ranking.best, ElementsAre(1, 2));
  EXPECT_EQ(all[0].ruled_out, "cost_per_iteration_usd <= 5");
}

}  // namespace
}  // namespace windtunnel::scenarios
