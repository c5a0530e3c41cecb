#include "sim/engine/graph_execution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::sim {

GraphExecution::GraphExecution(const TaskGraph& graph, Engine& engine, Timeline* timeline)
    : graph_(graph),
      engine_(engine),
      timeline_(timeline),
      dependencies_(static_cast<std::size_t>(graph.size()), 0),
      times_(static_cast<std::size_t>(graph.size())),
      ended_(graph.size()) {
  index_successors();
}

void GraphExecution::index_successors() {
  const auto tasks = static_cast<std::size_t>(graph_.size());
  begin_.assign(tasks + 1, 0);
  for (const auto& dependency : graph_.dependencies()) {
    ++begin_[dependency.before.slot() + 1];
    ++dependencies_[dependency.task.slot()];
  }
  for (std::size_t i = 0; i < tasks; ++i) begin_[i + 1] += begin_[i];
  successors_.resize(graph_.dependencies().size());
  std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
  for (const auto& dependency : graph_.dependencies()) {
    successors_[next[dependency.before.slot()]++] = dependency.task;
  }
}

void GraphExecution::start(Callback on_done) {
  base::expects(!under_way(), "a graph is started when it is not under way");
  waiting_for_ = dependencies_;
  ended_ = 0;
  started_at_ = engine_.now();
  on_done_ = std::move(on_done);
  for (std::int32_t i = 0; i < graph_.size(); ++i) {
    if (waiting_for_[TaskId(i).slot()] == 0) ready_.push_back(TaskId(i));
  }
  start_ready();
}

// Starts what has become ready, joins' successors included, without recursion.
void GraphExecution::start_ready() {
  while (!ready_.empty()) {
    std::vector<TaskId> batch;
    batch.swap(ready_);
    std::sort(batch.begin(), batch.end());
    for (const TaskId task : batch) begin_task(task);
  }
  // Called back by the engine also where nothing took any time.
  if (!under_way() && on_done_) {
    engine_.after(base::Seconds(0), std::exchange(on_done_, nullptr));
  }
}

void GraphExecution::begin_task(TaskId task) {
  times_[task.slot()].ready = times_[task.slot()].start = engine_.now();
  const Work& work = graph_.work(task);
  if (const auto* compute = std::get_if<ComputeTask>(&work)) {
    engine_.compute(compute->device, compute->stream, compute->duration,
                    [this, task] { finish(task); });
  } else if (const auto* transfer = std::get_if<TransferTask>(&work)) {
    engine_.transfer(transfer->request, [this, task] { finish(task); });
  } else if (const auto* delay = std::get_if<DelayTask>(&work)) {
    engine_.after(delay->duration, [this, task] { finish(task); });
  } else {
    end(task);
  }
}

void GraphExecution::finish(TaskId task) {
  end(task);
  start_ready();
}

void GraphExecution::end(TaskId task) {
  ++ended_;
  TaskTimes& times = times_[task.slot()];
  times.end = engine_.now();
  if (const auto* compute = std::get_if<ComputeTask>(&graph_.work(task))) {
    times.start = base::max(times.ready, times.end - compute->duration);
  }
  if (timeline_ != nullptr) record(task, times);
  for (std::size_t i = begin_[task.slot()]; i < begin_[task.slot() + 1]; ++i) {
    if (--waiting_for_[successors_[i].slot()] == 0) ready_.push_back(successors_[i]);
  }
}

void GraphExecution::record(TaskId task, const TaskTimes& times) {
  const LabelId label = timeline_->label(graph_.label(task));
  const LabelId category = timeline_->label(graph_.category(task));
  const Work& work = graph_.work(task);
  if (const auto* compute = std::get_if<ComputeTask>(&work)) {
    timeline_->add(Span{compute->device, compute->stream, label, category, times.start, times.end});
  } else if (const auto* transfer = std::get_if<TransferTask>(&work)) {
    const TransferRequest& request = transfer->request;
    timeline_->add(
        Flow{request.from, request.to, label, category, request.bytes, times.start, times.end});
  }
}

// All that is left waits on a cycle, or for someone who does: following any dependency that has
// not ended, from any task that has not, must come back to a task already passed.
std::string GraphExecution::deadlock() const {
  std::vector<TaskId> waits_for(times_.size(), TaskId::none());
  std::vector<bool> ended(times_.size(), true);
  TaskId task;
  for (std::size_t i = times_.size(); i-- > 0;) {
    if (waiting_for_[i] == 0) continue;
    task = TaskId(static_cast<std::int32_t>(i));
    ended[i] = false;
  }
  for (const auto& dependency : graph_.dependencies()) {
    TaskId& known = waits_for[dependency.task.slot()];
    if (!known.valid() && !ended[dependency.before.slot()]) known = dependency.before;
  }
  std::vector<bool> passed(times_.size(), false);
  while (!passed[task.slot()]) {
    passed[task.slot()] = true;
    task = waits_for[task.slot()];
  }
  std::string cycle = fmt::format("'{}'", graph_.label(task));
  for (TaskId at = waits_for[task.slot()]; at != task; at = waits_for[at.slot()]) {
    cycle += fmt::format(" waits for '{}', which", graph_.label(at));
  }
  return fmt::format("deadlock: {} of {} tasks can never start; {} waits for '{}'",
                     graph_.size() - ended_, graph_.size(), cycle, graph_.label(task));
}

}  // namespace windtunnel::sim
