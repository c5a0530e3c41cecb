// A replica as the simulation of a serving system sees it: it takes requests, works in steps, and says
// what they made. EngineReplica batches token by token, BatchReplica whole requests.
//
// Contract: time is the caller's and never goes back. Whatever happens at one time is submitted before
// try_start() is called for it. A step under way is finished by the caller at its `end`. After each
// submit() and finish() the caller asks try_start() and wakes() again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "strategies/serve/request.hpp"
#include "strategies/serve/step_time.hpp"

namespace windtunnel::strategies {

// What happened at the end of a step to one sequence.
struct TokenEvent {
  std::int64_t request = -1;
  std::int64_t tokens = 0;  // made on this step
  bool finished = false;
};

struct FinishedStep {
  double begin = 0, end = 0;
  std::vector<TokenEvent> tokens{};
  std::vector<std::int64_t> started{};  // requests that a step worked on for the first time
  std::vector<std::pair<std::int64_t, std::int64_t>> cached{};  // of those, tokens found cached
  std::vector<std::int64_t> preempted{};
  std::vector<std::int64_t> prefilled{};  // prompts that are done (disaggregated: to be sent)
  std::vector<std::pair<std::int64_t, const char*>> rejected{};  // requests, and why
  // Between tokens, and how many; nothing: as the tokens of the requests come.
  std::optional<std::vector<std::pair<double, std::int64_t>>> gaps{};
};

enum class StepKind : std::uint8_t { prompts, decodes, mixed };
// Sums over steps of one kind, all ranks together.
struct StepMeans {
  std::int64_t steps = 0;
  double time = 0, prompts = 0, prompt_tokens = 0, decodes = 0, decode_keys = 0;
  StepMeans& operator+=(const StepMeans& other) {
    steps += other.steps;
    time += other.time;
    prompts += other.prompts;
    prompt_tokens += other.prompt_tokens;
    decodes += other.decodes;
    decode_keys += other.decode_keys;
    return *this;
  }
};

struct ReplicaCounts {
  std::int64_t preemptions = 0, steps = 0, cached_tokens = 0, prompt_tokens = 0;
  double busy = 0;        // seconds the device worked
  double batch_time = 0;  // sequences x seconds of steps
  double step_time = 0;
  double kv_peak = 0;  // of blocks, the fullest rank
  double draft_accepted = 0, drafted = 0;
  std::array<StepMeans, 3> kinds{};  // by StepKind

  ReplicaCounts& operator+=(const ReplicaCounts& other) {
    preemptions += other.preemptions;
    steps += other.steps;
    cached_tokens += other.cached_tokens;
    prompt_tokens += other.prompt_tokens;
    busy += other.busy;
    batch_time += other.batch_time;
    step_time += other.step_time;
    kv_peak = std::max(kv_peak, other.kv_peak);
    draft_accepted += other.draft_accepted;
    drafted += other.drafted;
    for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i] += other.kinds[i];
    return *this;
  }
};

class Replica {
 public:
  virtual ~Replica() = default;

  // Why it can never be served here, in a sentence; empty where it can.
  virtual std::string impossible(const Request& request) const = 0;
  // No more may wait; the request is rejected.
  virtual bool full() const = 0;
  virtual void submit(const Request& request, double now, bool remote) = 0;
  // Starts a step where there is work and room; its end, or nothing.
  virtual std::optional<double> try_start(double now) = 0;
  // What the step that was started last sends between nodes, at its end.
  virtual FarExchange exchange() { return {}; }
  virtual FinishedStep finish(double end) = 0;
  virtual double free_at() const = 0;  // its first stage takes the next step
  // When something happens by itself, infinity: never. May be another time after each call.
  virtual double wakes() const { return std::numeric_limits<double>::infinity(); }
  // Nothing else will come: what waits for company goes without.
  virtual void flush() {}

  // Load signals.
  virtual std::int64_t waiting() const = 0;
  virtual std::int64_t running() const = 0;
  virtual double kv_used() const = 0;  // share of blocks
  virtual bool idle() const = 0;
  virtual ReplicaCounts counts() const = 0;
  // Everything that was here, in the order of arrival; KV is lost.
  virtual std::vector<std::int64_t> fail(double now) = 0;
  virtual void warm(std::int64_t /*prefix*/, std::int64_t /*tokens*/) {}
  void drain() { draining_ = true; }
  bool draining() const { return draining_; }

 private:
  bool draining_ = false;
};

}  // namespace windtunnel::strategies
