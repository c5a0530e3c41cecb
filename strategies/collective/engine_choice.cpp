#include <set>
#include <string>
#include <vector>

#include "strategies/collective/lowered_groups.hpp"
#include "strategies/collective/prepared_case.hpp"
#include "strategies/collective/run_collective.hpp"

namespace windtunnel::strategies {
namespace {

// A port that sends to several receivers, or receives from several senders; empty if there is none.
// There `analytic` serves one after the other, `simgrid` all at once: the same bytes in the same
// time, but not the same moment for whoever waits for the first.
std::string shared_port(const sim::Network& network, const std::vector<sim::EndpointPair>& pairs) {
  std::set<sim::LinkId> used;
  for (const sim::EndpointPair& pair : pairs) {
    const sim::Route route = network.route(pair.from, pair.to);
    for (const sim::LinkId port : {route.out_port, route.in_port}) {
      if (port.valid() && !used.insert(port).second) {
        return network.link_name(port);
      }
      if (route.out_port == route.in_port) break;
    }
  }
  return "";
}

}  // namespace

sim::EngineDecision choose_engine(const CollectiveCase& one, const CollectiveSite& site,
                                  const CollectiveOptions& options) {
  const PreparedCase prepared = prepare(one, site, options);
  if (!takes_engine(prepared, options)) {
    return {sim::EngineKind::analytic, "nothing is simulated"};
  }
  const sim::Network& network = prepared.network(site);
  const LoweredGroups lowered =
      lower(prepared.plans, one.lowering, options.steps_limit_simgrid, network);
  for (const auto& together : lowered.traffic(prepared.plans)) {
    const sim::EngineDecision decision = sim::choose_engine(network, together);
    if (decision.kind != sim::EngineKind::analytic) return decision;
    if (const std::string port = shared_port(network, together); !port.empty()) {
      return {sim::EngineKind::simgrid, port + " serves several transfers, whose order matters"};
    }
  }
  return {sim::EngineKind::analytic, "no two transfers share a link"};
}

}  // namespace windtunnel::strategies
