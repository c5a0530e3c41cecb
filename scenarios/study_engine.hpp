// Which engine simulates a case, and why.
//
// `auto`: analytic where no link can be shared by two messages at once, because both engines then
// give the same times (1e-9) and analytic is faster; simgrid, the reference for sharing, everywhere
// else; analytic again, with a warning, where more messages are in flight at once than SimGrid's
// solver can take in reasonable time. Nothing is shared where one group runs an algorithm in which
// every rank sends one message and receives one message at a time, over a crossbar (one NVSwitch
// domain, one fabric switch, rails) with a port of its own for every GPU.
#pragma once

#include <string>

#include "sim/engine/engine.hpp"
#include "strategies/collective/collective_case.hpp"

namespace windtunnel::scenarios {

struct EnginePick {
  sim::EngineKind kind = sim::EngineKind::simgrid;  // never automatic
  std::string reason;
  std::string warning;  // what the pick cannot see; empty where there is nothing
};

EnginePick pick_engine(sim::EngineKind asked, const strategies::CollectiveCase& one,
                       const sim::Cluster& cluster);

}  // namespace windtunnel::scenarios
