// What an algorithm needs to know to write a schedule: a pure function of this, nothing else.
//
// Participants are numbered as in schedule.hpp. `domain` says which ranks share a scale-up domain
// (an NVLink domain, a node): hierarchical and in_network work inside and between domains, trees
// run as chains inside them, rings visit one after the other. Empty means that every rank is a
// domain of its own, except for `hierarchical`, which then has one domain of all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectives/collective.hpp"
#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

// A switch that reduces; switch i is participant ranks + i. A parent is a switch index, -1 at a
// root.
struct ReducingNode {
  std::int32_t parent = -1;
  std::vector<std::int32_t> children{};  // participants: ranks, or switches as ranks + index
};

struct ScheduleRequest {
  Op op = Op::all_reduce;
  Algorithm algorithm = Algorithm::ring;
  std::int32_t ranks = 1;
  std::int64_t bytes = 0;     // of the larger buffer of a rank, as in nccl-tests
  std::int32_t root = 0;      // broadcast, reduce; first server of parameter_server; top of a tree
  std::int32_t channels = 1;  // parallel connections that the buffer is split over, 1 to 256
  std::int64_t chunk_bytes = 0;  // largest message of a pipeline; 0: a channel's share in one piece
  std::int64_t element_bytes = 1;  // messages end at multiples of this where `bytes` is one
  std::int32_t servers = 1;        // parameter_server: ranks root, root + 1, ... hold a shard each
  std::vector<std::int32_t>
      domain{};  // per rank: any number, equal for ranks of one scale-up domain
  std::vector<ReducingNode> switches{};  // in_network: a forest, parents anywhere
};

// What keeps this request from having a schedule, as a sentence for the user; nothing if it has
// one.
std::optional<std::string> why_not(const ScheduleRequest& request);

// An upper bound on the messages that make_schedule would write, in constant time.
std::int64_t message_bound(const ScheduleRequest& request);

// Precondition: !why_not(request).
Schedule make_schedule(const ScheduleRequest& request);

}  // namespace windtunnel::collectives
