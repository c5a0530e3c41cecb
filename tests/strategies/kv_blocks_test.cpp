// Laws of the KV blocks of a rank, and of engines that run out of them.
#include "strategies/serve/engine/kv_blocks.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "sim/base/random.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"

namespace windtunnel::strategies {
namespace {

using Holder = KvBlocks::Holder;

TEST(KvBlocks, LeastRecentlyUsedChainsLoseBlocksFromTheirEnd) {
  KvBlocks cache(10, true);
  for (const std::int64_t key : {1, 2}) {
    ASSERT_TRUE(cache.allocate(4));
    cache.extend(key, 4, Holder::is_new);
    cache.unuse(key);
  }
  EXPECT_EQ(cache.active(), 0);
  ASSERT_TRUE(cache.allocate(5));  // two are free, three are taken from the older chain
  EXPECT_EQ(cache.cached(1), 1);
  EXPECT_EQ(cache.cached(2), 4);
}

TEST(KvBlocks, AUserOfPartOfAChainLeavesTheRestToBeTaken) {
  KvBlocks cache(10, true);
  ASSERT_TRUE(cache.allocate(8));
  cache.extend(7, 8, Holder::is_new);
  cache.unuse(7);
  EXPECT_EQ(cache.cost(7, 3), 3);
  cache.use(7, 3);
  EXPECT_EQ(cache.active(), 3);
  ASSERT_TRUE(cache.allocate(7));
  EXPECT_EQ(cache.cached(7), 3);
  EXPECT_FALSE(cache.allocate(1));
}

TEST(KvBlocks, WhatIsEvictedWaitsInHostMemoryAsFarAsThereIsRoom) {
  KvBlocks cache(8, true, 5);
  ASSERT_TRUE(cache.allocate(8));
  cache.extend(1, 8, Holder::is_new);
  cache.unuse(1);
  ASSERT_TRUE(cache.allocate(6));
  EXPECT_EQ(cache.cached(1), 2);
  EXPECT_EQ(cache.hosted(1), 5);  // behind those two; the last one found no room
  EXPECT_TRUE(cache.reserve_host(3));
  EXPECT_EQ(cache.hosted(1), 2);
  EXPECT_FALSE(cache.reserve_host(3));
}

TEST(KvBlocks, AreNeverMoreThanThereAreWhateverHappens) {
  base::RandomStream random(5, "kv");
  KvBlocks cache(64, true, 20);
  std::map<std::int64_t, std::int64_t> users;  // by key
  std::int64_t loose = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t key = random.below(12), blocks = random.below(9);
    switch (random.below(4)) {
      case 0:
        if (cache.allocate(blocks)) loose += blocks;
        break;
      case 1:
        if (loose < 1) break;
        cache.extend(key, std::min(loose, blocks),
                     users[key] > 0 ? Holder::is_user : Holder::is_new);
        users[key] = std::max<std::int64_t>(1, users[key]);
        loose -= std::min(loose, blocks);
        break;
      case 2: {
        const std::int64_t wanted = std::min(blocks, cache.cached(key));
        if (wanted < 1 || cache.cost(key, wanted) > cache.available()) break;
        cache.use(key, wanted);
        ++users[key];
        break;
      }
      default:
        if (users[key] > 0) {
          cache.unuse(key);
          --users[key];
        }
        cache.release(loose / 2);
        loose -= loose / 2;
    }
    ASSERT_GE(cache.active(), loose);
    ASSERT_LE(cache.active(), cache.total());
  }
  for (auto& [key, count] : users)
    for (; count > 0; --count) cache.unuse(key);
  cache.release(loose);
  EXPECT_EQ(cache.active(), 0);
}

// A step takes a second, and a microsecond a token, on each stage.
class Ticks final : public StepTimeModel {
 public:
  explicit Ticks(std::int64_t stages) : stages_(static_cast<double>(stages)) {}
  StepTime time(const StepBatch& batch) override {
    const base::Seconds t(1.0 + 1e-6 * static_cast<double>(batch.tokens()));
    return {.total = t, .latency = t * stages_, .device = t};
  }

 private:
  double stages_;
};

EngineFleet engine_of(std::int64_t blocks, std::int64_t stages = 1) {
  EnginePlan plan;
  plan.steps = std::make_shared<Ticks>(stages);
  plan.stages = stages;
  plan.memory.blocks = blocks;
  plan.memory.kv_token = plan.kv_request_token = base::Bytes(1e5);
  return {.plans = {plan}, .link_rates = {1e10}};
}

ServedRun serve(const ServeJob& job, const EngineFleet& fleet) {
  return simulate(job, fleet, make_traffic(job.workload, 1), {.seed = 1});
}

ServeJob trace_of(std::vector<Request> requests) {
  ServeJob job;
  job.workload.trace = std::make_shared<std::vector<Request>>(std::move(requests));
  job.strategy.kv.block = 4;
  return job;
}

// vLLM v1 by hand: 4 blocks of 4, two prompts of 7 tokens (2 blocks each), 6 tokens of answer.
//   step 1   both prompts, first tokens: 8 tokens known, 7 computed
//   step 2   both write their 8th key; 9 known
//   step 3   A needs a third block: B, at the tail, is preempted. Nobody is admitted
//   steps 4-6 A alone; B's 9 tokens need 3 blocks and A holds 3 of 4, so that B waits
//   step 6   A's sixth token; step 7: B is back, its first block is still cached (A has taken the other):
//            its prompt and its 2 tokens are computed, its third token comes at the end of step 7
TEST(EngineReplica, PreemptsItsTailAndTakesItBackAsVllmDoes) {
  const ServeJob job = trace_of({{.id = 0, .input_tokens = 7, .output_tokens = 6},
                                 {.id = 1, .input_tokens = 7, .output_tokens = 6}});
  const ServedRun run = serve(job, engine_of(4));
  EXPECT_EQ(run.records[0].preemptions, 0);
  EXPECT_EQ(run.records[1].preemptions, 1);
  EXPECT_NEAR(run.records[0].finish.value(), 6, 1e-3);
  EXPECT_NEAR(run.records[1].finish.value(), 10, 1e-3);  // tokens 3 to 6 on steps 7 to 10
  // 7 and 7, then 9 less the 4 keys of the block that is still there.
  EXPECT_EQ(run.replicas[0].prompt_tokens, 7 + 7 + 9 - 4);
  EXPECT_EQ(run.replicas[0].steps, 10);
}

TEST(EngineReplica, EveryOrderEndsWhereBlocksRunOut) {
  for (const ContinuousOrder order :
       {ContinuousOrder::unified, ContinuousOrder::prefill_first, ContinuousOrder::orca,
        ContinuousOrder::sarathi, ContinuousOrder::no_evict}) {
    for (const std::int64_t stages : {1, 4}) {
      for (const Preemption preemption : {Preemption::recompute, Preemption::swap}) {
        for (const std::int64_t max_tokens : {90, 400}) {
          ServeJob job;
          job.workload.arrivals = {.rate = 5, .requests = 200};
          job.workload.input = UniformLength{1, 80};
          job.workload.output = UniformLength{1, 120};
          job.workload.shared_prefix = {.tokens = 20, .groups = 3};
          job.strategy.batching.order = order;
          job.strategy.batching.max_tokens = max_tokens;
          job.strategy.batching.chunked_prefill = max_tokens > 100;
          job.strategy.kv.preemption = preemption;
          job.strategy.kv.host_memory = base::Bytes(2e7);
          job.strategy.kv.watermark = 0.05;
          const ServedRun run = serve(job, engine_of(16, stages));
          EXPECT_LT(run.events, 4 * run.replicas[0].steps + 1000);
          for (const RequestRecord& r : run.records)
            ASSERT_EQ(r.fate, Fate::completed)
                << static_cast<int>(order) << ' ' << stages << ' ' << max_tokens;
        }
      }
    }
  }
}

TEST(EngineReplica, EvictedPrefixesComeBackFromTheHostInTimeOfTheirBytes) {
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 3; ++i)  // 0 and 2 share what 1 drives out
    requests.push_back({.id = i,
                        .arrival = base::Seconds(10.0 * static_cast<double>(i)),
                        .input_tokens = 62,
                        .output_tokens = 2,
                        .prefix_id = i % 2,
                        .prefix_tokens = 60});
  ServeJob job = trace_of(std::move(requests));
  EngineFleet fleet = engine_of(16);
  fleet.plans[0].host_bandwidth = base::BytesPerSecond(1e6);  // a token in 0.1 s
  const ServedRun none = serve(job, fleet);
  EXPECT_LT(none.records[2].cached_tokens, 60);
  job.strategy.kv.host_memory = base::Bytes(1e9);
  const ServedRun hosted = serve(job, fleet);
  EXPECT_EQ(hosted.records[2].cached_tokens, 60);
  const double ttft = (hosted.records[2].first_token - hosted.records[2].arrival).value();
  EXPECT_NEAR(ttft, 1.0 + 60 * 0.1, 0.01);
}

TEST(EngineReplica, APipelineWorksOnAsManyStepsAsItHasStages) {
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 4; ++i)  // arrive one stage time apart: four steps under way
    requests.push_back({.id = i,
                        .arrival = base::Seconds(1.1 * static_cast<double>(i)),
                        .input_tokens = 4,
                        .output_tokens = 20});
  const ServedRun run = serve(trace_of(std::move(requests)), engine_of(100, 4));
  for (const RequestRecord& r : run.records)  // as if each were alone
    EXPECT_NEAR((r.finish - r.arrival).value(), 20 * 4.0, 2.5);
  EXPECT_EQ(run.replicas[0].steps, 80);
}

TEST(EngineReplica, OrcaRejectsWhereTheLongestSequenceDoesNotFit) {
  ServeJob job = trace_of({{.id = 0, .input_tokens = 7, .output_tokens = 6}});
  job.strategy.batching.order = ContinuousOrder::orca;
  EngineFleet fleet = engine_of(10);
  fleet.plans[0].max_model_len = 41;
  EXPECT_EQ(serve(job, fleet).records[0].fate, Fate::rejected);
}

}  // namespace
}  // namespace windtunnel::strategies
