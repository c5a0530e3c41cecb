// A replica of an engine with continuous batching: its queue, its running sequences, its KV cache, and
// the scheduler that makes batches of them, step by step.
//
// Schedulers (job.hpp, ContinuousOrder): unified gives the token budget to running sequences in their
// order first (a prompt may be cut to what is left), preempts from the tail where blocks run out, and
// admits waiting ones only on a step that preempted nobody. prefill_first admits whole prompts while
// it can and decodes on the other steps. orca admits whole prompts beside decodes and reserves blocks
// for the longest output; no_evict the same with the request's own output, in chunks; sarathi is
// unified with decodes before prompts. Batches that run to their end are batcher/'s. A preempted
// sequence is computed again from what the cache still has of it, or waits in host memory (swap) as
// far as that has room. Keys from host memory are read before the step that needs them: bytes over
// the bandwidth of the engine's GPUs to the host, added to the step.
// A step sees what had come in when it was planned: at its start, or, where an engine plans ahead
// (EnginePlan::plans_ahead), at the start of the step before it; an idle engine sees at once. With
// poll_steps > 1 it looks only after so many steps of decodes, and after each step with a prompt.
// O(running) a step.
#pragma once

#include <algorithm>
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
  std::int64_t prompt = 0;
  std::int64_t known = 0, computed = 0;
  std::int64_t made = 0, left = 0;  // tokens made, and still to come
  std::int64_t blocks = 0;          // private, active
  std::int64_t prefix_key = -1, prefix_tokens = 0;
  std::int64_t own_key = -1;                       // the chain of its conversation, or its own
  std::int64_t prefix_blocks = 0, own_blocks = 0;  // of those chains, in use
  double arrival = 0;
  bool started = false;      // a step worked on it
  std::int64_t flight = -1;  // of the step under way that it is in; -1: in none
  std::int64_t planned = 0;  // tokens that this step computes
  std::int64_t swapped = 0;  // blocks of its keys in host memory
  bool drafted = false;      // its last step verified drafted tokens
  bool done = false;         // to be taken out

  bool decodes() const { return made > 0 && known - computed == 1; }
  bool flying() const { return flight >= 0; }
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
  FarExchange exchange() override {
    return plan_.stages == 1 ? plan_.steps->far(batches_) : FarExchange{};
  }
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
  };
  struct Flight {
    std::int64_t number = 0;
    double begin = 0, end = 0;
    std::vector<std::pair<std::int64_t, std::int64_t>> started;
  };
  // What admission found of a sequence in the cache, in blocks.
  struct Hit {
    std::int64_t prefix = 0, own = 0, host = 0;
    std::int64_t all() const { return prefix + own + host; }
  };

  void look(double now);
  bool seen(const Sequence& sequence) const {
    return sequence.started || sequence.arrival <= seen_until_;
  }
  bool schedule_all();
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
  Hit hit(const Rank& rank, const Sequence& sequence) const;
  std::int64_t needed(const Rank& rank, const Sequence& sequence, std::int64_t reserve) const;
  void take(Rank& rank, Sequence& sequence, const Hit& found);
  void apply(Rank& rank, std::int64_t flight, FinishedStep& out);
  void give_tokens(Sequence& sequence, FinishedStep& out);
  void count_kind(double time);
  std::int64_t drawn_tokens();
  std::int64_t blocks_for(std::int64_t tokens) const;
  // Keys of a sequence of so many tokens: beams share those of the prompt alone.
  std::int64_t kept(std::int64_t prompt, std::int64_t tokens) const {
    return tokens + (strategy_.beams - 1) * std::max<std::int64_t>(0, tokens - prompt);
  }
  std::int64_t reserved(const Sequence& sequence, std::int64_t tokens) const;

  const EnginePlan& plan_;
  const ServeStrategy& strategy_;
  base::RandomStream random_;
  std::vector<Rank> ranks_;
  std::vector<StepBatch> batches_;
  std::deque<Flight> flying_;
  std::int64_t flights_ = 0;
  double free_at_ = 0;           // the first stage takes the next step
  double begun_ = 0;             // the last step
  double seen_until_ = 0;        // requests that came later are not known yet
  std::int64_t unpolled_ = 0;    // steps since the last look
  bool prompts_before_ = false;  // the last step had some
  double moved_bytes_ = 0;       // to and from host memory on the step that is planned
  std::vector<std::pair<std::int64_t, std::int64_t>> started_;  // request, cached tokens
  std::vector<std::int64_t> preempted_;                         // since the last step's end
  ReplicaCounts counts_;
};

}  // namespace windtunnel::strategies
