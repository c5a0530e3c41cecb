// The dynamic batcher of NVIDIA Triton Inference Server.
//
// When an instance is idle, requests are gathered in order (of priority level,
// 1 first; then of arrival; then those delayed by their time-out) up to
// max_batch samples:
//   1. a batch of the largest preferred size that the gathered requests make
//   goes at once;
//   2. so does one that cannot grow: of max_batch samples, or the next request
//   does not fit;
//   3. else, without a queue delay, all that was gathered goes at once;
//   4. with one, the batch waits until its oldest request has waited max_delay,
//   and then all that was
//      gathered goes, be the size preferred or not (also where 1. would have
//      found a smaller one).
// While all instances are busy the batch grows until one starts it
// (Triton 22.01 and later); here it is made at that moment, which is the same.
// What differs from the server: it moves up to two batches an instance out of
// the queue ahead of their start, so that with preferred sizes and no delay it
// may close a batch at the first preferred size it passes, and its queue limit
// does not count those. Queue policy, of each priority level: a request is
// rejected at once where `size` requests of its level wait; after `timeout` in
// the queue it is rejected, or goes behind all others of its level (DELAY). A
// request of more than max_batch samples is rejected. Source: Triton user
// guide, batchers; model_config.proto (ModelDynamicBatching, ModelQueuePolicy);
// core, dynamic_batch_scheduler.cc and scheduler_utils.cc.
#pragma once

#include <deque>

#include "strategies/serve/batcher/batch_queue.hpp"

namespace windtunnel::strategies {

class TritonQueue : public BatchQueue {
 public:
  explicit TritonQueue(const Batching& batching);

  bool submit(const Arrival& arrival, base::Seconds now) override;
  std::optional<FormedBatch> take(base::Seconds now) override;
  base::Seconds next_time(base::Seconds now) const override;
  std::vector<std::int64_t> expire(base::Seconds now) override;
  base::Seconds next_expiry() const override;
  void flush() override { flushed_ = true; }
  std::vector<std::int64_t> clear() override;
  std::int64_t waiting() const override { return waiting_; }

 private:
  struct Level {
    std::deque<BatchPiece> fresh, delayed;
  };
  // What take() would gather: requests, their samples and the oldest of them.
  struct Gathered {
    std::int64_t requests = 0, samples = 0;
    std::int64_t preferred = 0;  // requests of the largest preferred size; 0: none
    base::Seconds oldest = kNever;
    bool full = false;
  };
  std::size_t level_of(std::int64_t priority) const;
  Gathered gather() const;
  bool step(Gathered& gathered, const BatchPiece& piece) const;
  FormedBatch pop(std::int64_t requests);

  Batching batching_;
  std::vector<std::int64_t> preferred_;  // ascending
  std::vector<Level> levels_;
  std::int64_t waiting_ = 0;
  bool flushed_ = false;
};

}  // namespace windtunnel::strategies
