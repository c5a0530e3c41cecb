#include "strategies/serve/engine/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace windtunnel::strategies {

ServedRun ServingSimulation::run() {
  prepare();
  while (next()) advance();
  return take();
}

std::optional<double> ServingSimulation::next() const {
  if (stuck_ || events_.empty() || settled_ >= requests()) return std::nullopt;
  const double time = events_.top().time;
  return time > job_.workload.horizon.value() ? std::nullopt : std::optional(time);
}

void ServingSimulation::advance() {
  do {
    const ServeEvent event = events_.top();
    events_.pop();
    coming_ -= recurs(event.kind) ? 0 : 1;
    count_until(event.time);
    now_ = event.time;
    ++out_.events;
    handle(event);
  } while (!events_.empty() && events_.top().time <= now_ && settled_ < requests());
  settle_time();
}

void ServingSimulation::settle_time() {
  if (settled_ >= requests()) return;
  start_all();
  if (coming_ == 0 && settled_ < requests() && !flush_all()) stuck_ = true;
}

bool ServingSimulation::arrived(double now) {
  --carried_;
  --coming_;
  if (stuck_ || settled_ >= requests() || now > job_.workload.horizon.value()) return false;
  const double then = std::max(now, now_);
  count_until(then);
  now_ = then;
  ++out_.events;
  return true;
}

void ServingSimulation::carried(std::int64_t request, double now) {
  if (!arrived(now)) return;
  receive_one(request);
  settle_time();
}

ServedRun ServingSimulation::take() {
  finish();
  return std::move(out_);
}

void ServingSimulation::push(double time, ServeEventKind kind, std::int64_t subject,
                             std::int64_t epoch) {
  events_.push({time, order_++, kind, subject, epoch});
  coming_ += recurs(kind) ? 0 : 1;
}

void ServingSimulation::handle(const ServeEvent& event) {
  const auto index = static_cast<std::size_t>(event.subject);
  switch (event.kind) {
    case ServeEventKind::arrival:
      return arrive(event.subject);
    case ServeEventKind::enter:
      return enter(event.subject);
    case ServeEventKind::exchange:
      if (event.epoch == epochs_[index]) begin_exchange(index);
      return;
    case ServeEventKind::step:
      if (event.epoch == epochs_[index]) finish_step(index);
      return;
    case ServeEventKind::wake:
      if (wakes_[index] == now_) wakes_[index] = -1;
      if (replicas_[index]->free_at() <= now_) start(index);
      return;
    case ServeEventKind::transfer:
      return receive();
    case ServeEventKind::look:
      return look();
    case ServeEventKind::provisioned:
      pending_[index] = false;
      return open_replica(index);
    case ServeEventKind::failure:
      return fail(index);
    case ServeEventKind::repaired:
      return open_replica(index);
  }
}

void ServingSimulation::arrive(std::int64_t id) {
  const Request& request = traffic_.requests[static_cast<std::size_t>(id)];
  RequestRecord& record = record_of(id);
  record.arrival = base::Seconds(now_);
  record.input_tokens = request.input_tokens;
  out_.last_arrival = now_;
  ++inside_;
  if (job_.strategy.response_cache && request.content >= 0 && answered_.contains(request.content)) {
    ++out_.cache_answers;
    record.start = record.first_token = record.finish =
        base::Seconds(now_ + front_.in + front_.out);
    record.output_tokens = request.output_tokens;
    settle(id, Fate::completed);
    return;
  }
  const EnginePlan& plan = fleet_.plans[0];
  const base::Seconds before =
      plan.request_time + plan.prompt_token_time * static_cast<double>(request.input_tokens);
  push(now_ + front_.in + before.value(), ServeEventKind::enter, id);
}

std::vector<std::size_t> ServingSimulation::takers(bool decode) const {
  std::vector<std::size_t> out;
  const auto role = job_.strategy.disaggregate.on()
                        ? (decode ? EngineRole::decode : EngineRole::prefill)
                        : EngineRole::both;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (open_[i] && !replicas_[i]->draining() && fleet_.plans[i].role == role) out.push_back(i);
  }
  return out;
}

void ServingSimulation::enter(std::int64_t id) {
  const Request& request = traffic_.requests[static_cast<std::size_t>(id)];
  const std::vector<std::size_t> open = takers(false);
  if (open.empty()) {
    homeless_.push_back(id);
    return;
  }
  const std::size_t index = router_.choose(request, replicas_, open, now_);
  std::string why = replicas_[index]->impossible(request);
  if (why.empty() && replicas_[index]->full()) why = "the queue is full";
  if (!why.empty()) {
    ++out_.rejections[why];
    settle(id, Fate::rejected);
    return;
  }
  record_of(id).replica = static_cast<std::int32_t>(index);
  replicas_[index]->submit(request, now_, false);
  start(index);
}

void ServingSimulation::start_all() {
  for (const std::size_t index : ready_) start_now(index);
  ready_.clear();
}

bool ServingSimulation::flush_all() {
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    replicas_[i]->flush();
    start_now(i);
  }
  return coming_ > 0;
}

void ServingSimulation::start_now(std::size_t index) {
  if (const auto end = replicas_[index]->try_start(now_)) start_step(index, *end);
  double wakes = replicas_[index]->wakes();
  // A pipeline takes the next step before the last one is out.
  if (fleet_.plans[index].stages > 1 && replicas_[index]->free_at() > now_)
    wakes = std::min(wakes, replicas_[index]->free_at());
  if (wakes <= now_ || !std::isfinite(wakes) || wakes == wakes_[index]) return;
  wakes_[index] = wakes;
  push(wakes, ServeEventKind::wake, static_cast<std::int64_t>(index));
}

// Its exchange between nodes comes last, and takes longer where others are on the way.
void ServingSimulation::start_step(std::size_t index, double end) {
  const auto replica = static_cast<std::int64_t>(index);
  const FarExchange far = carrier_ != nullptr ? replicas_[index]->exchange() : FarExchange{};
  if (far.bytes.value() <= 0) {
    push(end, ServeEventKind::step, replica, epochs_[index]);
    return;
  }
  far_steps_[index] = {far, end};
  push(std::max(now_, end - far.time.value()), ServeEventKind::exchange, replica, epochs_[index]);
}

void ServingSimulation::begin_exchange(std::size_t index) {
  ++carried_;
  ++coming_;
  carrier_->exchange(index, far_steps_[index].far, epochs_[index]);
}

// The ticket is the epoch: a replica that has failed since does not end that step.
void ServingSimulation::exchanged(std::size_t replica, std::int64_t ticket, double now) {
  if (!arrived(now)) return;
  push(std::max(far_steps_[replica].end, now_), ServeEventKind::step,
       static_cast<std::int64_t>(replica), ticket);
}

void ServingSimulation::finish_step(std::size_t index) {
  const FinishedStep step = replicas_[index]->finish(now_);
  for (const std::int64_t id : step.started) {
    RequestRecord& record = record_of(id);
    if (record.start == kNever) record.start = base::Seconds(step.begin);
  }
  for (const auto& [id, tokens] : step.cached) record_of(id).cached_tokens = tokens;
  for (const std::int64_t id : step.preempted) ++record_of(id).preemptions;
  if (step.gaps) {
    for (const auto& [gap, count] : *step.gaps) count_gap(gap, count);
  }
  for (const TokenEvent& event : step.tokens) take(event, !step.gaps);
  for (const auto& [id, why] : step.rejected) {
    ++out_.rejections[why];
    settle(id, Fate::rejected);
  }
  for (const std::int64_t id : step.prefilled) send(id, index);
  sample(index);
  start(index);
  if (replicas_[index]->draining() && replicas_[index]->idle()) close_replica(index);
}

void ServingSimulation::take(const TokenEvent& event, bool count_gaps) {
  const auto at = static_cast<std::size_t>(event.request);
  RequestRecord& record = out_.records[at];
  const bool counted = count_gaps && event.request >= job_.workload.warmup_requests;
  if (record.first_token == kNever) {
    record.first_token = base::Seconds(now_ + front_.out);
  } else if (counted) {
    count_gap(now_ - last_token_[at], 1);
  }
  if (counted && event.tokens > 1) count_gap(0.0, event.tokens - 1);
  last_token_[at] = now_;
  record.output_tokens += event.tokens;
  if (!event.finished) return;
  record.finish = base::Seconds(now_ + front_.out);
  settle(event.request, Fate::completed);
}

void ServingSimulation::count_gap(double gap, std::int64_t count) {
  if (!out_.gaps.empty() && out_.gaps.back().first == gap) {
    out_.gaps.back().second += count;
  } else {
    out_.gaps.emplace_back(gap, count);
  }
}

void ServingSimulation::settle(std::int64_t id, Fate fate) {
  const Request& request = traffic_.requests[static_cast<std::size_t>(id)];
  record_of(id).fate = fate;
  ++settled_;
  --inside_;
  out_.end = std::max(out_.end, now_);
  if (fate == Fate::completed && request.content >= 0) answered_.insert(request.content);
  for (std::int64_t next = first_follower_[static_cast<std::size_t>(id)]; next >= 0;
       next = next_follower_[static_cast<std::size_t>(next)]) {
    const Request& follower = traffic_.requests[static_cast<std::size_t>(next)];
    push_arrival(now_ + front_.out + follower.think.value(), static_cast<std::size_t>(next));
  }
}

void ServingSimulation::sample(std::size_t index) {
  if (options_.load_samples <= 0 || ++ticks_ % stride_ != 0) return;
  const Replica& replica = *replicas_[index];
  out_.load.push_back({now_, static_cast<std::int64_t>(index), replica.waiting(), replica.running(),
                       replica.kv_used()});
  if (std::ssize(out_.load) < 2 * options_.load_samples) return;
  std::vector<LoadSample> half;
  for (std::size_t i = 1; i < out_.load.size(); i += 2) half.push_back(out_.load[i]);
  out_.load.swap(half);
  stride_ *= 2;
}

void ServingSimulation::finish() {
  if (!stuck_ && settled_ < requests() && job_.workload.horizon < kNever) {
    count_until(job_.workload.horizon.value());
    out_.end = now_ = job_.workload.horizon.value();
  }
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    close_replica(i);
    retired_[i] += replicas_[i]->counts();
    out_.replicas.push_back(retired_[i]);
  }
  out_.transfer_bytes = carrier_ != nullptr ? carrier_->bytes() : transfers_.bytes();
  out_.transfer_slowdown = carrier_ != nullptr ? carrier_->slowdown() : transfers_.slowdown();
}

}  // namespace windtunnel::strategies
