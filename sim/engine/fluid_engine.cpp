#include "sim/engine/fluid_engine.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/engine/event_heap.hpp"
#include "sim/engine/fluid_sharing.hpp"
#include "sim/engine/route_cache.hpp"
#include "sim/engine/stream_clock.hpp"
#include "sim/engine/transfer_check.hpp"

namespace windtunnel::sim {
namespace {

class FluidEngine final : public Engine {
 public:
  FluidEngine(const Network& network, const EngineOptions& options)
      : network_(network),
        endpoint_count_(network.endpoint_count()),
        routes_(network, RouteCache::Keep::links),
        sharing_(network),
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
    const double ready = now_ + request.extra_latency.value();
    if (request.from == request.to) {
      heap_.push(ready, std::move(on_done));
      return;
    }
    const CachedRoute& route = routes_.find(request.from, request.to);
    if (!bytes_by_link_.empty()) {
      for (const LinkId link : route.links) bytes_by_link_[link.slot()] += request.bytes.value();
    }
    if (request.bytes.value() <= 0.0) {
      heap_.push(ready + route.latency, std::move(on_done));
      return;
    }
    const std::uint32_t slot = park({.request = request, .on_done = std::move(on_done)});
    heap_.push(ready + route.latency, [this, slot] { begin(slot); });
  }

  // Transfers that begin or end at one time change the rates once.
  void run() override {
    for (;;) {
      if (!heap_.empty() && heap_.next_time() <= now_) {
        next_event();
      } else if (sharing_.changed()) {
        share();
      } else if (!heap_.empty()) {
        now_ = heap_.next_time();
        next_event();
      } else {
        return;
      }
    }
  }

 private:
  // A transfer; `flow` once its bytes move.
  struct Transfer {
    TransferRequest request{};
    Callback on_done{};
    FluidSharing::FlowSlot flow = 0;
    double left = 0.0, rate = 0.0, since = 0.0;  // bytes, bytes/s, s
    std::uint32_t version = 0;                   // of its end: an older one is not its end
  };

  void next_event() {
    ++events_;
    Callback callback = heap_.pop();
    if (callback) callback();
  }

  void begin(std::uint32_t slot) {
    ++internal_events_;
    Transfer& one = transfers_[slot];
    const CachedRoute& route = routes_.find(one.request.from, one.request.to);
    one.left = one.request.bytes.value();
    one.rate = 0.0;
    one.since = now_;
    one.flow = sharing_.add(route.links, std::min(route.bandwidth, one.request.rate_limit.value()));
    if (transfer_of_.size() <= one.flow) transfer_of_.resize(one.flow + 1);
    transfer_of_[one.flow] = slot;
    const double at_once = sharing_.rate(one.flow);  // where nothing on its way is shared
    if (at_once > 0.0) go_at(slot, at_once);
  }

  void share() {
    for (const FluidSharing::FlowSlot flow : sharing_.share()) {
      go_at(transfer_of_[flow], sharing_.rate(flow));
    }
  }

  // From now on; its end moves.
  void go_at(std::uint32_t slot, double rate) {
    Transfer& one = transfers_[slot];
    one.left = std::max(0.0, one.left - one.rate * (now_ - one.since));
    one.since = now_;
    one.rate = rate;
    const std::uint32_t version = ++one.version;
    if (rate <= 0.0) return;
    heap_.push(now_ + one.left / rate, [this, slot, version] { end(slot, version); });
  }

  void end(std::uint32_t slot, std::uint32_t version) {
    Transfer& one = transfers_[slot];
    if (one.version != version) {
      ++internal_events_;
      return;
    }
    ++one.version;
    sharing_.remove(one.flow);
    const Callback on_done = std::exchange(one.on_done, nullptr);
    free_.push_back(slot);
    if (on_done) on_done();
  }

  std::uint32_t park(Transfer&& one) {
    if (free_.empty()) {
      transfers_.push_back(std::move(one));
      return static_cast<std::uint32_t>(transfers_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    one.version = transfers_[slot].version;
    transfers_[slot] = std::move(one);
    return slot;
  }

  const Network& network_;
  int endpoint_count_;
  RouteCache routes_;
  FluidSharing sharing_;
  EventHeap heap_;
  StreamClock streams_;
  std::vector<Transfer> transfers_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> transfer_of_;  // by flow
  std::vector<double> bytes_by_link_;
  double now_ = 0.0;
  std::int64_t events_ = 0;
  std::int64_t internal_events_ = 0;  // those that called nobody back
};

}  // namespace

std::unique_ptr<Engine> make_fluid_engine(const Network& network, const EngineOptions& options) {
  return std::make_unique<FluidEngine>(network, options);
}

}  // namespace windtunnel::sim
