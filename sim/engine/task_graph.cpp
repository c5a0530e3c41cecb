#include "sim/engine/task_graph.hpp"

#include "sim/base/contract.hpp"
#include "sim/engine/deadlock.hpp"
#include "sim/engine/graph_execution.hpp"

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

Execution execute(const TaskGraph& graph, Engine& engine, Timeline* timeline) {
  GraphExecution execution(graph, engine, timeline);
  const base::Seconds begin = engine.now();
  execution.start(nullptr);
  engine.run();
  if (execution.under_way()) throw Deadlock(execution.deadlock());
  base::Seconds last = begin;
  for (const TaskTimes& times : execution.times()) last = base::max(last, times.end);
  return {execution.take_times(), last - begin};
}

}  // namespace windtunnel::sim
