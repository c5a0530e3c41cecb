#include <algorithm>
#include <utility>

#include "sim/engine/engine.hpp"
#include "sim/engine/event_heap.hpp"
#include "sim/engine/route_cache.hpp"
#include "sim/engine/stream_clock.hpp"
#include "sim/engine/transfer_check.hpp"

namespace windtunnel::sim {
namespace {

class AnalyticEngine final : public Engine {
 public:
  AnalyticEngine(const Network& network, const EngineOptions& options)
      : network_(network),
        endpoint_count_(network.endpoint_count()),
        routes_(network,
                options.record_links ? RouteCache::Keep::links : RouteCache::Keep::summary),
        port_free_at_(network.links().size(), 0.0),
        bytes_by_link_(options.record_links ? network.links().size() : 0, 0.0) {}

  EngineKind kind() const override { return EngineKind::analytic; }
  const Network& network() const override { return network_; }
  base::Seconds now() const override { return base::Seconds(now_); }
  std::int64_t events() const override { return events_ - internal_events_; }
  const std::vector<double>& bytes_by_link() const override { return bytes_by_link_; }

  void after(base::Seconds delay, Callback callback) override {
    check_duration(delay);
    heap_.push(now_ + delay.value(), std::move(callback));
  }

  void compute(EndpointId device, int stream, base::Seconds duration, Callback on_done) override {
    check_duration(duration);
    heap_.push(streams_.append(device, stream, now_, duration.value()), std::move(on_done));
  }

  void transfer(const TransferRequest& request, Callback on_done) override {
    check_transfer(request, endpoint_count_);
    if (request.from == request.to) {
      after(request.extra_latency, std::move(on_done));
    } else if (request.extra_latency.value() > 0.0) {
      const std::uint32_t slot = park({request, 0.0, 0.0, LinkId::none(), std::move(on_done)});
      heap_.push(now_ + request.extra_latency.value(), [this, slot] { leave_start_up(slot); });
    } else {
      send(request, std::move(on_done));
    }
  }

  void run() override {
    while (!heap_.empty()) {
      now_ = heap_.next_time();
      ++events_;
      Callback callback = heap_.pop();
      if (callback) callback();
    }
  }

 private:
  // A transfer that waits for its start-up to pass or for its sender's port.
  struct Parked {
    TransferRequest request;
    double hold;      // s that either port is held
    double duration;  // s from the receiver's port to completion
    LinkId in_port;
    Callback on_done;
  };

  // The transfer is ready: it takes its turn at the sender's port.
  void send(const TransferRequest& request, Callback&& on_done) {
    const CachedRoute& route = routes_.find(request.from, request.to);
    const double bytes = request.bytes.value();
    for (const LinkId link : route.links) bytes_by_link_[link.slot()] += bytes;
    if (bytes <= 0.0) {
      heap_.push(now_ + route.latency, std::move(on_done));
      return;
    }
    const double hold = bytes / route.bandwidth;
    const double duration = route.latency + std::max(hold, bytes / request.rate_limit.value());
    if (!route.out_port.valid()) {
      receive(hold, duration, route.in_port, std::move(on_done));
      return;
    }
    double& out_free = port_free_at_[route.out_port.slot()];
    const double sent = std::max(now_, out_free);
    out_free = sent + hold;
    if (sent <= now_) {
      receive(hold, duration, route.in_port, std::move(on_done));
    } else {
      const std::uint32_t slot = park({request, hold, duration, route.in_port, std::move(on_done)});
      heap_.push(sent, [this, slot] { leave_out_port(slot); });
    }
  }

  // The first byte leaves the sender now: the transfer takes its turn at the receiver's port.
  void receive(double hold, double duration, LinkId in_port, Callback&& on_done) {
    double received = now_;
    if (in_port.valid()) {
      double& in_free = port_free_at_[in_port.slot()];
      received = std::max(now_, in_free);
      in_free = received + hold;
    }
    heap_.push(received + duration, std::move(on_done));
  }

  void leave_start_up(std::uint32_t slot) {
    Parked parked = unpark(slot);
    send(parked.request, std::move(parked.on_done));
  }
  void leave_out_port(std::uint32_t slot) {
    Parked parked = unpark(slot);
    receive(parked.hold, parked.duration, parked.in_port, std::move(parked.on_done));
  }

  std::uint32_t park(Parked&& parked) {
    if (free_slots_.empty()) {
      parked_.push_back(std::move(parked));
      return static_cast<std::uint32_t>(parked_.size() - 1);
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    parked_[slot] = std::move(parked);
    return slot;
  }
  Parked unpark(std::uint32_t slot) {
    ++internal_events_;
    free_slots_.push_back(slot);
    return std::move(parked_[slot]);
  }

  const Network& network_;
  int endpoint_count_;
  RouteCache routes_;
  EventHeap heap_;
  StreamClock streams_;
  std::vector<double> port_free_at_;  // s, by LinkId slot
  std::vector<double> bytes_by_link_;
  std::vector<Parked> parked_;
  std::vector<std::uint32_t> free_slots_;
  double now_ = 0.0;
  std::int64_t events_ = 0;
  std::int64_t internal_events_ = 0;  // those that called nobody back
};

}  // namespace

std::unique_ptr<Engine> make_analytic_engine(const Network& network, const EngineOptions& options) {
  return std::make_unique<AnalyticEngine>(network, options);
}

}  // namespace windtunnel::sim
