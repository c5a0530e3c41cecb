#include "strategies/serve/batcher/tf_serving_queue.hpp"

#include <algorithm>

namespace windtunnel::strategies {

TfServingQueue::TfServingQueue(const Batching& batching)
    : max_batch_(std::max<std::int64_t>(batching.max_batch, 1)),
      max_batches_(batching.max_enqueued_batches),
      timeout_(batching.max_delay),
      splitting_(batching.large_batch_splitting),
      allowed_(batching.allowed_sizes),
      line_(1) {
  std::sort(allowed_.begin(), allowed_.end());
}

bool TfServingQueue::has_room(std::int64_t samples) const {
  if (max_batches_ <= 0) return true;
  const std::int64_t open = max_batch_ - line_.back().samples;
  if (samples <= open) return true;
  const std::int64_t more = max_batches_ - std::ssize(line_);
  return splitting_ ? samples <= open + more * max_batch_ : more > 0;
}

void TfServingQueue::add(const BatchPiece& piece) {
  FormedBatch& open = line_.back();
  open.pieces.push_back(piece);
  open.samples += piece.samples;
}

bool TfServingQueue::submit(const Arrival& arrival, base::Seconds now) {
  std::int64_t left = std::max<std::int64_t>(arrival.samples, 1);
  if ((left > max_batch_ && !splitting_) || !has_room(left)) return false;
  if (!splitting_ && line_.back().samples + left > max_batch_) line_.emplace_back();
  while (left > 0) {
    if (line_.back().samples == max_batch_) line_.emplace_back();
    const std::int64_t piece = std::min(left, max_batch_ - line_.back().samples);
    add({.request = arrival.request, .samples = piece, .since = now});
    left -= piece;
  }
  ++waiting_;
  flushed_ = false;
  return true;
}

std::optional<FormedBatch> TfServingQueue::take(base::Seconds now) {
  const FormedBatch& first = line_.front();
  if (first.pieces.empty()) return {};
  const bool closed = line_.size() > 1;
  const bool due =
      flushed_ || first.samples >= max_batch_ || now >= first.pieces.front().since + timeout_;
  if (!closed && !due) return {};
  FormedBatch batch = std::move(line_.front());
  line_.pop_front();
  if (line_.empty()) line_.emplace_back();
  const auto size = std::lower_bound(allowed_.begin(), allowed_.end(), batch.samples);
  batch.executed = size == allowed_.end() ? batch.samples : *size;
  // A split request waits until the last of it has gone.
  const FormedBatch& next = line_.front();
  const bool split =
      !next.pieces.empty() && next.pieces.front().request == batch.pieces.back().request;
  waiting_ -= std::ssize(batch.pieces) - (split ? 1 : 0);
  return batch;
}

base::Seconds TfServingQueue::next_time(base::Seconds) const {
  const FormedBatch& first = line_.front();
  return first.pieces.empty() ? kNever : first.pieces.front().since + timeout_;
}

std::vector<std::int64_t> TfServingQueue::clear() {
  std::vector<std::int64_t> left;
  for (const FormedBatch& batch : line_) {
    for (const BatchPiece& piece : batch.pieces) {
      if (left.empty() || left.back() != piece.request) left.push_back(piece.request);
    }
  }
  line_.assign(1, {});
  waiting_ = 0;
  return left;
}

}  // namespace windtunnel::strategies
