#include "sim/engine/fluid_sharing.hpp"

#include <algorithm>
#include <limits>

namespace windtunnel::sim {

namespace {

// Links of equal shares settle in one round.
constexpr double kSameShare = 1.0 + 1e-12;

}  // namespace

FluidSharing::FluidSharing(const Network& network) : links_(network.links().size()) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const Link& link = network.links()[i];
    links_[i].capacity =
        link.fat_pipe ? std::numeric_limits<double>::infinity() : link.bandwidth.value();
  }
}

FluidSharing::FlowSlot FluidSharing::add(std::span<const LinkId> links, double limit) {
  FlowSlot slot = static_cast<FlowSlot>(flows_.size());
  if (free_.empty()) {
    flows_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Flow& flow = flows_[slot];
  flow.links.clear();
  flow.limit = limit;
  flow.number = added_++;
  flow.rate = 0.0;
  for (const LinkId id : links) {
    const auto link = static_cast<std::uint32_t>(id.slot());
    if (links_[link].capacity == std::numeric_limits<double>::infinity()) continue;
    flow.links.push_back(link);
    links_[link].flows.push_back(slot);
    dirty_.push_back(link);
  }
  if (flow.links.empty()) flow.rate = limit;
  return slot;
}

void FluidSharing::remove(FlowSlot slot) {
  Flow& flow = flows_[slot];
  for (const std::uint32_t link : flow.links) {
    auto& users = links_[link].flows;
    users.erase(std::find(users.begin(), users.end(), slot));
    dirty_.push_back(link);
  }
  flow.links.clear();
  free_.push_back(slot);
}

void FluidSharing::reach(std::uint32_t link) {
  LinkState& state = links_[link];
  if (state.seen) return;
  state.seen = true;
  state.left = state.capacity;
  state.open = static_cast<std::uint32_t>(state.flows.size());
  reached_.push_back(link);
}

// All flows and links that are joined to this one.
void FluidSharing::gather(std::uint32_t from) {
  const std::size_t first = reached_.size();
  members_.clear();
  reach(from);
  for (std::size_t next = first; next < reached_.size(); ++next) {
    for (const FlowSlot slot : links_[reached_[next]].flows) {
      Flow& flow = flows_[slot];
      if (flow.seen) continue;
      flow.seen = true;
      flow.settled = false;
      flow.before = flow.rate;
      members_.push_back(slot);
      for (const std::uint32_t link : flow.links) reach(link);
    }
  }
  std::sort(members_.begin(), members_.end(),
            [this](FlowSlot a, FlowSlot b) { return flows_[a].number < flows_[b].number; });
}

double FluidSharing::least_share(const Flow& flow) const {
  double least = std::numeric_limits<double>::infinity();
  for (const std::uint32_t link : flow.links) least = std::min(least, links_[link].equal_share());
  return least;
}

void FluidSharing::settle(FlowSlot slot, double rate) {
  Flow& flow = flows_[slot];
  flow.rate = rate;
  flow.settled = true;
  for (const std::uint32_t link : flow.links) {
    LinkState& state = links_[link];
    state.left = std::max(0.0, state.left - rate);
    --state.open;
  }
}

// Flows that their limit holds below every share they could have.
bool FluidSharing::settle_limited() {
  bool any = false;
  for (const FlowSlot slot : open_) {
    Flow& flow = flows_[slot];
    if (flow.limit > least_share(flow)) continue;
    settle(slot, flow.limit);
    any = true;
  }
  return any;
}

void FluidSharing::settle_tightest() {
  double least = std::numeric_limits<double>::infinity();
  for (const FlowSlot slot : open_) least = std::min(least, least_share(flows_[slot]));
  for (const FlowSlot slot : open_) {
    Flow& flow = flows_[slot];
    if (least_share(flow) <= least * kSameShare) settle(slot, std::min(least, flow.limit));
  }
}

void FluidSharing::fill() {
  open_ = members_;
  while (!open_.empty()) {
    if (!settle_limited()) settle_tightest();
    std::erase_if(open_, [this](FlowSlot slot) { return flows_[slot].settled; });
  }
}

std::vector<FluidSharing::FlowSlot> FluidSharing::share() {
  std::vector<FlowSlot> changed;
  reached_.clear();
  for (const std::uint32_t link : dirty_) {
    if (links_[link].seen) continue;
    gather(link);
    fill();
    for (const FlowSlot slot : members_) {
      flows_[slot].seen = false;
      if (flows_[slot].rate != flows_[slot].before) changed.push_back(slot);
    }
  }
  for (const std::uint32_t link : reached_) links_[link].seen = false;
  dirty_.clear();
  return changed;
}

}  // namespace windtunnel::sim
