// Layers of each stage by the speed of its GPUs (`strategy.balance: speed`).
//
// Model: a stage takes, for one micro-batch, the forward and backward passes of its layers, and of
// embedding and head where it has them, on its slowest GPU. Layers stay in order; of all ways to cut
// them into stages the one whose longest stage is shortest, and among these the one found with
// stages filled from the end (dynamic programming over stages and layers, O(stages x layers^2)).
// Contract: the longest stage is never longer than with layers spread evenly. For schedules with one
// chunk a stage; memory is not looked at: a split that does not fit is found out like any other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "strategies/train/iteration_costs.hpp"

namespace windtunnel::strategies {

// Seconds of every layer, of embedding and of head, by stage.
struct StageSpeeds {
  std::vector<std::vector<double>> layers;  // by stage and layer
  std::vector<double> embedding, head;      // by stage
};
// Layers of each stage; every stage gets one at least.
std::vector<std::int64_t> balanced_layers(const StageSpeeds& speeds);

// Why this plan's layers cannot be balanced; nothing where they can.
std::optional<std::string> balance_infeasible(const TrainPlan& plan);
// Pre: feasible. Layers of each stage of the plan on its cluster.
std::vector<std::int64_t> balance_stages(const TrainPlan& plan, const models::Network& network,
                                         const TrainSite& site, std::uint64_t seed);

}  // namespace windtunnel::strategies
