#include "scenarios/study_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace windtunnel::scenarios {

namespace {

using collectives::Algorithm;
using strategies::CollectiveCase;

// Flows that share links at one time beyond which SimGrid's max-min solver takes minutes a case.
constexpr double kMostFlows = 40'000;

// Every rank sends to one other and receives from one other at any time.
bool one_message_a_rank(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ring:
    case Algorithm::recursive_doubling:
    case Algorithm::halving_doubling:
    case Algorithm::pairwise:
      return true;
    default:
      return false;
  }
}

bool own_links_inside_a_node(const sim::Cluster& cluster) {
  const sim::ScaleUp& scale_up = cluster.node.scale_up;
  switch (scale_up.kind) {
    case sim::ScaleUpKind::nvswitch:
      return true;
    case sim::ScaleUpKind::nvlink_mesh:
      return scale_up.links.empty();
    case sim::ScaleUpKind::none:
      return cluster.node.gpus == 1;
    default:
      return false;
  }
}

bool own_links_between_nodes(const sim::Cluster& cluster) {
  if (cluster.nodes == 1) return true;
  if (cluster.fabric.kind != sim::FabricKind::switched &&
      cluster.fabric.kind != sim::FabricKind::rail) {
    return false;
  }
  return cluster.node.nics.count >= cluster.node.gpus;
}

bool nothing_is_shared(const CollectiveCase& one, const sim::Cluster& cluster) {
  return one.groups.size() == 1 && one.channels.value_or(1) == 1 &&
         one_message_a_rank(one.algorithm) && !cluster.explicit_network &&
         cluster.overrides.empty() && own_links_inside_a_node(cluster) &&
         own_links_between_nodes(cluster);
}

// An estimate: in `direct` every rank sends to every other at once, elsewhere to a few.
double flows_at_once(const CollectiveCase& one) {
  double flows = 0;
  for (const auto& group : one.groups) {
    const auto ranks = static_cast<double>(group.size());
    flows += one.algorithm == Algorithm::direct ? ranks * (ranks - 1) : 2 * ranks;
  }
  return flows * one.channels.value_or(1);
}

}  // namespace

EnginePick pick_engine(sim::EngineKind asked, const CollectiveCase& one,
                       const sim::Cluster& cluster) {
  if (asked == sim::EngineKind::analytic) {
    return {.kind = asked, .reason = "analytic, as the scenario says", .warning = ""};
  }
  if (asked == sim::EngineKind::simgrid) {
    return {.kind = asked, .reason = "simgrid, as the scenario says", .warning = ""};
  }
  if (nothing_is_shared(one, cluster)) {
    return {.kind = sim::EngineKind::analytic,
            .reason = "auto: analytic, because no two messages share a link here",
            .warning = ""};
  }
  if (const double flows = flows_at_once(one); flows > kMostFlows) {
    const std::string reason =
        fmt::format("auto: analytic, because {:.0f} flows at once are too many for simgrid", flows);
    return {.kind = sim::EngineKind::analytic,
            .reason = reason,
            .warning =
                fmt::format("{}: contention inside the fabric is not seen by the analytic engine, "
                            "which took over from simgrid at {:.0f} flows at once",
                            strategies::name_of(one), flows)};
  }
  return {.kind = sim::EngineKind::simgrid,
          .reason = "auto: simgrid, because messages may share links",
          .warning = ""};
}

}  // namespace windtunnel::scenarios
