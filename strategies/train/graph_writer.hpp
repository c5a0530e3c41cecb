// Writes communication of a training iteration into its task graph, and what
// ranks did into marks.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "strategies/train/iteration_graph.hpp"
#include "strategies/train/stage_ranks.hpp"

namespace windtunnel::strategies {

using Tasks = std::vector<sim::TaskId>;

inline constexpr int kComputeStream = 0;

class GraphWriter {
 public:
  // All are kept by reference and outlive the writer.
  GraphWriter(const TrainPlan& plan, const Iteration& iteration, const sim::Network& network,
              const GraphOptions& options);

  const TrainPlan& plan() const { return plan_; }
  const PipelinePlan& pipeline() const { return plan_.pipeline; }
  const IterationCosts& costs() const { return iteration_.costs; }
  const Iteration& iteration() const { return iteration_; }
  sim::TaskGraph& graph() { return out_.tasks; }
  StageMarks& marks(std::int32_t device) { return out_.stages[static_cast<std::size_t>(device)]; }
  IterationGraph& out() { return out_; }

  sim::TaskId join(const Tasks& all);
  sim::TaskId delay(base::Seconds time, std::string_view label);
  // Work on the compute stream of a rank, after `before`.
  sim::TaskId compute(std::int64_t rank, base::Seconds time, sim::TaskId before,
                      std::string_view label);
  // A collective of a group after `before`; the task that ends it.
  sim::TaskId collective(const RankGroup& group, const PassExchange& sent, sim::TaskId before,
                         std::string_view label);
  // A message to the neighbouring stage after `before`.
  sim::TaskId message(std::int64_t from, std::int64_t to, const Hop& hop, sim::TaskId before);

  // Keeps the mark where its rank is shown.
  void mark(RankMark mark);

 private:
  void choose_shown(std::int64_t most);
  sim::EndpointId gpu(std::int64_t rank) const {
    return network_.gpu(gpus_.empty() ? static_cast<int>(rank)
                                      : gpus_[static_cast<std::size_t>(rank)]);
  }
  base::BytesPerSecond rate(const GroupFlow& flow, base::Bytes bytes, base::Seconds time);
  sim::TaskId transfer(const GroupFlow& flow, const PassExchange& sent, base::Seconds before,
                       std::string_view label);

  const TrainPlan& plan_;
  const Iteration& iteration_;
  const sim::Network& network_;
  Links links_;
  const std::vector<int>& gpus_;  // by rank
  std::vector<bool> is_shown_;
  std::unordered_map<std::int64_t, base::Seconds> latency_;  // of routes, by pair of ranks
  IterationGraph out_;
};

}  // namespace windtunnel::strategies
