// A whole training iteration with every rank, as a task graph for an engine.
//
// Model: from the same costs as the folded iteration (iteration_costs.hpp), in
// the same orders (pipeline_plan.hpp). Each rank has a compute stream, on which
// its passes run in the order of its stage; the ranks of a gang
// (stage_ranks.hpp) begin a pass together, when the inputs of all are there.
// After a pass each rank sends to the rank that holds the neighbouring stage
// for the same data. Gradients of a chunk are reduced group by group on a
// stream of its own (gradient_sync.hpp). Then, per rank: what computing beside
// them lost, the exchange of tied tables, the norm over all ranks, the
// optimizer step, gathering weights, what the host adds, and data loading
// beside or before it all. Communication between nodes is one of:
//   Links::unshared  a delay of the time that the cost model gives it
//   Links::shared    flows between the ranks (group_flows.hpp), each limited to
//   the rate at which it
//                    takes that time alone: V / (T - latency of its route).
//                    Flows that ask a link for more than it has get their share
//                    of it, and take longer.
// Communication inside a node is a delay on both. So Links::unshared gives the
// time of the folded iteration, and Links::shared the same where no link is
// asked for too much. Ranks that differ take the times of the first drawn step
// (step_paces.hpp). Not representable: contention of what a pass hides (pass_work). Cost: 2 to 4 tasks a pass and
// rank.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/engine/task_graph.hpp"
#include "strategies/train/iteration.hpp"
#include "strategies/train/pass_work.hpp"

namespace windtunnel::strategies {

enum class Links { unshared, shared };

// From the end of one task to the end of another.
struct Stretch {
  sim::TaskId from, to;
};

// Something that a rank did, for its timeline.
struct RankMark {
  std::int64_t rank = 0;
  std::string_view channel, kind;
  std::string label;
  std::int64_t peer = -1;  // of a send
  base::Bytes bytes{0};    // 0: not said
  Stretch when;
};

struct ExchangeMark {
  ExchangeRole role = ExchangeRole::tensor;
  base::Seconds alone{0};  // that it takes with no one else on its links
  Stretch when;
};

struct GangMarks {
  std::int64_t first_rank = 0;
  sim::TaskId passes_end;
  sim::TaskId reduced;              // passes and reductions of its ranks
  std::vector<Stretch> reductions;  // that the next pass waited for (ZeRO 2)
  std::vector<ExchangeMark> exchanges;
};

struct StageMarks {
  std::vector<GangMarks> gangs;
  sim::TaskId end;  // before the norm
  sim::TaskId stepped, gathered;
};

struct IterationGraph {
  sim::TaskGraph tasks;
  std::vector<StageMarks> stages;  // by device of the pipeline
  sim::TaskId normed, end;
  std::vector<std::int64_t> shown;  // ranks whose marks are kept
  std::vector<RankMark> marks;
};

struct GraphOptions {
  Links links = Links::unshared;
  std::int64_t shown_ranks = 32;  // 0: no marks
  std::vector<int> gpus{};        // of the network, by rank; empty: in order
};

// Tasks that the graph will have at most.
double task_estimate(const TrainPlan& plan);

// `network` is the cluster's: ranks are its GPUs in order, or those that the
// options name.
// `iteration` is the folded one.
IterationGraph iteration_graph(const TrainPlan& plan, const Iteration& iteration,
                               const sim::Network& network, const GraphOptions& options);

}  // namespace windtunnel::strategies
