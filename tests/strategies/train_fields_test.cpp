// Every field of a training job acts: changed alone it changes what the job takes, or is refused with
// a sentence. And laws of hybrid sharding and of the schemes of context parallelism.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::FixedRates;
using test::h100_cluster;
using test::Subject;

double fact(const base::Outcome& out, const std::string& name) {
  return out.facts.contains(name) ? out.facts.at(name) : NAN;
}
double time_of(const base::Outcome& out) {
  return fact(out, "iteration_time_s");
}

TrainJob base_job() {
  TrainJob job;
  job.workload.sequence_length = 4096;
  job.workload.global_batch = 128;
  job.strategy.sizes = {.tensor = 2, .context = 2, .pipeline = 2, .expert = 4};
  job.strategy.sequence_parallel = true;
  job.strategy.zero = ZeroLevel::optimizer;
  job.strategy.micro_batch = 2;
  return job;
}

struct Change {
  std::string name;
  std::function<void(TrainJob&)> make;
};

// Of experts, so that expert parallelism acts, too.
std::vector<Change> changes() {
  std::vector<Change> all;
  const auto add = [&](std::string name, std::function<void(TrainJob&)> make) {
    all.push_back({std::move(name), std::move(make)});
  };
  add("sequence_length", [](TrainJob& j) { j.workload.sequence_length = 2048; });
  add("global_batch", [](TrainJob& j) { j.workload.global_batch = 256; });
  add("precision", [](TrainJob& j) { j.workload.precision = models::NumberFormat::fp8; });
  add("optimizer", [](TrainJob& j) { j.workload.optimizer = Optimizer::sgd; });
  add("data_loading", [](TrainJob& j) { j.workload.data_loading.sample_time = base::Seconds(9); });
  add("data_loading.storage_bandwidth", [](TrainJob& j) {
    j.workload.data_loading.sample_bytes = base::Bytes(1e9);
    j.workload.data_loading.storage_bandwidth = base::BytesPerSecond(1e8);
  });
  add("checkpointing", [](TrainJob& j) {
    j.workload.checkpointing = {.interval = 10, .bandwidth = base::BytesPerSecond(1e10)};
  });
  add("checkpointing.asynchronous", [](TrainJob& j) {
    j.workload.checkpointing = {
        .interval = 10, .bandwidth = base::BytesPerSecond(1e10), .asynchronous = true};
  });
  add("total_tokens", [](TrainJob& j) { j.workload.total_tokens = 1'000'000'000; });
  add("filled", [](TrainJob& j) { j.workload.filled = 0.5; });
  add("lengths", [](TrainJob& j) { j.workload.lengths = ConstantLength{1000}; });
  add("packing", [](TrainJob& j) {
    j.workload.lengths = ConstantLength{1024};
    j.workload.packing = Packing::packed;
  });
  add("fine_tuning",
      [](TrainJob& j) { j.workload.fine_tuning.method = models::FineTuningMethod::lora; });
  add("tensor", [](TrainJob& j) { j.strategy.sizes.tensor = 4; });
  add("pipeline", [](TrainJob& j) { j.strategy.sizes.pipeline = 4; });
  add("context", [](TrainJob& j) { j.strategy.sizes.context = 4; });
  add("context_scheme: all_gather",
      [](TrainJob& j) { j.strategy.context_scheme = models::ContextScheme::all_gather; });
  add("context_scheme: all_to_all",
      [](TrainJob& j) { j.strategy.context_scheme = models::ContextScheme::all_to_all; });
  add("expert", [](TrainJob& j) { j.strategy.sizes.expert = 8; });
  add("expert_tensor", [](TrainJob& j) { j.strategy.sizes.expert_tensor = 2; });
  add("rank_order", [](TrainJob& j) {
    j.strategy.rank_order = {ParallelDimension::pipeline, ParallelDimension::context,
                             ParallelDimension::data, ParallelDimension::tensor};
  });
  add("sequence_parallel", [](TrainJob& j) { j.strategy.sequence_parallel = false; });
  add("zero", [](TrainJob& j) { j.strategy.zero = ZeroLevel::weights; });
  add("shard", [](TrainJob& j) { j.strategy.shard = 2; });
  for (const PipelineSchedule schedule : all_pipeline_schedules()) {
    if (schedule == PipelineSchedule::one_f_one_b) continue;
    add(std::string(to_text(schedule)), [schedule](TrainJob& j) {
      j.strategy.schedule = schedule;
      if (schedule == PipelineSchedule::interleaved) j.strategy.virtual_stages = 2;
    });
  }
  add("micro_batch", [](TrainJob& j) { j.strategy.micro_batch = 1; });
  add("recompute", [](TrainJob& j) { j.strategy.recompute = models::Recompute::full; });
  add("recompute_layers", [](TrainJob& j) {
    j.strategy.recompute = models::Recompute::full;
    j.strategy.recompute_layers = 3;
  });
  add("recompute_modules", [](TrainJob& j) {
    j.strategy.recompute = models::Recompute::selective;
    j.strategy.recompute_modules = {models::RecomputeModule::moe};
  });
  add("recompute_modules: that the model does not have", [](TrainJob& j) {
    j.strategy.recompute = models::Recompute::selective;
    j.strategy.recompute_modules = {models::RecomputeModule::mla_up_proj};
  });
  add("recompute_modules: of full recomputation", [](TrainJob& j) {
    j.strategy.recompute = models::Recompute::full;
    j.strategy.recompute_modules = {models::RecomputeModule::moe};
  });
  add("expert_dispatch", [](TrainJob& j) {
    j.strategy.sizes.expert = 8;
    j.strategy.expert_dispatch = ExpertDispatch::per_node;
  });
  add("expert_dispatch: without experts on other ranks",
      [](TrainJob& j) { j.strategy.expert_dispatch = ExpertDispatch::per_node; });
  add("bucket", [](TrainJob& j) { j.strategy.bucket = base::Bytes(4e9); });
  add("overlap.data", [](TrainJob& j) { j.strategy.overlap.data = false; });
  add("overlap.tensor", [](TrainJob& j) { j.strategy.overlap.tensor = true; });
  add("overlap.pipeline", [](TrainJob& j) {
    j.strategy.overlap.pipeline = false;
    j.strategy.software = "megatron-core";
  });
  add("attention", [](TrainJob& j) { j.strategy.attention = AttentionChoice::unfused; });
  add("gradient_precision",
      [](TrainJob& j) { j.strategy.gradient_precision = models::NumberFormat::bf16; });
  add("stage_layers", [](TrainJob& j) { j.strategy.stage_layers = {20, 12}; });
  add("offload_optimizer", [](TrainJob& j) { j.strategy.offload_optimizer = OffloadTarget::host; });
  add("offload_optimizer: nvme",
      [](TrainJob& j) { j.strategy.offload_optimizer = OffloadTarget::nvme; });
  add("offload_activations",
      [](TrainJob& j) { j.strategy.offload_activations = OffloadTarget::host; });
  add("offload_layers", [](TrainJob& j) {
    j.strategy.offload_activations = OffloadTarget::host;
    j.strategy.offload_layers = 5;
  });
  add("host_memory", [](TrainJob& j) {
    j.strategy.offload_optimizer = OffloadTarget::host;
    j.strategy.host_memory = base::Bytes(1e9);
  });
  add("offload_activations: nvme",
      [](TrainJob& j) { j.strategy.offload_activations = OffloadTarget::nvme; });
  return all;
}

TEST(TrainFields, EachActsOrIsRefusedWithASentence) {
  const Subject moe("mixtral-8x7b");
  const base::Outcome usual = test::train(base_job(), moe, h100_cluster(8));
  ASSERT_FALSE(usual.facts.empty()) << usual.reason;
  std::size_t acted = 0;
  for (const Change& change : changes()) {
    TrainJob job = base_job();
    change.make(job);
    const base::Outcome out = test::train(job, moe, h100_cluster(8));
    if (out.facts.empty()) {
      EXPECT_GT(out.reason.size(), 20U) << change.name;
      continue;
    }
    EXPECT_TRUE(out.facts != usual.facts) << change.name << " changes nothing";
    ++acted;
  }
  EXPECT_GT(acted, 38U);
}

// --- hybrid sharding -----------------------------------------------------------------------------

TrainJob sharded_job(ZeroLevel zero, std::int64_t shard) {
  TrainJob job;
  job.workload.sequence_length = 2048;
  job.workload.global_batch = 128;
  job.strategy.zero = zero;
  job.strategy.shard = shard;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

TEST(HybridSharding, OverAllRanksIsZero) {
  const Subject gpt("gpt3-1.3b");
  for (const ZeroLevel zero : {ZeroLevel::optimizer, ZeroLevel::gradients, ZeroLevel::weights}) {
    const base::Outcome all = test::train(sharded_job(zero, 0), gpt, h100_cluster(8));
    const base::Outcome stated = test::train(sharded_job(zero, 64), gpt, h100_cluster(8));
    EXPECT_EQ(all.facts, stated.facts);
  }
}

TEST(HybridSharding, HoldsAShareOfTheBlockAndTravelsLessBetweenNodes) {
  const Subject gpt("gpt3-1.3b");
  sim::Cluster slow = h100_cluster(8);
  slow.node.nics.bandwidth *= 0.1;
  // Of S bytes of weights and gradients each, a rank of 64 on 8 nodes sends 3 x 7/64 S between nodes
  // (two gathers, one scatter); with shards inside the node 2 x 7/64 S (adding up an eighth of S).
  const auto run = [&](std::int64_t shard) {
    TrainJob job = sharded_job(ZeroLevel::weights, shard);
    job.strategy.gradient_precision = models::NumberFormat::bf16;
    return test::train(job, gpt, slow);
  };
  const base::Outcome all = run(0), node = run(8);
  EXPECT_NEAR(fact(node, "memory_optimizer_bytes") / fact(all, "memory_optimizer_bytes"), 8.0,
              1e-9);
  EXPECT_NEAR(fact(node, "memory_weights_bytes") / fact(all, "memory_weights_bytes"), 8.0, 1e-9);
  EXPECT_LT(fact(node, "time_data_comm_s"), 0.9 * fact(all, "time_data_comm_s"));
}

TEST(HybridSharding, OnEveryRankTakesTheSame) {
  const Subject gpt("gpt3-1.3b");
  const auto cluster = test::valid(h100_cluster(8));
  const sim::Network network(cluster);
  const FixedRates kernels(600e12, 2.5e12);
  for (const ZeroLevel zero : {ZeroLevel::optimizer, ZeroLevel::weights}) {
    TrainOptions options;
    options.every_rank.emplace(network, sim::make_analytic_engine);
    const base::Outcome every = run_train(sharded_job(zero, 8), {gpt.model, gpt.network},
                                          {.cluster = cluster, .kernels = kernels}, options);
    const base::Outcome folded = test::train(sharded_job(zero, 8), gpt, h100_cluster(8));
    EXPECT_NEAR(time_of(every) / time_of(folded), 1.0, 1e-9);
  }
}

TEST(HybridSharding, SaysWhatDoesNotGo) {
  const Subject gpt("gpt3-1.3b");
  const base::Outcome uneven =
      test::train(sharded_job(ZeroLevel::weights, 7), gpt, h100_cluster(8));
  EXPECT_NE(uneven.reason.find("shard 7 does not divide the 64"), std::string::npos)
      << uneven.reason;
  const base::Outcome unsharded =
      test::train(sharded_job(ZeroLevel::none, 8), gpt, h100_cluster(8));
  EXPECT_NE(unsharded.reason.find("nothing to shard"), std::string::npos);
}

// --- context parallelism -------------------------------------------------------------------------

TrainJob context_job(models::ContextScheme scheme) {
  TrainJob job;
  job.workload.sequence_length = 131'072;
  job.workload.global_batch = 8;
  job.strategy.sizes = {.tensor = 8, .context = 4};
  job.strategy.sequence_parallel = true;
  job.strategy.context_scheme = scheme;
  job.strategy.recompute = models::Recompute::full;
  return job;
}

TEST(ContextSchemes, ARingHidesAndGatheredKeysAreWaitedFor) {
  using enum models::ContextScheme;
  const Subject llama("llama3-8b");
  const auto at = [&](models::ContextScheme scheme) {
    return test::train(context_job(scheme), llama, h100_cluster(8));
  };
  EXPECT_LT(fact(at(ring), "time_context_comm_s"), 0.01 * time_of(at(ring)));
  EXPECT_GT(fact(at(all_gather), "time_context_comm_s"),
            2.0 * fact(at(ring), "time_context_comm_s") + 1e-6);
  // The attention of all three is the same work.
  EXPECT_NEAR(fact(at(all_gather), "time_compute_s") / fact(at(ring), "time_compute_s"), 1.0, 0.01);
}

TEST(ContextSchemes, AllToAllNeedsHeadsForEveryRank) {
  TrainJob job = context_job(models::ContextScheme::all_to_all);
  const Subject llama("llama3-8b");
  EXPECT_FALSE(test::train(job, llama, h100_cluster(8)).facts.empty()) << "32 heads, 32 ranks";
  job.strategy.sizes.context = 8;
  const base::Outcome out = test::train(job, llama, h100_cluster(8));
  EXPECT_NE(out.reason.find("tensor x context 64 does not divide the 32 heads"), std::string::npos)
      << out.reason;
}

}  // namespace
}  // namespace windtunnel::strategies
