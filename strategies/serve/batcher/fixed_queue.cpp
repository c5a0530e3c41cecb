#include "strategies/serve/batcher/fixed_queue.hpp"

#include <algorithm>

namespace windtunnel::strategies {

FixedQueue::FixedQueue(Gather gather, const Batching& batching)
    : gather_(gather),
      max_batch_(std::max<std::int64_t>(batching.max_batch, 1)),
      limits_(batching.queue) {}

bool FixedQueue::submit(const Arrival& arrival, base::Seconds now) {
  if (limits_.size > 0 && waiting() >= limits_.size) return false;
  const std::int64_t samples = std::max<std::int64_t>(arrival.samples, 1);
  queue_.push_back({.request = arrival.request, .samples = samples, .since = now});
  samples_ += samples;
  flushed_ = false;
  return true;
}

std::optional<FormedBatch> FixedQueue::take(base::Seconds) {
  if (queue_.empty()) return {};
  const bool one = gather_ == Gather::one_request;
  if (!one && samples_ < max_batch_ && !flushed_) return {};
  FormedBatch batch;
  while (!queue_.empty() && batch.samples < max_batch_) {
    BatchPiece& front = queue_.front();
    const std::int64_t taken = std::min(front.samples, max_batch_ - batch.samples);
    batch.pieces.push_back({.request = front.request, .samples = taken, .since = front.since});
    batch.samples += taken;
    front.samples -= taken;
    if (front.samples == 0) queue_.pop_front();
    if (one) break;
  }
  samples_ -= batch.samples;
  batch.executed = batch.samples;
  return batch;
}

std::vector<std::int64_t> FixedQueue::expire(base::Seconds now) {
  std::vector<std::int64_t> rejected;
  while (!queue_.empty() && queue_.front().since + limits_.timeout <= now) {
    rejected.push_back(queue_.front().request);
    samples_ -= queue_.front().samples;
    queue_.pop_front();
  }
  return rejected;
}

base::Seconds FixedQueue::next_expiry() const {
  return queue_.empty() ? kNever : queue_.front().since + limits_.timeout;
}

std::vector<std::int64_t> FixedQueue::clear() {
  std::vector<std::int64_t> left;
  for (const BatchPiece& piece : queue_) left.push_back(piece.request);
  queue_.clear();
  samples_ = 0;
  return left;
}

}  // namespace windtunnel::strategies
