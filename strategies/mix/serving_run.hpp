// A serving job under way on an engine that others use as well; KV caches travel as flows.
//
// Model: replicas take GPUs one after the other in the order of the job's part (pools those of
// their GPU). A request's keys move from a prefill to a decode replica in as many flows as the
// larger of the two has GPUs, each with its share of the bytes, from GPU to GPU in turn; the last
// to arrive counts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/engine/engine.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"
#include "strategies/serve/engine/transfers.hpp"

namespace windtunnel::strategies {

// GPUs of each replica, of the whole cluster. `part` is the cluster that the fleet was planned on,
// `gpus` what its GPUs are on the whole.
std::vector<std::vector<int>> replica_gpus(const EngineFleet& fleet, const sim::ValidCluster& part,
                                           const std::vector<int>& gpus);

// Keys of a request on their way, for the timeline.
struct KvSpan {
  std::int64_t request = 0;
  std::size_t from = 0, to = 0;  // replicas
  double bytes = 0;
  base::Seconds begin{0}, end{0};
};

class ServingRun final : public KvCarrier {
 public:
  struct Options {
    std::vector<std::vector<int>> gpus{};  // by replica
    std::int64_t shown_transfers = 0;
    SimulationOptions simulation{};
  };

  // All are kept by reference and outlive it.
  ServingRun(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
             sim::Engine& engine, Options options);

  void start();
  bool over() const { return clock_->over(); }
  ServedRun take() { return clock_->take(); }
  std::vector<KvSpan> take_spans() { return std::move(spans_); }

  void send(std::int64_t request, std::size_t from, std::size_t to, double bytes) override;
  double bytes() const override { return bytes_; }
  double slowdown() const override { return alone_ > 0 ? taken_ / alone_ : 1.0; }

 private:
  struct Sending {
    KvSpan span;
    std::size_t open = 0;  // flows
    double alone = 0;      // s
  };
  void schedule();
  void wake(double time);
  void arrived(std::int64_t request);
  double alone(const KvSpan& span) const;

  const EngineFleet& fleet_;
  sim::Engine& engine_;
  Options options_;
  std::unique_ptr<ServingClock> clock_;
  double wake_ = -1;  // s, the earliest that is asked for; -1: none
  std::map<std::int64_t, Sending> sending_;
  std::vector<KvSpan> spans_;
  double bytes_ = 0, taken_ = 0, alone_ = 0;
};

}  // namespace windtunnel::strategies
