// Scenarios that serve requests: what is read, and into which values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/support.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::ArrivalProcess;
using strategies::BatchingPolicy;
using testing::HasSubstr;

const std::string kServe = R"(name: served
cluster: {use: dgx-h100, nodes: 1}
model: llama3-8b
workload:
  kind: serve
  arrivals: {process: poisson, rate: 4/s, requests: 200}
  lengths: {input: {constant: 100}, output: {constant: 20}}
strategy: {replicas: 2}
)";

const ServeScenario& serve_of(const Loaded& loaded) {
  return std::get<ServeScenario>(loaded.only().workload);
}

TEST(ServeScenarios, TheContractsExampleIsReadInFull) {
  const Loaded loaded = load_text(R"(cluster: dgx-h100
model: llama3-70b
workload: {kind: serve, arrivals: {process: poisson, rate: 4/s, requests: 2000},
           lengths: {input: {lognormal: {median: 800, sigma: 0.7}}, output: {constant: 128}},
           mode: online, slo: {ttft: 500ms, tpot: 50ms}}
strategy: {replicas: 2, tensor: 4, pipeline: 1, data: 1, expert: 1, precision: fp8,
           kv_precision: fp8, router: round_robin,
           batching: {policy: continuous, max_batch: 256, max_tokens: 8192, chunked_prefill: true, max_delay: 5ms},
           kv: {block: 16, memory_fraction: 0.9, prefix_caching: true, preemption: recompute}}
)");
  const strategies::ServeJob& job = serve_of(loaded).job;
  EXPECT_EQ(job.workload.arrivals.rate, 4);
  EXPECT_EQ(job.workload.arrivals.requests, 2000);
  EXPECT_EQ(std::get<strategies::LognormalLength>(job.workload.input).median, 800);
  EXPECT_EQ(std::get<strategies::ConstantLength>(job.workload.output).tokens, 128);
  EXPECT_EQ(job.workload.slo.ttft, base::Seconds(0.5));
  EXPECT_EQ(job.workload.slo.e2e, strategies::kNever);
  EXPECT_EQ(job.strategy.tensor, 4);
  EXPECT_EQ(job.strategy.precision, models::NumberFormat::fp8);
  EXPECT_EQ(job.strategy.batching.policy, BatchingPolicy::continuous);
  EXPECT_EQ(job.strategy.batching.max_delay, base::Seconds(5e-3));
}

TEST(ServeScenarios, TheLargerPartsOfAStrategyAreReadInFull) {
  const Loaded loaded = load_text(
      kServe,
      {"strategy.disaggregate={prefill: 1, decode: 1, decode_tensor: 2}",
       "strategy.speculative={tokens: 3, acceptance: 0.8, draft: llama3-8b}",
       "strategy.failures={mtbf: 1h}", "strategy.front_end={protocol: grpc, network: 1ms}",
       "strategy.pruning={two_four: true, layers_removed: 2}",
       "strategy.kv={preemption: swap, host_memory: 64GiB, blocks: 100}",
       "strategy.router={policy: power_of_two, staleness: 1s}", "strategy.software=sglang 0.5.2"});
  const strategies::ServeStrategy& s = serve_of(loaded).job.strategy;
  EXPECT_TRUE(s.disaggregate.on());
  EXPECT_EQ(s.disaggregate.prefill_tensor, 0);
  EXPECT_EQ(s.disaggregate.decode_tensor, 2);
  EXPECT_EQ(s.speculative.draft, "llama3-8b");
  EXPECT_EQ(s.failures.mtbf, base::Seconds(3600));
  EXPECT_EQ(s.front_end.protocol, strategies::Protocol::grpc);
  EXPECT_TRUE(s.pruning.two_four);
  EXPECT_EQ(s.kv.preemption, strategies::Preemption::swap);
  EXPECT_EQ(s.kv.blocks, 100);
  EXPECT_EQ(s.router.policy, strategies::RouterPolicy::power_of_two);
  EXPECT_EQ(s.software, "sglang 0.5.2");
}

TEST(ServeScenarios, ABareNumberIsAConstantLengthAndAHistogramIsReadInOrder) {
  const Loaded loaded = load_text(
      kServe, {"workload.lengths.input=77", "workload.lengths.output={empirical: {3: 1, 9: 0.5}}"});
  const strategies::ServeWorkload& work = serve_of(loaded).job.workload;
  EXPECT_EQ(std::get<strategies::ConstantLength>(work.input).tokens, 77);
  const auto& weights = std::get<strategies::EmpiricalLength>(work.output).weights;
  EXPECT_THAT(weights, testing::ElementsAre(std::pair<std::int64_t, double>(3, 1.0),
                                            std::pair<std::int64_t, double>(9, 0.5)));
}

TEST(ServeScenarios, ThePolicyThatIsNotStatedFollowsTheModel) {
  EXPECT_EQ(serve_of(load_text(kServe)).job.strategy.batching.policy, BatchingPolicy::continuous);
  const Loaded vision = load_text(
      "cluster: dgx-h100\nmodel: resnet50\nworkload: {kind: serve, arrivals: {rate: 100/s}}\n");
  EXPECT_EQ(serve_of(vision).job.strategy.batching.policy, BatchingPolicy::dynamic);
  EXPECT_EQ(std::get<strategies::ConstantLength>(serve_of(vision).job.workload.input).tokens, 1);
}

TEST(ServeScenarios, AResolvedScenarioLoadsToItselfAgain) {
  const std::string once = load_text(kServe).only().resolved_yaml;
  EXPECT_EQ(load_text(once).only().resolved_yaml, once);
}

TEST(ServeScenarios, TheKeysOfATrainingStrategyAreStrangersHere) {
  EXPECT_THAT(load_text(kServe, {"strategy.zero=1"}).errors(),
              HasSubstr("there is no 'strategy.zero' in a scenario"));
}

}  // namespace
}  // namespace windtunnel::scenarios
