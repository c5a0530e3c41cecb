// The verb plan: what it finds is the best there is, its front has nothing dominated, its counts add
// up, and all of it is the same however many processes work on it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <map>

#include "reports/json.hpp"
#include "scenarios/search/plan.hpp"
#include "tests/cli/program.hpp"
#include "tests/cli/scenario_text.hpp"

namespace windtunnel::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Data sheets alone, so that no profile decides.
const std::string kTraining = R"(cluster: {use: dgx-h100, nodes: 2}
model: llama3-8b
workload: {kind: train, sequence_length: 4096, global_batch: 64, precision: bf16}
strategy: {sequence_parallel: true, zero: 1}
calibration: none
)";
const std::string kSpace = R"(strategy.tensor: auto
    strategy.pipeline: [1, 2, 3, 4]
    strategy.micro_batch: [1, 2]
    strategy.recompute: auto
    cluster.nodes: [1, 2]
)";
const std::string kServing = R"(cluster: {use: dgx-h100, nodes: 1}
model: llama3-8b
workload:
  kind: serve
  arrivals: {process: poisson, rate: 40/s, requests: 300}
  lengths: {input: {constant: 512}, output: {constant: 64}}
  slo: {ttft: 300ms, tpot: 20ms}
calibration: none
)";

scenarios::LoadedScenario load(const std::string& text) {
  const std::string path = scratch_folder() + "/s.yaml";
  write_text(path, text);
  base::Diagnostics diagnostics;
  auto loaded = scenarios::load_scenario(path, {}, diagnostics);
  if (!loaded) throw std::runtime_error(diagnostics.to_text());
  return *loaded;
}

reports::Result planned(const std::string& text, int jobs = 1) {
  return scenarios::run_plan(load(text), {.jobs = jobs}).result;
}

reports::Result run(const std::string& text) {
  const std::vector loaded{load(text)};
  return scenarios::run_study(loaded, {}).result;
}

double plan_fact(const reports::Result& result, const std::string& name) {
  return result.plan->facts.at(name);
}

// Without what a clock says.
std::string untimed(reports::Result result) {
  for (reports::ResultCase& one : result.cases) one.wall_s = 0;
  result.plan->facts.erase("wall_s");
  result.plan->facts.erase("evaluations_per_s");
  return reports::to_json(result);
}

double sum(const base::Table& table, std::size_t column) {
  double out = 0;
  for (const auto& row : table.rows)
    out += static_cast<double>(std::get<std::int64_t>(row[column]));
  return out;
}

TEST(Plan, FindsTheFastestLayoutThatASweepOfAllFinds) {
  const std::string pareto = "  pareto: [iteration_time_s, cost_per_iteration_usd]\n";
  const reports::Result plan = planned(kTraining + "search:\n  vary:\n    " + kSpace + pareto);
  const reports::Result all = run(kTraining + R"(sweep:
    strategy.tensor: [1, 2, 4, 8, 16]
    strategy.pipeline: [1, 2, 3, 4]
    strategy.micro_batch: [1, 2]
    strategy.recompute: [none, selective, full]
    cluster.nodes: [1, 2]
)");
  double best = std::numeric_limits<double>::infinity();
  std::size_t ok = 0;
  for (const reports::ResultCase& one : all.cases) {
    if (one.outcome.status != base::Status::ok) continue;
    ++ok;
    best = std::min(best, one.outcome.facts.at("iteration_time_s"));
  }
  ASSERT_FALSE(plan.cases.empty());
  EXPECT_NEAR(plan.cases.front().outcome.facts.at("iteration_time_s"), best, 1e-9 * best);
  EXPECT_EQ(plan_fact(plan, "evaluated"), static_cast<double>(ok));
}

TEST(Plan, CountsOfCandidatesAddUp) {
  const reports::Result plan =
      planned(kTraining +
              "search:\n  constraints: {memory_total_bytes: \"<= 40GiB\", mfu: \">= 0.2\"}\n"
              "  vary:\n    " +
              kSpace);
  EXPECT_EQ(
      plan_fact(plan, "evaluated") + plan_fact(plan, "pruned") + plan_fact(plan, "infeasible"),
      plan_fact(plan, "candidates"));
  EXPECT_EQ(sum(plan.plan->tables.at("infeasible"), 1), plan_fact(plan, "infeasible"));
  EXPECT_EQ(sum(plan.plan->tables.at("ruled_out"), 1),
            plan_fact(plan, "ruled_out") + plan_fact(plan, "pruned"));
  EXPECT_GT(plan_fact(plan, "pruned"), 0);
  for (const reports::ResultCase& one : plan.cases) {
    EXPECT_LE(one.outcome.facts.at("memory_total_bytes"), 40.0 * 1024 * 1024 * 1024);
    EXPECT_GE(one.outcome.facts.at("mfu"), 0.2);
  }
  EXPECT_NEAR(plan_fact(plan, "evaluations_per_s"),
              plan_fact(plan, "evaluated") / plan_fact(plan, "wall_s"), 1e-6);
}

TEST(Plan, IsTheSameWithOneProcessAndWithFour) {
  const std::string text = kTraining +
                           "search:\n  pareto: [iteration_time_s, cost_per_iteration_usd]\n"
                           "  vary:\n    " +
                           kSpace;
  EXPECT_EQ(untimed(planned(text, 1)), untimed(planned(text, 4)));
}

TEST(Plan, OfTrainingWithoutASearchVariesTheUsualSizes) {
  const reports::Result plan = planned(kTraining);
  EXPECT_EQ(plan.plan->varied, (std::vector<std::string>{"strategy.tensor", "strategy.pipeline",
                                                         "strategy.micro_batch",
                                                         "strategy.recompute", "strategy.zero"}));
  EXPECT_FALSE(plan.cases.empty());
}

// Under FlashAttention selective recomputation has nothing to compute again.
TEST(Plan, CandidatesThatDifferInNothingShownAreOneLine) {
  const reports::Result plan = planned(kTraining +
                                       "search:\n  top: 100\n  vary: {strategy.tensor: [2, 4], "
                                       "strategy.recompute: [none, selective, full]}\n");
  EXPECT_EQ(plan_fact(plan, "evaluated"), 6);
  ASSERT_EQ(plan.cases.size(), 4U);
  const base::Table& twins = plan.plan->tables.at("twins");
  ASSERT_EQ(twins.rows.size(), 2U);
  for (const auto& row : twins.rows) {
    EXPECT_EQ(std::get<std::string>(row[1]), "strategy.recompute");
    EXPECT_EQ(std::get<std::string>(row[2]), "none or selective");
  }
  const std::string text = "search: {vary: {strategy.tensor: [2, 4], strategy.recompute: auto}}\n";
  const std::string path = scratch_folder() + "/twins.yaml";
  write_text(path, kTraining + text);
  const Finished run = windtunnel({"plan", path});
  EXPECT_THAT(run.out, HasSubstr("none or selective"));
  EXPECT_THAT(run.out, HasSubstr("Varied: tensor, recompute. Held as the scenario has them: "));
  const std::string& held = plan.plan->words.at("held");
  for (const char* field :
       {"schedule 1f1b, virtual_stages 1", "zero 1", "context 1", "data auto"}) {
    EXPECT_THAT(held, HasSubstr(field));
  }
  EXPECT_EQ((", " + held).find(", tensor "), std::string::npos);
}

// Schedules, chunks and memory that candidates share change none of them.
TEST(Plan, CostsACandidateToTheBitAsARunDoes) {
  const std::string axes = R"(    strategy.schedule: [interleaved, 1f1b, zb_h1]
    strategy.virtual_stages: [1, 2]
    strategy.pipeline: [2, 4]
    strategy.micro_batch: [1, 2]
    strategy.zero: [0, 1, 2]
    strategy.recompute: [none, full]
)";
  const std::string base = kTraining;
  const reports::Result plan = planned(base + "search:\n  top: 1000\n  vary:\n" + axes);
  const reports::Result all = run(base + "sweep:\n" + axes);
  std::map<double, double> memory;  // by time
  for (const reports::ResultCase& one : all.cases) {
    if (one.outcome.status != base::Status::ok) continue;
    memory[one.outcome.facts.at("iteration_time_s")] = one.outcome.facts.at("memory_total_bytes");
  }
  const base::Table& candidates = plan.plan->tables.at("candidates");
  const auto column = static_cast<std::size_t>(
      std::find(candidates.columns.begin(), candidates.columns.end(), "iteration_time_s") -
      candidates.columns.begin());
  EXPECT_GT(candidates.rows.size(), 30U);
  for (const auto& row : candidates.rows) {
    EXPECT_TRUE(memory.contains(std::get<double>(row[column]))) << std::get<double>(row[column]);
  }
}

TEST(Plan, WithNothingLeftSaysSoAndExitsWithOne) {
  const Finished done = windtunnel(
      {"plan", "-"},
      {.input = kTraining +
                "search: {vary: {strategy.tensor: [1, 2]}, constraints: {mfu: \">= 2\"}}\n"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_THAT(done.err, HasSubstr("none of 2 candidates is left"));
  EXPECT_THAT(done.out, HasSubstr("mfu >= 2"));
}

TEST(Plan, OfACollectiveIsRefused) {
  const Finished done = windtunnel({"plan", "-"}, {.input = kSmall});
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_THAT(done.err, HasSubstr("plan searches train and serve workloads"));
}

TEST(Plan, InterruptedKeepsWhatIsFinished) {
  const std::string many =
      kServing +
      "search: {objective: max_rate_per_s, vary: {strategy.tensor: [1, 2, 4, 8], "
      "strategy.batching.max_batch: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, "
      "14, 15, 16], strategy.kv.block: [8, 16, 32, 64]}}\n";
  const Finished done = windtunnel(
      {"plan", "-", "--format", "json", "-j", "1"},
      {.input = many, .signal = SIGINT, .signal_after = std::chrono::milliseconds(1500)});
  EXPECT_EQ(done.exit_code, 130) << done.err;
  const auto plan = nlohmann::json::parse(done.out).at("plan").at("facts");
  EXPECT_GT(plan.at("unfinished"), 0);
  EXPECT_GT(plan.at("evaluated"), 0);
  EXPECT_THAT(done.err, HasSubstr("candidates finished and are ranked"));
}

// --- serving -------------------------------------------------------------------------------------

// The same requests at another rate.
const base::Outcome& at_rate(double rate, double requests, reports::Result& kept) {
  std::string text = kServing;
  text.replace(text.find("40/s"), 4, std::to_string(rate) + "/s");
  text.replace(text.find("requests: 300"), 13,
               "requests: " + std::to_string(static_cast<long>(requests)));
  kept = run(text);
  return kept.cases.front().outcome;
}

TEST(Plan, OfServingFindsTheRateThatMeetsTheSloAndFivePercentMoreDoesNot) {
  const reports::Result plan = planned(kServing);
  ASSERT_EQ(plan.cases.size(), 1U);
  const auto& facts = plan.cases.front().outcome.facts;
  const double rate = facts.at("max_rate_per_s");
  EXPECT_GE(facts.at("slo_attainment"), 0.99);
  reports::Result kept;
  const double requests = facts.at("requests");
  EXPECT_GE(at_rate(rate, requests, kept).facts.at("slo_attainment"), 0.99);
  const base::Outcome& beyond = at_rate(1.05 * rate, requests, kept);
  EXPECT_TRUE(beyond.facts.at("slo_attainment") < 0.99 || beyond.facts.at("saturated") > 0);
}

TEST(Plan, OfServingFindsTheFewestReplicasAndTheCheapestOfAll) {
  const std::string layouts = "strategy.tensor: [1, 2, 4], strategy.precision: [bf16, fp8]";
  const reports::Result found =
      planned(kServing + "search: {vary: {strategy.replicas: auto, " + layouts + "}}\n");
  const reports::Result all =
      planned(kServing + "search: {vary: {strategy.replicas: [1, 2, 3, 4, 5, 6, 7, 8], " + layouts +
              "}}\n");
  ASSERT_FALSE(found.cases.empty());
  ASSERT_FALSE(all.cases.empty());
  EXPECT_EQ(found.cases.front().outcome.facts.at("cost_per_hour_usd"),
            all.cases.front().outcome.facts.at("cost_per_hour_usd"));
  EXPECT_GE(found.cases.front().outcome.facts.at("slo_attainment"), 0.99);
  EXPECT_LT(plan_fact(found, "simulations"), plan_fact(all, "simulations"));
}

TEST(Plan, FrontOfServingHasNothingDominatedAndAllThatIsNot) {
  std::string text = kServing;
  text.replace(text.find("poisson, rate: 40/s"), 19, "closed_loop, concurrency: 1");
  text.erase(text.find("  slo:"), std::string("  slo: {ttft: 300ms, tpot: 20ms}\n").size());
  const reports::Result plan = planned(text +
                                       "search: {vary: {strategy.tensor: auto, strategy.precision: "
                                       "[bf16, fp8], workload.arrivals.concurrency: [1, 8, 64]}, "
                                       "pareto: [output_tokens_per_s_per_gpu, "
                                       "output_tokens_per_s_per_user]}\n");
  const base::Table& candidates = plan.plan->tables.at("candidates");
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(
        std::find(candidates.columns.begin(), candidates.columns.end(), name) -
        candidates.columns.begin());
  };
  const std::size_t gpu = column("output_tokens_per_s_per_gpu");
  const std::size_t user = column("output_tokens_per_s_per_user");
  const auto at = [](const auto& row, std::size_t c) { return std::get<double>(row[c]); };
  std::size_t front = 0;
  for (const auto& one : candidates.rows) {
    bool dominated = false;
    for (const auto& other : candidates.rows) {
      const bool covers = at(other, gpu) >= at(one, gpu) && at(other, user) >= at(one, user);
      const bool better = at(other, gpu) > at(one, gpu) || at(other, user) > at(one, user);
      dominated = dominated || (covers && better);
    }
    const bool marked = std::get<std::int64_t>(one[column("front")]) == 1;
    EXPECT_EQ(marked, !dominated) << at(one, gpu) << " " << at(one, user);
    front += marked ? 1 : 0;
  }
  EXPECT_EQ(plan.plan->tables.at("pareto").rows.size(), front);
  EXPECT_EQ(candidates.rows.size(), static_cast<std::size_t>(plan_fact(plan, "evaluated")));
}

TEST(Plan, OfServingWithoutLimitsOrChoicesSaysWhatIsMissing) {
  std::string text = kServing;
  text.erase(text.find("  slo:"), std::string("  slo: {ttft: 300ms, tpot: 20ms}\n").size());
  const Finished done = windtunnel({"plan", "-"}, {.input = text});
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_THAT(done.err, HasSubstr("needs workload.slo"));
}

TEST(Plan, ASavedOneReadsBackToTheSameBytesAndIsRendered) {
  const std::string folder = scratch_folder();
  const Finished done = windtunnel(
      {"plan", "-", "--out", folder, "--quiet"},
      {.input = kTraining +
                "search:\n  pareto: [iteration_time_s, cost_per_iteration_usd]\n  vary:\n    " +
                kSpace});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const std::string saved = read_text(folder + "/result.json");
  EXPECT_EQ(reports::to_json(reports::read_json(saved, "result.json")), saved);
  const Finished again = windtunnel({"report", folder + "/result.json"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, done.out);
  EXPECT_THAT(read_text(folder + "/report.html"), HasSubstr("Pareto front"));
}

}  // namespace
}  // namespace windtunnel::tests
