// BatchServer: how requests leave it.
#include <algorithm>
#include <utility>

#include "strategies/serve/batcher/batch_server.hpp"

namespace windtunnel::strategies {

void BatchServer::finish(const BatchPiece& piece, double now, std::vector<BatchEvent>& events) {
  const auto split = split_.find(piece.request);
  if (split != split_.end()) {
    split->second -= piece.samples;
    if (split->second > 0) return;
    split_.erase(split);
  }
  --running_;
  const bool seen = work_->streams() && whole(piece);
  if (!ordered_) {
    return answer(piece.request, seen ? Tokens::rest : Tokens::first_and_rest, now, events);
  }
  order_[static_cast<std::size_t>(place_.at(piece.request) - released_)].second =
      seen ? Answer::ready : Answer::ready_whole;
  release_in_order(now, events);
}

void BatchServer::answer(std::int64_t request, Tokens tokens, double now,
                         std::vector<BatchEvent>& events) {
  if (tokens == Tokens::first_and_rest) {
    events.push_back({BatchEvent::What::first_token, request, base::Seconds(now)});
  }
  events.push_back({BatchEvent::What::finished, request, base::Seconds(now)});
}

void BatchServer::release_in_order(double now, std::vector<BatchEvent>& events) {
  while (!order_.empty() && order_.front().second != Answer::pending) {
    const auto [request, state] = order_.front();
    order_.pop_front();
    ++released_;
    place_.erase(request);
    if (state == Answer::ready) answer(request, Tokens::rest, now, events);
    if (state == Answer::ready_whole) answer(request, Tokens::first_and_rest, now, events);
  }
}

void BatchServer::reject_expired(double now, std::vector<BatchEvent>& events) {
  if (queue_->next_expiry().value() > now) return;
  for (const std::int64_t request : queue_->expire(base::Seconds(now))) {
    events.push_back({BatchEvent::What::rejected, request, base::Seconds(now)});
    if (!ordered_) continue;
    order_[static_cast<std::size_t>(place_.at(request) - released_)].second = Answer::gone;
  }
  if (ordered_) release_in_order(now, events);
}

std::vector<std::int64_t> BatchServer::fail(base::Seconds now) {
  std::vector<std::int64_t> lost;
  for (Instance& instance : instances_) {
    if (instance.phase == Phase::idle) continue;
    if (instance.phase == Phase::device) {
      settle_device(now.value());
      --on_device_;
    }
    const std::size_t from = instance.runs[instance.run].first_piece;
    for (std::size_t i = from; i < instance.batch.pieces.size(); ++i) {
      lost.push_back(instance.batch.pieces[i].request);
    }
    instance = {};
  }
  const std::vector<std::int64_t> waited = queue_->clear();
  lost.insert(lost.end(), waited.begin(), waited.end());
  // Answers that were ready, and waited for earlier ones, are lost with the
  // server.
  for (const auto& [request, state] : order_) {
    if (state == Answer::ready || state == Answer::ready_whole) lost.push_back(request);
  }
  std::sort(lost.begin(), lost.end());
  lost.erase(std::unique(lost.begin(), lost.end()), lost.end());
  split_.clear();
  order_.clear();
  place_.clear();
  released_ = running_ = running_samples_ = running_kv_ = 0;
  return lost;
}

}  // namespace windtunnel::strategies
