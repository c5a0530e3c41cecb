// Which rank does what: the parallel groups of a training job and where they sit.
//
// Model: ranks 0..R-1 fill the nodes in order, R = tensor x context x data x pipeline. A rank's
// coordinates are the digits of its number in the mixed radix given by `order`, fastest first
// (contract.md: rank_order). A group of a dimension is the ranks that differ in that coordinate
// alone. Experts add no ranks: inside one pipeline stage the ranks, counted along tensor, context
// and data in the same order, are cut into blocks of expert_tensor, `expert` consecutive blocks
// make an expert group, and what is left over is expert data parallelism (Megatron-Core's folding).
// Contract: check() says in a sentence with the numbers why a layout is impossible; everything else
// expects a possible one. O(1) per question, O(group) to list a group.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::strategies {

enum class ParallelDimension : std::uint8_t { tensor, context, data, pipeline };
std::string_view to_text(ParallelDimension dimension);
std::optional<ParallelDimension> parallel_dimension_from(std::string_view text);

struct ParallelSizes {
  std::int64_t tensor = 1, context = 1, data = 1, pipeline = 1;
  std::int64_t expert = 1, expert_tensor = 1;

  std::int64_t ranks() const { return tensor * context * data * pipeline; }
  std::int64_t of(ParallelDimension dimension) const;
};

using RankOrder = std::array<ParallelDimension, 4>;
inline constexpr RankOrder kDefaultRankOrder{ParallelDimension::tensor, ParallelDimension::context,
                                             ParallelDimension::data, ParallelDimension::pipeline};

// What the slowest of some nodes has left of the links that the cluster's own kind of node has.
struct LinkShares {
  double nic = 1.0, near = 1.0;  // of NICs, of the scale-up links
};

// How the ranks of one group lie on the nodes. `gpus_per_node` is the most on one node; `even` says
// that every node of the group holds as many. Where a scale-up domain has several nodes, a group on
// more than one node counts all nodes of the domains that it is on (GroupClock folds them).
struct GroupShape {
  std::int64_t ranks = 1, nodes = 1, gpus_per_node = 1;
  std::int64_t groups_per_node = 1;  // groups of the same kind that share the fullest node
  bool even = true;
  LinkShares links{};
};

class RankLayout {
 public:
  RankLayout(const ParallelSizes& sizes, const RankOrder& order, std::int64_t gpus_per_node,
             std::int64_t nodes_per_domain = 1);

  const ParallelSizes& sizes() const { return sizes_; }
  std::int64_t gpus_per_node() const { return gpus_per_node_; }
  std::int64_t nodes() const;
  std::int64_t node_of(std::int64_t rank) const { return rank / gpus_per_node_; }
  // Its scale-up domain, where that has several nodes; else its node.
  std::int64_t domain_of(std::int64_t rank) const { return node_of(rank) / nodes_per_domain_; }

  std::int64_t coordinate(std::int64_t rank, ParallelDimension dimension) const;
  std::int64_t rank_at(const std::array<std::int64_t, 4>& coordinates) const;  // by dimension

  std::vector<std::int64_t> group(std::int64_t rank, ParallelDimension dimension) const;
  // Ranks that share the gradients of a dense weight: data and context together.
  std::vector<std::int64_t> gradient_group(std::int64_t rank) const;
  // Of a gradient group, in its order: the first `shards` ranks, and those with the same place in
  // each such block, which hold copies.
  static std::vector<std::int64_t> shard_block(std::vector<std::int64_t> group,
                                               std::int64_t shards);
  static std::vector<std::int64_t> shard_copies(std::vector<std::int64_t> group,
                                                std::int64_t shards);
  std::vector<std::int64_t> expert_group(std::int64_t rank) const;
  std::vector<std::int64_t> expert_tensor_group(std::int64_t rank) const;
  std::vector<std::int64_t> expert_data_group(std::int64_t rank) const;
  // The rank that holds the next (offset +1) or previous pipeline stage for the same data.
  std::int64_t pipeline_neighbour(std::int64_t rank, std::int64_t offset) const;

  GroupShape shape(const std::vector<std::int64_t>& group) const;

 private:
  std::vector<std::int64_t> members(std::int64_t rank,
                                    const std::vector<ParallelDimension>& free) const;
  // Ranks of this rank's stage in the order that experts are counted in, and this rank's place.
  std::vector<std::int64_t> stage_ranks(std::int64_t rank) const;
  std::vector<std::int64_t> expert_slice(std::int64_t rank, std::int64_t stride,
                                         std::int64_t count) const;

  ParallelSizes sizes_;
  RankOrder order_;
  std::int64_t gpus_per_node_;
  std::int64_t nodes_per_domain_;
  std::array<std::int64_t, 4> stride_{};  // by dimension
};

// Why the sizes make no layout over `gpus` GPUs, in a sentence; nothing where they do.
std::optional<std::string> layout_infeasible(const ParallelSizes& sizes, std::int64_t gpus);

}  // namespace windtunnel::strategies
