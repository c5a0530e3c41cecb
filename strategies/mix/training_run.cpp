#include "strategies/mix/training_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace windtunnel::strategies {
namespace {

// Tasks of all iterations together: some minutes.
constexpr double kMostTasks = 1e8;

}  // namespace

TrainingRun::TrainingRun(const TrainPlan& plan, const Iteration& folded, sim::Engine& engine,
                         Options options)
    : plan_(plan),
      folded_(folded),
      engine_(engine),
      options_(std::move(options)),
      graph_(iteration_graph(plan, folded, engine.network(),
                             {.links = Links::shared,
                              .shown_ranks = options_.shown_iterations > 0 ? 1 : 0,
                              .gpus = options_.gpus})),
      execution_(graph_.tasks, engine) {}

void TrainingRun::start() {
  execution_.start([this] { finished(); });
}

std::int64_t TrainingRun::begun_before(base::Seconds time) const {
  return std::count_if(out_.iterations.begin(), out_.iterations.end(),
                       [&](const SeenIteration& one) { return one.begin < time; });
}

void TrainingRun::finished() {
  const base::Seconds begin = execution_.begin(), end = engine_.now();
  sim::Execution done{execution_.times(), end - begin};
  for (sim::TaskTimes& task : done.tasks) {
    task.ready -= begin;
    task.start -= begin;
    task.end -= begin;
  }
  if (this->done() < options_.shown_iterations) add_spans(done, begin);
  out_.last = seen_iteration(plan_, folded_, graph_, done);
  out_.iterations.push_back({.begin = begin, .end = end, .parts = out_.last.parts});
  const double tasks = static_cast<double>(graph_.tasks.size()) * static_cast<double>(this->done());
  if (tasks > kMostTasks) {
    out_.gave_up = fmt::format(
        "{} iterations of {} tasks each and no end: shorter traffic, or larger or fewer jobs, can "
        "be simulated",
        this->done(), graph_.tasks.size());
  }
  if (out_.gave_up.empty() && options_.goes_on(this->done())) {
    start();
  } else {
    over_ = true;
  }
}

void TrainingRun::add_spans(const sim::Execution& done, base::Seconds begin) {
  for (const RankMark& mark : graph_.marks) {
    const base::Seconds from = done.tasks[mark.when.from.slot()].end;
    const base::Seconds to = done.tasks[mark.when.to.slot()].end;
    if (to <= from) continue;
    out_.spans.push_back({.rank = mark.rank,
                          .channel = std::string(mark.channel),
                          .kind = std::string(mark.kind),
                          .label = mark.label,
                          .begin = begin + from,
                          .end = begin + to});
  }
}

}  // namespace windtunnel::strategies
