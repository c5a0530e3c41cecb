// The tables of a simulated case: where the bytes went, what happened when, how the groups fared.
// Columns as reports/result.hpp names them.
#pragma once

#include "sim/base/fact.hpp"
#include "strategies/collective/simulation.hpp"

namespace windtunnel::strategies {

// Links that carried something, the busiest first, at most `rows`. Utilisation is bytes /
// (bandwidth x time) of the case; a link that is never shared can have more than 1.
base::Table links_table(const Simulation& simulation, const sim::Network& network,
                        base::Seconds time, std::int64_t rows);

// One row for each message at its sender and one at its receiver, in order of time. Past `rows`,
// the first participants are kept whole and the rest left out.
base::Table timeline_table(const Simulation& simulation, const std::vector<GroupPlan>& plans,
                           const sim::Network& network, std::int64_t rows);

// Time together and alone, and their ratio; `alone` may come from a model, then the ratio is
// applied to it.
base::Table groups_table(const Simulation& simulation, const std::vector<base::Seconds>& alone);

}  // namespace windtunnel::strategies
