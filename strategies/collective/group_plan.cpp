#include "strategies/collective/group_plan.hpp"

#include <utility>

namespace windtunnel::strategies {

const GroupPlace& GroupCache::at(const sim::Network& network, const std::vector<int>& gpus) {
  const auto found = places_.find(gpus);
  if (found != places_.end()) return *found->second;
  std::vector<sim::EndpointId> ranks;
  ranks.reserve(gpus.size());
  for (const int gpu : gpus) ranks.push_back(network.gpu(gpu));
  collectives::Placement placement = collectives::place(network, ranks);
  const collectives::UniformFabric fabric =
      collectives::uniform_fabric(network, placement, static_cast<std::int32_t>(ranks.size()));
  auto place = std::make_unique<const GroupPlace>(
      GroupPlace{std::move(placement), collectives::LowerBound(network, ranks), fabric});
  return *places_.emplace(gpus, std::move(place)).first->second;
}

std::int64_t GroupPlan::steps() const {
  const bool laps = request.op == collectives::Op::all_reduce ||
                    request.op == collectives::Op::all_gather ||
                    request.op == collectives::Op::reduce_scatter;
  constexpr std::int64_t kWorthAFormula =
      1'000'000;  // a ring with a part for everyone needs no schedule
  if (request.algorithm == collectives::Algorithm::ring && laps && request.chunk_bytes == 0 &&
      collectives::message_bound(request) > kWorthAFormula &&
      request.bytes >= std::int64_t{request.ranks} * request.channels * request.element_bytes) {
    return (request.op == collectives::Op::all_reduce ? 2 : 1) * std::int64_t{request.ranks - 1};
  }
  return collectives::make_schedule(request).critical_steps();
}

base::Seconds GroupPlan::lower_bound(collectives::Algorithm algorithm) const {
  if (request.ranks < 2) return base::Seconds(0);
  collectives::ScheduleRequest asked = request;
  asked.algorithm = algorithm;
  return place->bound.of(asked);
}

}  // namespace windtunnel::strategies
