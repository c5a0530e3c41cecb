// How SimGrid is used here (3.32): no actors and no platform. Two hosts stand for all endpoints: a
// transfer is a Comm between them, and the routing zone answers with the links of the transfer that
// is being started (SimGrid asks for the route inside start()). Links are made on first use, in a
// zone outside the tree, because the tree is sealed by the first run. Everything that takes a fixed
// time (compute, delays, start-up) waits in an own heap, with one kernel timer for its earliest
// event. SimGrid counts whole bytes; it is given units of 2^-16 byte, so that a chunk of a third of
// a buffer keeps its size.
#include "sim/engine/simgrid/simgrid_engine.hpp"

#include <xbt/log.h>
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>

#include <cmath>
#include <deque>
#include <exception>
#include <utility>

#include "sim/engine/event_heap.hpp"
#include "sim/engine/route_cache.hpp"
#include "sim/engine/stream_clock.hpp"
#include "sim/engine/transfer_check.hpp"

namespace windtunnel::sim {
namespace {

namespace sg = simgrid::s4u;

constexpr double kUnitsPerByte = 65536.0;
constexpr double kLargestTransfer = 1e14;  // bytes; the units are counted in 64 bits

// Every route in it is the one that was set last.
class OneRouteZone final : public simgrid::kernel::routing::NetZoneImpl {
 public:
  using Links = std::vector<simgrid::kernel::resource::StandardLinkImpl*>;

  explicit OneRouteZone(const std::string& name) : NetZoneImpl(name) {}
  ~OneRouteZone() override = default;

  // `links` must live until the next call.
  void set_route(const Links& links, double latency) {
    links_ = &links;
    latency_ = latency;
  }

 private:
  void get_local_route(const simgrid::kernel::routing::NetPoint*,
                       const simgrid::kernel::routing::NetPoint*,
                       simgrid::kernel::routing::Route* into, double* latency) override {
    into->link_list_ = *links_;
    if (latency != nullptr) *latency += latency_;
  }

  const Links* links_ = nullptr;
  double latency_ = 0.0;
};

class SimgridEngine final : public Engine {
 public:
  SimgridEngine(const Network& network, const EngineOptions& options);

  EngineKind kind() const override { return EngineKind::simgrid; }
  const Network& network() const override { return network_; }
  base::Seconds now() const override { return base::Seconds(sg::Engine::get_clock()); }
  std::int64_t events() const override { return events_ - internal_events_; }
  const std::vector<double>& bytes_by_link() const override { return bytes_by_link_; }

  void after(base::Seconds delay, Callback callback) override {
    check_duration(delay);
    schedule(now().value() + delay.value(), std::move(callback));
  }
  void compute(EndpointId device, int stream, base::Seconds duration, Callback on_done) override {
    check_duration(duration);
    schedule(streams_.append(device, stream, now().value(), duration.value()), std::move(on_done));
  }
  void transfer(const TransferRequest& request, Callback on_done) override;
  void run() override;

 private:
  struct Flow {
    std::uint32_t slot = 0;
    OneRouteZone::Links links;
    double bytes = 0.0;
    double latency = 0.0;         // s, on SimGrid's side (Sharing::inverse_latency)
    sg::Link* limiter = nullptr;  // a link of this slot's own, made when first needed
    sg::CommPtr comm;
    Callback on_done;
  };

  void schedule(double time, Callback&& callback);
  void run_due();
  void call(Callback& callback) noexcept;
  void start_flow(std::uint32_t slot);
  void finish_flow(const sg::Activity& activity);
  std::uint32_t new_flow(const CachedRoute& route);
  void limit_rate(std::uint32_t slot, double rate);
  sg::Link* make_link(const std::string& name, double bandwidth);
  simgrid::kernel::resource::StandardLinkImpl* link(LinkId id);

  const Network& network_;
  int endpoint_count_;
  Sharing sharing_;
  RouteCache routes_;
  sg::Engine engine_;
  OneRouteZone* root_ = nullptr;  // owned by engine_
  std::unique_ptr<OneRouteZone> link_zone_;
  sg::Host* sender_ = nullptr;
  sg::Host* receiver_ = nullptr;
  std::vector<simgrid::kernel::resource::StandardLinkImpl*>
      links_;               // by LinkId slot; null: not used yet
  std::deque<Flow> flows_;  // SimGrid holds pointers to them
  std::vector<std::uint32_t> free_flows_;
  sg::CommPtr retired_;  // a Comm must outlive the signal that reports its end
  EventHeap heap_;
  std::vector<double> timers_;  // dates of pending kernel timers, latest first
  StreamClock streams_;
  std::vector<double> bytes_by_link_;
  std::int64_t events_ = 0;
  std::int64_t internal_events_ = 0;  // those that called nobody back
  std::exception_ptr failure_;
};

void configure_simgrid() {
  xbt_log_control_set("root.thresh:critical");
  sg::Engine::set_config("network/model:CM02");
  sg::Engine::set_config("network/TCP-gamma:0");
  sg::Engine::set_config("network/crosstraffic:0");
  sg::Engine::set_config("network/weight-S:0");
  sg::Engine::set_config("network/bandwidth-factor:1");
  sg::Engine::set_config("network/latency-factor:1");
  sg::Engine::set_config("surf/precision:1e-12");
  // Lazy updates, the default, forget flows whose weights differ: more than a link carries gets
  // through.
  sg::Engine::set_config("network/optim:Full");
  sg::Engine::set_config("contexts/factory:thread");  // the others break under sanitizers
}

std::string simgrid_program_name() {
  base::expects(!sg::Engine::has_instance(), "one SimGrid engine a process: use run_isolated");
  return "windtunnel";
}

SimgridEngine::SimgridEngine(const Network& network, const EngineOptions& options)
    : network_(network),
      endpoint_count_(network.endpoint_count()),
      sharing_(options.sharing),
      routes_(network, RouteCache::Keep::links),
      engine_(simgrid_program_name()),
      links_(network.links().size(), nullptr),
      bytes_by_link_(options.record_links ? network.links().size() : 0, 0.0) {
  configure_simgrid();
  root_ = new OneRouteZone("fabric");
  sender_ = root_->create_host("sender", {1.0})->seal();
  receiver_ = root_->create_host("receiver", {1.0})->seal();
  link_zone_ = std::make_unique<OneRouteZone>("links");
  link_zone_->set_network_model(root_->get_network_model());
  sg::Activity::on_completion_cb([this](const sg::Activity& activity) { finish_flow(activity); });
}

// `time` is not before now: SimGrid takes no timer in its past.
void SimgridEngine::schedule(double time, Callback&& callback) {
  heap_.push(time, std::move(callback));
  if (!timers_.empty() && timers_.back() <= time) return;
  timers_.push_back(time);
  simgrid::kernel::timer::Timer::set(time, [this] { run_due(); });
}

void SimgridEngine::run_due() {
  timers_.pop_back();
  const double time = sg::Engine::get_clock();
  while (!heap_.empty() && heap_.next_time() <= time) {
    Callback callback = heap_.pop();
    call(callback);
  }
  if (heap_.empty()) return;
  if (timers_.empty() || heap_.next_time() < timers_.back()) {
    timers_.push_back(heap_.next_time());
    simgrid::kernel::timer::Timer::set(timers_.back(), [this] { run_due(); });
  }
}

// An exception must not fly through SimGrid: the first one waits for run(), and nobody is called
// after it.
void SimgridEngine::call(Callback& callback) noexcept {
  if (failure_) return;
  ++events_;
  if (!callback) return;
  try {
    callback();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

sg::Link* SimgridEngine::make_link(const std::string& name, double bandwidth) {
  return link_zone_->create_link(name, {bandwidth * kUnitsPerByte});
}

simgrid::kernel::resource::StandardLinkImpl* SimgridEngine::link(LinkId id) {
  auto*& made = links_[id.slot()];
  if (made == nullptr) {
    const Link& described = network_.links()[id.slot()];
    sg::Link* created = make_link(std::to_string(id.index()), described.bandwidth.value());
    if (described.fat_pipe) created->set_sharing_policy(sg::Link::SharingPolicy::FATPIPE);
    made = created->seal()->get_impl();
  }
  return made;
}

// SimGrid 3.32 ignores Comm::set_rate() on a Comm between hosts, so the ceiling is one more link.
void SimgridEngine::limit_rate(std::uint32_t slot, double rate) {
  Flow& flow = flows_[slot];
  if (flow.limiter == nullptr) {
    flow.limiter = make_link("limiter" + std::to_string(slot), rate)->seal();
  } else if (flow.limiter->get_bandwidth() != rate * kUnitsPerByte) {
    flow.limiter->set_bandwidth(rate * kUnitsPerByte);
  }
  flow.links.push_back(flow.limiter->get_impl());
}

void SimgridEngine::transfer(const TransferRequest& request, Callback on_done) {
  check_transfer(request, endpoint_count_);
  base::expects(request.bytes.value() <= kLargestTransfer, "a transfer is at most 100 TB");
  const double ready = now().value() + request.extra_latency.value();
  if (request.from == request.to) {
    schedule(ready, std::move(on_done));
    return;
  }
  const CachedRoute& route = routes_.find(request.from, request.to);
  if (!bytes_by_link_.empty()) {
    for (const LinkId id : route.links) bytes_by_link_[id.slot()] += request.bytes.value();
  }
  if (request.bytes.value() <= 0.0) {
    schedule(ready + route.latency, std::move(on_done));
    return;
  }
  const base::BytesPerSecond route_bandwidth(route.bandwidth);
  const std::uint32_t slot = new_flow(route);
  Flow& flow = flows_[slot];
  flow.bytes = request.bytes.value();
  if (request.rate_limit < route_bandwidth) limit_rate(slot, request.rate_limit.value());
  flow.on_done = std::move(on_done);
  const bool latency_by_simgrid = sharing_ == Sharing::inverse_latency;
  flow.latency = latency_by_simgrid ? route.latency : 0.0;
  // By way of the heap even where that is now: so all flows that end at one time have ended before
  // their successors start, which halves the list that SimGrid scans at each end.
  schedule(latency_by_simgrid ? ready : ready + route.latency, [this, slot] {
    ++internal_events_;
    start_flow(slot);
  });
}

std::uint32_t SimgridEngine::new_flow(const CachedRoute& route) {
  std::uint32_t slot = 0;
  if (free_flows_.empty()) {
    slot = static_cast<std::uint32_t>(flows_.size());
    flows_.emplace_back().slot = slot;
  } else {
    slot = free_flows_.back();
    free_flows_.pop_back();
  }
  auto& links = flows_[slot].links;
  links.clear();
  for (const LinkId id : route.links) links.push_back(link(id));
  return slot;
}

void SimgridEngine::start_flow(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  root_->set_route(flow.links, flow.latency);
  sg::CommPtr comm = sg::Comm::sendto_init(sender_, receiver_);
  comm->set_payload_size(static_cast<std::uint64_t>(std::llround(flow.bytes * kUnitsPerByte)));
  comm->set_data(&flow);
  comm->vetoable_start();
  flow.comm = std::move(comm);
}

void SimgridEngine::finish_flow(const sg::Activity& activity) {
  Flow& flow = *activity.get_data<Flow>();
  Callback on_done = std::exchange(flow.on_done, nullptr);
  retired_ = std::move(flow.comm);
  free_flows_.push_back(flow.slot);
  call(on_done);
}

void SimgridEngine::run() {
  engine_.run();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace

std::unique_ptr<Engine> make_simgrid_engine(const Network& network, const EngineOptions& options) {
  return std::make_unique<SimgridEngine>(network, options);
}

}  // namespace windtunnel::sim
