// The batch scheduler of TensorFlow Serving (BasicBatchScheduler: a
// SharedBatchScheduler of one queue).
//
// Requests join the open batch, the last of a line of batches. One that does
// not fit closes it and opens the next; where max_enqueued_batches are in line
// already it is rejected. An idle batch thread
// (`instances` of them) takes the first closed batch; the open one only where
// it is alone in line, and full or batch_timeout (max_delay) old, counted from
// its first request. So a batch whose time is over keeps growing until a thread
// is idle. Timeout 0: an idle thread takes it at once. A batch is padded up to
// the next of allowed_sizes when it runs. A request of more samples than
// max_batch is invalid, unless large-batch splitting is on: then it fills the
// open batch and goes on in the next, if the whole of it has room in line.
// Source: TensorFlow Serving batching guide; shared_batch_scheduler.h
// (QueueOptions, Queue), batching_session.h (allowed_batch_sizes).
#pragma once

#include <deque>

#include "strategies/serve/batcher/batch_queue.hpp"

namespace windtunnel::strategies {

class TfServingQueue : public BatchQueue {
 public:
  explicit TfServingQueue(const Batching& batching);

  bool submit(const Arrival& arrival, base::Seconds now) override;
  std::optional<FormedBatch> take(base::Seconds now) override;
  base::Seconds next_time(base::Seconds now) const override;
  void flush() override { flushed_ = true; }
  std::vector<std::int64_t> clear() override;
  std::int64_t waiting() const override { return waiting_; }

 private:
  void add(const BatchPiece& piece);
  bool has_room(std::int64_t samples) const;

  std::int64_t max_batch_;
  std::int64_t max_batches_;  // in line; 0: no limit
  base::Seconds timeout_;
  bool splitting_;
  std::vector<std::int64_t> allowed_;  // ascending
  std::deque<FormedBatch> line_;       // the last is open
  std::int64_t waiting_ = 0;
  bool flushed_ = false;
};

}  // namespace windtunnel::strategies
