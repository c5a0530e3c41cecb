// Static work: compute and transfer tasks with their dependencies, run on any engine.
//
// Model: a task starts when every task it depends on has ended. A compute task then queues on its
// stream (in order of becoming ready; tasks that become ready together queue in order of their
// ids), a transfer starts at once, a delay passes on nobody's stream (communication whose time is
// known), a join takes no time. Where a stream must keep an order of its
// own, say so by dependencies. Memory: about 100 bytes a task and 8 a dependency; labels are kept
// once each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/engine/engine.hpp"
#include "sim/engine/label_table.hpp"
#include "sim/engine/timeline.hpp"

namespace windtunnel::sim {

struct TaskTag;
using TaskId = base::StrongId<TaskTag>;

struct ComputeTask {
  EndpointId device;
  int stream = 0;
  base::Seconds duration{0};
};
struct TransferTask {
  TransferRequest request;
};
struct DelayTask {
  base::Seconds duration{0};
};
struct JoinTask {};  // a common point of dependencies
using Work = std::variant<ComputeTask, TransferTask, DelayTask, JoinTask>;

class TaskGraph {
 public:
  // `label` names the task in the timeline and in errors, `category` sorts it ("compute", "tensor
  // comm").
  TaskId add(const Work& work, std::string_view label, std::string_view category = {});
  // `task` starts after `before` has ended. The same pair may be given more than once.
  void depend(TaskId task, TaskId before);
  void depend(TaskId task, std::span<const TaskId> before);

  std::int32_t size() const { return static_cast<std::int32_t>(tasks_.size()); }
  const Work& work(TaskId task) const { return tasks_[task.slot()].work; }
  const std::string& label(TaskId task) const { return labels_.text(tasks_[task.slot()].label); }
  const std::string& category(TaskId task) const {
    return labels_.text(tasks_[task.slot()].category);
  }

  struct Dependency {
    TaskId task;
    TaskId before;
  };
  const std::vector<Dependency>& dependencies() const { return dependencies_; }

 private:
  struct Task {
    Work work;
    LabelId label;
    LabelId category;
  };
  std::vector<Task> tasks_;
  std::vector<Dependency> dependencies_;
  LabelTable labels_;
};

// When a task was ready, when its stream took it up (compute; else as ready) and when it ended.
struct TaskTimes {
  base::Seconds ready{0};
  base::Seconds start{0};
  base::Seconds end{0};
};

struct Execution {
  std::vector<TaskTimes> tasks;  // by TaskId slot
  base::Seconds makespan{0};     // from the call to the end of the last task
};

// Runs the graph from now on until all is done. Compute tasks become spans, transfers flows of
// `timeline`, where there is one. Throws Deadlock, which names the tasks of a cycle, where some
// task can never start.
Execution execute(const TaskGraph& graph, Engine& engine, Timeline* timeline = nullptr);

}  // namespace windtunnel::sim
