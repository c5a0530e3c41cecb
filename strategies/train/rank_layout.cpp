#include "strategies/train/rank_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sim/base/contract.hpp"

namespace windtunnel::strategies {
namespace {

using enum ParallelDimension;

constexpr std::array<std::pair<ParallelDimension, std::string_view>, 4> kNames{
    {{tensor, "tensor"}, {context, "context"}, {data, "data"}, {pipeline, "pipeline"}}};

std::size_t slot(ParallelDimension dimension) {
  return static_cast<std::size_t>(dimension);
}

}  // namespace

std::string_view to_text(ParallelDimension dimension) {
  return kNames[slot(dimension)].second;
}

std::optional<ParallelDimension> parallel_dimension_from(std::string_view text) {
  for (const auto& [dimension, name] : kNames)
    if (name == text) return dimension;
  return std::nullopt;
}

std::int64_t ParallelSizes::of(ParallelDimension dimension) const {
  switch (dimension) {
    case ParallelDimension::tensor:
      return tensor;
    case ParallelDimension::context:
      return context;
    case ParallelDimension::data:
      return data;
    case ParallelDimension::pipeline:
      return pipeline;
  }
  return 1;
}

std::optional<std::string> layout_infeasible(const ParallelSizes& sizes, std::int64_t gpus) {
  for (const auto& [dimension, name] : kNames) {
    if (sizes.of(dimension) < 1)
      return fmt::format("{} is {}, less than 1", name, sizes.of(dimension));
  }
  if (sizes.ranks() != gpus) {
    return fmt::format(
        "tensor {} x context {} x data {} x pipeline {} is {} ranks, and the job has {} GPUs",
        sizes.tensor, sizes.context, sizes.data, sizes.pipeline, sizes.ranks(), gpus);
  }
  if (sizes.expert < 1 || sizes.expert_tensor < 1) return "expert and expert_tensor are at least 1";
  const std::int64_t stage = sizes.tensor * sizes.context * sizes.data;
  if (stage % (sizes.expert * sizes.expert_tensor) != 0) {
    return fmt::format(
        "expert {} x expert_tensor {} does not divide the {} ranks of a stage (tensor {} x context "
        "{} x data {})",
        sizes.expert, sizes.expert_tensor, stage, sizes.tensor, sizes.context, sizes.data);
  }
  return std::nullopt;
}

RankLayout::RankLayout(const ParallelSizes& sizes, const RankOrder& order,
                       std::int64_t gpus_per_node, std::int64_t nodes_per_domain)
    : sizes_(sizes),
      order_(order),
      gpus_per_node_(gpus_per_node),
      nodes_per_domain_(nodes_per_domain) {
  base::expects(gpus_per_node > 0 && nodes_per_domain > 0, "a node has GPUs, a domain nodes");
  base::expects(!layout_infeasible(sizes, sizes.ranks()), "the layout is possible");
  std::int64_t stride = 1;
  for (const ParallelDimension dimension : order_) {
    stride_[slot(dimension)] = stride;
    stride *= sizes_.of(dimension);
  }
  base::expects(stride == sizes_.ranks(), "the rank order names every dimension once");
}

std::int64_t RankLayout::nodes() const {
  return (sizes_.ranks() + gpus_per_node_ - 1) / gpus_per_node_;
}

std::int64_t RankLayout::coordinate(std::int64_t rank, ParallelDimension dimension) const {
  return rank / stride_[slot(dimension)] % sizes_.of(dimension);
}

std::int64_t RankLayout::rank_at(const std::array<std::int64_t, 4>& coordinates) const {
  std::int64_t rank = 0;
  for (std::size_t i = 0; i < coordinates.size(); ++i) rank += coordinates[i] * stride_[i];
  return rank;
}

std::vector<std::int64_t> RankLayout::members(std::int64_t rank,
                                              const std::vector<ParallelDimension>& free) const {
  std::vector<std::int64_t> ranks{rank};
  for (const ParallelDimension dimension : order_) {
    if (std::find(free.begin(), free.end(), dimension) == free.end()) continue;
    const std::int64_t stride = stride_[slot(dimension)], size = sizes_.of(dimension);
    const std::int64_t own = coordinate(rank, dimension);
    std::vector<std::int64_t> wider;
    wider.reserve(ranks.size() * static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) {
      for (const std::int64_t one : ranks) wider.push_back(one + (i - own) * stride);
    }
    ranks = std::move(wider);
  }
  return ranks;
}

std::vector<std::int64_t> RankLayout::group(std::int64_t rank, ParallelDimension dimension) const {
  return members(rank, {dimension});
}

std::vector<std::int64_t> RankLayout::gradient_group(std::int64_t rank) const {
  return members(rank, {context, data});
}

std::vector<std::int64_t> RankLayout::stage_ranks(std::int64_t rank) const {
  return members(rank, {tensor, context, data});
}

std::vector<std::int64_t> RankLayout::expert_slice(std::int64_t rank, std::int64_t stride,
                                                   std::int64_t count) const {
  const std::vector<std::int64_t> stage = stage_ranks(rank);
  const auto at = std::find(stage.begin(), stage.end(), rank) - stage.begin();
  const std::int64_t first = at - (at / stride % count) * stride;
  std::vector<std::int64_t> ranks;
  for (std::int64_t i = 0; i < count; ++i) {
    ranks.push_back(stage[static_cast<std::size_t>(first + i * stride)]);
  }
  return ranks;
}

std::vector<std::int64_t> RankLayout::expert_tensor_group(std::int64_t rank) const {
  return expert_slice(rank, 1, sizes_.expert_tensor);
}

std::vector<std::int64_t> RankLayout::shard_block(std::vector<std::int64_t> group,
                                                  std::int64_t shards) {
  std::sort(group.begin(), group.end());
  group.resize(static_cast<std::size_t>(shards));
  return group;
}

std::vector<std::int64_t> RankLayout::shard_copies(std::vector<std::int64_t> group,
                                                   std::int64_t shards) {
  std::sort(group.begin(), group.end());
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < group.size(); i += static_cast<std::size_t>(shards)) {
    out.push_back(group[i]);
  }
  return out;
}

std::vector<std::int64_t> RankLayout::expert_group(std::int64_t rank) const {
  return expert_slice(rank, sizes_.expert_tensor, sizes_.expert);
}

std::vector<std::int64_t> RankLayout::expert_data_group(std::int64_t rank) const {
  const std::int64_t block = sizes_.expert_tensor * sizes_.expert;
  return expert_slice(rank, block, sizes_.tensor * sizes_.context * sizes_.data / block);
}

std::int64_t RankLayout::pipeline_neighbour(std::int64_t rank, std::int64_t offset) const {
  const std::int64_t own = coordinate(rank, pipeline), size = sizes_.pipeline;
  const std::int64_t there = ((own + offset) % size + size) % size;
  return rank + (there - own) * stride_[slot(pipeline)];
}

GroupShape RankLayout::shape(const std::vector<std::int64_t>& group) const {
  std::map<std::int64_t, std::int64_t> on_node;
  std::set<std::int64_t> domains;
  for (const std::int64_t rank : group) {
    ++on_node[node_of(rank)];
    domains.insert(domain_of(rank));
  }
  GroupShape shape{.ranks = static_cast<std::int64_t>(group.size()),
                   .nodes = on_node.size() == 1
                                ? 1
                                : static_cast<std::int64_t>(domains.size()) * nodes_per_domain_};
  std::int64_t least = gpus_per_node_;
  for (const auto& [node, count] : on_node) {
    shape.gpus_per_node = std::max(shape.gpus_per_node, count);
    least = std::min(least, count);
  }
  shape.even = least == shape.gpus_per_node;
  // Groups of one kind are alike: the GPUs of a full node belong to as many of them as fit.
  const std::int64_t used = std::min(gpus_per_node_, sizes_.ranks());
  shape.groups_per_node = std::max<std::int64_t>(1, used / shape.gpus_per_node);
  return shape;
}

}  // namespace windtunnel::strategies
