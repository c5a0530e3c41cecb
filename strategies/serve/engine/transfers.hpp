// KV caches on their way from prefill to decode engines, sharing links.
//
// Model: a transfer leaves by its sender's share of NICs and arrives by its receiver's (or over the
// scale-up links where all are in one domain). Fluid: at any moment the transfers have their max-min
// fair rates (Bertsekas and Gallager 1992, section 6.5.2): the link whose equal share is least
// settles its transfers first, what they leave is shared by the others. Rates change only when a
// transfer starts or ends. The fabric's latency is added once, as bytes that the link could have sent
// meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "strategies/serve/step_time.hpp"

namespace windtunnel::strategies {

// Who carries what replicas send over links that others use as well; says when it has arrived
// (ServingClock::carried, exchanged).
class TrafficCarrier {
 public:
  virtual ~TrafficCarrier() = default;
  // The keys of a request.
  virtual void send(std::int64_t request, std::size_t from, std::size_t to, double bytes) = 0;
  // What the GPUs of a replica send to each other's nodes on a step; `ticket` comes back.
  virtual void exchange(std::size_t replica, const FarExchange& far, std::int64_t ticket) = 0;
  // Keys that were sent so far, and how much longer they took than alone, on average.
  virtual double bytes() const = 0;
  virtual double slowdown() const = 0;
};

class KvTransfers {
 public:
  // Bytes/s of an engine's links, out and in, and the latency of a message.
  KvTransfers(std::vector<double> link_rates, double latency)
      : rates_(std::move(link_rates)), latency_(latency) {}

  void start(std::int64_t request, std::size_t from, std::size_t to, double bytes, double now);
  // When the next one ends, if nothing starts before.
  std::optional<double> next() const;
  // Those that have ended at `now`, in the order of their requests.
  std::vector<std::int64_t> finish(double now);
  std::size_t under_way() const { return flows_.size(); }
  // How much longer transfers took than alone, on average.
  double slowdown() const { return alone_ > 0 ? taken_ / alone_ : 1.0; }
  double bytes() const { return bytes_; }

 private:
  struct Flow {
    std::int64_t request;
    std::size_t from, to;
    double left, start, alone, rate;
  };
  void progress(double now);
  void share();

  std::vector<double> rates_;
  double latency_;
  std::vector<Flow> flows_;
  double at_ = 0, taken_ = 0, alone_ = 0, bytes_ = 0;
};

}  // namespace windtunnel::strategies
