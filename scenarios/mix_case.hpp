// A mix of a study, from its scenario to its outcome.
#pragma once

#include "scenarios/scenario.hpp"
#include "scenarios/study_site.hpp"
#include "sim/base/fact.hpp"
#include "strategies/mix/run_mix.hpp"

namespace windtunnel::scenarios {

// One mix: a sweep point has one.
struct MixCase {
  const Scenario* scenario = nullptr;
};

// Engines whose links are shared max-min fair, so that they can be compared: an own one, or
// SimGrid's.
strategies::EngineFactory sharing_engine(sim::EngineKind kind);

base::Outcome run_mix_case(const MixCase& spec, const Site& site, sim::EngineKind engine,
                           const strategies::MixOptions& options);

}  // namespace windtunnel::scenarios
