// The schedulers: who computes how many tokens on the next step.
#include <algorithm>
#include <limits>

#include "sim/base/contract.hpp"
#include "strategies/serve/engine/engine_replica.hpp"

namespace windtunnel::strategies {

// Tokens that admission has to find room for: what is computed next, or all that will ever be there
// where the order reserves it.
std::int64_t EngineReplica::reserved(const Sequence& sequence, std::int64_t tokens) const {
  const Batching& batching = strategy_.batching;
  const std::int64_t whole = sequence.known + sequence.left;
  if (batching.order == ContinuousOrder::no_evict) return whole;
  if (batching.order == ContinuousOrder::orca)
    return plan_.max_model_len > 0 ? plan_.max_model_len : whole;
  return sequence.computed + tokens;
}

// Takes the blocks that a sequence lacks for `tokens` in all.
bool EngineReplica::grow(Rank& rank, Sequence& sequence, std::int64_t tokens) {
  const std::int64_t lacking = blocks_for(kept(sequence.prompt, tokens)) - sequence.prefix_blocks -
                               sequence.own_blocks - sequence.blocks;
  if (lacking <= 0) return true;
  if (!rank.cache.allocate(lacking)) return false;
  sequence.blocks += lacking;
  return true;
}

void EngineReplica::plan_tokens(Rank& rank, Sequence& sequence, std::int64_t tokens) {
  if (!sequence.started) started_.emplace_back(sequence.request, sequence.computed);
  sequence.started = true;
  sequence.flight = flights_;
  sequence.planned = tokens;
  if (sequence.decodes()) {
    rank.batch.decodes += strategy_.beams;
    rank.batch.decode_kv += strategy_.beams * sequence.known;
    return;
  }
  counts_.prompt_tokens += tokens;
  rank.batch.prompts.push_back({.tokens = tokens,
                                .cached = sequence.computed,
                                .last = sequence.computed + tokens >= sequence.known});
}

// Blocks of the sequence's prefix and of its own chain that are cached, on the GPUs or the host: whole
// blocks, and at least the last token is computed.
EngineReplica::Hit EngineReplica::hit(const Rank& rank, const Sequence& sequence) const {
  const KvBlocks& cache = rank.cache;
  if (!cache.caching() || sequence.computed > 0) return {};
  std::int64_t most = (sequence.known - 1) / strategy_.kv.block;
  Hit found;
  const auto clip = [&most](std::int64_t blocks) {
    const std::int64_t taken = std::min(blocks, most);
    most -= taken;
    return taken;
  };
  if (sequence.prefix_key >= 0) {
    const std::int64_t whole = sequence.prefix_tokens / strategy_.kv.block;
    found.prefix = clip(std::min(cache.cached(sequence.prefix_key), whole));
    found.host = clip(std::min(cache.hosted(sequence.prefix_key), whole - found.prefix));
    if (found.all() < whole) return found;
  }
  found.own = clip(cache.cached(sequence.own_key));
  found.host += clip(cache.hosted(sequence.own_key));
  return found;
}

// Blocks that admission takes from what is available: new ones, and cached ones that come into use.
std::int64_t EngineReplica::needed(const Rank& rank, const Sequence& sequence,
                                   std::int64_t reserve) const {
  return std::max<std::int64_t>(0, blocks_for(kept(sequence.prompt, reserve)) -
                                       sequence.prefix_blocks - sequence.own_blocks) +
         rank.cache.cost(sequence.prefix_key, sequence.prefix_blocks) +
         rank.cache.cost(sequence.own_key, sequence.own_blocks);
}

// Takes what the cache has of a sequence into use; what is in host memory is read back.
void EngineReplica::take(Rank& rank, Sequence& sequence, const Hit& found) {
  rank.cache.use(sequence.prefix_key, found.prefix);
  rank.cache.use(sequence.own_key, found.own);
  const double token = plan_.memory.kv_token.value();
  moved_bytes_ += static_cast<double>(found.host * strategy_.kv.block) * token;
  if (!sequence.started) counts_.cached_tokens += found.all() * strategy_.kv.block;
  if (sequence.swapped == 0) return;
  moved_bytes_ += static_cast<double>(sequence.computed) * token;
  rank.cache.release_host(sequence.swapped);
  sequence.swapped = 0;
}

// Moves the first waiting sequence to the running ones, with its first chunk; false where it has to
// wait.
bool EngineReplica::admit(Rank& rank, std::int64_t& budget, bool whole) {
  Sequence tried = rank.waiting.front();
  const Hit found = hit(rank, tried);
  if (found.all() > 0) tried.computed = found.all() * strategy_.kv.block;
  const std::int64_t lacking = tried.known - tried.computed;
  // What was made is computed again with the prompt, and may not fit into a step's tokens any more:
  // it gets a step of its own.
  const bool oversized = whole && tried.made > 0 && rank.batch.empty();
  const std::int64_t tokens = oversized ? lacking : std::min(lacking, budget);
  if (tokens < 1 || (whole && tokens < lacking)) return false;
  tried.prefix_blocks = found.prefix;
  tried.own_blocks = found.own;
  const std::int64_t reserve = reserved(tried, tokens);
  const auto watermark =
      static_cast<std::int64_t>(strategy_.kv.watermark * static_cast<double>(rank.cache.total()));
  const std::int64_t kept = rank.running.empty() ? 0 : watermark;
  if (needed(rank, tried, reserve) > rank.cache.available() - kept) return false;
  take(rank, tried, found);
  base::ensures(grow(rank, tried, reserve), "blocks that are available can be taken");
  rank.waiting.pop_front();
  budget -= std::min(budget, tokens);
  plan_tokens(rank, tried, tokens);
  rank.running.push_back(tried);
  return true;
}

// Preempts the last running sequence behind place `keep`; false where there is none that may go.
bool EngineReplica::preempt_tail(Rank& rank, std::size_t keep) {
  if (rank.running.size() <= keep + 1) return false;
  Sequence victim = rank.running.back();
  if (victim.flying()) return false;
  const std::int64_t held = victim.prefix_blocks + victim.own_blocks + victim.blocks;
  const bool swap = strategy_.kv.preemption == Preemption::swap && victim.computed > 0 &&
                    rank.cache.reserve_host(held);
  leave(rank, victim);
  if (swap) {
    victim.swapped = held;
    moved_bytes_ += static_cast<double>(victim.computed) * plan_.memory.kv_token.value();
  } else {
    victim.computed = 0;
  }
  preempted_.push_back(victim.request);
  counts_.preemptions += 1;
  rank.running.pop_back();
  rank.waiting.push_front(victim);
  return true;
}

// Running sequences in their order, as far as the budget goes.
void EngineReplica::give_running(Rank& rank, std::int64_t& budget, bool& preempted) {
  const bool decodes_first = strategy_.batching.order == ContinuousOrder::sarathi;
  const std::int64_t drafts = strategy_.speculative.tokens;
  for (const bool prompts : {false, true}) {
    if (prompts && !decodes_first) break;
    for (std::size_t i = 0; i < rank.running.size() && budget > 0; ++i) {
      Sequence& sequence = rank.running[i];
      if (sequence.flying()) continue;
      const bool decode = sequence.decodes();
      if (decodes_first && decode == prompts) continue;
      const std::int64_t drafted = decode ? std::min(drafts, sequence.left) : 0;
      const std::int64_t tokens = std::min(sequence.known - sequence.computed + drafted, budget);
      bool fits = grow(rank, sequence, sequence.computed + tokens);
      while (!fits && preempt_tail(rank, i)) {
        preempted = true;
        fits = grow(rank, rank.running[i], rank.running[i].computed + tokens);
      }
      if (!fits) {
        // Nobody behind it can go: it goes itself, and has to be the last.
        if (i > 0 && i + 1 == rank.running.size())
          preempted = preempt_tail(rank, i - 1) || preempted;
        break;
      }
      budget -= tokens;
      plan_tokens(rank, rank.running[i], tokens);
    }
  }
}

void EngineReplica::schedule_unified(Rank& rank) {
  const Batching& batching = strategy_.batching;
  std::int64_t budget = batching.max_tokens;
  bool preempted = false;
  give_running(rank, budget, preempted);
  if (preempted) return;
  const bool whole = !batching.chunked_prefill || batching.order == ContinuousOrder::orca;
  while (!rank.waiting.empty() && seen(rank.waiting.front()) && budget > 0 &&
         std::ssize(rank.running) < batching.max_batch) {
    if (!admit(rank, budget, whole)) break;
  }
}

void EngineReplica::schedule_prefill_first(Rank& rank) {
  const Batching& batching = strategy_.batching;
  std::int64_t budget = batching.max_tokens;
  // Prompts that were cut are finished first.
  for (Sequence& sequence : rank.running) {
    const std::int64_t lacking = sequence.known - sequence.computed;
    if (sequence.decodes() || sequence.flying() || budget < 1) continue;
    const std::int64_t tokens = std::min(lacking, budget);
    if (!grow(rank, sequence, sequence.computed + tokens)) continue;
    budget -= tokens;
    plan_tokens(rank, sequence, tokens);
  }
  while (!rank.waiting.empty() && seen(rank.waiting.front()) && budget > 0 &&
         std::ssize(rank.running) < batching.max_batch) {
    if (!admit(rank, budget, !batching.chunked_prefill)) break;
  }
  if (!rank.batch.empty()) return;
  budget = std::numeric_limits<std::int64_t>::max() / 2;
  bool preempted = false;
  give_running(rank, budget, preempted);
}

bool EngineReplica::schedule(Rank& rank) {
  rank.batch.prompts.clear();
  rank.batch.decodes = rank.batch.decode_kv = 0;
  rank.batch.tokens_a_decode = 1 + strategy_.speculative.tokens;
  if (strategy_.batching.order == ContinuousOrder::prefill_first) {
    schedule_prefill_first(rank);
  } else {
    schedule_unified(rank);
  }
  return !rank.batch.empty();
}

}  // namespace windtunnel::strategies
