#include "strategies/train/graph_writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace windtunnel::strategies {

using base::Bytes;
using base::Seconds;
using sim::TaskId;

GraphWriter::GraphWriter(const TrainPlan& plan, const Iteration& iteration,
                         const sim::Network& network, const GraphOptions& options)
    : plan_(plan),
      iteration_(iteration),
      network_(network),
      links_(options.links),
      gpus_(options.gpus),
      is_shown_(static_cast<std::size_t>(plan.gpus), false) {
  out_.stages.resize(static_cast<std::size_t>(plan.pipeline.shape.stages));
  choose_shown(options.shown_ranks);
}

// Of each replica the whole pipeline, before more ranks of its groups.
void GraphWriter::choose_shown(std::int64_t most) {
  using enum ParallelDimension;
  std::vector<std::int64_t> all(static_cast<std::size_t>(plan_.gpus));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  const auto key = [this](std::int64_t rank) {
    const RankLayout& at = plan_.layout;
    return std::array{at.coordinate(rank, data), at.coordinate(rank, context),
                      at.coordinate(rank, tensor), at.coordinate(rank, pipeline)};
  };
  std::sort(all.begin(), all.end(),
            [&](std::int64_t a, std::int64_t b) { return key(a) < key(b); });
  all.resize(std::min(all.size(), static_cast<std::size_t>(most)));
  std::sort(all.begin(), all.end());
  for (const std::int64_t rank : all) is_shown_[static_cast<std::size_t>(rank)] = true;
  out_.shown = std::move(all);
}

void GraphWriter::mark(RankMark mark) {
  if (is_shown_[static_cast<std::size_t>(mark.rank)]) out_.marks.push_back(std::move(mark));
}

TaskId GraphWriter::join(const Tasks& all) {
  const bool one = std::all_of(all.begin(), all.end(), [&](TaskId t) { return t == all.front(); });
  if (one && !all.empty()) return all.front();
  const TaskId task = graph().add(sim::JoinTask{}, "join");
  graph().depend(task, all);
  return task;
}

TaskId GraphWriter::delay(Seconds time, std::string_view label) {
  return graph().add(sim::DelayTask{time}, label);
}

TaskId GraphWriter::compute(std::int64_t rank, Seconds time, TaskId before,
                            std::string_view label) {
  const TaskId task = graph().add(sim::ComputeTask{gpu(rank), kComputeStream, time}, label);
  graph().depend(task, before);
  return task;
}

// The rate at which a flow alone takes `time`, its latency included.
base::BytesPerSecond GraphWriter::rate(const GroupFlow& flow, Bytes bytes, Seconds time) {
  const auto [entry, added] = latency_.try_emplace(flow.from * plan_.gpus + flow.to, Seconds(0));
  if (added) entry->second = network_.route(gpu(flow.from), gpu(flow.to)).latency;
  const Seconds moving = time - entry->second;
  return moving.value() > 0 ? bytes / moving : base::BytesPerSecond::infinity();
}

TaskId GraphWriter::transfer(const GroupFlow& flow, const PassExchange& sent, Seconds before,
                             std::string_view label) {
  const Bytes bytes = sent.far * flow.share;
  return graph().add(sim::TransferTask{{.from = gpu(flow.from),
                                        .to = gpu(flow.to),
                                        .bytes = bytes,
                                        .extra_latency = before,
                                        .rate_limit = rate(flow, bytes, sent.time)}},
                     label);
}

TaskId GraphWriter::collective(const RankGroup& group, const PassExchange& sent, TaskId before,
                               std::string_view label) {
  const bool flows = links_ == Links::shared && sent.far.value() > 0 && !group.flows.empty();
  if (!flows) {
    const TaskId task = delay(sent.time, label);
    graph().depend(task, before);
    return task;
  }
  Tasks all;
  for (const GroupFlow& flow : group.flows) {
    all.push_back(transfer(flow, sent, Seconds(0), label));
    graph().depend(all.back(), before);
  }
  return join(all);
}

TaskId GraphWriter::message(std::int64_t from, std::int64_t to, const Hop& hop, TaskId before) {
  const bool far = plan_.layout.domain_of(from) != plan_.layout.domain_of(to);
  const bool flow = links_ == Links::shared && far && hop.message.far.value() > 0;
  const TaskId task =
      flow ? transfer({from, to, 1.0}, {hop.message.time, hop.message.far}, hop.regather, "send")
           : delay(hop.time(), "send");
  graph().depend(task, before);
  return task;
}

}  // namespace windtunnel::strategies
