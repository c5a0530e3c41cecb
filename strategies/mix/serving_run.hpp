// A serving job under way on an engine that others use as well; KV caches travel as flows.
//
// Model: replicas take GPUs one after the other in the order of the job's part (pools those of
// their GPU). A request's keys move from a prefill to a decode replica in as many flows as the
// larger of the two has GPUs, each with its share of the bytes, from GPU to GPU in turn; the last
// to arrive counts. What a step of a replica over several nodes sends between them (engines of one
// pipeline stage) goes at the end of the step, in a ring over its nodes from each GPU to the one of
// the same place on the next, held to the rate at which it takes alone what the step time has it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/engine/engine.hpp"
#include "strategies/mix/job_engine.hpp"
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

class ServingRun final : public TrafficCarrier {
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
  void exchange(std::size_t replica, const FarExchange& far, std::int64_t ticket) override;
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
  void exchanged(std::int64_t id);
  void join_nodes();
  double alone(const KvSpan& span) const;

  const EngineFleet& fleet_;
  sim::Engine& engine_;
  Options options_;
  std::unique_ptr<ServingClock> clock_;
  double wake_ = -1;  // s, the earliest that is asked for; -1: none
  std::map<std::int64_t, Sending> sending_;
  struct Exchange {
    std::size_t replica = 0;
    std::int64_t ticket = 0;
    std::size_t open = 0;  // flows
  };
  std::map<std::int64_t, Exchange> exchanges_;  // under way
  std::int64_t exchanged_ = 0;                  // begun so far
  // By replica: who sends to whom between its nodes.
  std::vector<std::vector<std::pair<int, int>>> rings_;
  std::vector<KvSpan> spans_;
  double bytes_ = 0, taken_ = 0, alone_ = 0;
};

// A serving job with the links to itself: from the engine's present time to its end.
struct LinkedRun {
  ServedRun served;
  std::vector<LinkMeter::Load> loads;
  base::Seconds time{0};
};
LinkedRun serve_on_links(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                         sim::Engine& engine, ServingRun::Options options);

}  // namespace windtunnel::strategies
