// The shape of a binary tree over ranks, and the chunks that travel up and down it.
//
// Model: NCCL's tree by lowest set bit over positions 0..N-1: 0 is the root with one child, the
// largest power of two below N; position p with lowest set bit b has the parent (p xor b) or
// (b<<1), or p xor b where that is N or more, and the children p - b/2 and p + b/2, the latter's
// offset halved until it lies below N. No position has more than two children. Source: NCCL
// src/graph/trees.cc as in nccl.md 7; Sanders, Speck and Traeff 2009 for the two trees. Where a
// layout is given the positions are scale-up domains and a chain runs inside each.
#pragma once

#include <cstdint>
#include <vector>

#include "collectives/buffers.hpp"
#include "collectives/request.hpp"
#include "collectives/schedule.hpp"

namespace windtunnel::collectives {

// Parent of each position, -1 for position 0.
std::vector<std::int32_t> lowest_bit_tree(std::int32_t positions);

struct RankTree {
  std::vector<std::int32_t> parent;  // by rank; -1 for the root
  std::vector<std::int32_t> order;   // ranks, every parent before its children
};

// One tree with request.root on top; the chains inside domains are rotated by the channel, but
// begin at the root in its own.
RankTree single_tree(const ScheduleRequest& request, std::int32_t channel);

// The two trees of double_binary_tree. all_reduce: the tree above and its mirror image (even number
// of domains) or the one shifted by one (odd), so that hardly anyone is inside both. broadcast and
// reduce: both over all domains but the root's, which feeds or drains their tops.
std::vector<RankTree> double_tree(const ScheduleRequest& request, std::int32_t channel);

// Messages of one tree for `slice`, pipelined in chunks: all_reduce up then down, broadcast down,
// reduce up. A chunk follows the one before on each edge; the way down starts as soon as a chunk is
// on top.
void write_tree_slice(const ScheduleRequest& request, const RankTree& tree, Range slice,
                      std::uint8_t channel, Schedule& schedule);

}  // namespace windtunnel::collectives
