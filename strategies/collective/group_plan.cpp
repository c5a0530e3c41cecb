#include "strategies/collective/group_plan.hpp"

#include <utility>

namespace windtunnel::strategies {

const GroupPlace& GroupCache::at(const sim::Network& network, const std::vector<int>& gpus) {
  const auto found = places_.find(gpus);
  if (found != places_.end()) return *found->second;
  std::vector<sim::EndpointId> ranks;
  ranks.reserve(gpus.size());
  for (const int gpu : gpus) ranks.push_back(network.gpu(gpu));
  auto place = std::make_unique<const GroupPlace>(
      GroupPlace{collectives::place(network, ranks), collectives::LowerBound(network, ranks)});
  return *places_.emplace(gpus, std::move(place)).first->second;
}

base::Seconds GroupPlan::lower_bound(collectives::Algorithm algorithm) const {
  if (request.ranks < 2) return base::Seconds(0);
  collectives::ScheduleRequest asked = request;
  asked.algorithm = algorithm;
  return place->bound.of(asked);
}

}  // namespace windtunnel::strategies
