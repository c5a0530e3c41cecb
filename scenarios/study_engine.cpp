#include "scenarios/study_engine.hpp"

#include <fmt/format.h>

namespace windtunnel::scenarios {

namespace {

using strategies::CollectiveCase;

// Beyond this many flows at once SimGrid needs minutes for one case (each event solves for all of
// them).
constexpr double kMostFlows = 40'000;

// An estimate: in `direct` every rank sends to every other at once, elsewhere to a few.
double flows_at_once(const CollectiveCase& one) {
  double flows = 0;
  for (const auto& group : one.groups) {
    const auto ranks = static_cast<double>(group.size());
    flows += one.algorithm == collectives::Algorithm::direct ? ranks * (ranks - 1) : 2 * ranks;
  }
  return flows * one.channels.value_or(1);
}

}  // namespace

EnginePick pick_engine(sim::EngineKind asked, const CollectiveCase& one,
                       const strategies::CollectiveSite& site,
                       const strategies::CollectiveOptions& options) {
  if (asked == sim::EngineKind::simgrid) {
    return {.kind = asked, .reason = "simgrid, as the scenario says", .warning = ""};
  }
  const sim::EngineDecision decision = strategies::choose_engine(one, site, options);
  if (asked == sim::EngineKind::analytic) {
    return {
        .kind = asked,
        .reason = "analytic, as the scenario says",
        .warning = decision.kind == sim::EngineKind::analytic
                       ? ""
                       : "engine analytic was asked for and does not see this: " + decision.reason};
  }
  const double flows = flows_at_once(one);
  if (decision.kind != sim::EngineKind::simgrid || flows <= kMostFlows) {
    return {
        .kind = decision.kind,
        .reason = fmt::format("auto: {}, because {}", sim::to_text(decision.kind), decision.reason),
        .warning = ""};
  }
  return {
      .kind = sim::EngineKind::analytic,
      .reason = fmt::format("auto: analytic, because {:.0f} flows at once are too many for simgrid",
                            flows),
      .heed_busiest_link = true,
      .warning = fmt::format(
          "{:.0f} flows at once are too many for simgrid: the analytic engine took over, raised "
          "to what the busiest link needs for its bytes",
          flows)};
}

}  // namespace windtunnel::scenarios
