// The event core: everything that takes time goes through here, for every workload.
//
// Contract: callbacks run at the simulated time their event completes, one at a time, in the order
// of time and then of submission (`analytic`) or of SimGrid's maestro (`simgrid`); a callback may
// start further work. The clock starts at 0 for each Engine object and never goes back. Nothing
// here is thread-safe. run() returns when nothing is left to happen; who still waits then is a
// deadlock, which the layers above (task graph, processes) report by name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sim/base/quantity.hpp"
#include "sim/platform/network.hpp"

namespace windtunnel::sim {

// Captures of at most 16 trivially copyable bytes (an object and an index) need no memory of their
// own. A move-only type with a larger buffer was measured at 3 to 8 % more transfers per second:
// not worth its code.
using Callback = std::function<void()>;

struct TransferRequest {
  EndpointId from;
  EndpointId to;
  base::Bytes bytes{0};
  base::Seconds extra_latency{0};  // start-up and protocol costs of a profile
  base::BytesPerSecond rate_limit =
      base::BytesPerSecond::infinity();  // a protocol's or channel's own ceiling
};

enum class EngineKind { automatic, analytic, simgrid };
std::string_view to_text(EngineKind kind);
std::optional<EngineKind> engine_from_text(std::string_view text);  // "auto" "analytic" "simgrid"

class Engine {
 public:
  virtual ~Engine() = default;

  virtual EngineKind kind() const = 0;
  virtual const Network& network() const = 0;
  virtual base::Seconds now() const = 0;
  // Calls back `delay` from now; delay >= 0.
  virtual void after(base::Seconds delay, Callback callback) = 0;
  // `duration` of work on one stream of an endpoint: in order on a stream, streams side by side.
  virtual void compute(EndpointId device, int stream, base::Seconds duration, Callback on_done) = 0;
  // Latency of the route, then bytes at this transfer's share of every link; bytes may be 0
  // (latency only). From an endpoint to itself: done after extra_latency (lower a self-copy as
  // compute where it costs).
  virtual void transfer(const TransferRequest& request, Callback on_done) = 0;
  virtual void run() = 0;

  virtual std::int64_t events() const = 0;  // callbacks made so far
  // Bytes carried so far by each link, by LinkId slot, counted when a transfer leaves its sender.
  // Empty unless recording was asked for at creation.
  virtual const std::vector<double>& bytes_by_link() const = 0;
};

// How concurrent transfers divide a shared link on `simgrid`.
// inverse_latency: SimGrid's own CM02, and so what SMPI gives: max-min fair with weights in inverse
// proportion to the latency of the route, as the round trip time biases TCP. Equal latencies mean
// equal shares. A route without any latency counts as one of 1 s (SimGrid 3.32): where it shares a
// link with others it gets next to nothing, so give every route some. max_min: equal shares, as far
// as each can use its own, whatever the latencies. An all-to-all through 4:1 oversubscribed uplinks
// took 17 % less time with the first than with the second (transfers below one leaf end sooner),
// SMPI agreeing with the first to all digits.
enum class Sharing { inverse_latency, max_min };

struct EngineOptions {
  bool record_links = false;
  Sharing sharing = Sharing::inverse_latency;
};

// Own event heap. Nothing is shared inside the fabric; each endpoint port, in and out, serves its
// transfers one after the other, first come, first served:
//   sent     = max(ready, out port free)      ready = submission + extra_latency
//   received = max(sent, in port free)
//   done     = received + bytes / min(narrowest link, rate_limit) + latency of the route
// and either port is held for bytes / narrowest link. A sender whose receiver is busy goes on with
// its next transfer (the fabric buffers without limit), so that a port idles only when it has
// nothing to do. No transfer and no port beats its bound; a transfer of 0 bytes takes the latency
// and no port. `network` must outlive the engine. O(log(pending)) an event.
std::unique_ptr<Engine> make_analytic_engine(const Network& network, const EngineOptions& options);

}  // namespace windtunnel::sim
