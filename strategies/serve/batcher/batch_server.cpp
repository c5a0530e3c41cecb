#include "strategies/serve/batcher/batch_server.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

constexpr double kNoTime = std::numeric_limits<double>::infinity();

}  // namespace

BatchServer::BatchServer(const Batching& batching, std::unique_ptr<BatchWork> work,
                         std::span<const Request> requests)
    : queue_(make_batch_queue(batching)),
      work_(std::move(work)),
      requests_(requests),
      instances_(static_cast<std::size_t>(std::max<std::int64_t>(batching.instances, 1))),
      ordered_(batching.preserve_ordering) {}

bool BatchServer::possible(std::int64_t request) const {
  return work_->possible(requests_[static_cast<std::size_t>(request)]);
}

bool BatchServer::whole(const BatchPiece& piece) const {
  const Request& request = requests_[static_cast<std::size_t>(piece.request)];
  return piece.samples == std::max<std::int64_t>(request.samples, 1);
}

double BatchServer::kv_used() const {
  const std::int64_t there = work_->kv_tokens();
  return there > 0 ? static_cast<double>(running_kv_) / static_cast<double>(there) : 0.0;
}

bool BatchServer::submit(std::int64_t request, base::Seconds now) {
  if (!possible(request)) return false;
  const Request& asked = requests_[static_cast<std::size_t>(request)];
  const BatchQueue::Arrival arrival{
      .request = request, .samples = asked.samples, .priority = asked.priority};
  if (!queue_->submit(arrival, now)) return false;
  if (ordered_) {
    place_[request] = released_ + std::ssize(order_);
    order_.emplace_back(request, Answer::pending);
  }
  return true;
}

double BatchServer::end_of(const Instance& instance) const {
  switch (instance.phase) {
    case Phase::idle:
      return kNoTime;
    case Phase::device:
      return device_since_ + (instance.until - device_work_) * static_cast<double>(on_device_);
    default:
      return instance.until;
  }
}

base::Seconds BatchServer::next_time() const {
  double next = queue_->next_expiry().value();
  bool idle = false;
  for (const Instance& instance : instances_) {
    idle = idle || instance.phase == Phase::idle;
    next = std::min(next, end_of(instance));
  }
  if (idle && queue_->waiting() > 0) {
    next = std::min(next, queue_->next_time(base::Seconds(0)).value());
  }
  return base::Seconds(next);
}

const WorkSegment& BatchServer::segment(const Instance& instance) const {
  const BatchRun& run = instance.runs[instance.run];
  return instance.rest ? run.rest : run.first;
}

// Before the number of batches on the device changes.
void BatchServer::settle_device(double now) {
  if (on_device_ == 0) {
    device_work_ = 0;
  } else {
    device_work_ += (now - device_since_) / static_cast<double>(on_device_);
    totals_.device_busy += base::Seconds(now - device_since_);
  }
  device_since_ = now;
}

void BatchServer::enter_host(Instance& instance, double now) {
  instance.phase = Phase::host;
  instance.until = now + segment(instance).host.value();
}

void BatchServer::step(Instance& instance, double now, std::vector<BatchEvent>& events) {
  switch (instance.phase) {
    case Phase::host:
      settle_device(now);
      ++on_device_;
      instance.phase = Phase::device;
      instance.until = device_work_ + segment(instance).device.value();
      return;
    case Phase::device:
      settle_device(now);
      device_work_ = instance.until;
      --on_device_;
      instance.phase = Phase::tail;
      instance.until = now + segment(instance).tail.value();
      return;
    case Phase::tail:
      return end_segment(instance, now, events);
    case Phase::idle:
      return;
  }
}

void BatchServer::end_segment(Instance& instance, double now, std::vector<BatchEvent>& events) {
  BatchRun& run = instance.runs[instance.run];
  const auto pieces = [&](auto&& each) {
    for (std::size_t i = run.first_piece; i < run.last_piece; ++i) each(instance.batch.pieces[i]);
  };
  if (!instance.rest && work_->streams()) {
    pieces([&](const BatchPiece& piece) {
      if (!whole(piece)) return;
      events.push_back({BatchEvent::What::first_token, piece.request, base::Seconds(now)});
    });
  }
  if (!instance.rest && !run.gaps.empty()) {
    instance.rest = true;
    instance.rest_since = now;
    return enter_host(instance, now);
  }
  add_gaps(instance, now);
  pieces([&](const BatchPiece& piece) { finish(piece, now, events); });
  running_samples_ -= run.samples;
  running_kv_ -= run.kv_tokens;
  instance.rest = false;
  if (++instance.run < instance.runs.size()) return start_run(instance, now, events);
  instance.phase = Phase::idle;
}

void BatchServer::start_run(Instance& instance, double now, std::vector<BatchEvent>& events) {
  const BatchRun& run = instance.runs[instance.run];
  for (std::size_t i = run.first_piece; i < run.last_piece; ++i) {
    const BatchPiece& piece = instance.batch.pieces[i];
    const std::int64_t all = requests_[static_cast<std::size_t>(piece.request)].samples;
    const bool first = whole(piece) || split_.try_emplace(piece.request, all).second;
    if (!first) continue;
    ++running_;
    events.push_back({BatchEvent::What::started, piece.request, base::Seconds(now)});
  }
  ++totals_.batches;
  running_samples_ += run.samples;
  running_kv_ += run.kv_tokens;
  totals_.kv_peak = std::max(totals_.kv_peak, kv_used());
  totals_.executed += run.samples;
  enter_host(instance, now);
}

bool BatchServer::dispatch(double now, std::vector<BatchEvent>& events) {
  bool any = false;
  for (Instance& instance : instances_) {
    if (instance.phase != Phase::idle || queue_->waiting() == 0) continue;
    std::optional<FormedBatch> batch = queue_->take(base::Seconds(now));
    if (!batch) break;
    instance.batch = std::move(*batch);
    totals_.samples += instance.batch.samples;
    instance.runs = work_->runs(instance.batch, requests_);
    instance.run = 0;
    instance.rest = false;
    start_run(instance, now, events);
    any = true;
  }
  return any;
}

BatchServer::Instance* BatchServer::first_to_end(double now) {
  Instance* first = nullptr;
  double earliest = now;
  for (Instance& instance : instances_) {
    const double end = end_of(instance);
    if (end > earliest || (first != nullptr && end == earliest)) continue;
    first = &instance;
    earliest = end;
  }
  return first;
}

void BatchServer::advance(base::Seconds now, std::vector<BatchEvent>& events) {
  do {
    while (Instance* next = first_to_end(now.value())) step(*next, end_of(*next), events);
  } while (dispatch(now.value(), events));
  reject_expired(now.value(), events);
}

void BatchServer::add_gaps(const Instance& instance, double now) {
  const BatchRun& run = instance.runs[instance.run];
  if (run.gaps.empty()) return;
  // Where instances share the device all gaps of a run are taken to be longer
  // alike.
  base::Seconds planned{0};
  for (const base::Seconds gap : run.gaps) planned += gap;
  const bool shared = instances_.size() > 1 && planned > base::Seconds(0);
  const double longer = shared ? (now - instance.rest_since) / planned.value() : 1.0;
  std::vector<std::int64_t> outputs;
  for (std::size_t i = run.first_piece; i < run.last_piece; ++i) {
    const BatchPiece& piece = instance.batch.pieces[i];
    if (piece.request < first_with_gaps_) continue;
    outputs.insert(outputs.end(), static_cast<std::size_t>(piece.samples),
                   requests_[static_cast<std::size_t>(piece.request)].output_tokens);
  }
  std::sort(outputs.begin(), outputs.end());
  std::size_t complete = 0;  // sequences that have all their tokens
  for (std::size_t gap = 0; gap < run.gaps.size(); ++gap) {
    const auto tokens = static_cast<std::int64_t>(gap) + 2;  // that a sequence of this gap has
    while (complete < outputs.size() && outputs[complete] < tokens) ++complete;
    gaps_.push_back({run.gaps[gap] * longer, static_cast<std::int64_t>(outputs.size() - complete)});
  }
}

std::vector<TokenGap> BatchServer::take_gaps() {
  return std::exchange(gaps_, {});
}

}  // namespace windtunnel::strategies
