// A whole serving system in time: clients, front end, router, replicas, KV transfers, autoscaling,
// failures.
//
// Discrete events in order of time, ties in order of their making; one thread, deterministic for a
// seed. Engines run step after step while they have work; between a step's end and the next start
// the scheduler of the replica decides. Ends when every request is completed or rejected, or at
// the horizon, which is then the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "strategies/serve/batcher/batch_work.hpp"
#include "strategies/serve/engine/replica.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/job.hpp"
#include "strategies/serve/traffic.hpp"

namespace windtunnel::strategies {

struct EngineFleet {
  std::vector<EnginePlan> plans;   // one a replica; a disaggregated system's prefill ones first
  std::vector<double> link_rates;  // bytes/s of each replica's links, one direction
  double link_latency = 0;
  // Of replicas that batch whole requests (policies none, static, dynamic).
  std::function<std::unique_ptr<BatchWork>()> batch_work{};
};

struct LoadSample {
  double time = 0;
  std::int64_t replica = 0, waiting = 0, running = 0;
  double kv = 0;
};

struct ServedRun {
  std::vector<RequestRecord> records;
  // Between tokens of a request after the warm-up, and how many.
  std::vector<std::pair<double, std::int64_t>> gaps;
  std::vector<LoadSample> load;
  std::vector<ReplicaCounts> replicas;
  std::vector<double> replica_seconds;             // that each was there
  std::map<std::string, std::int64_t> rejections;  // by reason
  double end = 0;                                  // of the last event that mattered
  double in_system = 0;  // requests x seconds, counted as they come and go
  double last_arrival = 0;
  double waiting_at_last_arrival = 0;
  std::int64_t cache_answers = 0, transfers = 0, failures = 0, events = 0;
  double transfer_bytes = 0, transfer_slowdown = 1;
  std::int64_t most_replicas = 0;
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::int64_t load_samples = 0;  // at most twice as many are kept
};

class TrafficCarrier;

// A simulation that is moved on from outside, beside others in the same time.
class ServingClock {
 public:
  virtual ~ServingClock() = default;
  // When something happens by itself; nothing: never again.
  virtual std::optional<double> next() const = 0;
  // Everything that happens at next().
  virtual void advance() = 0;
  // A carrier has brought the keys of a request to where they were sent.
  virtual void carried(std::int64_t request, double now) = 0;
  // It has carried what a replica's step sends between nodes.
  virtual void exchanged(std::size_t replica, std::int64_t ticket, double now) = 0;
  // Nothing is under way, with a carrier neither.
  virtual bool over() const = 0;
  virtual ServedRun take() = 0;
};

// All are kept by reference and outlive it; a carrier, where there is one, takes what is sent.
std::unique_ptr<ServingClock> make_serving_clock(const ServeJob& job, const EngineFleet& fleet,
                                                 const Traffic& traffic,
                                                 const SimulationOptions& options,
                                                 TrafficCarrier* carrier);

// `traffic` in order of Traffic's contract. Pre: plans are not empty and have blocks.
ServedRun simulate(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                   const SimulationOptions& options);

}  // namespace windtunnel::strategies
