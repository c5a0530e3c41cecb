#include "strategies/train/iteration_simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace windtunnel::strategies {
namespace {

using base::Seconds;

class Reading {
 public:
  Reading(const TrainPlan& plan, const IterationGraph& graph, const sim::Execution& done)
      : plan_(plan), graph_(graph), done_(done) {}

  Seconds at(sim::TaskId task) const { return done_.tasks[task.slot()].end; }
  Seconds length(const Stretch& when) const { return at(when.to) - at(when.from); }

  // The gang that is done last, of the stage that is done last, and the slowest
  // after the norm.
  StageEnd critical(const Iteration& folded) const {
    const Later last = latest();
    const StageMarks& stage = graph_.stages[last.stage];
    const GangMarks& gang = stage.gangs[last.gang];
    StageEnd end{.device = static_cast<std::int32_t>(last.stage),
                 .passes_end = at(gang.passes_end) - start(folded),
                 .slowed = folded.syncs[last.stage].slowed};
    const std::int64_t lane = lane_of(folded, gang);
    end.free_end = end_with_free_sends(plan_, folded, lane, end.device);
    if (folded.paces != nullptr) {
      end.busy = folded.paces->busy(lane, end.device);
      end.filled = folded.paces->filled(lane);
    }
    end.reduce = at(gang.reduced) - at(gang.passes_end);
    for (const Stretch& one : gang.reductions) {
      end.reduce += length(one);
      end.passes_end -= length(one);
    }
    end.tied = base::max(at(stage.end) - at(gang.reduced) - end.slowed, Seconds(0));
    for (const ExchangeMark& one : gang.exchanges)
      part(one.role, end) += length(one.when) - one.alone;
    after_norm(folded, end);
    return end;
  }

  // What the stages table says: when passes and reductions of each stage ended.
  void times(const Iteration& folded, Iteration& out) const {
    for (std::size_t d = 0; d < graph_.stages.size(); ++d) {
      Seconds passes{0}, reduced{0};
      for (const GangMarks& gang : graph_.stages[d].gangs) {
        passes = base::max(passes, at(gang.passes_end));
        reduced = base::max(reduced, at(gang.reduced));
      }
      out.schedule.devices[d].last_end = passes - start(folded);
      out.syncs[d].reduce = reduced - passes;
    }
  }

  TimelineRows timeline() const {
    TimelineRows rows;
    for (const RankMark& mark : graph_.marks) {
      rows.add({.participant = name(mark.rank),
                .channel = mark.channel,
                .kind = mark.kind,
                .label = mark.label,
                .peer = mark.peer >= 0 ? name(mark.peer) : "",
                .bytes = mark.bytes,
                .begin = at(mark.when.from),
                .end = at(mark.when.to)});
    }
    const auto shown = static_cast<std::int64_t>(graph_.shown.size());
    if (shown > 0 && shown < plan_.gpus) {
      rows.add({.participant = fmt::format("{} other ranks", plan_.gpus - shown),
                .channel = "note",
                .kind = "left_out",
                .label = fmt::format("{} of {} ranks are shown", shown, plan_.gpus),
                .end = at(graph_.end)});
    }
    return rows;
  }

 private:
  struct Later {
    std::size_t stage = 0, gang = 0;
  };

  static std::string name(std::int64_t rank) { return fmt::format("rank {}", rank); }

  // When passes may begin.
  static Seconds start(const Iteration& folded) {
    const LoadingCost& loading = folded.costs.loading;
    return loading.timing == LoadTiming::before_step ? loading.needed : Seconds(0);
  }

  // Stages that end together, for their tied tables: the one that the other
  // waited for.
  Later latest() const {
    Later last;
    std::pair<Seconds, Seconds> latest_end{Seconds(-1), Seconds(-1)};
    for (std::size_t d = 0; d < graph_.stages.size(); ++d) {
      const StageMarks& stage = graph_.stages[d];
      for (std::size_t g = 0; g < stage.gangs.size(); ++g) {
        const std::pair end{at(stage.end), at(stage.gangs[g].reduced)};
        if (end <= latest_end) continue;
        latest_end = end;
        last = {d, g};
      }
    }
    return last;
  }

  // Lanes that are all alike are lane 0.
  std::int64_t lane_of(const Iteration& folded, const GangMarks& gang) const {
    if (folded.paces == nullptr) return 0;
    return folded.paces->ranks().lane_of(
        plan_.layout.coordinate(gang.first_rank, ParallelDimension::data));
  }

  static Seconds& part(ExchangeRole role, StageEnd& end) {
    switch (role) {
      case ExchangeRole::tensor:
        return end.tensor;
      case ExchangeRole::context:
        return end.context;
      case ExchangeRole::expert:
        return end.expert;
      case ExchangeRole::shards:
        break;
    }
    return end.shards;
  }

  void after_norm(const Iteration& folded, StageEnd& end) const {
    Seconds latest{0};
    for (std::size_t d = 0; d < graph_.stages.size(); ++d) {
      const Seconds gathered = at(graph_.stages[d].gathered) - at(graph_.normed);
      if (gathered < latest) continue;
      latest = gathered;
      end.step = folded.costs.steps[d].time;
      end.gather = gathered - end.step;
    }
  }

  const TrainPlan& plan_;
  const IterationGraph& graph_;
  const sim::Execution& done_;
};

}  // namespace

Iteration seen_iteration(const TrainPlan& plan, const Iteration& folded,
                         const IterationGraph& graph, const sim::Execution& done) {
  const Reading reading(plan, graph, done);
  Iteration out = folded;
  out.time = done.makespan;
  reading.times(folded, out);
  account(plan, reading.critical(folded), out);
  return out;
}

SimulatedIteration simulate_iteration(const TrainPlan& plan, const Iteration& folded,
                                      const RankEngine& on, std::int64_t shown_ranks) {
  const auto engine = on.make_engine(on.network, {});
  const Links links = engine->kind() == sim::EngineKind::simgrid ? Links::shared : Links::unshared;
  const IterationGraph graph =
      iteration_graph(plan, folded, on.network, {.links = links, .shown_ranks = shown_ranks});
  const sim::Execution done = sim::execute(graph.tasks, *engine);
  return {.iteration = seen_iteration(plan, folded, graph, done),
          .links = links,
          .timeline = Reading(plan, graph, done).timeline(),
          .tasks = graph.tasks.size(),
          .events = engine->events()};
}

}  // namespace windtunnel::strategies
