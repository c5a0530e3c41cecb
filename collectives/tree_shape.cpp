#include "collectives/tree_shape.hpp"

#include <algorithm>

#include "collectives/ring_order.hpp"

namespace windtunnel::collectives {
namespace {

using Chain = std::vector<std::int32_t>;  // ranks of one domain, its head first

// Domains with the root's first and the root at its head.
std::vector<Chain> chains_of(const ScheduleRequest& request, std::int32_t channel) {
  std::vector<Chain> chains = domains_of(request);
  if (chains.size() == 1) {  // one binary tree over its ranks
    const Chain ranks = std::move(chains.front());
    chains.clear();
    for (const std::int32_t rank : ranks) chains.push_back({rank});
  }
  const auto holds_root = [&](const Chain& c) {
    return std::ranges::find(c, request.root) != c.end();
  };
  std::ranges::rotate(chains, std::ranges::find_if(chains, holds_root));
  for (Chain& chain : chains) {
    std::ranges::rotate(chain, chain.begin() + channel % static_cast<std::int32_t>(chain.size()));
  }
  Chain& first = chains.front();
  std::ranges::rotate(first, std::ranges::find(first, request.root));
  return chains;
}

// Joins chains below the heads that `parent_position` says (-1: below `top`, itself -1 for a root).
struct TreeMaker {
  RankTree tree;

  void add_chain(const Chain& chain, std::int32_t parent_rank) {
    std::int32_t above = parent_rank;
    for (const std::int32_t rank : chain) {
      tree.parent[static_cast<std::size_t>(rank)] = above;
      above = rank;
    }
  }
  void set_order(std::int32_t ranks) {
    std::vector<std::vector<std::int32_t>> children(static_cast<std::size_t>(ranks));
    for (std::int32_t rank = 0; rank < ranks; ++rank) {
      const std::int32_t parent = tree.parent[static_cast<std::size_t>(rank)];
      if (parent < 0) {
        tree.order.push_back(rank);
      } else {
        children[static_cast<std::size_t>(parent)].push_back(rank);
      }
    }
    for (std::size_t i = 0; i < tree.order.size(); ++i) {
      const auto& below = children[static_cast<std::size_t>(tree.order[i])];
      tree.order.insert(tree.order.end(), below.begin(), below.end());
    }
  }
};

// Position i of the tree is chains[position_to_chain[i]].
RankTree tree_of_chains(std::int32_t ranks, const std::vector<Chain>& chains,
                        const std::vector<std::int32_t>& position_to_chain, const Chain& top) {
  TreeMaker maker;
  maker.tree.parent.assign(static_cast<std::size_t>(ranks), -1);
  if (!top.empty()) maker.add_chain(top, -1);
  const std::vector<std::int32_t> shape =
      lowest_bit_tree(static_cast<std::int32_t>(position_to_chain.size()));
  const auto chain_at = [&](std::int32_t position) -> const Chain& {
    return chains[static_cast<std::size_t>(position_to_chain[static_cast<std::size_t>(position)])];
  };
  for (std::size_t position = 0; position < position_to_chain.size(); ++position) {
    const std::int32_t parent = shape[position];
    const std::int32_t above =
        parent >= 0 ? chain_at(parent).front() : (top.empty() ? -1 : top.front());
    maker.add_chain(chain_at(static_cast<std::int32_t>(position)), above);
  }
  maker.set_order(ranks);
  return maker.tree;
}

std::vector<std::int32_t> identity(std::int32_t first, std::int32_t last) {
  std::vector<std::int32_t> positions;
  for (std::int32_t i = first; i < last; ++i) positions.push_back(i);
  return positions;
}

// The second tree's positions: mirrored where their number is even, shifted by one where it is odd.
std::vector<std::int32_t> second_tree(std::vector<std::int32_t> positions) {
  if (positions.size() % 2 == 0) {
    std::ranges::reverse(positions);
  } else {
    std::ranges::rotate(positions, positions.begin() + 1);
  }
  return positions;
}

}  // namespace

std::vector<std::int32_t> lowest_bit_tree(std::int32_t positions) {
  std::vector<std::int32_t> parent(static_cast<std::size_t>(positions), -1);
  for (std::int32_t p = 1; p < positions; ++p) {
    const std::int32_t bit = p & -p;
    const std::int32_t up = (p ^ bit) | (bit << 1);
    parent[static_cast<std::size_t>(p)] = up < positions ? up : p ^ bit;
  }
  return parent;
}

RankTree single_tree(const ScheduleRequest& request, std::int32_t channel) {
  const std::vector<Chain> chains = chains_of(request, channel);
  return tree_of_chains(request.ranks, chains,
                        identity(0, static_cast<std::int32_t>(chains.size())), {});
}

std::vector<RankTree> double_tree(const ScheduleRequest& request, std::int32_t channel) {
  const std::vector<Chain> chains = chains_of(request, channel);
  const bool from_root = request.op != Op::all_reduce && chains.size() > 1;
  const std::vector<std::int32_t> positions =
      identity(from_root ? 1 : 0, static_cast<std::int32_t>(chains.size()));
  const Chain top = from_root ? chains.front() : Chain{};
  return {tree_of_chains(request.ranks, chains, positions, top),
          tree_of_chains(request.ranks, chains, second_tree(positions), top)};
}

namespace {

// Writes the chunks of one slice, remembering the messages of the chunk before on each edge.
class TreePipeline {
 public:
  TreePipeline(const RankTree& tree, std::int64_t chunks, std::uint8_t channel, Schedule& schedule)
      : tree_(tree),
        channel_(channel),
        pipelined_(chunks > 1),
        schedule_(schedule),
        up_(tree.parent.size(), -1),
        down_(up_),
        arrived_(up_.size()) {}

  void reduce_up(Range piece) {
    for (auto& arrived : arrived_) arrived.clear();
    for (auto rank = tree_.order.rbegin(); rank != tree_.order.rend(); ++rank) {
      const std::int32_t parent = tree_.parent[slot(*rank)];
      if (parent < 0) continue;
      std::vector<std::int32_t> dependencies = arrived_[slot(*rank)];
      std::int32_t& previous = up_[slot(*rank)];
      if (previous >= 0) dependencies.push_back(previous);
      previous = add(*rank, parent, piece, Action::reduce, dependencies);
      arrived_[slot(parent)].push_back(previous);
    }
  }

  // After what has arrived at the top (reduce_up of this chunk), or from data that is there.
  void broadcast_down(Range piece) {
    for (const std::int32_t rank : tree_.order) {
      const std::int32_t parent = tree_.parent[slot(rank)];
      if (parent < 0) continue;
      std::vector<std::int32_t> dependencies;
      if (tree_.parent[slot(parent)] < 0) {
        dependencies = arrived_[slot(parent)];
      } else {
        dependencies.push_back(down_[slot(parent)]);  // this chunk's: parents come first
      }
      std::int32_t& previous = down_[slot(rank)];
      if (previous >= 0) dependencies.push_back(previous);
      previous = add(parent, rank, piece, Action::copy, dependencies);
    }
  }

 private:
  static std::size_t slot(std::int32_t rank) { return static_cast<std::size_t>(rank); }
  std::int32_t add(std::int32_t from, std::int32_t to, Range piece, Action action,
                   const std::vector<std::int32_t>& dependencies) {
    // In one piece each level is a phase of its own; chunks are on all levels at the same time.
    int phase = 0;
    for (const std::int32_t d : dependencies) {
      if (!pipelined_) phase = std::max(phase, schedule_.messages[slot(d)].phase + 1);
    }
    return schedule_.add({.from = from,
                          .to = to,
                          .source_offset = piece.offset,
                          .target_offset = piece.offset,
                          .bytes = piece.bytes,
                          .action = action,
                          .channel = channel_,
                          .phase = static_cast<std::uint16_t>(phase)},
                         dependencies);
  }

  const RankTree& tree_;
  std::uint8_t channel_;
  bool pipelined_;
  Schedule& schedule_;
  std::vector<std::int32_t> up_;                    // by child: last message to its parent
  std::vector<std::int32_t> down_;                  // by child: last message from its parent
  std::vector<std::vector<std::int32_t>> arrived_;  // by rank: this chunk from its children
};

}  // namespace

void write_tree_slice(const ScheduleRequest& request, const RankTree& tree, Range slice,
                      std::uint8_t channel, Schedule& schedule) {
  const std::int64_t chunks = chunk_count(request, slice.bytes);
  TreePipeline pipeline(tree, chunks, channel, schedule);
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const Range piece = part(slice, chunks, chunk, unit_of(request));
    if (request.op != Op::broadcast) pipeline.reduce_up(piece);
    if (request.op != Op::reduce) pipeline.broadcast_down(piece);
  }
}

}  // namespace windtunnel::collectives
