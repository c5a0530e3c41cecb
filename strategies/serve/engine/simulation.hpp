// The simulation behind simulate(): its events, its state, and what each event does. Private to
// strategies/serve/engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <unordered_set>
#include <vector>

#include "sim/base/random.hpp"
#include "strategies/serve/engine/replica.hpp"
#include "strategies/serve/engine/router.hpp"
#include "strategies/serve/engine/serve_simulation.hpp"
#include "strategies/serve/engine/transfers.hpp"
#include "strategies/serve/front_end.hpp"

namespace windtunnel::strategies {

enum class ServeEventKind : std::uint8_t {
  arrival,
  enter,
  exchange,
  step,
  wake,
  transfer,
  look,
  provisioned,
  failure,
  repaired,
};

struct ServeEvent {
  double time = 0;
  std::int64_t order = 0;
  ServeEventKind kind = ServeEventKind::arrival;
  std::int64_t subject = 0;  // request or replica
  std::int64_t epoch = 0;
  bool operator>(const ServeEvent& other) const {
    return time != other.time ? time > other.time : order > other.order;
  }
};

class ServingSimulation final : public ServingClock {
 public:
  ServingSimulation(const ServeJob& job, const EngineFleet& fleet, const Traffic& traffic,
                    const SimulationOptions& options, TrafficCarrier* carrier)
      : job_(job),
        fleet_(fleet),
        traffic_(traffic),
        options_(options),
        router_(job.strategy.router, options.seed),
        decode_router_(job.strategy.router, options.seed + 1),
        transfers_(fleet.link_rates, fleet.link_latency),
        carrier_(carrier),
        trouble_(options.seed, "failures"),
        front_(front_end_costs(job.strategy.front_end)) {}
  ServedRun run();

  void prepare();  // once, before anything else of ServingClock
  std::optional<double> next() const override;
  void advance() override;
  void carried(std::int64_t request, double now) override;
  void exchanged(std::size_t replica, std::int64_t ticket, double now) override;
  bool over() const override { return !next() && carried_ == 0; }
  ServedRun take() override;

 private:
  // setting up
  std::unique_ptr<Replica> make_replica(std::size_t index) const;
  void add_replica(bool open);
  void open_replica(std::size_t index);
  void close_replica(std::size_t index);

  // events
  void push(double time, ServeEventKind kind, std::int64_t subject, std::int64_t epoch = 0);
  // Kinds that come back for ever: nothing comes of them where nothing else is under way.
  static bool recurs(ServeEventKind kind) {
    return kind == ServeEventKind::look || kind == ServeEventKind::failure;
  }
  void push_arrival(double time, std::size_t request) {
    push(time, ServeEventKind::arrival, static_cast<std::int64_t>(request));
  }
  void handle(const ServeEvent& event);
  void arrive(std::int64_t id);
  std::vector<std::size_t> takers(bool decode) const;
  void enter(std::int64_t id);
  void start(std::size_t index) { ready_.push_back(index); }
  void start_all();
  // Batches that wait for company that cannot come; false where there are none.
  bool flush_all();
  void start_now(std::size_t index);
  void start_step(std::size_t index, double end);
  void begin_exchange(std::size_t index);
  void finish_step(std::size_t index);
  void take(const TokenEvent& event, bool count_gaps);
  // Equal gaps come one after another: those of the sequences of one step.
  void count_gap(double gap, std::int64_t count);
  void settle(std::int64_t id, Fate fate);

  // disaggregation
  void send(std::int64_t id, std::size_t from);
  void receive();
  void receive_one(std::int64_t id);

  // scaling and failures
  void look();
  bool provision();
  void retire();
  void fail(std::size_t index);
  // Its keys are lost, and its client begins again: times of tokens are those of the last attempt.
  void restart(std::int64_t id);

  // keeping count
  RequestRecord& record_of(std::int64_t id) { return out_.records[static_cast<std::size_t>(id)]; }
  void count_until(double time) { out_.in_system += static_cast<double>(inside_) * (time - now_); }
  void sample(std::size_t index);
  void finish();
  std::int64_t requests() const { return std::ssize(traffic_.requests); }
  // What happened at one time is seen by the steps that start then.
  void settle_time();
  // The carrier is done with something at that time; false: nothing comes of it.
  bool arrived(double now);

  // A step of a replica whose exchange between nodes is the carrier's.
  struct FarStep {
    FarExchange far{};
    double end = 0;  // if nobody else is on the way
  };

  const ServeJob& job_;
  const EngineFleet& fleet_;
  const Traffic& traffic_;
  SimulationOptions options_;
  RequestRouter router_, decode_router_;
  KvTransfers transfers_;
  TrafficCarrier* carrier_;   // null: transfers_ is
  std::int64_t carried_ = 0;  // under way with the carrier
  bool stuck_ = false;        // what waits can never start
  base::RandomStream trouble_;
  FrontEndCosts front_;
  std::priority_queue<ServeEvent, std::vector<ServeEvent>, std::greater<>> events_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<std::int64_t> epochs_;
  std::vector<FarStep> far_steps_;  // by replica
  std::vector<double> wakes_;       // events that are queued; -1: none
  std::int64_t coming_ = 0;         // events that do not recur
  std::vector<bool> open_, pending_;
  std::vector<ReplicaCounts> retired_;  // of those that stood here before
  std::vector<double> since_;
  std::vector<std::int64_t> homeless_;
  std::vector<std::size_t> ready_;  // may start a step now
  std::vector<double> last_token_;
  std::vector<std::int64_t> first_follower_, next_follower_;
  std::vector<std::size_t> sent_to_;
  std::unordered_set<std::int64_t> answered_;
  std::int64_t order_ = 0, settled_ = 0, inside_ = 0, ticks_ = 0, stride_ = 1;
  double now_ = 0, scaled_ = -1e18;
  ServedRun out_;
};

}  // namespace windtunnel::strategies
