// Keys of a training scenario that nothing asks for: the rank of adapters where all weights are
// trained, the scheme of a context group of one. Where a sweep makes them act at one of its points
// they may stand; a key that acts at none is an error, because its author expects something of it.
#pragma once

#include <vector>

#include "scenarios/document/node.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serve_inert.hpp"

namespace windtunnel::scenarios {

// `given` as the user has it, `resolved` with every default; both have `workload` and `strategy`.
struct TrainInertQuestion {
  const Node& given;
  const Node& resolved;
  const TrainScenario& train;
};

// Those that were given another value than their default.
std::vector<InertKey> inert_train_keys(const TrainInertQuestion& of);

}  // namespace windtunnel::scenarios
