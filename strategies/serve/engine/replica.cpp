#include "strategies/serve/engine/engine_replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

// Keys of chains: prefixes even, conversations odd, finished requests negative.
std::int64_t key_of_prefix(std::int64_t id) {
  return id < 0 ? -1 : 2 * id;
}
std::int64_t key_of_session(std::int64_t id) {
  return id < 0 ? -1 : 2 * id + 1;
}

}  // namespace

EngineReplica::EngineReplica(const EnginePlan& plan, const ServeStrategy& strategy,
                             std::uint64_t seed)
    : plan_(plan), strategy_(strategy), random_(seed, "speculation") {
  for (std::int64_t i = 0; i < plan.data_ranks; ++i) {
    ranks_.push_back({.waiting = {},
                      .running = {},
                      .cache = KvBlocks(plan.memory.blocks, strategy.kv.prefix_caching),
                      .batch = {},
                      .work = {}});
  }
  batches_.resize(ranks_.size());
}

std::int64_t EngineReplica::blocks_for(std::int64_t tokens) const {
  return (tokens + strategy_.kv.block - 1) / strategy_.kv.block;
}

std::string EngineReplica::impossible(const Request& request) const {
  const std::int64_t tokens = request.input_tokens + request.output_tokens;
  if (plan_.max_model_len > 0 && tokens > plan_.max_model_len)
    return fmt::format("{} tokens are more than max_model_len ({})", tokens, plan_.max_model_len);
  if (blocks_for(tokens) > ranks_[0].cache.total())
    return fmt::format("{} tokens are more than the KV cache holds ({})", tokens,
                       ranks_[0].cache.total() * strategy_.kv.block);
  const bool whole =
      !strategy_.batching.chunked_prefill || strategy_.batching.order == ContinuousOrder::orca;
  if (whole && request.input_tokens > strategy_.batching.max_tokens)
    return fmt::format(
        "a prompt of {} tokens is longer than max_tokens ({}), and prompts are not cut",
        request.input_tokens, strategy_.batching.max_tokens);
  return "";
}

void EngineReplica::submit(const Request& request, double now, bool remote) {
  Rank* best = &ranks_[0];
  for (Rank& rank : ranks_) {
    if (rank.waiting.size() + rank.running.size() < best->waiting.size() + best->running.size())
      best = &rank;
  }
  Sequence sequence{.request = request.id,
                    .known = request.input_tokens,
                    .left = request.output_tokens,
                    .prefix_key = key_of_prefix(request.prefix_id),
                    .prefix_tokens = request.prefix_tokens,
                    .session_key = key_of_session(request.session),
                    .arrival = now};
  if (remote) {  // its prompt and first token were made elsewhere
    sequence.computed = sequence.known;
    sequence.known += 1;
    sequence.made = 1;
    sequence.left -= 1;
    sequence.started = true;
  }
  best->waiting.push_back(sequence);
}

std::int64_t EngineReplica::waiting() const {
  std::int64_t sum = 0;
  for (const Rank& rank : ranks_) sum += static_cast<std::int64_t>(rank.waiting.size());
  return sum;
}

std::int64_t EngineReplica::running() const {
  std::int64_t sum = 0;
  for (const Rank& rank : ranks_) sum += static_cast<std::int64_t>(rank.running.size());
  return sum;
}

double EngineReplica::kv_used() const {
  std::int64_t active = 0, total = 0;
  for (const Rank& rank : ranks_) {
    active += rank.cache.active();
    total += rank.cache.total();
  }
  return total > 0 ? static_cast<double>(active) / static_cast<double>(total) : 0.0;
}

void EngineReplica::warm(std::int64_t prefix_id, std::int64_t tokens) {
  for (Rank& rank : ranks_) rank.cache.warm(key_of_prefix(prefix_id), tokens / strategy_.kv.block);
}

std::optional<double> EngineReplica::try_start(double now) {
  if (now < free_at_ || static_cast<std::int64_t>(flying_.size()) >= plan_.stages)
    return std::nullopt;
  bool any = false;
  moved_bytes_ = 0;
  std::int64_t sequences = 0;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    any = schedule(ranks_[i]) || any;
    batches_[i] = ranks_[i].batch;
    sequences += batches_[i].decodes + std::ssize(batches_[i].prompts);
  }
  if (!any) return std::nullopt;
  StepTime time = ranks_.size() == 1 ? plan_.steps->time(batches_[0]) : plan_.steps->time(batches_);
  const double more =
      plan_.host_bandwidth.value() > 0 ? moved_bytes_ / plan_.host_bandwidth.value() : 0.0;
  const double total = time.total.value() + more;
  Flight flight{.begin = now,
                .end = now + std::max(time.latency.value() + more, total),
                .started = std::exchange(started_, {}),
                .work = {}};
  for (Rank& rank : ranks_) flight.work.push_back(std::exchange(rank.work, {}));
  free_at_ = now + total;
  counts_.steps += 1;
  counts_.busy += std::min(time.device.value() + more, total);
  counts_.step_time += total;
  counts_.batch_time += static_cast<double>(sequences) * total;
  counts_.kv_peak = std::max(counts_.kv_peak, kv_used());
  flying_.push_back(std::move(flight));
  return flying_.back().end;
}

std::int64_t EngineReplica::drawn_tokens() {
  std::int64_t made = 1;
  for (std::int64_t i = 0; i < strategy_.speculative.tokens; ++i) {
    if (random_.uniform() >= strategy_.speculative.acceptance) break;
    ++made;
  }
  counts_.drafted += static_cast<double>(strategy_.speculative.tokens);
  counts_.draft_accepted += static_cast<double>(made - 1);
  return made;
}

// The blocks of a sequence that ends: its shared chains lose a user; what was its own stays in the
// cache as the continuation of its conversation, or as content nobody asks for again.
void EngineReplica::leave(Rank& rank, Sequence& sequence) {
  if (sequence.prefix_blocks > 0) rank.cache.unuse(sequence.prefix_key);
  if (sequence.session_blocks > 0) rank.cache.unuse(sequence.session_key);
  if (rank.cache.caching() && sequence.blocks > 0) {
    const std::int64_t key =
        sequence.session_key >= 0 ? sequence.session_key : -(sequence.request + 2);
    rank.cache.extend(key, sequence.blocks);
    rank.cache.unuse(key);
  } else {
    rank.cache.release(sequence.blocks);
  }
  sequence.blocks = sequence.prefix_blocks = sequence.session_blocks = 0;
}

// Once its keys are there, a prefix that nobody had cached is everybody's.
void EngineReplica::share_prefix(Rank& rank, Sequence& sequence) {
  if (sequence.prefix_key < 0 || sequence.prefix_blocks > 0 || !rank.cache.caching()) return;
  const std::int64_t whole = sequence.prefix_tokens / strategy_.kv.block;
  if (whole < 1 || sequence.computed < whole * strategy_.kv.block || whole > sequence.blocks)
    return;
  if (rank.cache.cached(sequence.prefix_key) > 0) return;
  rank.cache.extend(sequence.prefix_key, whole);
  sequence.blocks -= whole;
  sequence.prefix_blocks = whole;
}

void EngineReplica::apply(Rank& rank,
                          const std::vector<std::pair<std::int64_t, std::int64_t>>& work,
                          FinishedStep& out) {
  std::size_t next = 0;
  bool left = false;
  for (Sequence& sequence : rank.running) {
    if (next == work.size()) break;
    if (!sequence.flying || sequence.request != work[next].first) continue;
    const std::int64_t tokens = work[next++].second;
    sequence.flying = false;
    const bool decode = sequence.made > 0 && sequence.known - sequence.computed == 1;
    sequence.computed = std::min(sequence.known, sequence.computed + tokens);
    share_prefix(rank, sequence);
    if (sequence.computed < sequence.known) continue;
    const std::int64_t drawn =
        decode && strategy_.speculative.tokens > 0 ? drawn_tokens() : std::int64_t{1};
    const std::int64_t made = std::min(drawn, sequence.left);
    sequence.made += made;
    sequence.left -= made;
    sequence.known += made;
    sequence.computed = sequence.known - 1;
    const bool handed_over = plan_.role == EngineRole::prefill && sequence.left > 0;
    out.tokens.push_back({sequence.request, made, sequence.left == 0});
    if (handed_over) out.prefilled.push_back(sequence.request);
    if (sequence.left == 0 || handed_over) {
      sequence.done = true;
      left = true;
    }
  }
  if (!left) return;
  for (Sequence& sequence : rank.running) {
    if (sequence.done) leave(rank, sequence);
  }
  std::erase_if(rank.running, [](const Sequence& sequence) { return sequence.done; });
}

FinishedStep EngineReplica::finish(double end) {
  base::expects(!flying_.empty(), "a step is under way");
  Flight flight = std::move(flying_.front());
  flying_.pop_front();
  FinishedStep out{.begin = flight.begin,
                   .end = end,
                   .tokens = {},
                   .started = std::move(flight.started),
                   .prefilled = {},
                   .rejected = {},
                   .gaps = {}};
  for (std::size_t i = 0; i < ranks_.size(); ++i) apply(ranks_[i], flight.work[i], out);
  return out;
}

std::vector<std::int64_t> EngineReplica::fail(double /*now*/) {
  std::vector<std::int64_t> lost;
  for (Rank& rank : ranks_) {
    for (const Sequence& sequence : rank.running) {
      if (!sequence.done) lost.push_back(sequence.request);
    }
    for (const Sequence& sequence : rank.waiting) lost.push_back(sequence.request);
    rank.running.clear();
    rank.waiting.clear();
    rank.work.clear();
    rank.cache.clear();
  }
  flying_.clear();
  started_.clear();
  free_at_ = 0;
  std::sort(lost.begin(), lost.end());
  return lost;
}

}  // namespace windtunnel::strategies
