// A training scenario from its resolved tree.
#pragma once

#include <optional>

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"
#include "sim/base/diagnostics.hpp"

namespace windtunnel::scenarios {

// `resolved` has workload, strategy and model. Nothing, with errors at their places, where it is no
// scenario.
std::optional<TrainScenario> bind_train(const Node& resolved, base::Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
