#include "collectives/flow_plan.hpp"

#include <algorithm>
#include <bitset>
#include <limits>
#include <map>
#include <numeric>
#include <unordered_map>

#include "collectives/edge_cost.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::collectives {
namespace {

// Sets of nodes that depend on each other inside a phase.
class Components {
 public:
  explicit Components(std::size_t size) : parent_(size) {
    std::iota(parent_.begin(), parent_.end(), 0U);
  }
  std::size_t find(std::size_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }
  void unite(std::size_t a, std::size_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parent_;
};

class Planner {
 public:
  Planner(const Schedule& schedule, EdgeCosts& costs)
      : schedule_(schedule), costs_(costs), node_(schedule.messages.size()) {}

  FlowPlan plan() {
    assign_nodes();
    count_channels();
    measure();
    link();
    FlowPlan result;
    result.flows = std::move(flows_);
    result.set_dependencies(dependencies_);
    return result;
  }

 private:
  static std::size_t slot(std::int32_t index) { return static_cast<std::size_t>(index); }
  const Message& message(std::size_t i) const { return schedule_.messages[i]; }
  std::span<const std::int32_t> before(std::size_t i) const {
    return schedule_.dependencies(static_cast<std::int32_t>(i));
  }

  // A node for every (edge, phase), and one for every local message.
  void assign_nodes() {
    std::unordered_map<std::uint64_t, std::size_t> seen;
    const auto n = static_cast<std::uint64_t>(schedule_.participants());
    for (std::size_t i = 0; i < node_.size(); ++i) {
      const Message& m = message(i);
      if (m.local()) {
        node_[i] = add_node({.from = m.from, .to = m.to});
        continue;
      }
      const std::uint64_t key =
          (m.phase * n + static_cast<std::uint64_t>(m.from)) * n + static_cast<std::uint64_t>(m.to);
      const auto [place, added] = seen.try_emplace(key, flows_.size());
      if (added) add_node({.from = m.from, .to = m.to});
      node_[i] = place->second;
      flows_[node_[i]].bytes += static_cast<double>(m.bytes);
    }
  }
  std::size_t add_node(const Flow& flow) {
    flows_.push_back(flow);
    dependencies_.emplace_back();
    return flows_.size() - 1;
  }

  void count_channels() {
    std::vector<std::bitset<256>> used(flows_.size());
    for (std::size_t i = 0; i < node_.size(); ++i) used[node_[i]].set(message(i).channel);
    for (std::size_t f = 0; f < flows_.size(); ++f) {
      flows_[f].connections = static_cast<std::int32_t>(used[f].count());
    }
  }

  // How many flows of a flow's phase use its busier port.
  std::vector<std::int32_t> shares() {
    std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> users;  // by (phase, port)
    const auto visit = [&](auto use) {
      std::vector<char> seen(flows_.size(), 0);
      for (std::size_t i = 0; i < node_.size(); ++i) {
        const std::size_t f = node_[i];
        if (flows_[f].local() || seen[f] != 0) continue;
        seen[f] = 1;
        const EdgeCosts::Edge& edge = costs_.find(flows_[f].from, flows_[f].to);
        for (const sim::LinkId port : {edge.out_port, edge.in_port}) {
          if (port.valid()) use(f, users[{message(i).phase, port.index()}]);
        }
      }
    };
    std::vector<std::int32_t> share(flows_.size(), 1);
    visit([](std::size_t, std::int32_t& count) { ++count; });
    visit([&](std::size_t f, std::int32_t count) { share[f] = std::max(share[f], count); });
    return share;
  }

  // The longest chains inside each phase: on an unloaded network, with ports shared, of latency
  // alone.
  struct Chain {
    double unloaded = 0.0;
    double shared = 0.0;
    double latency = 0.0;
  };
  struct Extent {
    double shared_begin = std::numeric_limits<double>::infinity();
    double latency_begin = std::numeric_limits<double>::infinity();
    Chain end;
  };

  Chain chain_before(std::size_t i, const std::vector<Chain>& end) const {
    Chain start;
    for (const std::int32_t d : before(i)) {
      if (message(slot(d)).phase != message(i).phase) continue;
      start.unloaded = std::max(start.unloaded, end[slot(d)].unloaded);
      start.shared = std::max(start.shared, end[slot(d)].shared);
      start.latency = std::max(start.latency, end[slot(d)].latency);
    }
    return start;
  }

  void measure() {
    const std::vector<std::int32_t> share = shares();
    std::vector<Chain> end(node_.size());
    std::vector<Extent> extents(flows_.size());
    for (std::size_t i = 0; i < node_.size(); ++i) {
      const Message& m = message(i);
      end[i] = chain_before(i, end);
      if (m.local()) continue;
      const std::size_t f = node_[i];
      const auto bytes = static_cast<double>(m.bytes);
      const auto cost = [&](double size, std::int32_t sharers) {
        return costs_.message_s(m.from, m.to, size, sharers * flows_[f].connections);
      };
      Extent& extent = extents[f];
      extent.shared_begin = std::min(extent.shared_begin, end[i].shared);
      extent.latency_begin = std::min(extent.latency_begin, end[i].latency);
      end[i].unloaded += cost(bytes, 1);
      end[i].shared += cost(bytes, share[f]);
      end[i].latency += cost(0.0, 1);
      extent.end.unloaded = std::max(extent.end.unloaded, end[i].unloaded);
      extent.end.latency = std::max(extent.end.latency, end[i].latency);
    }
    for (std::size_t f = 0; f < flows_.size(); ++f) {
      if (!flows_[f].local())
        flows_[f].extra_latency = base::Seconds(extra_of(flows_[f], extents[f]));
    }
  }
  double extra_of(const Flow& flow, const Extent& extent) {
    const double unloaded = extent.end.unloaded - costs_.flow_s(flow);
    const double latencies = extent.end.latency - extent.latency_begin;
    const double pipelined =
        extent.shared_begin + latencies - costs_.find(flow.from, flow.to).latency;
    return std::max({0.0, unloaded, pipelined});
  }

  // Local messages that others of their phase wait for: they couple those with what they wait for.
  std::vector<char> passing_on() const {
    std::vector<char> passing(node_.size(), 0);
    for (std::size_t i = node_.size(); i-- > 0;) {
      if (message(i).local() && passing[i] == 0) continue;
      for (const std::int32_t d : before(i)) {
        if (message(slot(d)).local() && message(slot(d)).phase == message(i).phase)
          passing[slot(d)] = 1;
      }
    }
    return passing;
  }

  void link() {
    Components components(flows_.size());
    std::vector<char> coupled(flows_.size(), 0);
    const std::vector<char> passing = passing_on();
    for (std::size_t i = 0; i < node_.size(); ++i) {
      for (const std::int32_t d : before(i)) {
        const std::size_t other = slot(d);
        if (message(other).phase != message(i).phase || node_[other] == node_[i]) continue;
        if (message(i).local()) {
          dependencies_[node_[i]].push_back(static_cast<std::int32_t>(node_[other]));
        }
        if (!message(i).local() || passing[i] != 0) {
          components.unite(node_[other], node_[i]);
          coupled[node_[other]] = coupled[node_[i]] = 1;
        }
      }
    }
    // What a component waits for, by its representative; what a flow by itself waits for, by the
    // flow.
    std::vector<std::vector<std::int32_t>> waits(flows_.size());
    for (std::size_t i = 0; i < node_.size(); ++i) {
      const std::size_t waiting = coupled[node_[i]] == 0 ? node_[i] : components.find(node_[i]);
      for (const std::int32_t d : before(i)) {
        if (message(slot(d)).phase < message(i).phase) {
          waits[waiting].push_back(static_cast<std::int32_t>(node_[slot(d)]));
        }
      }
    }
    distribute(waits, components, coupled);
  }

  void distribute(std::vector<std::vector<std::int32_t>>& waits, Components& components,
                  const std::vector<char>& coupled) {
    const std::size_t count = coupled.size();
    std::vector<std::int32_t> joint(count, -1);
    for (std::size_t f = 0; f < count; ++f) {
      const std::size_t source = coupled[f] == 0 ? f : components.find(f);
      std::ranges::sort(waits[source]);
      const auto repeated = std::ranges::unique(waits[source]);
      waits[source].erase(repeated.begin(), repeated.end());
      std::vector<std::int32_t>& mine = dependencies_[f];
      if (source == f && coupled[f] == 0) {
        mine.insert(mine.end(), waits[f].begin(), waits[f].end());
      } else if (!waits[source].empty()) {
        if (joint[source] < 0) joint[source] = add_joint(f, waits[source]);
        dependencies_[f].push_back(joint[source]);  // `mine` may have moved
      }
    }
  }
  std::int32_t add_joint(std::size_t flow, const std::vector<std::int32_t>& waits) {
    const std::size_t index = add_node({.from = flows_[flow].from, .to = flows_[flow].from});
    dependencies_[index] = waits;
    return static_cast<std::int32_t>(index);
  }

  const Schedule& schedule_;
  EdgeCosts& costs_;
  std::vector<std::size_t> node_;  // by message
  std::vector<Flow> flows_;
  std::vector<std::vector<std::int32_t>> dependencies_;
};

}  // namespace

void FlowPlan::set_dependencies(const std::vector<std::vector<std::int32_t>>& of_each) {
  base::expects(of_each.size() == flows.size(), "each flow has its dependencies");
  dependency_begin_.assign(1, 0);
  dependency_list_.clear();
  for (const auto& list : of_each) {
    dependency_list_.insert(dependency_list_.end(), list.begin(), list.end());
    dependency_begin_.push_back(dependency_list_.size());
  }
}

FlowPlan plan_flows(const Schedule& schedule, std::span<const sim::EndpointId> endpoints,
                    const sim::Network& network, const MessageCosts& costs) {
  EdgeCosts edges(endpoints, network, costs);
  return Planner(schedule, edges).plan();
}

}  // namespace windtunnel::collectives
