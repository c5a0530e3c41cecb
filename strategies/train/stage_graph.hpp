// The passes and gradient reductions of one pipeline stage, all its ranks, as
// tasks.
#pragma once

#include <vector>

#include "strategies/train/graph_writer.hpp"

namespace windtunnel::strategies {

// A pass of a gang: what it begins after, when each of its ranks is done, and
// when all are.
struct GangPass {
  sim::TaskId begin;
  Tasks done;  // by rank of the gang
  sim::TaskId end;
};

class StageGraph {
 public:
  // Nothing begins before `start`.
  StageGraph(GraphWriter& writer, std::int32_t device, sim::TaskId start);

  // Writes all passes and reductions, and the marks of the stage up to there.
  // `all` by device, this one among them.
  void run(std::vector<StageGraph>& all);

  const StageRanks& ranks() const { return ranks_; }
  // Of every rank of the stage, in the order of ranks().ranks: the last task
  // before the norm.
  Tasks& ends() { return ends_; }

 private:
  // One piece of a chunk's gradients over all groups of a kind.
  struct Piece {
    const std::vector<RankGroup>& groups;
    const Bucketed& whole;
    base::Seconds time;
    std::string_view label;
  };
  enum class Gate { begin, end };  // of the pass at work

  sim::TaskId arrival(const PipelineInput& input, std::size_t gang);
  // `index` in the order of the device.
  void run_step(std::size_t index, std::vector<StageGraph>& all);
  void exchange(std::size_t gang, const PassWork& work, GangPass& pass);
  sim::TaskId exchange_all(std::size_t gang, ExchangeRole role, const PassExchange& sent,
                           sim::TaskId begin);
  Tasks send(std::size_t gang, const std::vector<PipelineMessage>& messages,
             std::vector<StageGraph>& all);
  void reduce(std::size_t chunk);
  void reduce_piece(const Piece& piece, Gate gate);
  sim::TaskId reduced(std::size_t gang, sim::TaskId passes);
  void wait_for_reduction();
  void end_passes();
  void end_ranks();
  std::int64_t lane_of(std::size_t gang) const;
  std::size_t slot(std::int64_t rank) const;  // of a rank in ranks_.ranks
  std::size_t gang_of(std::int64_t rank) const { return gang_of_[slot(rank)]; }

  GraphWriter& writer_;
  std::int32_t device_;
  StageRanks ranks_;
  const GradientPlan& gradients_;
  std::vector<std::size_t> gang_of_;  // by slot
  std::vector<Tasks> before_;         // by gang: what its next pass waits for
  std::vector<GangPass> passes_;      // by gang: of the step at work
  Tasks arrivals_;                    // by (way, micro-batch, position, gang)
  Tasks data_stream_;                 // by slot: the last task on its stream of gradients
  Tasks ends_;                        // by slot
};

}  // namespace windtunnel::strategies
