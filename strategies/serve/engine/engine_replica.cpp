#include "strategies/serve/engine/engine_replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

// Keys of chains: prefixes even, conversations odd, requests negative.
std::int64_t key_of_prefix(std::int64_t id) {
  return id < 0 ? -1 : 2 * id;
}
std::int64_t own_key(const Request& request) {
  return request.session >= 0 ? 2 * request.session + 1 : -(request.id + 2);
}

}  // namespace

EngineReplica::EngineReplica(const EnginePlan& plan, const ServeStrategy& strategy,
                             std::uint64_t seed)
    : plan_(plan), strategy_(strategy), random_(seed, "speculation") {
  const double block = plan.kv_request_token.value() * static_cast<double>(strategy.kv.block) *
                       static_cast<double>(plan.data_ranks);
  const std::int64_t host =
      block > 0 ? static_cast<std::int64_t>(strategy.kv.host_memory.value() / block) : 0;
  for (std::int64_t i = 0; i < plan.data_ranks; ++i) {
    ranks_.push_back({.waiting = {},
                      .running = {},
                      .cache = KvBlocks(plan.memory.blocks, strategy.kv.prefix_caching, host),
                      .batch = {}});
  }
  batches_.resize(ranks_.size());
}

std::int64_t EngineReplica::blocks_for(std::int64_t tokens) const {
  return (tokens + strategy_.kv.block - 1) / strategy_.kv.block;
}

std::string EngineReplica::impossible(const Request& request) const {
  const std::int64_t tokens = request.input_tokens + request.output_tokens;
  if (plan_.max_model_len > 0 && tokens > plan_.max_model_len)
    return fmt::format("more tokens than max_model_len ({})", plan_.max_model_len);
  if (blocks_for(kept(request.input_tokens, tokens)) > ranks_[0].cache.total())
    return fmt::format("more tokens than the KV cache holds ({})",
                       ranks_[0].cache.total() * strategy_.kv.block);
  if (strategy_.batching.order == ContinuousOrder::orca &&
      blocks_for(plan_.max_model_len) > ranks_[0].cache.total())
    return fmt::format("orca reserves {} tokens, more than the KV cache holds ({})",
                       plan_.max_model_len, ranks_[0].cache.total() * strategy_.kv.block);
  const bool whole =
      !strategy_.batching.chunked_prefill || strategy_.batching.order == ContinuousOrder::orca;
  if (whole && request.input_tokens > strategy_.batching.max_tokens)
    return fmt::format("a prompt longer than max_tokens ({}), and prompts are not cut",
                       strategy_.batching.max_tokens);
  return "";
}

void EngineReplica::submit(const Request& request, double now, bool remote) {
  Rank* best = &ranks_[0];
  for (Rank& rank : ranks_) {
    if (rank.waiting.size() + rank.running.size() < best->waiting.size() + best->running.size())
      best = &rank;
  }
  Sequence sequence{.request = request.id,
                    .prompt = request.input_tokens,
                    .known = request.input_tokens,
                    .left = request.output_tokens,
                    .prefix_key = key_of_prefix(request.prefix_id),
                    .prefix_tokens = request.prefix_tokens,
                    .own_key = own_key(request),
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

// What the next step may know of: all that came until it is planned, where this is a look at all.
void EngineReplica::look(double now) {
  const bool idle = now > free_at_ || counts_.steps == 0;
  const bool due = idle || prompts_before_ || unpolled_ + 1 >= strategy_.batching.poll_steps;
  unpolled_ = due ? 0 : unpolled_ + 1;
  if (due) seen_until_ = plan_.plans_ahead && !idle ? begun_ : now;
}

bool EngineReplica::schedule_all() {
  bool any = false;
  moved_bytes_ = 0;
  for (Rank& rank : ranks_) any = schedule(rank) || any;
  return any;
}

std::optional<double> EngineReplica::try_start(double now) {
  if (now < free_at_ || static_cast<std::int64_t>(flying_.size()) >= plan_.stages)
    return std::nullopt;
  look(now);
  if (!schedule_all()) {  // with nothing to do it looks again and again
    if (seen_until_ >= now || waiting() == 0) return std::nullopt;
    seen_until_ = now;
    if (!schedule_all()) return std::nullopt;
  }
  std::int64_t sequences = 0;
  prompts_before_ = false;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    batches_[i] = ranks_[i].batch;
    sequences += batches_[i].decodes + std::ssize(batches_[i].prompts);
    prompts_before_ = prompts_before_ || !batches_[i].prompts.empty();
  }
  StepTime time = ranks_.size() == 1 ? plan_.steps->time(batches_[0]) : plan_.steps->time(batches_);
  const double more =
      plan_.host_bandwidth.value() > 0 ? moved_bytes_ / plan_.host_bandwidth.value() : 0.0;
  const double total = time.total.value() + more;
  // Steps leave the pipeline in the order in which they entered it.
  const double before = flying_.empty() ? now : flying_.back().end;
  Flight flight{.number = flights_++,
                .begin = now,
                .end = std::max(before, now + std::max(time.latency.value() + more, total)),
                .started = std::exchange(started_, {})};
  begun_ = now;
  free_at_ = now + total;
  counts_.steps += 1;
  counts_.busy += std::min(time.device.value() + more, total);
  counts_.step_time += total;
  counts_.batch_time += static_cast<double>(sequences) * total;
  counts_.kv_peak = std::max(counts_.kv_peak, kv_used());
  count_kind(total);
  flying_.push_back(std::move(flight));
  return flying_.back().end;
}

void EngineReplica::count_kind(double time) {
  StepMeans one{.steps = 1, .time = time};
  for (const StepBatch& batch : batches_) {
    one.prompts += static_cast<double>(batch.prompts.size());
    one.prompt_tokens += static_cast<double>(batch.prompt_tokens());
    one.decodes += static_cast<double>(batch.decodes);
    one.decode_keys += static_cast<double>(batch.decode_kv);
  }
  const StepKind kind = one.decodes <= 0   ? StepKind::prompts
                        : one.prompts <= 0 ? StepKind::decodes
                                           : StepKind::mixed;
  counts_.kinds[static_cast<std::size_t>(kind)] += one;
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

// The blocks of a sequence that ends or is preempted: its shared chains lose a user; its own whole
// blocks stay in the cache as the continuation of its own chain, the last, unfilled one is lost.
void EngineReplica::leave(Rank& rank, Sequence& sequence) {
  KvBlocks& cache = rank.cache;
  std::int64_t kept = 0;
  if (cache.caching()) {
    const bool follows = sequence.prefix_key < 0 ||
                         sequence.prefix_blocks >= sequence.prefix_tokens / strategy_.kv.block;
    const std::int64_t whole =
        std::min(sequence.own_blocks + sequence.blocks,
                 sequence.computed / strategy_.kv.block - sequence.prefix_blocks);
    if (follows) kept = std::max<std::int64_t>(0, whole - cache.cached(sequence.own_key));
    kept = std::min(kept, sequence.blocks);
  }
  const bool user = sequence.own_blocks > 0;
  if (kept > 0)
    cache.extend(sequence.own_key, kept,
                 user ? KvBlocks::Holder::is_user : KvBlocks::Holder::is_new);
  cache.release(sequence.blocks - kept);
  if (user || kept > 0) cache.unuse(sequence.own_key);
  if (sequence.prefix_blocks > 0) cache.unuse(sequence.prefix_key);
  sequence.blocks = sequence.prefix_blocks = sequence.own_blocks = 0;
}

// Once its keys are there, a prefix is everybody's; where another sequence was faster, this one takes
// the blocks that are there and gives up its own.
void EngineReplica::share_prefix(Rank& rank, Sequence& sequence) {
  if (sequence.prefix_key < 0 || !rank.cache.caching()) return;
  KvBlocks& cache = rank.cache;
  const std::int64_t whole = sequence.prefix_tokens / strategy_.kv.block;
  const std::int64_t more = whole - sequence.prefix_blocks;
  if (more < 1 || sequence.computed < whole * strategy_.kv.block || more > sequence.blocks) return;
  const bool user = sequence.prefix_blocks > 0;
  const std::int64_t there = cache.cached(sequence.prefix_key);
  if (there < whole) {
    if (there > sequence.prefix_blocks) return;  // somebody's is in between
    cache.extend(sequence.prefix_key, more,
                 user ? KvBlocks::Holder::is_user : KvBlocks::Holder::is_new);
  } else {
    cache.release(more);
    cache.use(sequence.prefix_key, whole);
    if (user) cache.unuse(sequence.prefix_key);
  }
  sequence.blocks -= more;
  sequence.prefix_blocks = whole;
}

// The keys of all its tokens are there: the next ones are made.
void EngineReplica::give_tokens(Sequence& sequence, FinishedStep& out) {
  const bool drafts = sequence.drafted && strategy_.speculative.tokens > 0;
  const std::int64_t made = std::min(drafts ? drawn_tokens() : std::int64_t{1}, sequence.left);
  sequence.made += made;
  sequence.left -= made;
  sequence.known += made;
  sequence.computed = sequence.known - 1;
  out.tokens.push_back({sequence.request, made, sequence.left == 0});
  const bool handed_over = plan_.role == EngineRole::prefill && sequence.left > 0;
  if (handed_over) out.prefilled.push_back(sequence.request);
  sequence.done = sequence.left == 0 || handed_over;
}

void EngineReplica::apply(Rank& rank, std::int64_t flight, FinishedStep& out) {
  bool left = false;
  for (Sequence& sequence : rank.running) {
    if (sequence.flight != flight) continue;
    sequence.flight = -1;
    sequence.drafted = sequence.decodes();
    sequence.computed = std::min(sequence.known, sequence.computed + sequence.planned);
    share_prefix(rank, sequence);
    if (sequence.computed < sequence.known) continue;
    give_tokens(sequence, out);
    left = left || sequence.done;
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
  FinishedStep out;
  out.begin = flight.begin;
  out.end = end;
  for (const auto& [request, tokens] : flight.started) {
    out.started.push_back(request);
    if (tokens > 0) out.cached.emplace_back(request, tokens);
  }
  out.preempted = std::exchange(preempted_, {});
  for (Rank& rank : ranks_) apply(rank, flight.number, out);
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
    rank.cache.clear();
  }
  flying_.clear();
  started_.clear();
  preempted_.clear();
  free_at_ = 0;
  std::sort(lost.begin(), lost.end());
  return lost;
}

}  // namespace windtunnel::strategies
