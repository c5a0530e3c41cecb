// KV caches on their way from prefill to decode engines, sharing links.
//
// Model: a transfer leaves by its sender's NICs and arrives by its receiver's (or over the scale-up
// links where both are in one domain); at any moment it gets the smaller of what its sender's and its
// receiver's transfers leave it, each side shared equally (a lower bound of max-min sharing). Starts
// after the fabric's latency. Fluid: rates change only when a transfer starts or ends.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace windtunnel::strategies {

class KvTransfers {
 public:
  // Bytes/s of an engine's links, out and in, and the latency of a message.
  KvTransfers(std::vector<double> link_rates, double latency)
      : rates_(std::move(link_rates)),
        latency_(latency),
        out_(rates_.size(), 0),
        in_(rates_.size(), 0) {}

  void start(std::int64_t request, std::size_t from, std::size_t to, double bytes, double now);
  // When the next one ends, if nothing starts before.
  std::optional<double> next() const;
  // Those that have ended at `now`, in the order of their requests.
  std::vector<std::int64_t> finish(double now);
  std::size_t under_way() const { return flows_.size(); }
  // Engines whose number was not known at the beginning (autoscaling).
  void add_engine(double link_rate);
  // How much longer transfers took than alone, on average.
  double slowdown() const { return alone_ > 0 ? taken_ / alone_ : 1.0; }
  double bytes() const { return bytes_; }

 private:
  struct Flow {
    std::int64_t request;
    std::size_t from, to;
    double left, start, alone;
  };
  double rate(const Flow& flow) const;
  void progress(double now);

  std::vector<double> rates_;
  double latency_;
  std::vector<std::int64_t> out_, in_;
  std::vector<Flow> flows_;
  double at_ = 0, taken_ = 0, alone_ = 0, bytes_ = 0;
};

}  // namespace windtunnel::strategies
