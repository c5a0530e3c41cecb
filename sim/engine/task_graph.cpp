#include "sim/engine/task_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/contract.hpp"
#include "sim/engine/deadlock.hpp"

namespace windtunnel::sim {

TaskId TaskGraph::add(const Work& work, std::string_view label, std::string_view category) {
  tasks_.push_back({work, labels_.intern(label), labels_.intern(category)});
  return TaskId(size() - 1);
}

void TaskGraph::depend(TaskId task, TaskId before) {
  base::expects(task.valid() && task.index() < size() && before.valid() && before.index() < size(),
                "a dependency is between tasks of the graph");
  dependencies_.push_back({task, before});
}

void TaskGraph::depend(TaskId task, std::span<const TaskId> before) {
  for (const TaskId one : before) depend(task, one);
}

namespace {

class Executor {
 public:
  Executor(const TaskGraph& graph, Engine& engine, Timeline* timeline)
      : graph_(graph),
        engine_(engine),
        timeline_(timeline),
        waiting_for_(static_cast<std::size_t>(graph.size()), 0),
        times_(static_cast<std::size_t>(graph.size())) {
    count_dependencies();
  }

  Execution run() {
    const base::Seconds begin = engine_.now();
    for (std::int32_t i = 0; i < graph_.size(); ++i) {
      if (waiting_for_[TaskId(i).slot()] == 0) ready_.push_back(TaskId(i));
    }
    start_ready();
    engine_.run();
    if (ended_ < graph_.size()) throw Deadlock(describe_deadlock());
    base::Seconds last = begin;
    for (const TaskTimes& times : times_) last = base::max(last, times.end);
    return {std::move(times_), last - begin};
  }

 private:
  // Successors of every task, those of task t at successors_[begin_[t]] .. [begin_[t + 1]].
  void count_dependencies() {
    const auto tasks = static_cast<std::size_t>(graph_.size());
    begin_.assign(tasks + 1, 0);
    for (const auto& dependency : graph_.dependencies()) {
      ++begin_[dependency.before.slot() + 1];
      ++waiting_for_[dependency.task.slot()];
    }
    for (std::size_t i = 0; i < tasks; ++i) begin_[i + 1] += begin_[i];
    successors_.resize(graph_.dependencies().size());
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    for (const auto& dependency : graph_.dependencies()) {
      successors_[next[dependency.before.slot()]++] = dependency.task;
    }
  }

  // Starts what has become ready, joins' successors included, without recursion.
  void start_ready() {
    while (!ready_.empty()) {
      std::vector<TaskId> batch;
      batch.swap(ready_);
      std::sort(batch.begin(), batch.end());
      for (const TaskId task : batch) start(task);
    }
  }

  void start(TaskId task) {
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

  void finish(TaskId task) {
    end(task);
    start_ready();
  }

  void end(TaskId task) {
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

  void record(TaskId task, const TaskTimes& times) {
    const LabelId label = timeline_->label(graph_.label(task));
    const LabelId category = timeline_->label(graph_.category(task));
    const Work& work = graph_.work(task);
    if (const auto* compute = std::get_if<ComputeTask>(&work)) {
      timeline_->add(
          Span{compute->device, compute->stream, label, category, times.start, times.end});
    } else if (const auto* transfer = std::get_if<TransferTask>(&work)) {
      const TransferRequest& request = transfer->request;
      timeline_->add(
          Flow{request.from, request.to, label, category, request.bytes, times.start, times.end});
    }
  }

  // All that is left waits on a cycle, or for someone who does: following any dependency that has
  // not ended, from any task that has not, must come back to a task already passed.
  std::string describe_deadlock() const {
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

  const TaskGraph& graph_;
  Engine& engine_;
  Timeline* timeline_;
  std::vector<std::int32_t> waiting_for_;  // dependencies that have not ended, by task
  std::vector<std::size_t> begin_;
  std::vector<TaskId> successors_;
  std::vector<TaskId> ready_;
  std::vector<TaskTimes> times_;
  std::int32_t ended_ = 0;
};

}  // namespace

Execution execute(const TaskGraph& graph, Engine& engine, Timeline* timeline) {
  return Executor(graph, engine, timeline).run();
}

}  // namespace windtunnel::sim
