// A case with nothing left open: what was chosen, and one request with a schedule for each group.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "strategies/collective/choice.hpp"
#include "strategies/collective/derated_network.hpp"
#include "strategies/collective/group_plan.hpp"

namespace windtunnel::strategies {

struct PreparedCase {
  CollectiveChoice choice;
  std::unique_ptr<GroupCache> own_groups;                // where the site has none
  std::vector<GroupPlan> plans;                          // by group
  std::vector<collectives::TimePrediction> predictions;  // by group; empty: simulate
  // Where a model has no answer but knows what links cost: the case runs on these.
  std::shared_ptr<const DeratedNetwork> derated;
  std::string chunk_reason;  // "" where nothing is pipelined
  std::string infeasible;    // why it cannot run; then nothing else holds

  const sim::Network& network(const CollectiveSite& site) const {
    return derated ? derated->network : site.network;
  }
};

PreparedCase prepare(const CollectiveCase& one, const CollectiveSite& site,
                     const CollectiveOptions& options);

// Whether a timeline or the links are asked for.
bool wants_tables(const CollectiveOptions& options);
// Whether an engine is needed: no model answers, groups contend, or tables are wanted.
bool takes_engine(const PreparedCase& prepared, const CollectiveOptions& options);

}  // namespace windtunnel::strategies
