// One replica of an engine: its queue, its running sequences, its KV cache, and the scheduler that
// makes batches of them, step by step.
//
// Schedulers (job.hpp, ContinuousOrder): unified gives the token budget to running sequences in their
// order first (a prompt may be cut to what is left), preempts from the tail where blocks run out, and
// admits waiting ones only on a step that preempted nobody. prefill_first admits whole prompts while
// it can and decodes on the other steps. orca admits whole prompts beside decodes and reserves blocks
// for the longest output; no_evict the same with the request's own output, in chunks; sarathi is
// unified with decodes before prompts. Batches that run to their end are batcher/'s.
// Contract: time is the caller's. submit() and finish_step() only move forward; a step under way is
// finished by the caller at its `end`. O(running) a step.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/base/random.hpp"
#include "strategies/serve/engine/kv_blocks.hpp"
#include "strategies/serve/engine_plan.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

// What an engine knows of a request. `known`: tokens whose keys have to be there before the next token
// is made (the prompt, and all that was made); `computed`: those that are. A decode is a sequence that
// lacks one.
struct Sequence {
  std::int64_t request = -1;
  std::int64_t known = 0, computed = 0;
  std::int64_t made = 0, left = 0;  // tokens made, and still to come
  std::int64_t blocks = 0;          // private, active
  std::int64_t prefix_key = -1, prefix_tokens = 0;
  std::int64_t session_key = -1;
  std::int64_t prefix_blocks = 0, session_blocks = 0;  // of those chains, in use
  double arrival = 0;
  bool started = false;  // a step worked on it
  bool flying = false;   // in a step that is not finished
  bool swapped = false;  // its keys are in host memory
  bool done = false;     // to be taken out
};

// What happened at the end of a step to one sequence.
struct TokenEvent {
  std::int64_t request = -1;
  std::int64_t tokens = 0;  // made on this step
  bool finished = false;
};

struct FinishedStep {
  double begin = 0, end = 0;
  std::vector<TokenEvent> tokens;
  std::vector<std::int64_t> started;    // requests that a step worked on for the first time
  std::vector<std::int64_t> prefilled;  // prompts that are done (disaggregated: to be sent)
};

struct ReplicaCounts {
  std::int64_t preemptions = 0, steps = 0, cached_tokens = 0, prompt_tokens = 0;
  double busy = 0;        // seconds the device worked
  double batch_time = 0;  // sequences x seconds of steps
  double step_time = 0;
  double kv_peak = 0;  // of blocks, the fullest rank
  double draft_accepted = 0, drafted = 0;
};

class Replica {
 public:
  Replica(const EnginePlan& plan, const ServeStrategy& strategy, std::uint64_t seed);

  // Why it can never be served here, in a sentence; empty where it can.
  std::string impossible(const Request& request) const;
  void submit(const Request& request, double now, bool remote);
  // Starts a step where there is work and room; its end, or nothing.
  std::optional<double> try_start(double now);
  FinishedStep finish(double end);
  double free_at() const { return free_at_; }  // its first stage takes the next step

  // Load signals.
  std::int64_t waiting() const;
  std::int64_t running() const;
  double kv_used() const;  // share of blocks
  bool idle() const { return waiting() == 0 && running() == 0 && flying_.empty(); }
  const ReplicaCounts& counts() const { return counts_; }
  // Everything that was here, in the order of arrival; KV is lost.
  std::vector<std::int64_t> fail();
  void drain() { draining_ = true; }
  bool draining() const { return draining_; }
  void warm(std::int64_t key, std::int64_t tokens);

 private:
  struct Rank {
    std::deque<Sequence> waiting;
    std::vector<Sequence> running;
    KvBlocks cache;
    StepBatch batch;
    std::vector<std::pair<std::int64_t, std::int64_t>> work;  // request, tokens of this step
  };
  struct Flight {
    double begin = 0, end = 0;
    std::vector<std::int64_t> started;
    std::vector<std::vector<std::pair<std::int64_t, std::int64_t>>> work;  // by rank
  };

  bool schedule(Rank& rank);
  void schedule_unified(Rank& rank);
  void schedule_prefill_first(Rank& rank);
  void give_running(Rank& rank, std::int64_t& budget, bool& preempted);
  bool admit(Rank& rank, std::int64_t& budget, bool whole);
  bool grow(Rank& rank, Sequence& sequence, std::int64_t tokens);
  bool preempt_tail(Rank& rank, std::size_t keep);
  void plan_tokens(Rank& rank, Sequence& sequence, std::int64_t tokens);
  void leave(Rank& rank, Sequence& sequence);
  void share_prefix(Rank& rank, Sequence& sequence);
  std::int64_t hit(Rank& rank, const Sequence& sequence) const;
  void apply(Rank& rank, const std::vector<std::pair<std::int64_t, std::int64_t>>& work,
             FinishedStep& out);
  std::int64_t drawn_tokens();
  std::int64_t blocks_for(std::int64_t tokens) const;
  std::int64_t reserved(const Sequence& sequence, std::int64_t tokens) const;

  const EnginePlan& plan_;
  const ServeStrategy& strategy_;
  base::RandomStream random_;
  std::vector<Rank> ranks_;
  std::vector<StepBatch> batches_;
  std::deque<Flight> flying_;
  double free_at_ = 0;      // the first stage takes the next step
  double moved_bytes_ = 0;  // to and from host memory on the step that is planned
  std::vector<std::int64_t> started_;
  ReplicaCounts counts_;
  bool draining_ = false;
};

}  // namespace windtunnel::strategies
