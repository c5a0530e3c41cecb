#include "strategies/serve/batcher/batch_replica.hpp"

#include <algorithm>

namespace windtunnel::strategies {

BatchReplica::BatchReplica(const Batching& batching, std::unique_ptr<BatchWork> work,
                           std::span<const Request> requests, std::int64_t warmup_requests)
    : requests_(requests), server_(batching, std::move(work), requests) {
  server_.leave_out_gaps_before(warmup_requests);
}

std::string BatchReplica::impossible(const Request& request) const {
  if (server_.possible(request.id)) return "";
  return "more tokens than a batch can hold (max_model_len, or the KV cache)";
}

void BatchReplica::submit(const Request& request, double now, bool /*remote*/) {
  if (!server_.submit(request.id, base::Seconds(now))) refused_.push_back(request.id);
}

std::optional<double> BatchReplica::try_start(double now) {
  server_.advance(base::Seconds(now), events_);
  if (announced_ || (events_.empty() && refused_.empty())) return std::nullopt;
  announced_ = true;
  return now;
}

FinishedStep BatchReplica::finish(double end) {
  announced_ = false;
  FinishedStep out{
      .begin = end, .end = end, .gaps = std::vector<std::pair<double, std::int64_t>>{}};
  for (const std::int64_t request : refused_) {
    out.rejected.emplace_back(request, "the queue is full, or the query larger than a batch");
  }
  refused_.clear();
  for (const BatchEvent& event : events_) {
    const Request& request = requests_[static_cast<std::size_t>(event.request)];
    switch (event.what) {
      case BatchEvent::What::started:
        out.started.push_back(event.request);
        break;
      case BatchEvent::What::first_token:
        out.tokens.push_back({event.request, 1, false});
        break;
      case BatchEvent::What::finished:
        out.tokens.push_back({event.request, request.output_tokens - 1, true});
        break;
      case BatchEvent::What::rejected:
        out.rejected.emplace_back(event.request, "it waited longer than its time-out");
        break;
    }
  }
  events_.clear();
  for (const TokenGap& gap : server_.take_gaps()) {
    out.gaps->emplace_back(gap.gap.value(), gap.count);
  }
  return out;
}

bool BatchReplica::idle() const {
  return waiting() == 0 && running() == 0 && events_.empty() && refused_.empty();
}

// A batch counts as one step of its samples, whatever it took.
ReplicaCounts BatchReplica::counts() const {
  const BatchServerTotals& totals = server_.totals();
  ReplicaCounts counts;
  counts.steps = totals.batches;
  counts.busy = totals.device_busy.value();
  counts.step_time = static_cast<double>(totals.batches);
  counts.batch_time = static_cast<double>(totals.samples);
  counts.kv_peak = totals.kv_peak;
  return counts;
}

std::vector<std::int64_t> BatchReplica::fail(double now) {
  std::vector<std::int64_t> lost = server_.fail(base::Seconds(now));
  // What happened at this very moment was not handed out.
  for (const BatchEvent& event : events_) {
    const bool over =
        event.what == BatchEvent::What::finished || event.what == BatchEvent::What::rejected;
    if (over) lost.push_back(event.request);
  }
  lost.insert(lost.end(), refused_.begin(), refused_.end());
  events_.clear();
  refused_.clear();
  announced_ = false;
  std::sort(lost.begin(), lost.end());
  return lost;
}

}  // namespace windtunnel::strategies
