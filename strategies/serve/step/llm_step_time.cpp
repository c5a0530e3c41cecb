#include "strategies/serve/step/llm_step_time.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;

// Of the host's times: their spread over the CPUs that servers have.
constexpr double kHostBand = 0.3;
// Common to all of an engine's device times, and independent of what its kernels' tables say of
// themselves: kernels fused or not, clocks under load, and another release than the tables' (the same
// configuration differs up to twofold between releases; nine in ten rows are within this).
constexpr double kEngineBand = 0.08, kOtherReleaseBand = 0.22;
// Kernels that a compiled layer launches beside its graph piece: KV write, attention, its merge.
constexpr double kPiecesALayer = 4.0;

std::int64_t sampled(const StepBatch& batch) {
  std::int64_t sequences = batch.decodes * batch.tokens_a_decode;
  for (const PromptChunk& chunk : batch.prompts) sequences += chunk.last ? 1 : 0;
  return sequences;
}

std::int64_t sequences_of(const StepBatch& batch) {
  return batch.decodes + static_cast<std::int64_t>(batch.prompts.size());
}

double mean_keys(const StepBatch& batch) {
  return static_cast<double>(batch.decode_kv) / static_cast<double>(batch.decodes);
}

bool listed(const std::vector<std::string>& notes, const std::string& note) {
  return std::find(notes.begin(), notes.end(), note) != notes.end();
}

}  // namespace

LlmStepTime::LlmStepTime(LlmStepOptions options)
    : options_(std::move(options)), clock_(options_.cluster, options_.links) {
  const RankSite site{.kernels = options_.kernels,
                      .gpu = options_.gpu,
                      .clock = clock_,
                      .links = options_.links,
                      .stack = options_.stack};
  stages_.reserve(options_.layout.stages.size());
  for (const StageBlocks& stage : options_.layout.stages) {
    stages_.emplace_back(*options_.network, options_.layout, stage, options_.rank, site);
    const PartTime one = stages_.back().dense_part(1);
    const double attention = stages_.back().context_part(1, 1).kernels;
    const double experts = stages_.back().experts_part(1).kernels;
    kernels_eager_ = std::max(kernels_eager_, one.kernels + attention + experts);
    pieces_ = std::max(pieces_, kPiecesALayer * stages_.back().layers());
  }
  device_.resize(stages_.size());
  measure_bands();
}

// Which kernels are launched one by one, and how many tokens the linear layers run on.
LlmStepTime::Padded LlmStepTime::padded(const StepBatch& batch) const {
  const EngineStack& stack = options_.stack;
  const std::int64_t tokens = batch.tokens();
  const double dispatch = stack.dispatch.value();
  const bool graph = stack.graphs != GraphCapture::none && tokens <= stack.largest_graph;
  if (!graph || (stack.graphs == GraphCapture::decode && !batch.prompts.empty())) {
    return {.tokens = tokens, .issue = kernels_eager_ * dispatch};
  }
  const std::int64_t whole = graph_tokens(tokens, stack.largest_graph);
  if (batch.prompts.empty()) return {.tokens = whole, .issue = stack.piece.value()};
  return {.tokens = whole, .issue = pieces_ * stack.piece.value()};
}

double LlmStepTime::attention(RankTimes& rank, const StepBatch& batch) {
  double time = 0;
  for (const PromptChunk& chunk : batch.prompts) {
    if (chunk.tokens > 0) time += rank.context(chunk.tokens, chunk.tokens + chunk.cached);
  }
  if (batch.decodes > 0) {
    time += rank.decode(batch.decodes, mean_keys(batch), batch.tokens_a_decode);
  }
  return time;
}

double LlmStepTime::draft_time(const StepBatch& batch) {
  if (options_.draft_tokens <= 0) return 0;
  double time = batch.decodes > 0 ? options_.draft_time.value() : 0.0;
  if (!options_.draft) return time;
  if (batch.decodes > 0) {
    const StepBatch one{.decodes = batch.decodes, .decode_kv = batch.decode_kv};
    time += static_cast<double>(options_.draft_tokens) * options_.draft->time(one).device.value();
  }
  if (!batch.prompts.empty()) {
    time += options_.draft->time(StepBatch{.prompts = batch.prompts}).device.value();
  }
  return time;
}

Seconds LlmStepTime::hop(std::int64_t tokens) {
  const double bytes = static_cast<double>(tokens) * static_cast<double>(options_.network->hidden) *
                       models::element_bytes(options_.rank.formats) /
                       static_cast<double>(options_.layout.ranks.tensor);
  return clock_
      .message(base::Bytes(bytes), options_.layout.hop_between_nodes, options_.layout.ranks.tensor)
      .time;
}

StepTime LlmStepTime::joined(const std::vector<double>& stages, const StepBatch& batch,
                             const Padded& padded) {
  const EngineStack& stack = options_.stack;
  const double draft = draft_time(batch);
  double slowest = 0, sum = draft;
  for (const double stage : stages) {
    slowest = std::max(slowest, stage);
    sum += stage;
  }
  const auto hops = static_cast<double>(stages.size() - 1);
  const double message = hops > 0 ? hop(padded.tokens).value() : 0.0;
  const double device = slowest + draft + message;
  const double host =
      stack.gap.value() + static_cast<double>(sequences_of(batch)) * stack.gap_sequence.value();
  const double busy = std::max(device, padded.issue);
  StepTime step;
  if (stack.overlap == HostOverlap::next_step) {
    step.total = Seconds(std::max(busy + stack.turn.value(), host + padded.issue));
  } else {
    step.total = Seconds(busy + host);
  }
  step.latency = Seconds(std::max(
      step.total.value(), std::max(sum + hops * message, padded.issue) + stack.turn.value()));
  step.device = Seconds(device);
  return step;
}

StepTime LlmStepTime::time(const StepBatch& batch) {
  base::expects(!batch.empty(), "a step has tokens");
  const Padded to = padded(batch);
  const std::int64_t head = sampled(batch);
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    RankTimes& rank = stages_[s];
    device_[s] = rank.dense(to.tokens) + rank.experts(to.tokens * options_.layout.data) +
                 attention(rank, batch) + rank.head(head);
  }
  return joined(device_, batch, to);
}

StepTime LlmStepTime::time(const std::vector<StepBatch>& ranks) {
  base::expects(!ranks.empty(), "a step has ranks");
  if (ranks.size() == 1) return time(ranks.front());
  if (!stages_.front().has_experts() && !stages_.back().has_experts()) {
    return StepTimeModel::time(ranks);
  }
  std::int64_t all = 0;
  const StepBatch* fullest = &ranks.front();
  Padded to{};
  for (const StepBatch& batch : ranks) {
    const Padded own = batch.empty() ? Padded{.tokens = 1} : padded(batch);
    all += own.tokens;
    to.issue = std::max(to.issue, own.issue);
    to.tokens = std::max(to.tokens, own.tokens);
    if (sequences_of(batch) > sequences_of(*fullest)) fullest = &batch;
  }
  // Graphs of one size are replayed on all ranks, so idle rows are padded to the fullest.
  const bool graph =
      options_.stack.graphs != GraphCapture::none && to.tokens <= options_.stack.largest_graph;
  if (graph) all = to.tokens * static_cast<std::int64_t>(ranks.size());
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    RankTimes& rank = stages_[s];
    double slowest = 0;
    for (const StepBatch& batch : ranks) {
      if (batch.empty()) continue;
      const double own = rank.dense(graph ? to.tokens : batch.tokens()) + attention(rank, batch) +
                         rank.head(sampled(batch));
      slowest = std::max(slowest, own);
    }
    device_[s] = slowest + rank.experts(all);
  }
  return joined(device_, *fullest, to);
}

FarExchange LlmStepTime::far(const std::vector<StepBatch>& ranks) {
  const EngineLayout& layout = options_.layout;
  const bool between = layout.tensor.nodes > 1 || layout.experts.nodes > 1;
  if (stages_.size() > 1 || !between) return {};
  std::int64_t most = 0, all = 0, sequences = 0;
  for (const StepBatch& batch : ranks) {
    const std::int64_t tokens = batch.empty() ? 1 : padded(batch).tokens;
    most = std::max(most, tokens);
    all += ranks.size() == 1 ? tokens * layout.data : tokens;
    sequences = std::max(sequences, sampled(batch));
  }
  return stages_.front().far(most, all, sequences);
}

std::vector<std::string> LlmStepTime::notes() const {
  std::vector<std::string> notes{"steps of " + options_.stack.description};
  for (const RankTimes& stage : stages_) {
    for (const models::KernelQuery& query : stage.sample_queries()) {
      const std::string note = options_.kernels.note(query);
      if (!note.empty() && !listed(notes, note)) notes.push_back(note);
    }
  }
  for (const std::string& note : clock_.notes()) {
    if (!listed(notes, note)) notes.push_back(note);
  }
  return notes;
}

void LlmStepTime::measure_bands() {
  PartTime sum;
  for (const RankTimes& stage : stages_) {
    sum.add(stage.dense_part(64));
    sum.add(stage.experts_part(64 * options_.layout.data));
    sum.add(stage.decode_part(64, 1024.0, 1));
    sum.add(stage.head_part(64));
    sum.add(stage.dense_part(2048));
    sum.add(stage.experts_part(2048 * options_.layout.data));
    sum.add(stage.context_part(2048, 2048));
  }
  const double host = 2.0 * (options_.stack.gap + 64.0 * options_.stack.gap_sequence).value();
  const bool hidden = options_.stack.overlap == HostOverlap::next_step;
  const PartTime::Interval fixed =
      hidden ? PartTime::Interval{}
             : PartTime::Interval{host, host * (1.0 - kHostBand), host * (1.0 + kHostBand)};
  const double device = sum.time();
  const double engine =
      options_.tables == LlmStepOptions::Tables::of_another ? kOtherReleaseBand : kEngineBand;
  const PartTime::Factors band =
      sum.band(fixed, {device, device * (1.0 - engine), device * (1.0 + engine)});
  low_ = band.low;
  high_ = band.high;
  rests_on_ = sum.rests_on();
}

}  // namespace windtunnel::strategies
