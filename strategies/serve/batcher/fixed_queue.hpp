// Policies `none` and `static`: in order of arrival. Queries larger than a
// batch are split. The limits of the queue's length and of the time in it hold,
// by rejection.
#pragma once

#include <deque>

#include "strategies/serve/batcher/batch_queue.hpp"

namespace windtunnel::strategies {

class FixedQueue : public BatchQueue {
 public:
  enum class Gather { one_request, full_batch };
  FixedQueue(Gather gather, const Batching& batching);

  bool submit(const Arrival& arrival, base::Seconds now) override;
  std::optional<FormedBatch> take(base::Seconds now) override;
  base::Seconds next_time(base::Seconds) const override { return kNever; }
  std::vector<std::int64_t> expire(base::Seconds now) override;
  base::Seconds next_expiry() const override;
  void flush() override { flushed_ = true; }
  std::vector<std::int64_t> clear() override;
  std::int64_t waiting() const override { return static_cast<std::int64_t>(queue_.size()); }

 private:
  Gather gather_;
  std::int64_t max_batch_;
  QueuePolicy limits_;
  std::deque<BatchPiece> queue_;
  std::int64_t samples_ = 0;
  bool flushed_ = false;
};

}  // namespace windtunnel::strategies
