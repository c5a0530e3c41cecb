// Facts of a training job that is saved and fails: how often, what it loses, what it comes to.
#pragma once

#include "sim/base/fact.hpp"
#include "strategies/train/iteration.hpp"

namespace windtunnel::strategies {

// Adds nothing where the state is never saved. After the facts of the iteration: a token count is
// reached later with failures.
void add_goodput_facts(const TrainPlan& plan, const sim::Cluster& cluster,
                       const Iteration& iteration, base::Outcome& out);

}  // namespace windtunnel::strategies
