// Laws of a mix: jobs that share nothing are as alone, those that share are slower, and no link
// carries more than it can.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <string>

#include "sim/engine/fluid_engine.hpp"
#include "sim/engine/isolated.hpp"
#include "sim/engine/simgrid/simgrid_engine.hpp"
#include "strategies/mix/run_mix.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::FixedRates;
using test::h100_cluster;
using test::Subject;

// A cluster and jobs on its parts, kept alive while they run.
class Bench {
 public:
  explicit Bench(const sim::Cluster& cluster) : cluster_(test::valid(cluster)) {}

  void add_training(const std::string& name, const TrainJob& job, const PartChoice& choice,
                    std::int64_t iterations = 0) {
    const Place& place = place_of(name, choice);
    trains_.push_back(job);
    members_.push_back({.name = name,
                        .start = base::Seconds(0),
                        .gpus = place.part.gpus,
                        .work = TrainMember{.job = trains_.back(),
                                            .subject = {trained_.model, trained_.network},
                                            .site = {place.part.cluster, kernels_, nullptr},
                                            .iterations = iterations}});
  }
  void add_serving(const std::string& name, const ServeJob& job, const PartChoice& choice) {
    const Place& place = place_of(name, choice);
    serves_.push_back(job);
    members_.push_back(
        {.name = name,
         .start = base::Seconds(0),
         .gpus = place.part.gpus,
         .work = ServeMember{.job = serves_.back(),
                             .subject = {served_.model, served_.network},
                             .site = {.cluster = place.part.cluster, .kernels = kernels_}}});
  }
  void start_at(double time) { members_.back().start = base::Seconds(time); }

  base::Outcome run(sim::EngineKind kind = sim::EngineKind::analytic) const {
    const sim::Network network(cluster_);
    const EngineFactory factory = [kind](const sim::Network& on, sim::EngineOptions options) {
      options.sharing = sim::Sharing::max_min;
      return kind == sim::EngineKind::simgrid ? sim::make_simgrid_engine(on, options)
                                              : sim::make_fluid_engine(on, options);
    };
    return run_mix(members_, {network, factory}, {});
  }
  // One fact of a run on SimGrid.
  double on_simgrid(const std::string& fact) const {
    return std::stod(sim::run_isolated(
        [&] { return std::to_string(run(sim::EngineKind::simgrid).facts.at(fact)); }));
  }

 private:
  struct Place {
    ClusterPart part;
  };
  const Place& place_of(const std::string& name, const PartChoice& choice) {
    base::Diagnostics diagnostics;
    auto part = part_of(cluster_, choice, {}, diagnostics);
    EXPECT_TRUE(part) << name << ": " << diagnostics.to_text();
    places_.push_back({*std::move(part)});
    return places_.back();
  }

  sim::ValidCluster cluster_;
  FixedRates kernels_{600e12, 2.5e12};
  Subject trained_{"gpt3-1.3b"};
  Subject served_{"llama3-8b"};
  std::deque<Place> places_;
  std::deque<TrainJob> trains_;
  std::deque<ServeJob> serves_;
  std::vector<MixMember> members_;
};

TrainJob data_parallel(models::NumberFormat gradients = models::NumberFormat::fp32) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = 16;
  job.strategy.overlap.data = false;
  job.strategy.gradient_precision = gradients;
  return job;
}

ServeJob disaggregated(std::int64_t requests = 60) {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::poisson, .rate = 40, .requests = requests};
  job.workload.input = LognormalLength{8000, 0.4};
  job.workload.output = ConstantLength{16};
  job.strategy.tensor = 4;
  job.strategy.disaggregate = {.prefill = 2, .decode = 2};
  return job;
}

// Leaves of two nodes, with one uplink for `over` ports down.
sim::Cluster leaves(double over) {
  sim::Cluster cluster = h100_cluster(4);
  cluster.fabric = {.kind = sim::FabricKind::fat_tree,
                    .levels = 2,
                    .radix = 16 + static_cast<int>(16 / over),
                    .oversubscription = over,
                    .switch_latency = base::Seconds(3e-7)};
  return cluster;
}

// Each job has a node on both leaves.
Bench across_leaves(double over, const TrainJob& train = data_parallel()) {
  Bench bench(leaves(over));
  bench.add_training("train", train, {.nodes = {0, 2}});
  bench.add_serving("serve", disaggregated(), {.nodes = {1, 3}});
  return bench;
}

double fact(const base::Outcome& out, const std::string& name) {
  const auto found = out.facts.find(name);
  return found == out.facts.end() ? NAN : found->second;
}

TEST(Mix, JobsThatShareNoLinkAreToTheLastBitAsAlone) {
  // One switch: only NICs are there to be shared.
  Bench two(h100_cluster(4));
  two.add_training("train", data_parallel(), {.nodes = {0, 2}});
  two.add_serving("serve", disaggregated(), {.nodes = {1, 3}});
  const base::Outcome out = two.run();
  ASSERT_EQ(out.status, base::Status::ok) << out.reason;
  EXPECT_EQ(fact(out, "train.slowdown"), 1.0);
  EXPECT_EQ(fact(out, "serve.slowdown"), 1.0);
  for (const auto& [name, value] : out.facts) {
    const std::size_t at = name.find(".alone_");
    if (at == std::string::npos) continue;
    EXPECT_EQ(value, fact(out, name.substr(0, at + 1) + name.substr(at + 7))) << name;
  }
  EXPECT_EQ(fact(out, "shared_links"), 0.0);
  EXPECT_FALSE(out.tables.contains("shared_links"));
}

TEST(Mix, JobsOnTheSameUplinksSlowEachOther) {
  const base::Outcome out = across_leaves(8.0).run();
  ASSERT_EQ(out.status, base::Status::ok) << out.reason;
  EXPECT_GT(fact(out, "train.slowdown"), 1.01);
  EXPECT_GT(fact(out, "serve.slowdown"), 1.01);
  EXPECT_GT(fact(out, "serve.ttft_mean_s") + fact(out, "serve.e2e_mean_s"),
            fact(out, "serve.alone_ttft_mean_s") + fact(out, "serve.alone_e2e_mean_s"));
  EXPECT_GT(fact(out, "shared_links"), 0.0);
}

TEST(Mix, NoLinkCarriesMoreThanItsRate) {
  for (const double over : {1.0, 4.0, 8.0}) {
    const base::Outcome out = across_leaves(over).run();
    EXPECT_LE(fact(out, "shared_link_peak"), 1.0) << over;
  }
}

// Four bytes of gradient a weight instead of two.
TEST(Mix, ServingIsSlowedMoreTheMoreBytesTrainingSends) {
  const base::Outcome few = across_leaves(8.0, data_parallel(models::NumberFormat::bf16)).run();
  const base::Outcome many = across_leaves(8.0, data_parallel(models::NumberFormat::fp32)).run();
  EXPECT_DOUBLE_EQ(fact(few, "serve.alone_e2e_mean_s"), fact(many, "serve.alone_e2e_mean_s"));
  EXPECT_GT(fact(few, "serve.slowdown"), 1.0);
  EXPECT_GT(fact(many, "serve.slowdown"), fact(few, "serve.slowdown"));
}

TEST(Mix, KeepsEveryRequestAndPartsOfIterationsAddUp) {
  const base::Outcome out = across_leaves(8.0).run();
  EXPECT_EQ(
      fact(out, "serve.completed") + fact(out, "serve.rejected") + fact(out, "serve.in_flight"),
      fact(out, "serve.requests"));
  EXPECT_EQ(fact(out, "serve.requests"), 60.0);
  double parts = 0.0;
  for (const auto& [name, value] : out.facts) {
    if (name.starts_with("train.time_") && name.ends_with("_s")) parts += value;
  }
  EXPECT_NEAR(parts, fact(out, "train.iteration_time_s"), 1e-9 * parts);
}

TEST(Mix, IsTheSameEveryTime) {
  const base::Outcome a = across_leaves(4.0).run(), b = across_leaves(4.0).run();
  EXPECT_EQ(a.facts, b.facts);
  EXPECT_EQ(a.tables.at("timeline").rows, b.tables.at("timeline").rows);
}

ServeJob over_two_nodes() {
  ServeJob job;
  job.workload.arrivals = {.process = ArrivalProcess::poisson, .rate = 20, .requests = 60};
  job.workload.input = ConstantLength{2000};
  job.workload.output = ConstantLength{32};
  job.strategy.tensor = 16;
  return job;
}

TEST(Mix, ReplicasOverSeveralNodesShareWhatTheirStepsSend) {
  for (const double over : {1.0, 8.0}) {
    Bench bench(leaves(over));
    bench.add_training("train", data_parallel(), {.nodes = {0, 2}});
    bench.add_serving("serve", over_two_nodes(), {.nodes = {1, 3}});
    const base::Outcome out = bench.run();
    ASSERT_EQ(out.status, base::Status::ok) << out.reason;
    EXPECT_GE(fact(out, "serve.slowdown"), 1.0);
    if (over > 1.0) {
      EXPECT_GT(fact(out, "serve.tpot_mean_s"), fact(out, "serve.alone_tpot_mean_s"));
    }
    EXPECT_LE(fact(out, "shared_link_peak"), 1.0);
  }
}

// One and the same simulation: `kind: serve` on the cluster's links, and a mix's job alone.
TEST(ServingOverLinks, OfOneJobIsWhatItIsAloneInAMix) {
  const sim::ValidCluster cluster = test::valid(leaves(8.0));
  const sim::Network network(cluster);
  const FixedRates kernels(600e12, 2.5e12);
  const Subject model("llama3-8b");
  for (const ServeJob& job : {disaggregated(), over_two_nodes()}) {
    ServeOptions options{.bands = false};
    options.links = {.network = &network,
                     .engine = [&] { return sim::make_fluid_engine(network, {}); }};
    const base::Outcome alone = run_serve(job, {model.model, model.network},
                                          {.cluster = cluster, .kernels = kernels}, options);
    ASSERT_EQ(alone.status, base::Status::ok) << alone.reason;
    Bench bench(leaves(8.0));
    bench.add_serving("serve", job, {});
    const base::Outcome mixed = bench.run();
    for (const char* name : {"ttft_mean_s", "tpot_mean_s", "e2e_p99_s", "makespan_s"})
      EXPECT_EQ(fact(mixed, std::string("serve.") + name), fact(alone, name)) << name;
    EXPECT_EQ(fact(mixed, "serve.slowdown"), 1.0);
    EXPECT_TRUE(alone.tables.contains("links"));
  }
}

// Leaves with one uplink for eight ports down hold keys up that NICs alone would not.
TEST(ServingOverLinks, KeysWaitForUplinks) {
  const auto tpot = [](double over) {
    Bench bench(leaves(over));
    bench.add_serving("serve", disaggregated(), {.nodes = {0, 2}});
    return fact(bench.run(), "serve.e2e_mean_s");
  };
  EXPECT_GT(tpot(8.0), tpot(1.0));
}

// Sharing max-min on both; SimGrid counts in units of 2^-16 byte and keeps its own clock.
TEST(Mix, SimgridSaysTheSame) {
  Bench apart(h100_cluster(4));
  apart.add_training("train", data_parallel(), {.nodes = {0, 2}});
  apart.add_serving("serve", disaggregated(), {.nodes = {1, 3}});
  EXPECT_NEAR(apart.on_simgrid("train.slowdown"), 1.0, 1e-5);
  EXPECT_NEAR(apart.on_simgrid("serve.slowdown"), 1.0, 1e-5);
  const Bench shared = across_leaves(8.0);
  const base::Outcome own = shared.run();
  EXPECT_NEAR(shared.on_simgrid("train.slowdown") / fact(own, "train.slowdown"), 1.0, 0.01);
  EXPECT_NEAR(shared.on_simgrid("serve.slowdown") / fact(own, "serve.slowdown"), 1.0, 0.01);
}

// Four GPUs each of two nodes, behind one NIC a node.
TEST(Mix, HalvesOfNodesShareTheirNics) {
  sim::Cluster cluster = h100_cluster(2);
  cluster.node.nics.count = 1;
  Bench bench(cluster);
  bench.add_training("a", data_parallel(), {.nodes = {}, .gpus = {0, 1, 2, 3}});
  bench.add_training("b", data_parallel(), {.nodes = {}, .gpus = {4, 5, 6, 7}});
  const base::Outcome out = bench.run();
  ASSERT_EQ(out.status, base::Status::ok) << out.reason;
  EXPECT_GT(fact(out, "a.slowdown"), 1.2);  // both reduce at the same time, all the time
  EXPECT_NEAR(fact(out, "a.slowdown"), fact(out, "b.slowdown"), 1e-9);
  EXPECT_EQ(fact(out, "a.measured_iterations"), kIterations);
  EXPECT_EQ(fact(out, "shared_links"), 4.0);  // each node's NIC, out and in
}

TEST(Mix, AJobThatStartsLaterIsMeasuredWithTheOthers) {
  sim::Cluster cluster = h100_cluster(2);
  cluster.node.nics.count = 1;
  Bench bench(cluster);
  bench.add_training("a", data_parallel(), {.nodes = {}, .gpus = {0, 1, 2, 3}});
  bench.add_training("b", data_parallel(), {.nodes = {}, .gpus = {4, 5, 6, 7}});
  const double alone = fact(bench.run(), "a.alone_iteration_time_s");
  bench.start_at(2.5 * alone);
  const base::Outcome out = bench.run();
  EXPECT_GE(fact(out, "a.iterations"), 2 + kIterations);
  EXPECT_GT(fact(out, "a.slowdown"), 1.05);  // less than in step
  EXPECT_NEAR(fact(out, "a.alone_iteration_time_s"), alone, 1e-9);
}

TEST(Mix, SaysWhichJobDoesNotFit) {
  Bench bench(h100_cluster(2));
  TrainJob job = data_parallel();
  job.strategy.sizes.tensor = 3;
  bench.add_training("odd", job, {.nodes = {0}});
  bench.add_serving("serve", disaggregated(), {.nodes = {1}});
  const base::Outcome out = bench.run();
  EXPECT_EQ(out.status, base::Status::infeasible);
  EXPECT_TRUE(out.reason.find("odd: ") != std::string::npos) << out.reason;
  EXPECT_TRUE(out.reason.find("serve: ") != std::string::npos) << out.reason;
}

// --- parts of a cluster ------------------------------------------------------------------------

std::string part_problem(const sim::Cluster& cluster, const PartChoice& choice) {
  base::Diagnostics diagnostics;
  const auto part = part_of(test::valid(cluster), choice, {}, diagnostics);
  EXPECT_EQ(part.has_value(), !diagnostics.has_errors());
  return diagnostics.has_errors() ? diagnostics.all().front().message : "";
}

TEST(ClusterPart, HasTheGpusInTheOrderGivenAndTheNicsThatBelongToThem) {
  sim::Cluster cluster = h100_cluster(4);
  cluster.node.nics.count = 4;
  base::Diagnostics diagnostics;
  const auto part =
      part_of(test::valid(cluster), {.nodes = {3, 1}, .gpus = {2, 3, 4}}, {}, diagnostics);
  ASSERT_TRUE(part) << diagnostics.to_text();
  EXPECT_EQ(part->gpus, (std::vector<int>{26, 27, 28, 10, 11, 12}));
  EXPECT_EQ(part->cluster->node.gpus, 3);
  EXPECT_EQ(part->cluster->node.nics.count, 2);  // GPUs 2 and 3 share one
  EXPECT_EQ(part->cluster->nodes, 2);
}

TEST(ClusterPart, HasTheSlowNodesAndGpusUnderItsOwnNumbers) {
  sim::Cluster cluster = h100_cluster(4);
  cluster.stragglers.slow = {{.nodes = {1, 3}, .slowdown = 1.5},
                             {.gpus = {25, 2}, .slowdown = 2.0},
                             {.nodes = {0}, .slowdown = 3.0}};
  base::Diagnostics diagnostics;
  const auto part = part_of(test::valid(cluster), {.nodes = {2, 3}}, {}, diagnostics);
  ASSERT_TRUE(part) << diagnostics.to_text();
  const auto& slow = part->cluster->stragglers.slow;
  ASSERT_EQ(slow.size(), 2U);
  EXPECT_EQ(slow[0].nodes, (std::vector<int>{1}));
  EXPECT_EQ(slow[1].gpus, (std::vector<int>{9}));
}

TEST(ClusterPart, RefusesWhatIsNotThere) {
  EXPECT_NE(part_problem(h100_cluster(2), {.nodes = {2}}), "");
  EXPECT_NE(part_problem(h100_cluster(2), {.nodes = {1, 1}}), "");
  EXPECT_NE(part_problem(h100_cluster(2), {.nodes = {}, .gpus = {8}}), "");
  EXPECT_EQ(part_problem(h100_cluster(2), {}), "");
}

TEST(ClusterPart, OfDomainsOverNodesBeginsWithADomain) {
  sim::Cluster cluster = h100_cluster(8);
  cluster.node.scale_up.size = 32;
  EXPECT_EQ(part_problem(cluster, {.nodes = {0, 1, 2}}), "");
  EXPECT_EQ(part_problem(cluster, {.nodes = {4, 5, 6, 7}}), "");
  EXPECT_NE(part_problem(cluster, {.nodes = {2, 3, 4}}), "");
  EXPECT_NE(part_problem(cluster, {.nodes = {0, 1, 2, 3, 0}}), "");
}

}  // namespace
}  // namespace windtunnel::strategies
