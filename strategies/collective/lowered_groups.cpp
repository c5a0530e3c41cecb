#include "strategies/collective/lowered_groups.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "collectives/traffic.hpp"

namespace windtunnel::strategies {
namespace {

bool in_steps(Lowering asked, std::int64_t messages, std::int64_t limit) {
  if (asked == Lowering::automatic) return messages <= limit;
  return asked == Lowering::steps;
}

std::string reason_of(Lowering asked, std::int64_t messages, std::int64_t limit) {
  if (asked == Lowering::steps) return "steps, as the scenario says";
  if (asked == Lowering::bulk) return "bulk, as the scenario says";
  if (messages <= limit) return "steps: every message is a transfer of its own";
  return fmt::format(
      "bulk: about {} messages would be more than {}; one transfer an edge and phase", messages,
      limit);
}

// The bound of hierarchical algorithms is far above what they send; one round of their pipeline,
// written out, says what a round takes.
std::int64_t estimate(const collectives::ScheduleRequest& request) {
  constexpr std::int64_t kMostToWrite = 20'000'000;  // bound; 1 s at most
  collectives::ScheduleRequest round = request;
  round.chunk_bytes = 0;
  const std::int64_t bound = collectives::message_bound(request);
  const std::int64_t round_bound = collectives::message_bound(round);
  const bool loose = request.algorithm == collectives::Algorithm::hierarchical ||
                     request.algorithm == collectives::Algorithm::in_network;
  if (!loose || round_bound > kMostToWrite || round_bound <= 0) return bound;
  const auto rounds = static_cast<double>(bound) / static_cast<double>(round_bound);
  const auto of_a_round = static_cast<double>(collectives::make_schedule(round).messages.size());
  return static_cast<std::int64_t>(rounds * of_a_round);
}

}  // namespace

std::int64_t message_estimate(const std::vector<GroupPlan>& plans, std::int64_t limit) {
  std::int64_t messages = 0;
  for (const GroupPlan& plan : plans) messages += collectives::message_bound(plan.request);
  if (messages <= limit) return messages;
  messages = 0;
  for (const GroupPlan& plan : plans) messages += estimate(plan.request);
  return messages;
}

LoweredGroups lower(const std::vector<GroupPlan>& plans, Lowering asked, std::int64_t steps_limit,
                    const sim::Network& network) {
  const std::int64_t messages = message_estimate(plans, steps_limit);
  LoweredGroups lowered;
  lowered.reason = reason_of(asked, messages, steps_limit);
  const bool steps = in_steps(asked, messages, steps_limit);
  lowered.lowering = steps ? collectives::Lowering::steps : collectives::Lowering::bulk;
  for (const GroupPlan& plan : plans) {
    if (steps) {
      lowered.schedules.push_back(collectives::make_schedule(plan.request));
    } else {
      lowered.flows.push_back(
          collectives::plan_flows(plan.request, plan.participants(), network, {}));
    }
  }
  return lowered;
}

std::vector<collectives::GroupRun> LoweredGroups::runs(const std::vector<GroupPlan>& plans) const {
  std::vector<collectives::GroupRun> runs(plans.size());
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!schedules.empty()) runs[i].schedule = &schedules[i];
    if (!flows.empty()) runs[i].flows = &flows[i];
    runs[i].endpoints = plans[i].participants();
  }
  return runs;
}

std::int64_t LoweredGroups::transfers() const {
  const auto is_transfer = [](const auto& item) { return !item.local(); };
  std::int64_t count = 0;
  for (const auto& schedule : schedules) {
    count += std::count_if(schedule.messages.begin(), schedule.messages.end(), is_transfer);
  }
  for (const auto& plan : flows) {
    count += std::count_if(plan.flows.begin(), plan.flows.end(), is_transfer);
  }
  return count;
}

std::vector<std::vector<sim::EndpointPair>> LoweredGroups::traffic(
    const std::vector<GroupPlan>& plans) const {
  if (schedules.size() == 1) {
    return collectives::traffic_by_phase(schedules.front(), plans.front().participants());
  }
  std::vector<sim::EndpointPair> all;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto& endpoints = plans[i].participants();
    const auto own = schedules.empty() ? collectives::traffic(flows[i], endpoints)
                                       : collectives::traffic(schedules[i], endpoints);
    all.insert(all.end(), own.begin(), own.end());
  }
  return {all};
}

}  // namespace windtunnel::strategies
