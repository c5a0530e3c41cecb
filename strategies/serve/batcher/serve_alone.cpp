#include "strategies/serve/batcher/serve_alone.hpp"

#include <functional>
#include <queue>
#include <utility>

namespace windtunnel::strategies {
namespace {

std::size_t at(std::int64_t index) {
  return static_cast<std::size_t>(index);
}

class Clients {
 public:
  Clients(const Traffic& traffic, BatchServer& server)
      : traffic_(traffic), server_(server), records_(traffic.requests.size()) {
    followers_.assign(traffic.requests.size(), -1);
    siblings_.assign(traffic.requests.size(), -1);
    for (std::int64_t i = std::ssize(traffic.requests) - 1; i >= 0; --i) {
      const std::int64_t before = traffic.follows[at(i)];
      if (before < 0) continue;
      siblings_[at(i)] = followers_[at(before)];
      followers_[at(before)] = i;
    }
    skip_followers();
  }

  std::vector<RequestRecord> run(base::Seconds horizon) {
    base::Seconds now{0};
    for (;;) {
      const base::Seconds next = base::min(next_arrival(), server_.next_time());
      if (next > horizon) break;
      if (next >= kNever) {
        if (server_.waiting() == 0) break;
        server_.flush();
      } else {
        now = next;
      }
      const bool sent = send(now);
      server_.advance(now, events_);
      if (next >= kNever && events_.empty() && !sent) break;
      for (const BatchEvent& event : events_) record(event);
      events_.clear();
    }
    return std::move(records_);
  }

 private:
  using Sending = std::pair<double, std::int64_t>;

  void skip_followers() {
    while (next_ < std::ssize(traffic_.requests) && traffic_.follows[at(next_)] >= 0) ++next_;
  }

  base::Seconds next_arrival() const {
    base::Seconds next = kNever;
    if (next_ < std::ssize(traffic_.requests)) next = traffic_.requests[at(next_)].arrival;
    if (!sendings_.empty()) next = base::min(next, base::Seconds(sendings_.top().first));
    return next;
  }

  bool send(base::Seconds now) {
    bool sent = false;
    while (next_ < std::ssize(traffic_.requests) && traffic_.requests[at(next_)].arrival <= now) {
      arrive(next_++, now);
      skip_followers();
      sent = true;
    }
    while (!sendings_.empty() && sendings_.top().first <= now.value()) {
      const std::int64_t request = sendings_.top().second;
      sendings_.pop();
      arrive(request, now);
      sent = true;
    }
    return sent;
  }

  void arrive(std::int64_t request, base::Seconds now) {
    RequestRecord& record = records_[at(request)];
    record.arrival = now;
    record.input_tokens = traffic_.requests[at(request)].input_tokens;
    if (!server_.submit(request, now)) end(request, Fate::rejected, now);
  }

  void end(std::int64_t request, Fate fate, base::Seconds now) {
    RequestRecord& record = records_[at(request)];
    record.fate = fate;
    if (fate == Fate::completed) {
      record.finish = now;
      record.output_tokens = traffic_.requests[at(request)].output_tokens;
    }
    for (std::int64_t next = followers_[at(request)]; next >= 0; next = siblings_[at(next)]) {
      sendings_.push({(now + traffic_.requests[at(next)].think).value(), next});
    }
  }

  void record(const BatchEvent& event) {
    RequestRecord& record = records_[at(event.request)];
    switch (event.what) {
      case BatchEvent::What::started:
        record.start = event.time;
        record.replica = 0;
        return;
      case BatchEvent::What::first_token:
        record.first_token = base::min(record.first_token, event.time);
        return;
      case BatchEvent::What::finished:
        return end(event.request, Fate::completed, event.time);
      case BatchEvent::What::rejected:
        return end(event.request, Fate::rejected, event.time);
    }
  }

  const Traffic& traffic_;
  BatchServer& server_;
  std::vector<RequestRecord> records_;
  std::vector<std::int64_t> followers_,
      siblings_;  // of a request: first that follows it, next
  std::int64_t next_ = 0;
  std::priority_queue<Sending, std::vector<Sending>, std::greater<>> sendings_;
  std::vector<BatchEvent> events_;
};

}  // namespace

std::vector<RequestRecord> serve_alone(const Traffic& traffic, BatchServer& server,
                                       base::Seconds horizon) {
  return Clients(traffic, server).run(horizon);
}

}  // namespace windtunnel::strategies
