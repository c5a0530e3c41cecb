#include "strategies/serve/batcher/triton_queue.hpp"

#include <algorithm>

namespace windtunnel::strategies {

TritonQueue::TritonQueue(const Batching& batching)
    : batching_(batching),
      preferred_(batching.preferred_sizes),
      levels_(static_cast<std::size_t>(std::max<std::int64_t>(batching.queue.priority_levels, 1))) {
  std::sort(preferred_.begin(), preferred_.end());
  batching_.max_batch = std::max<std::int64_t>(batching_.max_batch, 1);
}

std::size_t TritonQueue::level_of(std::int64_t priority) const {
  const std::int64_t levels = std::ssize(levels_);
  const std::int64_t unstated = batching_.queue.default_priority;
  if (priority <= 0) priority = unstated > 0 ? unstated : levels;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(priority, 1, levels) - 1);
}

bool TritonQueue::submit(const Arrival& arrival, base::Seconds now) {
  const std::int64_t samples = std::max<std::int64_t>(arrival.samples, 1);
  if (samples > batching_.max_batch) return false;
  Level& level = levels_[level_of(arrival.priority)];
  const std::int64_t there = std::ssize(level.fresh) + std::ssize(level.delayed);
  if (batching_.queue.size > 0 && there >= batching_.queue.size) return false;
  level.fresh.push_back({.request = arrival.request, .samples = samples, .since = now});
  ++waiting_;
  flushed_ = false;
  return true;
}

// Adds a request to what is gathered; false: it does not fit.
bool TritonQueue::step(Gathered& gathered, const BatchPiece& piece) const {
  if (gathered.samples + piece.samples > batching_.max_batch) {
    gathered.full = true;
    return false;
  }
  ++gathered.requests;
  gathered.samples += piece.samples;
  gathered.oldest = base::min(gathered.oldest, piece.since);
  if (std::binary_search(preferred_.begin(), preferred_.end(), gathered.samples)) {
    gathered.preferred = gathered.requests;
  }
  gathered.full = gathered.samples == batching_.max_batch;
  return !gathered.full;
}

TritonQueue::Gathered TritonQueue::gather() const {
  Gathered gathered;
  for (const Level& level : levels_) {
    for (const std::deque<BatchPiece>* queue : {&level.fresh, &level.delayed}) {
      for (const BatchPiece& piece : *queue) {
        if (!step(gathered, piece)) return gathered;
      }
    }
  }
  return gathered;
}

FormedBatch TritonQueue::pop(std::int64_t requests) {
  FormedBatch batch;
  batch.pieces.reserve(static_cast<std::size_t>(requests));
  for (Level& level : levels_) {
    for (std::deque<BatchPiece>* queue : {&level.fresh, &level.delayed}) {
      while (std::ssize(batch.pieces) < requests && !queue->empty()) {
        batch.pieces.push_back(queue->front());
        batch.samples += queue->front().samples;
        queue->pop_front();
      }
    }
  }
  waiting_ -= requests;
  batch.executed = batch.samples;
  return batch;
}

std::optional<FormedBatch> TritonQueue::take(base::Seconds now) {
  if (waiting_ == 0) return {};
  const Gathered gathered = gather();
  const bool delays = batching_.max_delay > base::Seconds(0);
  const bool exceeded = delays && now >= gathered.oldest + batching_.max_delay;
  if (gathered.preferred > 0 && !exceeded) return pop(gathered.preferred);
  if (gathered.full || !delays || exceeded || flushed_) return pop(gathered.requests);
  return {};
}

base::Seconds TritonQueue::next_time(base::Seconds) const {
  if (waiting_ == 0 || batching_.max_delay <= base::Seconds(0)) return kNever;
  return gather().oldest + batching_.max_delay;
}

std::vector<std::int64_t> TritonQueue::expire(base::Seconds now) {
  std::vector<std::int64_t> rejected;
  for (Level& level : levels_) {
    while (!level.fresh.empty() && level.fresh.front().since + batching_.queue.timeout <= now) {
      if (batching_.queue.timeout_delays) {
        level.delayed.push_back(level.fresh.front());
      } else {
        rejected.push_back(level.fresh.front().request);
        --waiting_;
      }
      level.fresh.pop_front();
    }
  }
  return rejected;
}

base::Seconds TritonQueue::next_expiry() const {
  base::Seconds next = kNever;
  if (batching_.queue.timeout >= kNever) return next;
  for (const Level& level : levels_) {
    if (level.fresh.empty()) continue;
    next = base::min(next, level.fresh.front().since + batching_.queue.timeout);
  }
  return next;
}

std::vector<std::int64_t> TritonQueue::clear() {
  std::vector<std::int64_t> left;
  for (Level& level : levels_) {
    for (const BatchPiece& piece : level.fresh) left.push_back(piece.request);
    for (const BatchPiece& piece : level.delayed) left.push_back(piece.request);
    level = {};
  }
  waiting_ = 0;
  return left;
}

}  // namespace windtunnel::strategies
