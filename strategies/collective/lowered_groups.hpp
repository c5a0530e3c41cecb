// The groups of a case as transfers: in steps or in bulk, and which of the two is fit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/lowering.hpp"
#include "sim/engine/choose_engine.hpp"
#include "strategies/collective/group_plan.hpp"
#include "strategies/collective/run_collective.hpp"

namespace windtunnel::strategies {

struct LoweredGroups {
  std::vector<collectives::Schedule> schedules;  // by group, where lowered in steps
  std::vector<collectives::FlowPlan> flows;      // by group, where lowered in bulk
  collectives::Lowering lowering = collectives::Lowering::steps;
  std::string reason;  // of the lowering, a sentence

  std::vector<collectives::GroupRun> runs(const std::vector<GroupPlan>& plans) const;
  std::int64_t transfers() const;
  // Who sends to whom at the same time: phase by phase where one group goes in steps, else all
  // together.
  std::vector<std::vector<sim::EndpointPair>> traffic(const std::vector<GroupPlan>& plans) const;
};

// Messages that all groups would be in steps: a bound while it is at most `limit`, past it an
// estimate.
std::int64_t message_estimate(const std::vector<GroupPlan>& plans, std::int64_t limit);

// Pre: every request has a schedule (collectives::why_not).
LoweredGroups lower(const std::vector<GroupPlan>& plans, Lowering asked, std::int64_t steps_limit,
                    const sim::Network& network);

}  // namespace windtunnel::strategies
