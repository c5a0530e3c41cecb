// Laws of tokens that travel to their experts while another micro-batch computes.
#include <gtest/gtest.h>

#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

using test::h100_cluster;
using test::Subject;
using test::train;

TrainJob job_of(std::int64_t expert) {
  TrainJob job;
  job.workload.sequence_length = 4096;
  job.workload.global_batch = 128;
  job.strategy.sizes.expert = expert;
  job.strategy.zero = ZeroLevel::optimizer;
  return job;
}

TEST(ExpertOverlap, HidesNoMoreThanThereIsAndNoMoreThanIsComputed) {
  const Subject mixtral("mixtral-8x7b");
  TrainJob job = job_of(8);
  const auto cluster = h100_cluster(2);
  const base::Outcome exposed = train(job, mixtral, cluster);
  job.strategy.overlap.expert = true;
  const base::Outcome hidden = train(job, mixtral, cluster);
  const double traffic = exposed.facts.at("time_expert_comm_s");
  const double saved = exposed.facts.at("iteration_time_s") - hidden.facts.at("iteration_time_s");
  ASSERT_GT(traffic, 0.0);
  // The rates of the test do not slow down beside a collective: all of it is saved.
  EXPECT_NEAR(saved, traffic - hidden.facts.at("time_expert_comm_s"), 1e-9);
  EXPECT_GE(hidden.facts.at("time_expert_comm_s"), 0.0);
  EXPECT_GE(hidden.facts.at("iteration_time_s"), exposed.facts.at("time_compute_s"));
}

TEST(ExpertOverlap, LeavesTheRestOfAnExchangeThatIsLongerThanTheComputation) {
  const Subject mixtral("mixtral-8x7b");
  sim::Cluster slow = h100_cluster(4);
  slow.node.gpus = 2;
  slow.nodes = 8;
  slow.node.scale_up.size = 2;
  slow.node.nics = {
      .count = 1, .bandwidth = base::BytesPerSecond(0.3e9), .latency = base::Seconds(2e-6)};
  TrainJob job = job_of(8);
  const base::Outcome exposed = train(job, mixtral, slow);
  job.strategy.overlap.expert = true;
  const base::Outcome hidden = train(job, mixtral, slow);
  EXPECT_GT(hidden.facts.at("time_expert_comm_s"), 0.0);
  EXPECT_LT(hidden.facts.at("time_expert_comm_s"), exposed.facts.at("time_expert_comm_s"));
}

// 32 of 132 multiprocessors are the dispatcher's: what is hidden takes 32/100 of its time from the
// products beside it.
TEST(ExpertOverlap, OfADispatcherTakesItsMultiprocessorsFromTheProducts) {
  const Subject mixtral("mixtral-8x7b");
  TrainJob job = job_of(8);
  job.strategy.expert_dispatch = ExpertDispatch::per_node;
  sim::Cluster cluster = h100_cluster(2);
  cluster.node.gpu.streaming_multiprocessors = 132;
  const base::Outcome exposed = train(job, mixtral, cluster);
  job.strategy.overlap.expert = true;
  const base::Outcome hidden = train(job, mixtral, cluster);
  const double moved =
      exposed.facts.at("time_expert_comm_s") - hidden.facts.at("time_expert_comm_s");
  const double slower = hidden.facts.at("time_compute_s") - exposed.facts.at("time_compute_s");
  EXPECT_NEAR(slower / (moved * 0.32), 1.0, 1e-6);
}

TEST(ExpertOverlap, ChangesNothingWithoutExperts) {
  const Subject llama("llama3-8b");
  TrainJob job = job_of(1);
  const double plain = train(job, llama, h100_cluster(1)).facts.at("iteration_time_s");
  job.strategy.overlap.expert = true;
  EXPECT_EQ(plain, train(job, llama, h100_cluster(1)).facts.at("iteration_time_s"));
}

}  // namespace
}  // namespace windtunnel::strategies
