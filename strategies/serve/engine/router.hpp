// Which replica a request goes to.
//
// Loads may be stale: with `staleness` they are those of the first arrival of the current interval.
// round_robin: in turn; random: each as likely; least_loaded: fewest waiting and running; least_kv:
// least of the KV cache in use (then fewest requests); power_of_two: the less loaded of two drawn;
// prefix_aware: where its prefix or conversation went last, unless that replica has more than twice
// the least load and 4 requests more, then least_loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sim/base/random.hpp"
#include "strategies/serve/engine/replica.hpp"
#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

class RequestRouter {
 public:
  RequestRouter(const Router& policy, std::uint64_t seed)
      : policy_(policy), random_(seed, "router") {}

  // An index into `replicas` out of `open` (not empty): those that take requests.
  std::size_t choose(const Request& request, const std::vector<std::unique_ptr<Replica>>& replicas,
                     const std::vector<std::size_t>& open, double now);

 private:
  struct Load {
    std::int64_t requests = 0;
    double kv = 0;
  };
  Load load(const std::vector<std::unique_ptr<Replica>>& replicas, std::size_t index);
  void refresh(const std::vector<std::unique_ptr<Replica>>& replicas, double now);
  std::size_t least(const std::vector<std::unique_ptr<Replica>>& replicas,
                    const std::vector<std::size_t>& open, bool by_kv);

  Router policy_;
  base::RandomStream random_;
  std::int64_t turn_ = 0;
  std::int64_t interval_ = -1;
  std::vector<Load> seen_;
  std::unordered_map<std::int64_t, std::size_t> homes_;  // of prefixes and conversations
};

}  // namespace windtunnel::strategies
