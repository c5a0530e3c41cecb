// A task graph under way on an engine that has other work as well: starts when told, says when it
// is done, and may be started again.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/engine/task_graph.hpp"

namespace windtunnel::sim {

class GraphExecution {
 public:
  // All are kept by reference and outlive it.
  GraphExecution(const TaskGraph& graph, Engine& engine, Timeline* timeline = nullptr);
  GraphExecution(const GraphExecution&) = delete;
  GraphExecution& operator=(const GraphExecution&) = delete;

  // Runs the graph from now on; `on_done` is called at the end of its last task. Pre: not under
  // way.
  void start(Callback on_done);
  bool under_way() const { return ended_ < graph_.size(); }
  // Of the last start.
  const std::vector<TaskTimes>& times() const { return times_; }
  std::vector<TaskTimes> take_times() { return std::move(times_); }
  base::Seconds begin() const { return started_at_; }
  // Tasks of a cycle by name, where nothing is left to happen and some task never started.
  std::string deadlock() const;

 private:
  void index_successors();
  void start_ready();
  void begin_task(TaskId task);
  void finish(TaskId task);
  void end(TaskId task);
  void record(TaskId task, const TaskTimes& times);

  const TaskGraph& graph_;
  Engine& engine_;
  Timeline* timeline_;
  std::vector<std::int32_t> dependencies_;  // by task
  std::vector<std::int32_t> waiting_for_;   // dependencies that have not ended, by task
  // Successors of task t at successors_[begin_[t]] .. [begin_[t + 1]].
  std::vector<std::size_t> begin_;
  std::vector<TaskId> successors_;
  std::vector<TaskId> ready_;
  std::vector<TaskTimes> times_;
  base::Seconds started_at_{0};
  std::int32_t ended_ = 0;
  Callback on_done_;
};

}  // namespace windtunnel::sim
