#include "collectives/placement.hpp"

#include <algorithm>
#include <map>

namespace windtunnel::collectives {
namespace {

bool is_near(const sim::Network& network, sim::EndpointId a, sim::EndpointId b) {
  const auto links = network.links();
  return std::ranges::all_of(network.route(a, b).links, [&](sim::LinkId id) {
    const sim::LinkKind kind = links[id.slot()].kind;
    return kind == sim::LinkKind::scale_up || kind == sim::LinkKind::pcie;
  });
}

// Whether scale-up domains reach over nodes: told by the first GPUs of the first two.
bool has_wide_domains(const sim::Network& network) {
  for (int gpu = 1; gpu < network.gpu_count(); ++gpu) {
    if (network.node_of(network.gpu(gpu)) == 0) continue;
    return is_near(network, network.gpu(0), network.gpu(gpu));
  }
  return false;
}

std::vector<std::int32_t> domains(const sim::Network& network,
                                  std::span<const sim::EndpointId> ranks) {
  const bool wide = has_wide_domains(network);
  std::map<int, std::vector<std::int32_t>> of_node;  // domains with a rank in this node
  std::vector<sim::EndpointId> first;                // a rank of each domain
  std::vector<std::int32_t> all;                     // all domains
  std::vector<std::int32_t> result;
  for (const sim::EndpointId rank : ranks) {
    std::vector<std::int32_t>& here = of_node[network.node_of(rank)];
    const auto near = [&](std::int32_t d) {
      return is_near(network, first[static_cast<std::size_t>(d)], rank);
    };
    auto found = std::ranges::find_if(here, near);
    if (found != here.end()) {
      result.push_back(*found);
      continue;
    }
    std::int32_t domain = -1;
    if (wide) {
      found = std::ranges::find_if(all, near);
      if (found != all.end()) domain = *found;
    }
    if (domain < 0) {
      domain = static_cast<std::int32_t>(first.size());
      first.push_back(rank);
      all.push_back(domain);
    }
    here.push_back(domain);
    result.push_back(domain);
  }
  return result;
}

// The network's switches, and which of them have a rank of this group below.
class SwitchSelection {
 public:
  SwitchSelection(const sim::Network& network, std::span<const sim::EndpointId> ranks)
      : switches_(network.reducing_switches()) {
    for (std::size_t r = 0; r < ranks.size(); ++r)
      rank_of_[ranks[r]] = static_cast<std::int32_t>(r);
    for (std::size_t s = 0; s < switches_.size(); ++s) slot_of_[switches_[s].self] = s;
    used_.assign(switches_.size(), 0);
    for (std::size_t s = 0; s < switches_.size(); ++s) {
      const bool above_a_rank =
          std::ranges::any_of(switches_[s].children,
                              [this](sim::EndpointId child) { return rank_of_.contains(child); });
      if (above_a_rank) mark(s);
    }
  }

  void fill(Placement& placement) const {
    const auto ranks = static_cast<std::int32_t>(placement.endpoints.size());
    std::map<sim::EndpointId, std::int32_t> index;
    for (std::size_t s = 0; s < switches_.size(); ++s) {
      if (used_[s] == 0) continue;
      index[switches_[s].self] = static_cast<std::int32_t>(index.size());
      placement.endpoints.push_back(switches_[s].self);
    }
    for (std::size_t s = 0; s < switches_.size(); ++s) {
      if (used_[s] == 0) continue;
      ReducingNode node;
      if (switches_[s].parent.valid()) node.parent = index.at(switches_[s].parent);
      for (const sim::EndpointId child : switches_[s].children) {
        if (const auto rank = rank_of_.find(child); rank != rank_of_.end()) {
          node.children.push_back(rank->second);
        } else if (const auto below = index.find(child); below != index.end()) {
          node.children.push_back(ranks + below->second);
        }
      }
      placement.switches.push_back(std::move(node));
    }
  }

 private:
  void mark(std::size_t s) {
    for (sim::EndpointId up = switches_[s].self; up.valid();) {
      const std::size_t slot = slot_of_.at(up);
      if (used_[slot] != 0) return;
      used_[slot] = 1;
      up = switches_[slot].parent;
    }
  }

  std::vector<sim::ReducingSwitch> switches_;
  std::map<sim::EndpointId, std::int32_t> rank_of_;
  std::map<sim::EndpointId, std::size_t> slot_of_;
  std::vector<char> used_;
};

}  // namespace

Placement place(const sim::Network& network, std::span<const sim::EndpointId> ranks) {
  Placement placement;
  placement.domain = domains(network, ranks);
  placement.endpoints.assign(ranks.begin(), ranks.end());
  SwitchSelection(network, ranks).fill(placement);
  return placement;
}

ScheduleRequest placed(ScheduleRequest request, const Placement& placement) {
  request.domain = placement.domain;
  request.switches = placement.switches;
  return request;
}

}  // namespace windtunnel::collectives
