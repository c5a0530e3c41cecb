// Replicas that are set up, come, go and fail, and keys on their way between them.
#include <algorithm>
#include <cmath>

#include "strategies/serve/batcher/batch_replica.hpp"
#include "strategies/serve/engine/engine_replica.hpp"
#include "strategies/serve/engine/simulation.hpp"

namespace windtunnel::strategies {

void ServingSimulation::prepare() {
  const std::size_t requests = traffic_.requests.size();
  out_.records.assign(requests, RequestRecord{.arrival = kNever});
  last_token_.assign(requests, -1.0);
  first_follower_.assign(requests, -1);
  next_follower_.assign(requests, -1);
  for (std::size_t i = requests; i-- > 0;) {
    const std::int64_t before = traffic_.follows.empty() ? -1 : traffic_.follows[i];
    if (before < 0) continue;
    next_follower_[i] = first_follower_[static_cast<std::size_t>(before)];
    first_follower_[static_cast<std::size_t>(before)] = static_cast<std::int64_t>(i);
  }
  const Autoscale& scale = job_.strategy.autoscale;
  const std::size_t there = scale.on()
                                ? static_cast<std::size_t>(std::max<std::int64_t>(1, scale.min))
                                : fleet_.plans.size();
  for (std::size_t i = 0; i < fleet_.plans.size(); ++i) add_replica(i < there);
  if (scale.on()) push(scale.interval.value(), ServeEventKind::look, 0);
  for (std::size_t i = 0; i < requests; ++i) {
    const Request& request = traffic_.requests[i];
    if (request.arrival < kNever) push_arrival(request.arrival.value(), i);
  }
}

std::unique_ptr<Replica> ServingSimulation::make_replica(std::size_t index) const {
  if (fleet_.batch_work) {
    return std::make_unique<BatchReplica>(job_.strategy.batching, fleet_.batch_work(),
                                          traffic_.requests, job_.workload.warmup_requests);
  }
  return std::make_unique<EngineReplica>(fleet_.plans[index], job_.strategy,
                                         options_.seed + 17 * index);
}

void ServingSimulation::add_replica(bool open) {
  const std::size_t index = replicas_.size();
  replicas_.push_back(make_replica(index));
  wakes_.push_back(-1);
  far_steps_.emplace_back();
  epochs_.push_back(0);
  open_.push_back(false);
  since_.push_back(0);
  pending_.push_back(false);
  retired_.emplace_back();
  out_.replica_seconds.push_back(0);
  if (job_.strategy.kv.warm) {
    for (std::int64_t group = 0; group < job_.workload.shared_prefix.groups; ++group)
      replicas_[index]->warm(group, job_.workload.shared_prefix.tokens);
  }
  if (open) open_replica(index);
}

void ServingSimulation::open_replica(std::size_t index) {
  open_[index] = true;
  since_[index] = now_;
  std::int64_t there = 0;
  for (std::size_t i = 0; i < open_.size(); ++i) there += open_[i] ? 1 : 0;
  out_.most_replicas = std::max(out_.most_replicas, there);
  const ReplicaFailures& failures = job_.strategy.failures;
  if (failures.mtbf < kNever)
    push(now_ + trouble_.exponential(failures.mtbf.value()), ServeEventKind::failure,
         static_cast<std::int64_t>(index));
  std::vector<std::int64_t> kept;
  kept.swap(homeless_);
  for (const std::int64_t request : kept) enter(request);
}

void ServingSimulation::close_replica(std::size_t index) {
  if (!open_[index]) return;
  open_[index] = false;
  out_.replica_seconds[index] += now_ - since_[index];
}

void ServingSimulation::send(std::int64_t id, std::size_t from) {
  const Request& request = traffic_.requests[static_cast<std::size_t>(id)];
  const std::vector<std::size_t> open = takers(true);
  if (open.empty()) {  // nobody takes its keys: it begins again when somebody does
    restart(id);
    homeless_.push_back(id);
    return;
  }
  const std::size_t to = decode_router_.choose(request, replicas_, open, now_);
  if (const std::string why = replicas_[to]->impossible(request); !why.empty()) {
    ++out_.rejections[why];
    settle(id, Fate::rejected);
    return;
  }
  const double bytes =
      fleet_.plans[from].kv_request_token.value() * static_cast<double>(request.input_tokens);
  ++out_.transfers;
  sent_to_.resize(traffic_.requests.size(), 0);
  sent_to_[static_cast<std::size_t>(id)] = to;
  if (carrier_ != nullptr) {
    ++carried_;
    ++coming_;
    carrier_->send(id, from, to, bytes);
    return;
  }
  transfers_.start(id, from, to, bytes, now_);
  push(*transfers_.next(), ServeEventKind::transfer, 0);
}

void ServingSimulation::receive() {
  for (const std::int64_t id : transfers_.finish(now_)) receive_one(id);
  if (const auto next = transfers_.next()) {
    // Rates change as transfers end, so that an event may come too early: it finds nothing.
    push(std::max(*next, now_), ServeEventKind::transfer, 0);
  }
}

void ServingSimulation::receive_one(std::int64_t id) {
  const std::size_t to = sent_to_[static_cast<std::size_t>(id)];
  if (!open_[to]) {  // it failed meanwhile
    restart(id);
    enter(id);
    return;
  }
  record_of(id).replica = static_cast<std::int32_t>(to);
  replicas_[to]->submit(traffic_.requests[static_cast<std::size_t>(id)], now_, true);
  start(to);
}

void ServingSimulation::look() {
  const Autoscale& scale = job_.strategy.autoscale;
  std::int64_t load = 0, there = 0;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    load += replicas_[i]->waiting() + replicas_[i]->running();
    if ((open_[i] && !replicas_[i]->draining()) || pending_[i]) ++there;
  }
  const double target = std::max(1e-9, scale.target);
  const auto wanted = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(std::ceil(static_cast<double>(load) / target)),
      std::max<std::int64_t>(1, scale.min), scale.max);
  while (there < wanted && provision()) ++there;
  if (wanted < there && now_ - scaled_ >= scale.cooldown.value()) retire();
  push(now_ + scale.interval.value(), ServeEventKind::look, 0);
}

bool ServingSimulation::provision() {
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    if (open_[i] || pending_[i] || !replicas_[i]->idle()) continue;
    retired_[i] += replicas_[i]->counts();
    replicas_[i] = make_replica(i);
    pending_[i] = true;
    scaled_ = now_;
    push(now_ + job_.strategy.autoscale.provisioning.value(), ServeEventKind::provisioned,
         static_cast<std::int64_t>(i));
    return true;
  }
  return false;
}

void ServingSimulation::retire() {
  for (std::size_t i = replicas_.size(); i-- > 0;) {
    if (!open_[i] || replicas_[i]->draining()) continue;
    replicas_[i]->drain();
    scaled_ = now_;
    if (replicas_[i]->idle()) close_replica(i);
    return;
  }
}

void ServingSimulation::fail(std::size_t index) {
  if (!open_[index]) return;
  ++out_.failures;
  ++epochs_[index];
  const std::vector<std::int64_t> lost = replicas_[index]->fail(now_);
  close_replica(index);
  push(now_ + job_.strategy.failures.repair.value(), ServeEventKind::repaired,
       static_cast<std::int64_t>(index));
  for (const std::int64_t id : lost) {
    restart(id);
    enter(id);
  }
}

void ServingSimulation::restart(std::int64_t id) {
  RequestRecord& record = record_of(id);
  ++record.preemptions;
  record.output_tokens = 0;
  record.first_token = kNever;
  last_token_[static_cast<std::size_t>(id)] = -1;
}

}  // namespace windtunnel::strategies
