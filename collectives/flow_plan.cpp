#include "collectives/flow_plan.hpp"

#include <algorithm>
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
    for (std::size_t i = 0; i < node_.size(); ++i) {
      std::int32_t& connections = flows_[node_[i]].connections;
      connections = std::max(connections, message(i).channel + 1);
    }
  }

  // The longest chains inside each phase on an unloaded network.
  void measure() {
    std::vector<double> end(node_.size(), 0.0);
    std::vector<double> last(flows_.size(), 0.0);
    for (std::size_t i = 0; i < node_.size(); ++i) {
      const Message& m = message(i);
      double start = 0.0;
      for (const std::int32_t d : before(i)) {
        if (message(slot(d)).phase == m.phase) start = std::max(start, end[slot(d)]);
      }
      const Flow& flow = flows_[node_[i]];
      end[i] = start;
      if (!m.local()) {
        end[i] += costs_.message_s(m.from, m.to, static_cast<double>(m.bytes), flow.connections);
      }
      last[node_[i]] = std::max(last[node_[i]], end[i]);
    }
    for (std::size_t f = 0; f < flows_.size(); ++f) {
      Flow& flow = flows_[f];
      if (flow.local()) continue;
      flow.extra_latency = base::Seconds(std::max(0.0, last[f] - costs_.flow_s(flow)));
    }
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
