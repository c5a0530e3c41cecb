// Which engine simulates a case, and why.
//
// What the scenario asks for; for `auto` what strategies::choose_engine() says (analytic where it
// gives what simgrid gives), but analytic, with a warning, where more flows are under way at once
// than SimGrid's max-min solver can take in reasonable time.
#pragma once

#include <string>

#include "sim/engine/engine.hpp"
#include "strategies/collective/run_collective.hpp"

namespace windtunnel::scenarios {

struct EnginePick {
  sim::EngineKind kind = sim::EngineKind::simgrid;  // never automatic
  std::string reason;
  bool heed_busiest_link = false;  // analytic stands in for simgrid
  std::string warning;             // what the pick cannot see; empty where there is nothing
};

EnginePick pick_engine(sim::EngineKind asked, const strategies::CollectiveCase& one,
                       const strategies::CollectiveSite& site,
                       const strategies::CollectiveOptions& options);

}  // namespace windtunnel::scenarios
