#include "collectives/nccl/channel_search.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace windtunnel::collectives::nccl {
namespace {

using base::BytesPerSecond;
using Speeds = std::vector<BytesPerSecond>;
using Capacity = std::function<int(BytesPerSecond)>;  // channels that fit at a speed

constexpr int kUnlimited = 1 << 20;

int whole(double ratio) {
  constexpr double kRounding = 1e-9;
  return static_cast<int>(std::floor(std::min(ratio + kRounding, double{kUnlimited})));
}

int mesh_channels(const Topology& topology, BytesPerSecond speed) {
  int least = kUnlimited;
  for (const auto& row : topology.edges) {
    int channels = 0;
    for (const BytesPerSecond edge : row) channels += whole(edge / speed);
    least = std::min(least, channels);
  }
  return least;
}

// Rings inside one node at `speed` a channel.
int node_channels(const Topology& topology, BytesPerSecond speed) {
  if (!topology.edges.empty()) return mesh_channels(topology, speed);
  const int links = whole(topology.intra_bandwidth / speed);
  if (topology.bridge_bandwidth.value() <= 0) return links;
  return std::min(links, whole(topology.bridge_bandwidth / speed));
}

// Open paths through the GPUs of a node, each from another GPU.
int path_channels(const Topology& topology, BytesPerSecond speed) {
  const auto gpus = static_cast<int>(topology.layout.local_gpus.size());
  if (gpus < 2) return kUnlimited;
  const int rings = node_channels(topology, speed);
  if (topology.intra == IntraPath::pcie) return rings;
  const double ring_bandwidth = topology.edges.empty() ? topology.intra_bandwidth / speed : rings;
  return whole(ring_bandwidth * gpus / (gpus - 1));
}

int nic_channels(const Topology& topology, BytesPerSecond speed) {
  return topology.nics * whole(topology.nic_bandwidth / speed);
}

bool several_nodes(const Topology& topology) {
  return topology.layout.nodes > 1;
}

int ring_channels(const Topology& topology, BytesPerSecond speed) {
  if (!several_nodes(topology)) return node_channels(topology, speed);
  return std::min(nic_channels(topology, speed), path_channels(topology, speed));
}

// The speed with the most bandwidth over all channels; later (lower) speeds have to beat it
// outright.
Graph best_graph(const Speeds& speeds, int max_channels, double lowest_ratio, const Capacity& fit) {
  Graph best;
  for (const BytesPerSecond speed : speeds) {
    if (best.channels > 0 && speed / best.inter <= lowest_ratio) break;
    const int channels = std::min(max_channels, fit(speed));
    if (channels <= 0 || speed * channels <= best.intra * best.channels) continue;
    best = {channels, speed, speed};
  }
  return best;
}

void split_fast_channels(const Topology& topology, const SearchRules& rules, Graph& graph) {
  if (graph.channels == 0 || graph.intra < rules.split_from) return;
  if (topology.compute_capability > 80 && graph.intra < rules.keep_whole_below &&
      graph.channels > rules.keep_whole_above_channels) {
    return;
  }
  const int split = std::min(2 * graph.channels, rules.max_search_channels);
  const int parts = (split + graph.channels - 1) / graph.channels;
  graph.intra = graph.intra / parts;
  graph.inter = graph.inter / parts;
  graph.channels = split;
}

// The next faster speed than `speed` in the list; `speed` itself at the top.
BytesPerSecond faster(const Speeds& speeds, BytesPerSecond speed) {
  BytesPerSecond next = speed;
  for (const BytesPerSecond candidate : speeds) {
    if (candidate > speed) next = candidate;
  }
  return next;
}

// Raises `value` step by step while it is below twice `other` and still fits.
void raise(const Speeds& speeds, BytesPerSecond other, BytesPerSecond& value,
           const std::function<bool(BytesPerSecond)>& fits) {
  while (value < other * 2.0) {
    const BytesPerSecond next = faster(speeds, value);
    if (next == value || !fits(next)) return;
    value = next;
  }
}

Graph tree_graph(const Topology& topology, const Speeds& speeds, const Graph& ring) {
  const auto gpus = topology.layout.local_gpus.size();
  const auto fits = [&](BytesPerSecond speed) {
    if (several_nodes(topology)) return path_channels(topology, speed) >= ring.channels;
    const int directions = gpus == 2 ? 2 : 1;
    return directions * node_channels(topology, speed) >= ring.channels;
  };
  Graph tree{ring.channels, ring.intra, ring.inter};
  if (several_nodes(topology)) {
    raise(speeds, tree.inter, tree.intra, fits);
    return tree;
  }
  for (const BytesPerSecond speed : speeds) {
    if (!fits(speed)) continue;
    tree.intra = tree.inter = speed;
    break;
  }
  return tree;
}

Graph nvls_graph(const Topology& topology, const Constants& constants, const Speeds& speeds) {
  if (!topology.nvls) return {};
  const int heads = std::min(static_cast<int>(topology.layout.local_gpus.size()),
                             constants.search.max_nvls_heads);
  const auto nics_carry = [&](BytesPerSecond speed) {
    return !several_nodes(topology) || nic_channels(topology, speed) >= heads;
  };
  for (const BytesPerSecond speed : speeds) {
    if (speed * (heads + 1) > topology.intra_bandwidth || !nics_carry(speed)) continue;
    Graph graph{heads, speed, speed};
    raise(speeds, graph.intra, graph.inter, nics_carry);
    return graph;
  }
  return {};
}

// One head a NIC; speeds as for a tree.
Graph collnet_graph(const Topology& topology, const Constants& constants, const Speeds& speeds) {
  if (!topology.collnet || !several_nodes(topology)) return {};
  const auto gpus = static_cast<int>(topology.layout.local_gpus.size());
  const int heads = std::min({gpus, topology.nics, constants.collnet_direct_max_ranks});
  const auto fit = [&](BytesPerSecond speed) { return ring_channels(topology, speed); };
  Graph graph = best_graph(speeds, heads, constants.search.lowest_speed_ratio, fit);
  if (graph.channels == 0) return {};
  raise(speeds, graph.inter, graph.intra,
        [&](BytesPerSecond speed) { return path_channels(topology, speed) >= graph.channels; });
  return graph;
}

int doubled_channels(const Topology& topology, const SearchRules& rules, const Graph& ring) {
  int channels = std::min(rules.max_channels, 2 * ring.channels);
  if (topology.generation() == Generation::hopper && several_nodes(topology) &&
      ring.intra > rules.double_again_above && channels < rules.double_again_below_channels) {
    channels = std::min(rules.max_channels, 2 * channels);
  }
  return channels;
}

}  // namespace

const Graph& Graphs::of(NcclAlgorithm algorithm) const {
  switch (algorithm) {
    case NcclAlgorithm::tree:
    case NcclAlgorithm::pat:
      return tree;
    case NcclAlgorithm::ring:
      return ring;
    case NcclAlgorithm::collnet_direct:
    case NcclAlgorithm::collnet_chain:
      return collnet;
    case NcclAlgorithm::nvls:
    case NcclAlgorithm::nvls_tree:
      return nvls;
  }
  return ring;
}

Graphs search_channels(const Topology& topology, const Constants& constants) {
  const SearchRules& rules = constants.search;
  const SpeedLists& lists =
      several_nodes(topology) ? constants.inter_speeds : constants.intra_speeds;
  const Speeds& speeds = lists.of(topology.compute_capability);
  Graphs graphs;
  graphs.ring = best_graph(speeds, rules.max_search_channels, rules.lowest_speed_ratio,
                           [&](BytesPerSecond speed) { return ring_channels(topology, speed); });
  if (graphs.ring.channels == 0) {
    // No path at any speed of the list: NCCL falls back to one slow channel in simple order.
    graphs.ring = {1, BytesPerSecond(0.1e9), BytesPerSecond(0.1e9)};
  }
  split_fast_channels(topology, rules, graphs.ring);
  graphs.tree = tree_graph(topology, speeds, graphs.ring);
  graphs.nvls = nvls_graph(topology, constants, speeds);
  graphs.collnet = collnet_graph(topology, constants, speeds);
  graphs.channels = doubled_channels(topology, rules, graphs.ring);
  graphs.nvls_channels = topology.generation() == Generation::blackwell
                             ? constants.nvls_channels_blackwell
                             : constants.nvls_channels_hopper;
  graphs.same_order = !several_nodes(topology) || topology.nics == 1;
  return graphs;
}

}  // namespace windtunnel::collectives::nccl
