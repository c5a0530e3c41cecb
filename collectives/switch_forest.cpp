#include "collectives/switch_forest.hpp"

#include <algorithm>

namespace windtunnel::collectives {
namespace {

bool includes(const std::vector<std::int32_t>& sorted, const std::vector<std::int32_t>& wanted) {
  return std::ranges::includes(sorted, wanted);
}

Message carried(std::int32_t from, std::int32_t to, Range range, Action action) {
  return in_place(from, to, range, action);
}

}  // namespace

std::optional<std::string> why_not_forest(const ScheduleRequest& request) {
  const auto count = static_cast<std::int32_t>(request.switches.size());
  for (std::int32_t i = 0; i < count; ++i) {
    const ReducingNode& node = request.switches[static_cast<std::size_t>(i)];
    if (node.parent >= count) return "a reducing switch names a parent that does not exist";
    std::int32_t above = i;
    for (std::int32_t hops = 0; above >= 0; ++hops) {
      if (hops > count) return "the reducing switches form a circle";
      above = request.switches[static_cast<std::size_t>(above)].parent;
    }
    for (const std::int32_t child : node.children) {
      if (child < 0 || child >= request.ranks + count)
        return "a reducing switch has an unknown child";
      if (child >= request.ranks &&
          request.switches[static_cast<std::size_t>(child - request.ranks)].parent != i) {
        return "a reducing switch is not the parent of its child";
      }
    }
  }
  return std::nullopt;
}

SwitchForest::SwitchForest(const ScheduleRequest& request)
    : ranks_(request.ranks), nodes_(request.switches.size()) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].children = request.switches[i].children;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].height == 0) fill(ranks_ + static_cast<std::int32_t>(i));
  }
}

void SwitchForest::fill(std::int32_t participant) {
  Node& self = nodes_[static_cast<std::size_t>(participant - ranks_)];
  self.height = 1;
  for (const std::int32_t child : self.children) {
    if (!is_switch(child)) {
      self.leaves.push_back(child);
      continue;
    }
    if (node(child).height == 0) fill(child);
    self.height = std::max(self.height, node(child).height + 1);
    self.leaves.insert(self.leaves.end(), node(child).leaves.begin(), node(child).leaves.end());
  }
  std::ranges::sort(self.leaves);
}

std::int32_t SwitchForest::top_of(const std::vector<std::int32_t>& ranks) const {
  std::int32_t best = -1;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto candidate = ranks_ + static_cast<std::int32_t>(i);
    if (!includes(nodes_[i].leaves, ranks)) continue;
    if (best < 0 || node(candidate).height < node(best).height) best = candidate;
  }
  return best;
}

std::int32_t SwitchForest::top_of_alone(const std::vector<std::int32_t>& ranks) const {
  const std::int32_t top = top_of(ranks);
  return top >= 0 && node(top).leaves == ranks ? top : -1;
}

bool SwitchForest::takes_part(std::int32_t participant, const Trip& trip) const {
  if (!is_switch(participant)) return std::ranges::binary_search(trip.ranks, participant);
  const std::vector<std::int32_t>& leaves = node(participant).leaves;
  return std::ranges::any_of(
      trip.ranks, [&](std::int32_t rank) { return std::ranges::binary_search(leaves, rank); });
}

void SwitchForest::climb(const Trip& trip, Rounds& rounds) const {
  std::vector<std::int32_t> open{trip.top};
  while (!open.empty()) {
    const std::int32_t above = open.back();
    open.pop_back();
    for (const std::int32_t child : node(above).children) {
      if (!takes_part(child, trip)) continue;
      if (is_switch(child)) open.push_back(child);
      for (const Range& range : trip.ranges) {
        Message message = carried(child, above, range, Action::reduce);
        message.source_offset += is_switch(child) ? trip.shift : 0;
        message.target_offset += trip.shift;
        add_to_round(rounds, static_cast<std::size_t>(height(child)), message);
      }
    }
  }
}

void SwitchForest::climb_alone(const Trip& trip, Rounds& rounds) const {
  std::int32_t above = trip.top;
  std::vector<std::int32_t> path;  // from the top down
  while (is_switch(above)) {
    path.push_back(above);
    for (const std::int32_t child : node(above).children) {
      if (takes_part(child, trip)) {
        above = child;
        break;
      }
    }
  }
  std::int32_t from = above;
  for (auto to = path.rbegin(); to != path.rend(); ++to) {
    for (const Range& range : trip.ranges) {
      Message message = carried(from, *to, range, Action::copy);
      message.source_offset += is_switch(from) ? trip.shift : 0;
      message.target_offset += trip.shift;
      add_to_round(rounds, static_cast<std::size_t>(height(from)), message);
    }
    from = *to;
  }
}

void SwitchForest::descend(const Trip& trip, Rounds& rounds) const {
  const std::int32_t highest = node(trip.top).height;
  std::vector<std::int32_t> open{trip.top};
  while (!open.empty()) {
    const std::int32_t above = open.back();
    open.pop_back();
    for (const std::int32_t child : node(above).children) {
      if (!takes_part(child, trip)) continue;
      if (is_switch(child)) open.push_back(child);
      for (const Range& range : trip.ranges) {
        Message message = carried(above, child, range, Action::copy);
        message.source_offset += trip.shift;
        message.target_offset += is_switch(child) ? trip.shift : 0;
        add_to_round(rounds, static_cast<std::size_t>(highest - node(above).height), message);
      }
    }
  }
}

}  // namespace windtunnel::collectives
