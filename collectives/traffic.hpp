// Who sends to whom at the same time: what sim::choose_engine needs to know of a collective.
#pragma once

#include <span>
#include <vector>

#include "collectives/flow_plan.hpp"
#include "collectives/schedule.hpp"
#include "sim/engine/choose_engine.hpp"

namespace windtunnel::collectives {

// The pairs of endpoints between which each phase moves bytes, phases in order, pairs sorted, each
// once. Phases of one group follow each other on each rank; those of several groups may meet.
std::vector<std::vector<sim::EndpointPair>> traffic_by_phase(
    const Schedule& schedule, std::span<const sim::EndpointId> endpoints);

// All pairs, whatever the phase: safe for any mixture.
std::vector<sim::EndpointPair> traffic(const Schedule& schedule,
                                       std::span<const sim::EndpointId> endpoints);
std::vector<sim::EndpointPair> traffic(const FlowPlan& plan,
                                       std::span<const sim::EndpointId> endpoints);

}  // namespace windtunnel::collectives
