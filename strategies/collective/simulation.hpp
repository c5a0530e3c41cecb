// The groups of a case on an engine: all at once, and each alone where there are several.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/collective/lowered_groups.hpp"

namespace windtunnel::strategies {

struct Simulation {
  std::vector<base::Seconds> together;  // by group, from the common start to its last message
  std::vector<base::Seconds> alone;     // by group; the same where there is one
  std::vector<double> bytes_by_link;    // of the run together; empty unless recorded
  std::vector<collectives::MessageSpan> spans;
  sim::EngineKind engine = sim::EngineKind::analytic;
  std::int64_t events = 0;

  // No group together with the others is done before `least`.
  void raise_to(base::Seconds least);
  // Before every group, together and alone.
  void add_launch(base::Seconds launch);
  base::Seconds time() const;                // of the slowest group
  double slowdown(std::size_t group) const;  // together / alone, 1 where alone takes no time
  std::size_t worst_group() const;           // with the greatest slowdown
};

// Runs on `engine`, which may have run before.
enum class Spans { none, recorded };
Simulation simulate(const std::vector<GroupPlan>& plans, const LoweredGroups& lowered,
                    sim::Engine& engine, Spans spans);

}  // namespace windtunnel::strategies
