// Groups of GPUs ready for algorithms: where their ranks are, the least time a collective of theirs
// can take, and the request of one case.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "collectives/closed_form.hpp"
#include "collectives/lower_bound.hpp"
#include "collectives/placement.hpp"
#include "collectives/request.hpp"

namespace windtunnel::strategies {

// What a group is on its network, whatever the case.
struct GroupPlace {
  collectives::Placement placement;
  collectives::LowerBound bound;
  collectives::UniformFabric fabric;  // as the closed forms see it
};

// Places of groups on one network. Looking at all routes between n ranks costs n^2, so a study
// keeps one of these for all its cases on a network. Not thread-safe.
class GroupCache {
 public:
  // Pre: GPU indices of this network, at least one, each once. Stays valid as long as the cache.
  const GroupPlace& at(const sim::Network& network, const std::vector<int>& gpus);

 private:
  std::map<std::vector<int>, std::unique_ptr<const GroupPlace>> places_;
};

struct GroupPlan {
  const GroupPlace* place = nullptr;  // of a cache that outlives the plan
  collectives::ScheduleRequest request;

  // Ranks, then reducing switches.
  const std::vector<sim::EndpointId>& participants() const { return place->placement.endpoints; }
  // Messages on the critical path of its schedule.
  std::int64_t steps() const;
  // Of the request by `algorithm`, which decides whether switches count as reducing.
  base::Seconds lower_bound(collectives::Algorithm algorithm) const;
};

}  // namespace windtunnel::strategies
