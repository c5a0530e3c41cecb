#include "strategies/serve/engine/serve_simulation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <unordered_set>

#include "sim/base/contract.hpp"
#include "sim/base/random.hpp"
#include "strategies/serve/batcher/batch_replica.hpp"
#include "strategies/serve/engine/engine_replica.hpp"
#include "strategies/serve/engine/router.hpp"
#include "strategies/serve/engine/transfers.hpp"
#include "strategies/serve/front_end.hpp"

namespace windtunnel::strategies {
namespace {

enum class EventKind : std::uint8_t {
  arrival,
  enter,
  step,
  wake,
  transfer,
  look,
  provisioned,
  failure,
  repaired,
};

struct Event {
  double time = 0;
  std::int64_t order = 0;
  EventKind kind = EventKind::arrival;
  std::int64_t subject = 0;  // request or replica
  std::int64_t epoch = 0;
  bool operator>(const Event& other) const {
    return time != other.time ? time > other.time : order > other.order;
  }
};

class Simulation {
 public:
  Simulation(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
             const SimulationOptions& options)
      : job_(job),
        fleet_(fleet),
        traffic_(traffic),
        options_(options),
        router_(job.strategy.router, options.seed),
        decode_router_(job.strategy.router, options.seed + 1),
        transfers_(fleet.link_rates, fleet.link_latency),
        trouble_(options.seed, "failures"),
        front_(front_end_costs(job.strategy.front_end)) {}

  ServedRun run() {
    prepare();
    while (!events_.empty() && settled_ < std::ssize(traffic_.requests)) {
      const Event event = events_.top();
      if (event.time > job_.workload.horizon.value()) break;
      events_.pop();
      coming_ -= recurs(event.kind) ? 0 : 1;
      count_until(event.time);
      now_ = event.time;
      ++out_.events;
      handle(event);
      // What happens at one time is seen by the step that starts then.
      if (!events_.empty() && events_.top().time <= now_) continue;
      start_all();
      if (coming_ == 0 && settled_ < std::ssize(traffic_.requests) && !flush_all()) break;
    }
    finish();
    return std::move(out_);
  }

 private:
  // --- setting up ---------------------------------------------------------------------------
  void prepare() {
    const std::size_t requests = traffic_.requests.size();
    out_.records.resize(requests);
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
    if (scale.on()) push(scale.interval.value(), EventKind::look, 0);
    for (std::size_t i = 0; i < requests; ++i) {
      const Request& request = traffic_.requests[i];
      if (request.arrival < kNever) push_arrival(request.arrival.value(), i);
    }
  }

  std::unique_ptr<Replica> make_replica(std::size_t index) const {
    if (fleet_.batch_work) {
      return std::make_unique<BatchReplica>(job_.strategy.batching, fleet_.batch_work(),
                                            traffic_.requests);
    }
    return std::make_unique<EngineReplica>(fleet_.plans[index], job_.strategy,
                                           options_.seed + 17 * index);
  }

  void add_replica(bool open) {
    const std::size_t index = replicas_.size();
    replicas_.push_back(make_replica(index));
    wakes_.push_back(-1);
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

  void open_replica(std::size_t index) {
    open_[index] = true;
    since_[index] = now_;
    std::int64_t there = 0;
    for (std::size_t i = 0; i < open_.size(); ++i) there += open_[i] ? 1 : 0;
    out_.most_replicas = std::max(out_.most_replicas, there);
    const ReplicaFailures& failures = job_.strategy.failures;
    if (failures.mtbf < kNever)
      push(now_ + trouble_.exponential(failures.mtbf.value()), EventKind::failure,
           static_cast<std::int64_t>(index));
    std::vector<std::int64_t> kept;
    kept.swap(homeless_);
    for (const std::int64_t request : kept) enter(request);
  }

  void close_replica(std::size_t index) {
    if (!open_[index]) return;
    open_[index] = false;
    out_.replica_seconds[index] += now_ - since_[index];
  }

  // --- events -------------------------------------------------------------------------------
  void push(double time, EventKind kind, std::int64_t subject, std::int64_t epoch = 0) {
    events_.push({time, order_++, kind, subject, epoch});
    coming_ += recurs(kind) ? 0 : 1;
  }
  // Kinds that come back for ever: nothing comes of them where nothing else is under way.
  static bool recurs(EventKind kind) {
    return kind == EventKind::look || kind == EventKind::failure;
  }
  void push_arrival(double time, std::size_t request) {
    push(time, EventKind::arrival, static_cast<std::int64_t>(request));
  }

  void handle(const Event& event) {
    const auto index = static_cast<std::size_t>(event.subject);
    switch (event.kind) {
      case EventKind::arrival:
        return arrive(event.subject);
      case EventKind::enter:
        return enter(event.subject);
      case EventKind::step:
        if (event.epoch == epochs_[index]) finish_step(index);
        return;
      case EventKind::wake:
        if (wakes_[index] == now_) wakes_[index] = -1;
        if (replicas_[index]->free_at() <= now_) start(index);
        return;
      case EventKind::transfer:
        return receive();
      case EventKind::look:
        return look();
      case EventKind::provisioned:
        pending_[index] = false;
        return open_replica(index);
      case EventKind::failure:
        return fail(index);
      case EventKind::repaired:
        return open_replica(index);
    }
  }

  void arrive(std::int64_t id) {
    const Request& request = traffic_.requests[static_cast<std::size_t>(id)];
    RequestRecord& record = record_of(id);
    record.arrival = base::Seconds(now_);
    record.input_tokens = request.input_tokens;
    out_.last_arrival = now_;
    ++inside_;
    if (job_.strategy.response_cache && request.content >= 0 &&
        answered_.contains(request.content)) {
      ++out_.cache_answers;
      record.start = record.first_token = record.finish =
          base::Seconds(now_ + front_.in + front_.out);
      record.output_tokens = request.output_tokens;
      settle(id, Fate::completed);
      return;
    }
    push(now_ + front_.in + fleet_.plans[0].request_time.value(), EventKind::enter, id);
  }

  std::vector<std::size_t> takers(bool decode) const {
    std::vector<std::size_t> out;
    const auto role = job_.strategy.disaggregate.on()
                          ? (decode ? EngineRole::decode : EngineRole::prefill)
                          : EngineRole::both;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (open_[i] && !replicas_[i]->draining() && fleet_.plans[i].role == role) out.push_back(i);
    }
    return out;
  }

  void enter(std::int64_t id) {
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
      ++out_.rejections[why.find("tokens") == std::string::npos ? why : "too long for the engine"];
      settle(id, Fate::rejected);
      return;
    }
    record_of(id).replica = static_cast<std::int32_t>(index);
    replicas_[index]->submit(request, now_, false);
    start(index);
  }

  void start(std::size_t index) { ready_.push_back(index); }

  void start_all() {
    for (const std::size_t index : ready_) start_now(index);
    ready_.clear();
  }

  // Batches that wait for company that cannot come; false where there are none.
  bool flush_all() {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      replicas_[i]->flush();
      start_now(i);
    }
    return coming_ > 0;
  }

  void start_now(std::size_t index) {
    if (const auto end = replicas_[index]->try_start(now_))
      push(*end, EventKind::step, static_cast<std::int64_t>(index), epochs_[index]);
    double wakes = replicas_[index]->wakes();
    // A pipeline takes the next step before the last one is out.
    if (fleet_.plans[index].stages > 1 && replicas_[index]->free_at() > now_)
      wakes = std::min(wakes, replicas_[index]->free_at());
    if (wakes <= now_ || !std::isfinite(wakes) || wakes == wakes_[index]) return;
    wakes_[index] = wakes;
    push(wakes, EventKind::wake, static_cast<std::int64_t>(index));
  }

  void finish_step(std::size_t index) {
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

  void take(const TokenEvent& event, bool count_gaps) {
    const auto at = static_cast<std::size_t>(event.request);
    RequestRecord& record = out_.records[at];
    if (record.first_token == kNever) {
      record.first_token = base::Seconds(now_ + front_.out);
    } else if (count_gaps) {
      count_gap(now_ - last_token_[at], 1);
    }
    if (count_gaps && event.tokens > 1) count_gap(0.0, event.tokens - 1);
    last_token_[at] = now_;
    record.output_tokens += event.tokens;
    if (!event.finished) return;
    record.finish = base::Seconds(now_ + front_.out);
    settle(event.request, Fate::completed);
  }

  // Equal gaps come one after another: those of the sequences of one step.
  void count_gap(double gap, std::int64_t count) {
    if (!out_.gaps.empty() && out_.gaps.back().first == gap) {
      out_.gaps.back().second += count;
    } else {
      out_.gaps.emplace_back(gap, count);
    }
  }

  void settle(std::int64_t id, Fate fate) {
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

  // --- disaggregation -----------------------------------------------------------------------
  void send(std::int64_t id, std::size_t from) {
    const Request& request = traffic_.requests[static_cast<std::size_t>(id)];
    const std::vector<std::size_t> open = takers(true);
    if (open.empty()) {  // nobody takes its keys: it begins again when somebody does
      restart(id);
      homeless_.push_back(id);
      return;
    }
    const std::size_t to = decode_router_.choose(request, replicas_, open, now_);
    if (const std::string why = replicas_[to]->impossible(request); !why.empty()) {
      ++out_.rejections["too long for the engine"];
      settle(id, Fate::rejected);
      return;
    }
    const double bytes =
        fleet_.plans[from].kv_request_token.value() * static_cast<double>(request.input_tokens);
    ++out_.transfers;
    sent_to_.resize(traffic_.requests.size(), 0);
    sent_to_[static_cast<std::size_t>(id)] = to;
    transfers_.start(id, from, to, bytes, now_);
    push(*transfers_.next(), EventKind::transfer, 0);
  }

  void receive() {
    for (const std::int64_t id : transfers_.finish(now_)) {
      const std::size_t to = sent_to_[static_cast<std::size_t>(id)];
      if (!open_[to]) {  // it failed meanwhile
        restart(id);
        enter(id);
        continue;
      }
      record_of(id).replica = static_cast<std::int32_t>(to);
      replicas_[to]->submit(traffic_.requests[static_cast<std::size_t>(id)], now_, true);
      start(to);
    }
    if (const auto next = transfers_.next()) {
      // Rates change as transfers end, so that an event may come too early: it finds nothing.
      push(std::max(*next, now_), EventKind::transfer, 0);
    }
  }

  // --- scaling and failures -------------------------------------------------------------------
  void look() {
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
    push(now_ + scale.interval.value(), EventKind::look, 0);
  }

  bool provision() {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (open_[i] || pending_[i] || !replicas_[i]->idle()) continue;
      retired_[i] += replicas_[i]->counts();
      replicas_[i] = make_replica(i);
      pending_[i] = true;
      scaled_ = now_;
      push(now_ + job_.strategy.autoscale.provisioning.value(), EventKind::provisioned,
           static_cast<std::int64_t>(i));
      return true;
    }
    return false;
  }

  void retire() {
    for (std::size_t i = replicas_.size(); i-- > 0;) {
      if (!open_[i] || replicas_[i]->draining()) continue;
      replicas_[i]->drain();
      scaled_ = now_;
      if (replicas_[i]->idle()) close_replica(i);
      return;
    }
  }

  void fail(std::size_t index) {
    if (!open_[index]) return;
    ++out_.failures;
    ++epochs_[index];
    const std::vector<std::int64_t> lost = replicas_[index]->fail(now_);
    close_replica(index);
    push(now_ + job_.strategy.failures.repair.value(), EventKind::repaired,
         static_cast<std::int64_t>(index));
    for (const std::int64_t id : lost) {
      restart(id);
      enter(id);
    }
  }

  // Its keys are lost, and its client begins again: times of tokens are those of the last attempt.
  void restart(std::int64_t id) {
    RequestRecord& record = record_of(id);
    ++record.preemptions;
    record.output_tokens = 0;
    record.first_token = kNever;
    last_token_[static_cast<std::size_t>(id)] = -1;
  }

  // --- keeping count --------------------------------------------------------------------------
  RequestRecord& record_of(std::int64_t id) { return out_.records[static_cast<std::size_t>(id)]; }

  void count_until(double time) { out_.in_system += static_cast<double>(inside_) * (time - now_); }

  void sample(std::size_t index) {
    if (options_.load_samples <= 0 || ++ticks_ % stride_ != 0) return;
    const Replica& replica = *replicas_[index];
    out_.load.push_back({now_, static_cast<std::int64_t>(index), replica.waiting(),
                         replica.running(), replica.kv_used()});
    if (std::ssize(out_.load) < 2 * options_.load_samples) return;
    std::vector<LoadSample> half;
    for (std::size_t i = 1; i < out_.load.size(); i += 2) half.push_back(out_.load[i]);
    out_.load.swap(half);
    stride_ *= 2;
  }

  void finish() {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      close_replica(i);
      retired_[i] += replicas_[i]->counts();
      out_.replicas.push_back(retired_[i]);
    }
    out_.transfer_bytes = transfers_.bytes();
    out_.transfer_slowdown = transfers_.slowdown();
  }

  const ServeJob& job_;
  const EngineFleet& fleet_;
  const Traffic& traffic_;
  SimulationOptions options_;
  RequestRouter router_, decode_router_;
  KvTransfers transfers_;
  base::RandomStream trouble_;
  FrontEndCosts front_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<std::int64_t> epochs_;
  std::vector<double> wakes_;  // events that are queued; -1: none
  std::int64_t coming_ = 0;    // events that do not recur
  std::vector<bool> open_, pending_;
  std::vector<ReplicaCounts> retired_;  // of those that stood here before
  std::vector<double> since_;
  std::vector<std::int64_t> homeless_;
  std::vector<std::size_t> ready_;  // may start a step now
  std::vector<double> last_token_;
  std::vector<std::int64_t> first_follower_, next_follower_;
  std::vector<std::size_t> sent_to_;
  std::unordered_set<std::int64_t> answered_;
  std::int64_t order_ = 0, settled_ = 0, inside_ = 0, ticks_ = 0, stride_ = 1;
  double now_ = 0, scaled_ = -1e18;
  ServedRun out_;
};

}  // namespace

ServedRun simulate(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                   const SimulationOptions& options) {
  base::expects(!fleet.plans.empty(), "a serving system has an engine");
  return Simulation(job, fleet, traffic, options).run();
}

}  // namespace windtunnel::strategies
