// The schedulers: who computes how many tokens on the next step.
#include <algorithm>
#include <limits>

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
  const std::int64_t lacking =
      blocks_for(tokens) - sequence.prefix_blocks - sequence.session_blocks - sequence.blocks;
  if (lacking <= 0) return true;
  if (!rank.cache.allocate(lacking)) return false;
  sequence.blocks += lacking;
  return true;
}

void EngineReplica::plan_tokens(Rank& rank, Sequence& sequence, std::int64_t tokens) {
  if (!sequence.started) started_.push_back(sequence.request);
  sequence.started = true;
  sequence.flying = true;
  rank.work.emplace_back(sequence.request, tokens);
  const bool decode = sequence.made > 0 && sequence.known - sequence.computed == 1;
  if (decode) {
    rank.batch.decodes += 1;
    rank.batch.decode_kv += sequence.known;
    return;
  }
  counts_.prompt_tokens += tokens;
  rank.batch.prompts.push_back({.tokens = tokens,
                                .cached = sequence.computed,
                                .last = sequence.computed + tokens >= sequence.known});
}

// Blocks of the sequence's prefix and conversation that are cached: whole blocks, and at least the
// last token is computed.
std::int64_t EngineReplica::hit(Rank& rank, const Sequence& sequence) const {
  if (!rank.cache.caching() || sequence.computed > 0) return 0;
  const std::int64_t most = (sequence.known - 1) / strategy_.kv.block;
  std::int64_t prefix = 0;
  if (sequence.prefix_key >= 0)
    prefix = std::min(rank.cache.cached(sequence.prefix_key),
                      sequence.prefix_tokens / strategy_.kv.block);
  const bool whole =
      sequence.prefix_key < 0 || prefix == sequence.prefix_tokens / strategy_.kv.block;
  const std::int64_t talk =
      sequence.session_key >= 0 && whole ? rank.cache.cached(sequence.session_key) : 0;
  return std::min(most, prefix + talk);
}

// Moves the first waiting sequence to the running ones, with its first chunk; false where it has to
// wait.
bool EngineReplica::admit(Rank& rank, std::int64_t& budget, bool whole) {
  Sequence sequence = rank.waiting.front();
  const std::int64_t block = strategy_.kv.block;
  const std::int64_t hits = sequence.swapped ? 0 : hit(rank, sequence);
  std::int64_t prefix = 0;
  if (hits > 0 && sequence.prefix_key >= 0)
    prefix =
        std::min({hits, rank.cache.cached(sequence.prefix_key), sequence.prefix_tokens / block});
  const std::int64_t talk = hits - prefix;
  Sequence tried = sequence;
  if (hits > 0) tried.computed = hits * block;
  const std::int64_t lacking = tried.known - tried.computed;
  const std::int64_t tokens = std::min(lacking, budget);
  if (tokens < 1 || (whole && tokens < lacking)) return false;
  tried.prefix_blocks = prefix;
  tried.session_blocks = talk;
  const std::int64_t needed = blocks_for(reserved(tried, tokens)) - prefix - talk +
                              (prefix > 0 ? rank.cache.cost(tried.prefix_key, prefix) : 0) +
                              (talk > 0 ? rank.cache.cost(tried.session_key, talk) : 0);
  const auto kept =
      static_cast<std::int64_t>(strategy_.kv.watermark * static_cast<double>(rank.cache.total()));
  const bool alone = rank.running.empty();
  if (needed > rank.cache.available() - (alone ? 0 : kept)) return false;
  if (prefix > 0) rank.cache.use(tried.prefix_key, prefix);
  if (talk > 0) rank.cache.use(tried.session_key, talk);
  if (!grow(rank, tried, reserved(tried, tokens))) return false;
  if (tried.swapped) {
    moved_bytes_ += static_cast<double>(tried.computed) * plan_.memory.kv_token.value();
    tried.swapped = false;
  }
  counts_.cached_tokens += hits * block;
  rank.waiting.pop_front();
  budget -= tokens;
  plan_tokens(rank, tried, tokens);
  rank.running.push_back(tried);
  return true;
}

// Preempts the last running sequence behind place `keep`; false where there is none that may go.
bool EngineReplica::preempt_tail(Rank& rank, std::size_t keep) {
  if (rank.running.size() <= keep + 1) return false;
  Sequence victim = rank.running.back();
  if (victim.flying) return false;
  const bool swap = strategy_.kv.preemption == Preemption::swap && victim.computed > 0;
  const std::int64_t computed = victim.computed;
  leave(rank, victim);
  victim.computed = swap ? computed : 0;
  victim.swapped = swap;
  if (swap) moved_bytes_ += static_cast<double>(computed) * plan_.memory.kv_token.value();
  rank.running.pop_back();
  rank.waiting.push_front(victim);
  counts_.preemptions += 1;
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
      if (sequence.flying) continue;
      const bool decode = sequence.made > 0 && sequence.known - sequence.computed == 1;
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
  while (!rank.waiting.empty() && budget > 0 && std::ssize(rank.running) < batching.max_batch) {
    if (!admit(rank, budget, whole)) break;
  }
}

void EngineReplica::schedule_prefill_first(Rank& rank) {
  const Batching& batching = strategy_.batching;
  std::int64_t budget = batching.max_tokens;
  // Prompts that were cut are finished first.
  for (Sequence& sequence : rank.running) {
    const std::int64_t lacking = sequence.known - sequence.computed;
    const bool decode = sequence.made > 0 && lacking == 1;
    if (decode || sequence.flying || budget < 1) continue;
    const std::int64_t tokens = std::min(lacking, budget);
    if (!grow(rank, sequence, sequence.computed + tokens)) continue;
    budget -= tokens;
    plan_tokens(rank, sequence, tokens);
  }
  while (!rank.waiting.empty() && budget > 0 && std::ssize(rank.running) < batching.max_batch) {
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
