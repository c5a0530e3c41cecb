#include "strategies/serve/engine/router.hpp"

#include <algorithm>
#include <cmath>

namespace windtunnel::strategies {

void RequestRouter::refresh(const std::vector<std::unique_ptr<Replica>>& replicas, double now) {
  const double every = policy_.staleness.value();
  const auto interval = static_cast<std::int64_t>(std::floor(now / every));
  if (interval == interval_ && seen_.size() == replicas.size()) return;
  interval_ = interval;
  seen_.clear();
  for (const auto& replica : replicas)
    seen_.push_back({replica->waiting() + replica->running(), replica->kv_used()});
}

RequestRouter::Load RequestRouter::load(const std::vector<std::unique_ptr<Replica>>& replicas,
                                        std::size_t index) {
  if (policy_.staleness.value() > 0) return seen_[index];
  const Replica& replica = *replicas[index];
  return {replica.waiting() + replica.running(), replica.kv_used()};
}

std::size_t RequestRouter::least(const std::vector<std::unique_ptr<Replica>>& replicas,
                                 const std::vector<std::size_t>& open, bool by_kv) {
  std::size_t best = open.front();
  Load least = load(replicas, best);
  for (const std::size_t index : open) {
    const Load one = load(replicas, index);
    const bool less = by_kv ? std::pair(one.kv, static_cast<double>(one.requests)) <
                                  std::pair(least.kv, static_cast<double>(least.requests))
                            : one.requests < least.requests;
    if (!less) continue;
    least = one;
    best = index;
  }
  return best;
}

std::size_t RequestRouter::choose(const Request& request,
                                  const std::vector<std::unique_ptr<Replica>>& replicas,
                                  const std::vector<std::size_t>& open, double now) {
  if (open.size() == 1) return open.front();
  if (policy_.staleness.value() > 0) refresh(replicas, now);
  const auto size = static_cast<std::int64_t>(open.size());
  const auto at = [&](std::int64_t place) { return open[static_cast<std::size_t>(place)]; };
  switch (policy_.policy) {
    case RouterPolicy::round_robin:
      return at(turn_++ % size);
    case RouterPolicy::random:
      return at(random_.below(size));
    case RouterPolicy::least_loaded:
      return least(replicas, open, false);
    case RouterPolicy::least_kv:
      return least(replicas, open, true);
    case RouterPolicy::power_of_two: {
      const std::size_t first = at(random_.below(size));
      const std::size_t second = at(random_.below(size));
      return load(replicas, second).requests < load(replicas, first).requests ? second : first;
    }
    case RouterPolicy::prefix_aware:
      break;
  }
  const std::int64_t key = request.session >= 0     ? 2 * request.session + 1
                           : request.prefix_id >= 0 ? 2 * request.prefix_id
                                                    : -1;
  const std::size_t emptiest = least(replicas, open, false);
  if (key < 0) return emptiest;
  const auto home = homes_.find(key);
  if (home != homes_.end() && std::find(open.begin(), open.end(), home->second) != open.end()) {
    const std::int64_t there = load(replicas, home->second).requests;
    const std::int64_t fewest = load(replicas, emptiest).requests;
    if (there <= 2 * fewest || there < fewest + 4) return home->second;
  }
  homes_[key] = emptiest;
  return emptiest;
}

}  // namespace windtunnel::strategies
