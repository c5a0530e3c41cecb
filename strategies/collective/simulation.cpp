#include "strategies/collective/simulation.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace windtunnel::strategies {

void Simulation::raise_to(base::Seconds least) {
  const bool one_group = together.size() == 1;
  for (base::Seconds& finish : together) finish = base::max(finish, least);
  if (one_group) alone = together;
}

void Simulation::add_launch(base::Seconds launch) {
  for (base::Seconds& finish : together) finish = finish + launch;
  for (base::Seconds& finish : alone) finish = finish + launch;
}

base::Seconds Simulation::time() const {
  return *std::max_element(together.begin(), together.end());
}

double Simulation::slowdown(std::size_t group) const {
  return alone[group].value() > 0 ? together[group] / alone[group] : 1.0;
}

std::size_t Simulation::worst_group() const {
  std::size_t worst = 0;
  for (std::size_t group = 1; group < together.size(); ++group) {
    if (slowdown(group) > slowdown(worst)) worst = group;
  }
  return worst;
}

Simulation simulate(const std::vector<GroupPlan>& plans, const LoweredGroups& lowered,
                    sim::Engine& engine, Spans spans) {
  const std::vector<collectives::GroupRun> runs = lowered.runs(plans);
  collectives::LoweringOptions options;
  options.record_spans = spans == Spans::recorded;
  collectives::LoweringResult all = collectives::run_groups(engine, runs, options);
  Simulation result;
  result.engine = engine.kind();
  result.together = all.finish;
  result.bytes_by_link = std::move(all.bytes_by_link);
  result.spans = std::move(all.spans);
  if (runs.size() == 1) {
    result.alone = result.together;
  } else {
    for (const collectives::GroupRun& run : runs) {
      result.alone.push_back(
          collectives::run_groups(engine, std::span(&run, 1), {}).finish.front());
    }
  }
  result.events = engine.events();
  return result;
}

}  // namespace windtunnel::strategies
