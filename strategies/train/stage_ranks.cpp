#include "strategies/train/stage_ranks.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

namespace windtunnel::strategies {
namespace {

using Ranks = std::vector<std::int64_t>;

class Grouping {
 public:
  Grouping(const TrainPlan& plan, std::int32_t stage)
      : layout_(plan.layout), strategy_(plan.job.strategy) {
    for (std::int64_t rank = 0; rank < plan.gpus; ++rank) {
      if (layout_.coordinate(rank, ParallelDimension::pipeline) == stage) {
        out_.ranks.push_back(rank);
      }
    }
  }

  StageRanks run() {
    using enum ExchangeRole;
    const auto group_along = [this](ParallelDimension dimension) {
      return [this, dimension](std::int64_t rank) { return layout_.group(rank, dimension); };
    };
    inside(tensor) = groups(group_along(ParallelDimension::tensor), FlowPattern::ring);
    inside(context) = groups(group_along(ParallelDimension::context), FlowPattern::ring);
    inside(expert) = groups([this](std::int64_t rank) { return layout_.expert_group(rank); },
                            FlowPattern::all_to_all);
    out_.dense = groups([this](std::int64_t rank) { return layout_.gradient_group(rank); },
                        FlowPattern::ring);
    out_.expert = groups([this](std::int64_t rank) { return layout_.expert_data_group(rank); },
                         FlowPattern::ring);
    if (strategy_.zero == ZeroLevel::weights) inside(shards) = out_.dense;
    tie_gangs();
    return std::move(out_);
  }

 private:
  std::vector<RankGroup>& inside(ExchangeRole role) {
    return out_.inside[static_cast<std::size_t>(role)];
  }

  std::vector<RankGroup> groups(const std::function<Ranks(std::int64_t)>& group_of,
                                FlowPattern pattern) const {
    std::vector<RankGroup> all;
    std::set<std::int64_t> seen;
    for (const std::int64_t rank : out_.ranks) {
      if (seen.contains(rank)) continue;
      RankGroup one{.ranks = group_of(rank), .flows = {}};
      seen.insert(one.ranks.begin(), one.ranks.end());
      if (one.ranks.size() > 1) {
        one.flows = group_flows(one.ranks, pattern, layout_);
      }
      all.push_back(std::move(one));
    }
    return all;
  }

  // Union of overlapping groups, each set led by its least rank.
  void tie_gangs() {
    std::map<std::int64_t, std::int64_t> leader;
    for (const std::int64_t rank : out_.ranks) leader[rank] = rank;
    const auto find = [&leader](std::int64_t rank) {
      while (leader[rank] != rank) rank = leader[rank] = leader[leader[rank]];
      return rank;
    };
    for (const auto& role : out_.inside) {
      for (const RankGroup& group : role) {
        for (const std::int64_t rank : group.ranks) {
          const std::int64_t one = find(rank), other = find(group.ranks.front());
          leader[std::max(one, other)] = std::min(one, other);
        }
      }
    }
    std::map<std::int64_t, Ranks> gangs;
    for (const std::int64_t rank : out_.ranks) gangs[find(rank)].push_back(rank);
    for (auto& [first, ranks] : gangs) out_.gangs.push_back(std::move(ranks));
  }

  const RankLayout& layout_;
  const TrainStrategy& strategy_;
  StageRanks out_;
};

}  // namespace

StageRanks stage_ranks(const TrainPlan& plan, std::int32_t stage) {
  return Grouping(plan, stage).run();
}

}  // namespace windtunnel::strategies
