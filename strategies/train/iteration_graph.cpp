#include "strategies/train/iteration_graph.hpp"

#include <algorithm>

#include "strategies/train/stage_graph.hpp"

namespace windtunnel::strategies {
namespace {

using base::Seconds;
using sim::TaskId;

class IterationWriter {
 public:
  IterationWriter(const TrainPlan& plan, const Iteration& iteration, const sim::Network& network,
                  const GraphOptions& options)
      : writer_(plan, iteration, network, options) {}

  IterationGraph run() {
    const LoadingCost& loading = writer_.costs().loading;
    const bool before = loading.timing == LoadTiming::before_step;
    const TaskId start = writer_.delay(before ? loading.needed : Seconds(0), "data loading");
    stages_.reserve(writer_.pipeline().devices.size());
    for (std::int32_t d = 0; d < writer_.pipeline().shape.stages; ++d) {
      stages_.emplace_back(writer_, d, start);
    }
    for (StageGraph& stage : stages_) stage.run(stages_);
    exchange_tied();
    norm();
    step();
    const TaskId host =
        writer_.delay(writer_.costs().host_step + writer_.costs().checkpoint_stop, "host");
    for (const StageMarks& stage : writer_.out().stages) {
      writer_.graph().depend(host, stage.gathered);
    }
    const TaskId loaded = before ? start : writer_.delay(loading.needed, "data loading");
    writer_.out().end = writer_.join({host, loaded});
    return std::move(writer_.out());
  }

 private:
  // Ranks of the first stage with those of the last for the same data.
  void exchange_tied() {
    const PipelinePlan& pipeline = writer_.pipeline();
    const CommunicationTime& tied = writer_.costs().tied;
    if (tied.time.value() <= 0) return;
    const std::int32_t from = pipeline.place(0, 0).device;
    const std::int32_t to = pipeline.place(0, pipeline.positions - 1).device;
    StageGraph& first = stages_[static_cast<std::size_t>(from)];
    StageGraph& last = stages_[static_cast<std::size_t>(to)];
    const RankLayout& layout = writer_.plan().layout;
    for (std::size_t i = 0; i < first.ranks().ranks.size(); ++i) {
      const std::int64_t rank = first.ranks().ranks[i];
      const std::int64_t peer = layout.pipeline_neighbour(rank, to - from);
      const auto& others = last.ranks().ranks;
      const auto at = static_cast<std::size_t>(
          std::lower_bound(others.begin(), others.end(), peer) - others.begin());
      RankGroup pair{.ranks = {rank, peer}, .flows = {}};
      pair.flows = group_flows(pair.ranks, FlowPattern::ring, layout);
      const TaskId begin = writer_.join({first.ends()[i], last.ends()[at]});
      const TaskId end = writer_.collective(pair, {tied.time, tied.far}, begin, "tied tables");
      for (const std::int64_t one : pair.ranks) {
        writer_.mark({.rank = one,
                      .channel = "data",
                      .kind = "gradients",
                      .label = "gradients of tied tables",
                      .bytes = tied.far,
                      .when = {begin, end}});
      }
      first.ends()[i] = last.ends()[at] = end;
    }
  }

  void norm() {
    writer_.out().normed = writer_.delay(writer_.costs().norm, "norm of the gradients");
    for (std::size_t d = 0; d < stages_.size(); ++d) {
      StageMarks& marks = writer_.out().stages[d];
      marks.end = writer_.join(stages_[d].ends());
      writer_.graph().depend(writer_.out().normed, marks.end);
    }
  }

  void step() {
    for (std::size_t d = 0; d < stages_.size(); ++d) {
      StageGraph& stage = stages_[d];
      StageMarks& marks = writer_.out().stages[d];
      const Seconds time = writer_.costs().steps[d].time;
      for (std::size_t i = 0; i < stage.ends().size(); ++i) {
        const std::int64_t rank = stage.ranks().ranks[i];
        stage.ends()[i] = writer_.compute(rank, time, writer_.out().normed, "optimizer");
        writer_.mark({.rank = rank,
                      .channel = "compute",
                      .kind = "optimizer",
                      .label = "optimizer step",
                      .when = {writer_.out().normed, stage.ends()[i]}});
      }
      marks.stepped = writer_.join(stage.ends());
      const GradientPlan& plan = writer_.costs().gradients[d];
      gather(stage, stage.ranks().dense, plan.weights_dense, plan.gather_exposed);
      gather(stage, stage.ranks().expert, plan.weights_expert, plan.gather_exposed);
      marks.gathered = writer_.join(stage.ends());
    }
  }

  // Updated weights; what the next forward pass does not hide.
  void gather(StageGraph& stage, const std::vector<RankGroup>& groups, const Bucketed& weights,
              double exposed) {
    if (weights.total.value() <= 0) return;
    const auto& ranks = stage.ranks().ranks;
    const auto end_of = [&](std::int64_t rank) -> TaskId& {
      return stage.ends()[static_cast<std::size_t>(
          std::lower_bound(ranks.begin(), ranks.end(), rank) - ranks.begin())];
    };
    for (const RankGroup& group : groups) {
      Tasks before;
      for (const std::int64_t rank : group.ranks) before.push_back(end_of(rank));
      const TaskId begin = writer_.join(before);
      const TaskId end = writer_.collective(group, {weights.total * exposed, weights.far * exposed},
                                            begin, "weights");
      for (const std::int64_t rank : group.ranks) {
        end_of(rank) = end;
        writer_.mark({.rank = rank,
                      .channel = "data",
                      .kind = "gradients",
                      .label = "gathering of updated weights",
                      .bytes = weights.bytes * exposed,
                      .when = {begin, end}});
      }
    }
  }

  GraphWriter writer_;
  std::vector<StageGraph> stages_;
};

}  // namespace

double task_estimate(const TrainPlan& plan) {
  double steps = 0;
  for (const auto& order : plan.pipeline.devices) steps += static_cast<double>(order.size());
  const double ranks_of_stage =
      static_cast<double>(plan.gpus) / static_cast<double>(plan.pipeline.shape.stages);
  // A pass, a message and what joins them; gradients and steps.
  return steps * ranks_of_stage * 3.0 + static_cast<double>(plan.gpus) * 10.0;
}

IterationGraph iteration_graph(const TrainPlan& plan, const Iteration& iteration,
                               const sim::Network& network, const GraphOptions& options) {
  return IterationWriter(plan, iteration, network, options).run();
}

}  // namespace windtunnel::strategies
