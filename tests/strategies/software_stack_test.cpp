// What software stacks add to a strategy: accumulation of gradients, hosts that issue kernels.
#include "strategies/train/software_stack.hpp"

#include <gtest/gtest.h>

#include "models/networks/counts.hpp"
#include "tests/strategies/train_jobs.hpp"

namespace windtunnel::strategies {
namespace {

TEST(Accumulation, MovesWhatItsFormSays) {
  EXPECT_EQ(accumulation_bytes(Accumulation::fused, 2, 4), 0.0);
  EXPECT_EQ(accumulation_bytes(Accumulation::separate, 2, 2), 6.0);
  EXPECT_EQ(accumulation_bytes(Accumulation::separate, 2, 4), 10.0);
  EXPECT_EQ(accumulation_bytes(Accumulation::converted, 2, 2), 6.0) << "nothing to convert";
  EXPECT_EQ(accumulation_bytes(Accumulation::converted, 2, 4), 20.0);
}

double time_of(models::NumberFormat gradients, std::int64_t micro_batches) {
  sim::Cluster one = test::h100_cluster(1);
  one.node.gpus = 1;
  one.node.scale_up.size = 1;
  TrainJob job{
      .workload = {.global_batch = 16 * micro_batches},
      .strategy = {
          .micro_batch = 16, .gradient_precision = gradients, .software = "megatron-lm-2021"}};
  const test::Subject subject("gpt2-1b");
  return test::train(job, subject, one).facts.at("iteration_time_s");
}

TEST(Accumulation, IsPaidEveryMicroBatch) {
  using models::NumberFormat;
  const auto each = [](NumberFormat format) { return time_of(format, 8) - time_of(format, 4); };
  const double wider = (each(NumberFormat::fp32) - each(NumberFormat::bf16)) / 4;
  const test::Subject subject("gpt2-1b");
  const double parameters = static_cast<double>(models::parameters(subject.network));
  EXPECT_NEAR(wider, 4.0 * parameters / 2.5e12, 0.02 * wider);  // 10 bytes against 6
}

// A host that is slower than its device everywhere: what its exchanges take comes on top where it
// meets them, and vanishes behind it where it runs ahead.
TEST(HostAhead, AHostThatMeetsExchangesWaitsForThem) {
  const auto time_of_links = [](const std::string& software, double gigabytes) {
    sim::Cluster cluster = test::h100_cluster(1);
    cluster.node.scale_up.bandwidth = base::BytesPerSecond(gigabytes * 1e9);
    TrainJob job{.workload = {.sequence_length = 256, .global_batch = 1},
                 .strategy = {.sizes = {.tensor = 8}, .software = software}};
    return test::train(job, test::Subject("gpt2-8b"), cluster).facts.at("iteration_time_s");
  };
  EXPECT_NEAR(time_of_links("megatron-lm-2021", 450), time_of_links("megatron-lm-2021", 300), 1e-9)
      << "but for the norm's four bytes";
  EXPECT_LT(time_of_links("megatron-deepspeed", 450), time_of_links("megatron-deepspeed", 300));
}

// Without sequence parallelism a layer reduces twice forward and twice backward, the latter hidden.
// With it, four exchanges forward and six backward, of which the scattering beside the gradient of the
// weights and the gathering for it are hidden: 6 of 10 remain.
TEST(TensorBackward, HidesExchangesBesideGradientsOfWeights) {
  const test::Subject subject("gpt3-13b");
  const auto exchanges = [&](const std::string& software, bool sequence_parallel) {
    TrainJob job{.workload = {.global_batch = 8},
                 .strategy = {.sizes = {.tensor = 8},
                              .sequence_parallel = sequence_parallel,
                              .micro_batch = 8,
                              .software = software}};
    return test::train(job, subject, test::h100_cluster(1)).facts.at("time_tensor_comm_s");
  };
  EXPECT_NEAR(exchanges("megatron-lm-2022", false) / exchanges("megatron-lm-2021", false), 0.5,
              0.02)
      << "but for embedding and head";
  EXPECT_NEAR(exchanges("megatron-lm-2022", true) / exchanges("megatron-lm-2021", true), 0.6, 0.02);
}

// FlashAttention and cuDNN take 16 bits and fewer.
TEST(Attention, OfThirtyTwoBitsIsMadeOfProducts) {
  const test::Subject subject("gpt3-13b");
  const auto time_of = [&](models::NumberFormat precision, AttentionChoice attention) {
    TrainJob job{.workload = {.global_batch = 8, .precision = precision},
                 .strategy = {.sizes = {.tensor = 8}, .micro_batch = 8, .attention = attention}};
    return test::train(job, subject, test::h100_cluster(1)).facts.at("iteration_time_s");
  };
  using models::NumberFormat;
  EXPECT_DOUBLE_EQ(time_of(NumberFormat::bf16, AttentionChoice::automatic),
                   time_of(NumberFormat::bf16, AttentionChoice::flash));
  EXPECT_GT(time_of(NumberFormat::fp32, AttentionChoice::automatic),
            time_of(NumberFormat::fp32, AttentionChoice::flash));
}

// Two nodes, 8 x 2 ranks of data parallelism: of 2 bytes a parameter reduced and 2 gathered, half
// leave a node in all.
TEST(ShardedNics, BoundWhatShardedExchangesSendFromANode) {
  const test::Subject subject("gpt2-1b");
  const auto time_of_nics = [&](double gigabytes) {
    sim::Cluster cluster = test::h100_cluster(2);
    cluster.node.nics.bandwidth = base::BytesPerSecond(gigabytes * 1e9);
    TrainJob job{.workload = {.global_batch = 16},
                 .strategy = {.zero = ZeroLevel::optimizer,
                              .overlap = {.data = false},
                              .gradient_precision = models::NumberFormat::bf16,
                              .software = "megatron-deepspeed"}};
    return test::train(job, subject, cluster).facts.at("iteration_time_s");
  };
  const double bytes = 2.0 * static_cast<double>(models::parameters(subject.network));
  const double nics = stack_by_name("megatron-deepspeed")->sharded_nics;
  const double longer = bytes / (nics * 25e9) - bytes / (nics * 50e9);
  EXPECT_NEAR(time_of_nics(25) - time_of_nics(50), longer, 0.01 * longer);
}

// Weights gathered forward and backward and gradients scattered, 2 bytes a parameter each, half of
// which leave a node in all, where the passes are too short to hide any of it.
TEST(ShardedNics, BoundTheGatheringOfShardedWeights) {
  const test::Subject subject("gpt2-1b");
  const auto time_of_nics = [&](double gigabytes) {
    sim::Cluster cluster = test::h100_cluster(2);
    cluster.node.nics.bandwidth = base::BytesPerSecond(gigabytes * 1e9);
    TrainJob job{.workload = {.sequence_length = 16, .global_batch = 16},
                 .strategy = {.zero = ZeroLevel::weights,
                              .gradient_precision = models::NumberFormat::bf16,
                              .software = "deepspeed-zero3"}};
    return test::train(job, subject, cluster).facts.at("iteration_time_s");
  };
  const double bytes = 3.0 * static_cast<double>(models::parameters(subject.network));
  const double nics = stack_by_name("deepspeed-zero3")->sharded_nics;
  const double longer = bytes / (nics * 1e9) - bytes / (nics * 2e9);
  EXPECT_NEAR(time_of_nics(1) - time_of_nics(2), longer, 0.05 * longer);
}

}  // namespace
}  // namespace windtunnel::strategies
