// A training scenario from its resolved tree.
#pragma once

#include <optional>

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// 1F1B over several chunks a stage is the interleaved schedule: the resolved `strategy` then says so,
// with a warning where the user's own (`given`) names 1f1b.
void settle_schedule(const Node& given, Node& resolved, base::Diagnostics& diagnostics);

// The first takes a resolved `strategy` without errors.
// `resolved` has workload, strategy and model. Nothing, with errors at their places, where it is no
// scenario.
strategies::TrainStrategy bind_train_strategy(const Node& resolved, base::Diagnostics& diagnostics);
std::optional<TrainScenario> bind_train(const Node& resolved, base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
