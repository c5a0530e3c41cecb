#include "strategies/train/stage_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "strategies/train/timeline_rows.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;
using sim::TaskId;

constexpr std::array<std::string_view, kExchangeRoles> kRoleNames{"tensor", "context", "expert",
                                                                  "shards"};

Hop scaled(Hop hop, double factor) {
  hop.message.time *= factor;
  hop.message.far *= factor;
  hop.regather *= factor;
  hop.bytes *= factor;
  return hop;
}

std::size_t arrival_slots(const PipelinePlan& pipeline) {
  return static_cast<std::size_t>(pipeline.shape.micro_batches) *
         static_cast<std::size_t>(pipeline.positions);
}

}  // namespace

StageGraph::StageGraph(GraphWriter& writer, std::int32_t device, TaskId start)
    : writer_(writer),
      device_(device),
      ranks_(stage_ranks(writer.plan(), device)),
      gradients_(writer.costs().gradients[static_cast<std::size_t>(device)]),
      gang_of_(ranks_.ranks.size(), 0),
      before_(ranks_.gangs.size(), Tasks{start}),
      passes_(ranks_.gangs.size()),
      arrivals_(2 * arrival_slots(writer.pipeline()) * ranks_.gangs.size(), TaskId::none()),
      data_stream_(ranks_.ranks.size(), TaskId::none()) {
  for (std::size_t g = 0; g < ranks_.gangs.size(); ++g) {
    for (const std::int64_t rank : ranks_.gangs[g]) gang_of_[slot(rank)] = g;
  }
  writer_.marks(device_).gangs.resize(ranks_.gangs.size());
  for (std::size_t g = 0; g < ranks_.gangs.size(); ++g) {
    writer_.marks(device_).gangs[g].first_rank = ranks_.gangs[g].front();
  }
}

std::size_t StageGraph::slot(std::int64_t rank) const {
  return static_cast<std::size_t>(std::lower_bound(ranks_.ranks.begin(), ranks_.ranks.end(), rank) -
                                  ranks_.ranks.begin());
}

void StageGraph::run(std::vector<StageGraph>& all) {
  const auto& order = writer_.pipeline().devices[static_cast<std::size_t>(device_)];
  const auto last = last_gradient_passes(order, writer_.pipeline().chunks);
  std::vector<std::size_t> chunks;  // in the order of their last passes
  for (std::size_t i = 0; i < order.size(); ++i) {
    run_step(i, all);
    if (!adds_gradients(order[i].pass) || gradients_.chunks.empty()) continue;
    const auto chunk = static_cast<std::size_t>(gradient_chunk(order[i]));
    if (gradients_.when == ReduceWhen::every_pass) {
      reduce(chunk);
      wait_for_reduction();
    } else if (last[chunk] == i) {
      if (gradients_.when == ReduceWhen::beside_passes) reduce(chunk);
      chunks.push_back(chunk);
    }
  }
  end_passes();
  if (gradients_.when == ReduceWhen::after_passes) {
    for (const std::size_t chunk : chunks) reduce(chunk);
  }
  end_ranks();
}

// The common end of the messages that bring a gang the input of a pass.
TaskId StageGraph::arrival(const PipelineInput& input, std::size_t gang) {
  const PipelinePlan& pipeline = writer_.pipeline();
  const std::size_t at =
      static_cast<std::size_t>(input.micro_batch) * static_cast<std::size_t>(pipeline.positions) +
      static_cast<std::size_t>(input.position) + (input.way > 0 ? 0 : arrival_slots(pipeline));
  TaskId& task = arrivals_[at * ranks_.gangs.size() + gang];
  if (!task.valid()) task = writer_.graph().add(sim::JoinTask{}, "arrival");
  return task;
}

std::int64_t StageGraph::lane_of(std::size_t gang) const {
  const RankPaces& ranks = writer_.iteration().paces->ranks();
  return ranks.lane_of(
      writer_.plan().layout.coordinate(ranks_.gangs[gang].front(), ParallelDimension::data));
}

void StageGraph::run_step(std::size_t index, std::vector<StageGraph>& all) {
  const PipelineStep& step = writer_.pipeline().devices[static_cast<std::size_t>(device_)][index];
  const PassWork full = pass_work(writer_.plan(), writer_.costs(), device_, step);
  const StepPaces* paces = writer_.iteration().paces.get();
  const std::string label = step_label(writer_.pipeline(), step);
  const std::vector<PipelineInput> needed = inputs_of(writer_.pipeline(), device_, step);
  const std::vector<PipelineMessage> messages = messages_after(writer_.pipeline(), device_, step);
  for (std::size_t g = 0; g < ranks_.gangs.size(); ++g) {
    const PassWork work =
        paces == nullptr ? full : lasting(full, paces->duration(lane_of(g), device_, index));
    for (const PipelineInput& input : needed) before_[g].push_back(arrival(input, g));
    GangPass& pass = passes_[g];
    pass = {.begin = writer_.join(before_[g]), .done = {}, .end = {}};
    for (const std::int64_t rank : ranks_.gangs[g]) {
      pass.done.push_back(writer_.compute(rank, work.alone, pass.begin, kind_text(step.pass)));
      writer_.mark({.rank = rank,
                    .channel = "compute",
                    .kind = kind_text(step.pass),
                    .label = label,
                    .when = {pass.begin, pass.done.back()}});
    }
    exchange(g, work, pass);
    before_[g] = send(g, messages, all);
  }
}

// Exchanges between nodes: after the kernels of the pass, kind by kind, and
// beside it.
void StageGraph::exchange(std::size_t gang, const PassWork& work, GangPass& pass) {
  std::vector<ExchangeMark>& marks = writer_.marks(device_).gangs[gang].exchanges;
  for (std::size_t i = 0; i < kExchangeRoles; ++i) {
    const PassExchange& one = work.exchanges[i];
    if (one.far.value() <= 0) continue;
    const auto role = static_cast<ExchangeRole>(i);
    const TaskId begin = writer_.join(pass.done);
    const TaskId end = exchange_all(gang, role, one, begin);
    pass.done.assign(pass.done.size(), end);
    marks.push_back({role, one.time, {begin, end}});
  }
  if (work.beside.far.value() <= 0) return;
  const TaskId rest = writer_.join(pass.done);
  const TaskId gathered = exchange_all(gang, ExchangeRole::shards, work.beside, pass.begin);
  const TaskId end = writer_.join({rest, gathered});
  pass.done.assign(pass.done.size(), end);
  marks.push_back({ExchangeRole::shards, work.exposed_beside, {rest, end}});
}

TaskId StageGraph::exchange_all(std::size_t gang, ExchangeRole role, const PassExchange& sent,
                                TaskId begin) {
  const std::string_view name = kRoleNames[static_cast<std::size_t>(role)];
  Tasks ends;
  for (const RankGroup& group : ranks_.inside[static_cast<std::size_t>(role)]) {
    if (gang_of(group.ranks.front()) != gang) continue;
    ends.push_back(writer_.collective(group, sent, begin, name));
    for (const std::int64_t rank : group.ranks) {
      writer_.mark({.rank = rank,
                    .channel = name,
                    .kind = name,
                    .label = fmt::format("{} exchange", name),
                    .bytes = sent.far,
                    .when = {begin, ends.back()}});
    }
  }
  return writer_.join(ends);
}

// Every rank to the one that holds the neighbouring stage for its data; what
// the next pass of the gang waits for.
Tasks StageGraph::send(std::size_t gang, const std::vector<PipelineMessage>& messages,
                       std::vector<StageGraph>& all) {
  const PipelinePlan& pipeline = writer_.pipeline();
  const IterationCosts& costs = writer_.costs();
  const std::vector<std::int64_t>& ranks = ranks_.gangs[gang];
  const Tasks& done = passes_[gang].done;
  Tasks next = done;
  for (const PipelineMessage& message : messages) {
    const StepPaces* paces = writer_.iteration().paces.get();
    const double scale =
        paces == nullptr ? 1.0 : paces->message_scale(lane_of(gang), message.micro_batch);
    const Hop hop =
        scaled(costs.hops[hop_between(pipeline.shape.stages, device_, message.to)], scale);
    const std::string label = send_label(pipeline, message.micro_batch, message.chunk, message.way);
    StageGraph& there = all[static_cast<std::size_t>(message.to)];
    const PipelineInput input{message.micro_batch, message.position, message.way};
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      const std::int64_t to =
          writer_.plan().layout.pipeline_neighbour(ranks[i], message.to - device_);
      const TaskId task = writer_.message(ranks[i], to, hop, done[i]);
      writer_.graph().depend(there.arrival(input, there.gang_of(to)), task);
      if (costs.schedule.sends == SendMode::blocking) next.push_back(task);
      writer_.mark({.rank = ranks[i],
                    .channel = "p2p",
                    .kind = "send",
                    .label = label,
                    .peer = to,
                    .bytes = hop.bytes,
                    .when = {done[i], task}});
    }
  }
  return next;
}

// The buckets of a chunk: those that may go while its pass runs, then the last
// ones.
void StageGraph::reduce(std::size_t chunk) {
  const ChunkReduction& sent = gradients_.chunks[chunk];
  for (GangPass& pass : passes_) pass.end = writer_.join(pass.done);
  reduce_piece({ranks_.dense, sent.dense, sent.dense.early(), "gradients"}, Gate::begin);
  reduce_piece({ranks_.expert, sent.expert, sent.expert.early(), "gradients of experts"},
               Gate::begin);
  reduce_piece({ranks_.dense, sent.dense, sent.dense.last, "last bucket"}, Gate::end);
  reduce_piece({ranks_.expert, sent.expert, sent.expert.last, "last bucket of experts"}, Gate::end);
}

void StageGraph::reduce_piece(const Piece& piece, Gate gate) {
  if (piece.time.value() <= 0) return;
  const double share = piece.time / piece.whole.total;
  for (const RankGroup& group : piece.groups) {
    Tasks before;
    for (const std::int64_t rank : group.ranks) {
      if (data_stream_[slot(rank)].valid()) before.push_back(data_stream_[slot(rank)]);
      const GangPass& pass = passes_[gang_of(rank)];
      before.push_back(gate == Gate::begin ? pass.begin : pass.end);
    }
    std::sort(before.begin(), before.end());
    before.erase(std::unique(before.begin(), before.end()), before.end());
    const TaskId begin = writer_.join(before);
    const TaskId end =
        writer_.collective(group, {piece.time, piece.whole.far * share}, begin, piece.label);
    for (const std::int64_t rank : group.ranks) {
      data_stream_[slot(rank)] = end;
      writer_.mark({.rank = rank,
                    .channel = "data",
                    .kind = "gradients",
                    .label = std::string(piece.label),
                    .bytes = piece.whole.bytes * share,
                    .when = {begin, end}});
    }
  }
}

// The end of the passes and reductions of a gang's ranks.
TaskId StageGraph::reduced(std::size_t gang, TaskId passes) {
  Tasks all{passes};
  for (const std::int64_t rank : ranks_.gangs[gang]) {
    if (data_stream_[slot(rank)].valid()) all.push_back(data_stream_[slot(rank)]);
  }
  return writer_.join(all);
}

void StageGraph::wait_for_reduction() {
  for (std::size_t g = 0; g < before_.size(); ++g) {
    const TaskId done = writer_.join(before_[g]);
    const TaskId end = reduced(g, done);
    writer_.marks(device_).gangs[g].reductions.push_back({done, end});
    before_[g] = {end};
  }
}

void StageGraph::end_passes() {
  for (std::size_t g = 0; g < before_.size(); ++g) {
    const TaskId end = writer_.join(before_[g]);
    writer_.marks(device_).gangs[g].passes_end = end;
    passes_[g] = {.begin = end, .done = Tasks(ranks_.gangs[g].size(), end), .end = end};
  }
}

void StageGraph::end_ranks() {
  const Seconds slowed = writer_.iteration().syncs[static_cast<std::size_t>(device_)].slowed;
  ends_.resize(ranks_.ranks.size());
  for (std::size_t g = 0; g < before_.size(); ++g) {
    GangMarks& gang = writer_.marks(device_).gangs[g];
    gang.reduced = reduced(g, gang.passes_end);
    for (const std::int64_t rank : ranks_.gangs[g]) {
      ends_[slot(rank)] = writer_.compute(rank, slowed, gang.reduced, "slowed by communication");
    }
  }
}

}  // namespace windtunnel::strategies
