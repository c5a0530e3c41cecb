// Who sends to whom between nodes in a collective of a training job, in bulk.
//
// Model: the members of a group on each node are counted off; those with the
// same number make a ring over the nodes (all_reduce, all_gather,
// reduce_scatter, ring attention), which is what the closed form of GroupClock
// charges, each member's share of the bytes over its own NIC. In an all-to-all
// a member sends to its counterparts on all other nodes; over more than
// kMostPartners + 1 nodes, to kMostPartners of them at even distances, with all
// of the bytes. One flow stands for all messages of an edge.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "strategies/train/rank_layout.hpp"

namespace windtunnel::strategies {

inline constexpr std::int64_t kMostPartners = 8;

enum class FlowPattern { ring, all_to_all };

struct GroupFlow {
  std::int64_t from = 0, to = 0;  // ranks
  double share = 1.0;             // of what a rank sends between nodes
};

// Empty where all members share a node, or a scale-up domain.
std::vector<GroupFlow> group_flows(std::span<const std::int64_t> members, FlowPattern pattern,
                                   const RankLayout& layout);

}  // namespace windtunnel::strategies
