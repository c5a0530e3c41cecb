// An iteration with every rank: the folded one on `analytic`, and what shared links do on `simgrid`.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <variant>

#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "strategies/train/group_flows.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::FixedRates;
using test::h100_cluster;
using test::Subject;

struct Case {
  std::string name;
  TrainJob job;
};

TrainJob job_of(const ParallelSizes& sizes, std::int64_t batch) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = batch;
  job.strategy.sizes = sizes;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

base::Outcome run(const TrainJob& job, const Subject& subject, const sim::Cluster& shape,
                  const EngineFactory& factory) {
  const auto cluster = test::valid(shape);
  const sim::Network network(cluster);
  const FixedRates kernels(600e12, 2.5e12);
  TrainOptions options;
  if (factory) options.every_rank.emplace(network, factory);
  return run_train(job, {subject.model, subject.network}, {cluster, kernels, nullptr}, options);
}

double time_of(const base::Outcome& out) {
  return out.facts.contains("iteration_time_s") ? out.facts.at("iteration_time_s") : NAN;
}

double parts_of(const base::Outcome& out) {
  double sum = 0.0;
  for (const auto& [name, value] : out.facts) {
    if (name.starts_with("time_") && name.ends_with("_s")) sum += value;
  }
  return sum;
}

double unfolded(const TrainJob& job, const Subject& subject, const sim::Cluster& shape) {
  return time_of(run(job, subject, shape, sim::make_analytic_engine));
}

// Time on simgrid; its parts are held against it where it runs.
double on_simgrid(const TrainJob& job, const Subject& subject, const sim::Cluster& shape) {
  const std::string text = sim::run_isolated([&] {
    const base::Outcome out = run(job, subject, shape, sim::make_simgrid_engine);
    const double time = time_of(out);
    return std::fabs(parts_of(out) / time - 1.0) < 1e-9 ? std::to_string(time) : "nan";
  });
  return std::stod(text);
}

std::vector<Case> layouts() {
  std::vector<Case> all;
  const auto add = [&](std::string name, TrainJob job) { all.push_back({std::move(name), job}); };
  TrainJob job = job_of({.tensor = 8, .pipeline = 4}, 32);
  add("tensor 8 pipeline 4 data 2", job);
  job.strategy.sequence_parallel = true;
  job.strategy.overlap.pipeline = false;
  add("the same with sequence parallelism and blocking sends", job);
  job = job_of({.tensor = 2, .pipeline = 2}, 64);
  add("tensor 2 pipeline 2 data 16", job);
  job.strategy.zero = ZeroLevel::optimizer;
  job.strategy.software = "fsdp-compiled";
  add("zero 1", job);
  job.strategy.zero = ZeroLevel::weights;
  add("zero 3", job);
  job.strategy.overlap.data = false;
  job.strategy.zero = ZeroLevel::none;
  add("gradients after the passes", job);
  job = job_of({.tensor = 4, .pipeline = 4}, 32);
  job.strategy.software = "megatron-deepspeed";
  job.strategy.zero = ZeroLevel::optimizer;
  add("DeepSpeed with zero 1", job);
  job.strategy.software = "megatron-lm-2022";
  job.strategy.sequence_parallel = true;
  add("backward exchanges beside gradients of weights", job);
  job = job_of({.tensor = 2, .context = 4, .pipeline = 4}, 16);
  add("context 4 inside a node", job);
  job = job_of({.tensor = 8, .context = 4, .pipeline = 2}, 8);
  add("context 4 between nodes", job);
  job = job_of({.tensor = 4, .pipeline = 4}, 32);
  job.strategy.rank_order = {ParallelDimension::pipeline, ParallelDimension::tensor,
                             ParallelDimension::context, ParallelDimension::data};
  add("pipelines inside nodes", job);
  return all;
}

void expect_same_unfolded(const Case& one, const Subject& subject) {
  const sim::Cluster shape = h100_cluster(8);
  const base::Outcome folded = run(one.job, subject, shape, {});
  ASSERT_TRUE(folded.facts.contains("iteration_time_s")) << one.name << ": " << folded.reason;
  const base::Outcome every = run(one.job, subject, shape, sim::make_analytic_engine);
  EXPECT_NEAR(time_of(every) / time_of(folded), 1.0, 1e-9)
      << one.name << " " << to_text(one.job.strategy.schedule);
  EXPECT_NEAR(parts_of(every) / time_of(every), 1.0, 1e-9) << one.name;
  for (const auto& [name, value] : folded.facts) {
    if (!name.starts_with("time_")) continue;
    EXPECT_NEAR(every.facts.at(name), value, 1e-8 * time_of(folded))
        << one.name << " " << to_text(one.job.strategy.schedule) << " " << name;
  }
}

TEST(EveryRank, Of64GpusTakesTheTimeOfOneOfEachStageInAllSchedulesAndLayouts) {
  const Subject gpt("gpt3-13b");
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    for (Case one : layouts()) {
      one.job.strategy.schedule = schedule;
      if (schedule == PipelineSchedule::interleaved) one.job.strategy.virtual_stages = 2;
      expect_same_unfolded(one, gpt);
    }
  }
}

TEST(EveryRank, OfExpertsAndWithZero2TakesTheTimeOfOneOfEachStage) {
  const Subject moe("mixtral-8x7b");
  for (const std::int64_t tensor : {1, 8}) {
    TrainJob job = job_of({.tensor = tensor, .pipeline = 2, .expert = 8}, 64);
    expect_same_unfolded({"experts, tensor " + std::to_string(tensor), job}, moe);
  }
  TrainJob far = job_of({.tensor = 8, .pipeline = 2, .expert = 4, .expert_tensor = 8}, 64);
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    far.strategy.schedule = schedule;
    expect_same_unfolded({"experts on four nodes", far}, moe);
  }
  far.strategy.overlap.data = false;
  far.strategy.overlap.pipeline = false;
  far.strategy.schedule = PipelineSchedule::one_f_one_b;
  far.strategy.sizes.pipeline = 1;
  EXPECT_NEAR(on_simgrid(far, moe, h100_cluster(8)) / unfolded(far, moe, h100_cluster(8)), 1.0,
              0.01);
  const Subject gpt("gpt3-1.3b");
  TrainJob job = job_of({.tensor = 2}, 128);
  job.strategy.zero = ZeroLevel::gradients;
  expect_same_unfolded({"zero 2", job}, gpt);
}

TEST(EveryRank, WaitsForDataAsOneOfEachStageDoes) {
  const Subject gpt("gpt3-13b");
  TrainJob job = job_of({.tensor = 8, .pipeline = 2}, 32);
  job.workload.data_loading.sample_time = base::Seconds(20);
  for (const std::int64_t prefetch : {0, 2}) {
    job.workload.data_loading.prefetch = prefetch;
    expect_same_unfolded({"prefetch " + std::to_string(prefetch), job}, gpt);
  }
}

TEST(EveryRank, OnSimgridTakesTheSameWhereNothingIsShared) {
  const Subject gpt("gpt3-13b");
  const sim::Cluster shape = h100_cluster(8);
  for (const Case& one : layouts()) {
    const double alone = unfolded(one.job, gpt, shape);
    const double shared = on_simgrid(one.job, gpt, shape);
    // Exchanges between nodes inside passes go over the NICs that other messages take, too.
    const bool meets =
        one.name == "context 4 between nodes" || one.name == "pipelines inside nodes";
    EXPECT_NEAR(shared / alone, 1.0, meets ? 0.06 : 0.01) << one.name;
    EXPECT_GE(shared, alone * (1 - 1e-5)) << one.name;
  }
}

// What the two layouts above lose is the sharing of NICs and nothing else: on links four times as
// wide, with every message still held to the rate at which it takes its time alone, it is gone.
TEST(EveryRank, OnSimgridLosesNothingButWhatSharedNicsTake) {
  const Subject gpt("gpt3-13b");
  const auto cluster = test::valid(h100_cluster(8));
  sim::Cluster shape = h100_cluster(8);
  shape.node.nics.bandwidth *= 4.0;
  const sim::Network wide{test::valid(shape)};
  const FixedRates kernels(600e12, 2.5e12);
  for (const Case& one : layouts()) {
    if (one.name != "context 4 between nodes" && one.name != "pipelines inside nodes") continue;
    TrainOptions options;
    options.every_rank.emplace(wide, sim::make_simgrid_engine);
    const std::string time = sim::run_isolated([&] {
      return std::to_string(time_of(
          run_train(one.job, {gpt.model, gpt.network}, {cluster, kernels, nullptr}, options)));
    });
    EXPECT_NEAR(std::stod(time) / unfolded(one.job, gpt, h100_cluster(8)), 1.0, 1e-3) << one.name;
    EXPECT_GT(on_simgrid(one.job, gpt, h100_cluster(8)), 1.01 * std::stod(time)) << one.name;
  }
}

// A message at a time: nobody meets anybody.
TEST(EveryRank, OnSimgridTakesTheSameWhereMessagesNeverMeet) {
  const Subject gpt("gpt3-13b");
  TrainJob job = job_of({.tensor = 8, .context = 8}, 4);
  job.strategy.overlap.data = false;
  const sim::Cluster shape = h100_cluster(8);
  EXPECT_NEAR(on_simgrid(job, gpt, shape) / unfolded(job, gpt, shape), 1.0, 1e-3)
      << "ring attention over eight nodes, then the gradients";
}

// 16 nodes on a fat tree whose leaves have `radix` ports.
sim::Cluster fat_tree(int radix, double oversubscription) {
  sim::Cluster cluster = h100_cluster(16);
  cluster.fabric = {.kind = sim::FabricKind::fat_tree,
                    .levels = 2,
                    .radix = radix,
                    .oversubscription = oversubscription,
                    .switch_latency = base::Seconds(3e-7)};
  return cluster;
}

TrainJob data_parallel_job() {
  TrainJob job = job_of({.tensor = 8}, 16);
  job.strategy.overlap.data = false;
  return job;
}

// All nodes on one leaf a rail: nothing is shared, whatever the uplinks are.
TEST(EveryRank, OnSimgridTakesTheSameWhereEveryRailHasOneLeaf) {
  const Subject gpt("gpt3-13b");
  sim::Cluster one_leaf = fat_tree(64, 4.0);
  one_leaf.fabric.rail_optimized = true;
  const double alone = unfolded(data_parallel_job(), gpt, one_leaf);
  EXPECT_NEAR(on_simgrid(data_parallel_job(), gpt, one_leaf) / alone, 1.0, 0.01);
}

// Pairs of nodes that reduce gradients lie on different leaves of their rail, so that every node
// needs an uplink, and leaves have one for four of them.
TEST(EveryRank, OnSimgridIsSlowerWhereRailsAreOversubscribed) {
  const Subject gpt("gpt3-175b");
  sim::Cluster rails = fat_tree(32, 1.0);
  rails.nodes = 64;
  rails.fabric.rail_optimized = true;
  TrainJob job = job_of({.tensor = 8, .pipeline = 32}, 4);
  job.strategy.overlap.data = false;
  job.strategy.rank_order = {ParallelDimension::tensor, ParallelDimension::context,
                             ParallelDimension::pipeline, ParallelDimension::data};
  const double alone = unfolded(job, gpt, rails);
  const double full = on_simgrid(job, gpt, rails);
  rails.fabric.oversubscription = 4.0;
  const double few = on_simgrid(job, gpt, rails);
  EXPECT_GE(full, alone * (1 - 1e-5));
  EXPECT_GT(few, full);
  EXPECT_GT(few, 1.02 * alone) << "though most stages reduce while the first still compute";
}

TEST(EveryRank, OnSimgridIsSlowerTheFewerUplinksLeavesHave) {
  const Subject gpt("gpt3-13b");
  double last = 1.02 * unfolded(data_parallel_job(), gpt, fat_tree(16, 1.0));
  for (const double over : {2.0, 4.0}) {
    const double time = on_simgrid(data_parallel_job(), gpt, fat_tree(16, over));
    EXPECT_GT(time, last) << over;
    last = time;
  }
}

TEST(EveryRank, TimelineNamesRanksAndCountsBytesOfSends) {
  const Subject gpt("gpt3-13b");
  const TrainJob job = job_of({.tensor = 8, .pipeline = 4}, 16);
  const base::Outcome out = run(job, gpt, h100_cluster(8), sim::make_analytic_engine);
  std::set<std::string> ranks;
  std::size_t sends = 0;
  bool said = false;
  for (const auto& row : out.tables.at("timeline").rows) {
    const auto& who = std::get<std::string>(row[0]);
    if (who.starts_with("rank ")) ranks.insert(who);
    said = said || std::get<std::string>(row[3]) == "32 of 64 ranks are shown";
    if (std::get<std::string>(row[2]) != "send") continue;
    ++sends;
    EXPECT_TRUE(std::get<std::string>(row[4]).starts_with("rank "));
    EXPECT_GT(std::get<double>(row[5]), 0.0);
  }
  EXPECT_EQ(ranks.size(), 32U);
  EXPECT_TRUE(said);
  EXPECT_EQ(sends, 32U / 4U * 2U * 3U * 8U) << "both ways over three boundaries, 8 micro-batches";
}

TEST(EveryRank, OfAJobTooLargeIsRefusedWithItsNumbers) {
  const Subject gpt("gpt3-175b");
  const TrainJob job = job_of({.tensor = 8, .pipeline = 16}, 32768);
  const base::Outcome out = run(job, gpt, h100_cluster(2048), sim::make_analytic_engine);
  EXPECT_EQ(out.status, base::Status::failed);
  EXPECT_NE(out.reason.find("16384 GPUs"), std::string::npos) << out.reason;
}

// Nodes of 4 GPUs, 8 of them to a scale-up domain: groups are inside a domain or over several.
TEST(EveryRank, OfScaleUpDomainsOfSeveralNodesTakesTheTimeOfOneOfEachStage) {
  const Subject gpt("gpt3-13b");
  sim::Cluster shape = h100_cluster(16);
  shape.node.gpus = 4;
  shape.node.nics.count = 4;
  shape.node.scale_up.size = 32;
  for (const ParallelSizes& sizes :
       {ParallelSizes{.tensor = 4, .pipeline = 4}, ParallelSizes{.tensor = 8, .context = 4},
        ParallelSizes{.tensor = 2, .pipeline = 2}}) {
    const TrainJob job = job_of(sizes, 32);
    const base::Outcome folded = run(job, gpt, shape, {});
    ASSERT_FALSE(folded.facts.empty()) << folded.reason;
    EXPECT_NEAR(unfolded(job, gpt, shape) / time_of(folded), 1.0, 1e-9);
    EXPECT_NEAR(on_simgrid(job, gpt, shape) / time_of(folded), 1.0, 0.01);
  }
}

TEST(GroupFlows, MakeARingOverTheNodesForEachPlaceOnThem) {
  const RankLayout layout({.tensor = 1, .data = 32}, kDefaultRankOrder, 8);
  const auto members = layout.group(0, ParallelDimension::data);
  const auto flows = group_flows(members, FlowPattern::ring, layout);
  ASSERT_EQ(flows.size(), 32U);
  for (const GroupFlow& flow : flows) {
    EXPECT_EQ(flow.to, (flow.from + 8) % 32);
    EXPECT_EQ(flow.share, 1.0);
  }
  const RankLayout domain({.tensor = 1, .data = 32}, kDefaultRankOrder, 8, 4);
  EXPECT_TRUE(group_flows(members, FlowPattern::ring, domain).empty()) << "one domain";
  EXPECT_EQ(group_flows(members, FlowPattern::all_to_all, layout).size(), 3U * 32U);
}

}  // namespace
}  // namespace windtunnel::strategies
