// The ranks of one pipeline stage and the groups they work in.
//
// A gang is the smallest set of ranks that begin every pass together, because
// collectives inside the pass tie them: tensor and context groups, expert
// groups of a model with experts, and with ZeRO 3 those who share its weights.
#pragma once

#include <vector>

#include "strategies/train/group_flows.hpp"
#include "strategies/train/pass_work.hpp"

namespace windtunnel::strategies {

struct RankGroup {
  std::vector<std::int64_t> ranks;
  std::vector<GroupFlow> flows;  // of its collectives; empty inside a node
};

struct StageRanks {
  std::vector<std::int64_t> ranks;
  std::vector<std::vector<std::int64_t>> gangs;
  // Groups whose collectives are inside passes, by ExchangeRole.
  std::array<std::vector<RankGroup>, kExchangeRoles> inside;
  // Groups that reduce gradients: of dense weights, of experts.
  std::vector<RankGroup> dense, expert;
};

StageRanks stage_ranks(const TrainPlan& plan, std::int32_t stage);

}  // namespace windtunnel::strategies
