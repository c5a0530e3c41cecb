// A training job under way on an engine that others use as well: iteration after iteration.
//
// Model: every rank, communication between nodes as flows (strategies/train/iteration_graph.hpp);
// an iteration begins where the one before it ends. Where nobody else is on its links an iteration
// takes what it takes alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/engine/graph_execution.hpp"
#include "strategies/train/iteration_simulation.hpp"
#include "strategies/train/run_train.hpp"

namespace windtunnel::strategies {

struct SeenIteration {
  base::Seconds begin{0}, end{0};  // from the job's start
  Breakdown parts;
  base::Seconds time() const { return end - begin; }
};

// A stretch of a rank's time, for the timeline.
struct TrainSpan {
  std::int64_t rank = 0;
  std::string channel, kind, label;
  base::Seconds begin{0}, end{0};
};

struct TrainedRun {
  std::vector<SeenIteration> iterations;
  Iteration last;                // as it was seen
  std::vector<TrainSpan> spans;  // of the ranks that are shown, first iterations
  std::string gave_up;           // why it ended early; empty: it did not
};

class TrainingRun {
 public:
  struct Options {
    std::vector<int> gpus{};            // of the network, by rank
    std::int64_t shown_iterations = 0;  // of rank 0
    // Whether another iteration follows so many.
    std::function<bool(std::int64_t done)> goes_on{};
  };

  // All are kept by reference and outlive it.
  TrainingRun(const TrainPlan& plan, const Iteration& folded, sim::Engine& engine, Options options);

  void start();
  bool over() const { return over_; }
  std::int64_t done() const { return static_cast<std::int64_t>(out_.iterations.size()); }
  // Iterations that began before a time from the job's start.
  std::int64_t begun_before(base::Seconds time) const;
  // Pre: over.
  TrainedRun take() { return std::move(out_); }

 private:
  void finished();
  void add_spans(const sim::Execution& done, base::Seconds begin);

  const TrainPlan& plan_;
  const Iteration& folded_;
  sim::Engine& engine_;
  Options options_;
  IterationGraph graph_;
  sim::GraphExecution execution_;
  bool over_ = false;
  TrainedRun out_;
};

}  // namespace windtunnel::strategies
