// A replica of an engine with continuous batching: its queue, its running sequences, its KV cache, and the scheduler that
// makes batches of them, step by step.
//
// Schedulers (job.hpp, ContinuousOrder): unified gives the token budget to running sequences in their
// order first (a prompt may be cut to what is left), preempts from the tail where blocks run out, and
// admits waiting ones only on a step that preempted nobody. prefill_first admits whole prompts while
// it can and decodes on the other steps. orca admits whole prompts beside decodes and reserves blocks
// for the longest output; no_evict the same with the request's own output, in chunks; sarathi is
// unified with decodes before prompts. Batches that run to their end are batcher/'s.
// O(running) a step.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/base/random.hpp"
#include "strategies/serve/engine/kv_blocks.hpp"
#include "strategies/serve/engine/replica.hpp"
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

class EngineReplica final : public Replica {
 public:
  EngineReplica(const EnginePlan& plan, const ServeStrategy& strategy, std::uint64_t seed);

  std::string impossible(const Request& request) const override;
  bool full() const override {
    const std::int64_t most = strategy_.batching.queue.size;
    return most > 0 && waiting() >= most;
  }
  void submit(const Request& request, double now, bool remote) override;
  std::optional<double> try_start(double now) override;
  FinishedStep finish(double end) override;
  double free_at() const override { return free_at_; }

  std::int64_t waiting() const override;
  std::int64_t running() const override;
  double kv_used() const override;
  bool idle() const override { return waiting() == 0 && running() == 0 && flying_.empty(); }
  ReplicaCounts counts() const override { return counts_; }
  std::vector<std::int64_t> fail(double now) override;
  void warm(std::int64_t prefix, std::int64_t tokens) override;

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
};

}  // namespace windtunnel::strategies
