// Triton's dynamic batcher and TensorFlow Serving's batch scheduler, step by step as their
// documentation describes them.
#include "strategies/serve/batcher/batch_queue.hpp"

#include <gtest/gtest.h>

#include "tests/strategies/batch_servers.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using Requests = std::vector<std::int64_t>;

Requests taken(BatchQueue& queue, double now) {
  const std::optional<FormedBatch> batch = queue.take(Seconds(now));
  Requests out;
  if (!batch) return out;
  for (const BatchPiece& piece : batch->pieces) out.push_back(piece.request);
  return out;
}

void submit(BatchQueue& queue, std::int64_t from, std::int64_t to, double now) {
  for (std::int64_t i = from; i <= to; ++i) {
    EXPECT_TRUE(queue.submit({.request = i}, Seconds(now)));
  }
}

Batching triton(std::int64_t max_batch) {
  return {.policy = BatchingPolicy::dynamic, .max_batch = max_batch};
}

Batching tf_serving(std::int64_t max_batch, double timeout) {
  return {.policy = BatchingPolicy::dynamic,
          .batcher = DynamicBatcher::tf_serving,
          .max_batch = max_batch,
          .max_delay = Seconds(timeout)};
}

TEST(Triton, WithoutSettingsABatchIsAsLargeAsPossibleAndNeverDelayed) {
  const auto queue = make_batch_queue(triton(4));
  submit(*queue, 0, 5, 0);
  EXPECT_EQ(taken(*queue, 0), (Requests{0, 1, 2, 3}));
  EXPECT_EQ(taken(*queue, 0), (Requests{4, 5}));
  EXPECT_EQ(taken(*queue, 0), Requests{});
}

TEST(Triton, TheLargestPreferredSizeThatCanBeFormedGoesFirst) {
  Batching batching = triton(16);
  batching.preferred_sizes = {4, 8};
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 13, 0);
  EXPECT_EQ(taken(*queue, 0).size(), 8u);
  EXPECT_EQ(taken(*queue, 0), (Requests{8, 9, 10, 11}));
  EXPECT_EQ(taken(*queue, 0), (Requests{12, 13}));  // none can be formed: the largest size there is
}

TEST(Triton, ADelayedBatchGoesAsItIsWhenTheOldestRequestHasWaited) {
  Batching batching = triton(8);
  batching.max_delay = Seconds(100e-6);
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 0, 0);
  submit(*queue, 1, 2, 60e-6);
  EXPECT_EQ(taken(*queue, 60e-6), Requests{});
  EXPECT_EQ(queue->next_time(Seconds(60e-6)), Seconds(100e-6));
  EXPECT_EQ(taken(*queue, 100e-6), (Requests{0, 1, 2}));
}

TEST(Triton, ARequestThatCompletesAPreferredSizeEndsTheDelay) {
  Batching batching = triton(8);
  batching.preferred_sizes = {4};
  batching.max_delay = Seconds(100e-6);
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 2, 0);
  EXPECT_EQ(taken(*queue, 0), Requests{});
  submit(*queue, 3, 3, 10e-6);
  EXPECT_EQ(taken(*queue, 10e-6), (Requests{0, 1, 2, 3}));
}

TEST(Triton, ARequestThatCompletesTheLargestSizeEndsTheDelay) {
  Batching batching = triton(4);
  batching.max_delay = Seconds(1);
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 4, 0);
  EXPECT_EQ(taken(*queue, 0), (Requests{0, 1, 2, 3}));
  EXPECT_EQ(taken(*queue, 0), Requests{});
}

TEST(Triton, ABatchGrowsWhileInstancesAreBusyAndGoesWholeOnceTheDelayIsOver) {
  Batching batching = triton(16);
  batching.preferred_sizes = {4, 8};
  batching.max_delay = Seconds(100e-6);
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 4, 0);  // five; no instance asks before 200 us
  EXPECT_EQ(taken(*queue, 200e-6).size(), 5u);
}

TEST(Triton, HigherPrioritiesPassLowerOnesAndEachIsInOrder) {
  Batching batching = triton(3);
  batching.queue = {.priority_levels = 2, .default_priority = 2};
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 1, 0);  // no priority: level 2
  EXPECT_TRUE(queue->submit({.request = 2, .priority = 1}, Seconds(1)));
  EXPECT_TRUE(queue->submit({.request = 3, .priority = 1}, Seconds(2)));
  EXPECT_EQ(taken(*queue, 3), (Requests{2, 3, 0}));
  EXPECT_EQ(taken(*queue, 3), (Requests{1}));
}

TEST(Triton, AFullQueueRejectsAtOnceEachLevelForItself) {
  Batching batching = triton(8);
  batching.queue = {.size = 2, .priority_levels = 2, .default_priority = 1};
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 1, 0);
  EXPECT_FALSE(queue->submit({.request = 2}, Seconds(0)));
  EXPECT_TRUE(queue->submit({.request = 3, .priority = 2}, Seconds(0)));
  EXPECT_EQ(queue->waiting(), 3);
}

TEST(Triton, ATimedOutRequestIsRejectedOrGoesBehindAllOthers) {
  Batching batching = triton(2);
  batching.queue.timeout = Seconds(1);
  const auto rejects = make_batch_queue(batching);
  submit(*rejects, 0, 0, 0);
  submit(*rejects, 1, 1, 0.5);
  EXPECT_EQ(rejects->next_expiry(), Seconds(1));
  EXPECT_EQ(rejects->expire(Seconds(1)), (Requests{0}));
  EXPECT_EQ(taken(*rejects, 1), (Requests{1}));

  batching.queue.timeout_delays = true;
  const auto delays = make_batch_queue(batching);
  submit(*delays, 0, 1, 0);
  EXPECT_EQ(delays->expire(Seconds(1)), Requests{});
  submit(*delays, 2, 3, 1);
  EXPECT_EQ(taken(*delays, 1), (Requests{2, 3}));
  EXPECT_EQ(taken(*delays, 1), (Requests{0, 1}));
}

TEST(Triton, ARequestLargerThanABatchIsRejectedAndOthersAreNotSplit) {
  const auto queue = make_batch_queue(triton(4));
  EXPECT_FALSE(queue->submit({.request = 0, .samples = 5}, Seconds(0)));
  EXPECT_TRUE(queue->submit({.request = 1, .samples = 3}, Seconds(0)));
  EXPECT_TRUE(queue->submit({.request = 2, .samples = 2}, Seconds(0)));
  EXPECT_EQ(taken(*queue, 0), (Requests{1}));
  EXPECT_EQ(taken(*queue, 0), (Requests{2}));
}

TEST(TfServing, AnUnderfullBatchGoesWhenItsFirstTaskHasWaited) {
  const auto queue = make_batch_queue(tf_serving(4, 1e-3));
  submit(*queue, 0, 1, 0);
  EXPECT_EQ(taken(*queue, 0.9e-3), Requests{});
  EXPECT_EQ(queue->next_time(Seconds(0.9e-3)), Seconds(1e-3));
  EXPECT_EQ(taken(*queue, 1e-3), (Requests{0, 1}));
}

TEST(TfServing, AFullBatchGoesAtOnceAndTheTimeoutIsOfEachBatch) {
  const auto queue = make_batch_queue(tf_serving(4, 1e-3));
  submit(*queue, 0, 3, 0);
  EXPECT_EQ(taken(*queue, 0), (Requests{0, 1, 2, 3}));
  submit(*queue, 4, 4, 0.5e-3);
  EXPECT_EQ(taken(*queue, 1.4e-3), Requests{});
  EXPECT_EQ(taken(*queue, 1.5e-3), (Requests{4}));
}

TEST(TfServing, TimeoutZeroTakesWhateverIsThere) {
  const auto queue = make_batch_queue(tf_serving(4, 0));
  submit(*queue, 0, 0, 0);
  EXPECT_EQ(taken(*queue, 0), (Requests{0}));
}

TEST(TfServing, ABatchWhoseTimeIsOverGrowsUntilAThreadIsIdle) {
  const auto queue = make_batch_queue(tf_serving(4, 1e-3));
  submit(*queue, 0, 0, 0);
  submit(*queue, 1, 1, 5e-3);
  EXPECT_EQ(taken(*queue, 6e-3), (Requests{0, 1}));
}

TEST(TfServing, BatchesInLineAreLimited) {
  Batching batching = tf_serving(2, 1);
  batching.max_enqueued_batches = 2;
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 3, 0);  // a closed batch and a full open one
  EXPECT_FALSE(queue->submit({.request = 4}, Seconds(0)));
  EXPECT_EQ(taken(*queue, 0), (Requests{0, 1}));
  EXPECT_TRUE(queue->submit({.request = 5}, Seconds(0)));
  EXPECT_EQ(taken(*queue, 0), (Requests{2, 3}));
}

TEST(TfServing, ATaskThatDoesNotFitClosesTheOpenBatch) {
  const auto queue = make_batch_queue(tf_serving(4, 1));
  EXPECT_TRUE(queue->submit({.request = 0, .samples = 3}, Seconds(0)));
  EXPECT_TRUE(queue->submit({.request = 1, .samples = 2}, Seconds(0)));
  EXPECT_EQ(taken(*queue, 0), (Requests{0}));
  EXPECT_EQ(taken(*queue, 0), Requests{});
}

TEST(TfServing, BatchesArePaddedUpToAnAllowedSize) {
  Batching batching = tf_serving(8, 0);
  batching.allowed_sizes = {2, 4, 8};
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 2, 0);
  const std::optional<FormedBatch> batch = queue->take(Seconds(0));
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->samples, 3);
  EXPECT_EQ(batch->executed, 4);
}

TEST(TfServing, ALargeTaskIsInvalidUnlessItMayBeSplit) {
  Batching batching = tf_serving(4, 1);
  EXPECT_FALSE(make_batch_queue(batching)->submit({.request = 0, .samples = 5}, Seconds(0)));
  batching.large_batch_splitting = true;
  batching.max_enqueued_batches = 3;
  const auto queue = make_batch_queue(batching);
  submit(*queue, 0, 0, 0);
  EXPECT_FALSE(queue->submit({.request = 1, .samples = 12}, Seconds(0)));  // 11 have room
  EXPECT_TRUE(queue->submit({.request = 2, .samples = 9}, Seconds(0)));
  EXPECT_EQ(queue->waiting(), 2);
  EXPECT_EQ(taken(*queue, 0), (Requests{0, 2}));
  EXPECT_EQ(taken(*queue, 0), (Requests{2}));
  EXPECT_EQ(queue->waiting(), 1);
  EXPECT_EQ(taken(*queue, 1), (Requests{2}));
  EXPECT_EQ(queue->waiting(), 0);
}

TEST(StaticBatching, WaitsForAFullBatchAndIsFlushedAtTheEnd) {
  const auto queue = make_batch_queue({.policy = BatchingPolicy::fixed, .max_batch = 3});
  submit(*queue, 0, 1, 0);
  EXPECT_EQ(taken(*queue, 1e9), Requests{});
  submit(*queue, 2, 3, 1e9);
  EXPECT_EQ(taken(*queue, 1e9), (Requests{0, 1, 2}));
  EXPECT_EQ(taken(*queue, 1e9), Requests{});
  queue->flush();
  EXPECT_EQ(taken(*queue, 1e9), (Requests{3}));
}

TEST(NoBatching, TakesOneRequestAtATimeWithAllItsSamples) {
  const auto queue = make_batch_queue({.policy = BatchingPolicy::none, .max_batch = 8});
  EXPECT_TRUE(queue->submit({.request = 0, .samples = 8}, Seconds(0)));
  submit(*queue, 1, 1, 0);
  EXPECT_EQ(queue->take(Seconds(0))->samples, 8);
  EXPECT_EQ(taken(*queue, 0), (Requests{1}));
}

}  // namespace
}  // namespace windtunnel::strategies
