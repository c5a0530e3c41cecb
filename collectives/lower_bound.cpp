#include "collectives/lower_bound.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "collectives/buffers.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::collectives {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kMostRanksWalked = 2048;
constexpr std::size_t kSampledRanks = 64;
constexpr std::size_t kMostForPaths = 96;

// One direction of a cut.
class Crossing {
 public:
  void add(const sim::Route& route, sim::LinkId port, std::span<const sim::Link> links) {
    latency_ = std::min(latency_, route.latency.value());
    if (!port.valid() || links[port.slot()].fat_pipe) {
      unlimited_ = true;
    } else {
      ports_.insert(port.index());
    }
  }
  void add(const Crossing& other) {
    latency_ = std::min(latency_, other.latency_);
    unlimited_ = unlimited_ || other.unlimited_;
    ports_.insert(other.ports_.begin(), other.ports_.end());
  }
  double seconds(double bytes, std::span<const sim::Link> links) const {
    if (bytes <= 0.0 || latency_ == kInfinity) return 0.0;
    double bandwidth = 0.0;
    for (const std::int32_t port : ports_) {
      bandwidth += links[static_cast<std::size_t>(port)].bandwidth.value();
    }
    return latency_ + (unlimited_ || bandwidth <= 0.0 ? 0.0 : bytes / bandwidth);
  }

 private:
  std::set<std::int32_t> ports_;
  double latency_ = kInfinity;
  bool unlimited_ = false;
};

struct Cut {
  std::vector<std::int32_t> ranks;  // inside
  Crossing out;
  Crossing in;
};

// What must cross a cut.
struct Demand {
  double out = 0.0;
  double in = 0.0;
};

Demand demand(const ScheduleRequest& request, const std::vector<std::int32_t>& inside) {
  const auto n = static_cast<double>(request.ranks);
  const auto a = static_cast<double>(inside.size());
  const auto size = static_cast<double>(request.bytes);
  const bool has_root = std::ranges::find(inside, request.root) != inside.end();
  double own = 0.0;
  double leaving = 0.0;
  double entering = 0.0;
  for (const std::int32_t rank : inside) {
    own += static_cast<double>(send_block(request, rank).bytes);
    const auto outside = [&](std::int32_t other) {
      return std::ranges::find(inside, other) == inside.end();
    };
    if (request.op == Op::send_recv && outside((rank + 1) % request.ranks)) leaving += size;
    if (request.op == Op::send_recv && outside((rank + request.ranks - 1) % request.ranks))
      entering += size;
  }
  switch (request.op) {
    case Op::all_reduce:
      return {size, size};
    case Op::all_gather:
      return {own, size - own};
    case Op::reduce_scatter:
      return {size - own, own};
    case Op::all_to_all:
      return {a * (size - own), (n - a) * own};
    case Op::broadcast:
      return has_root ? Demand{size, 0.0} : Demand{0.0, size};
    case Op::reduce:
      return has_root ? Demand{0.0, size} : Demand{size, 0.0};
    case Op::send_recv:
      return {leaving, entering};
  }
  return {};
}

// What `sets` of ranks must send each other in all, if only ranks can reduce and copy.
double exchange(const ScheduleRequest& request, std::size_t sets) {
  const double others = static_cast<double>(sets) - 1.0;
  const auto size = static_cast<double>(request.bytes);
  switch (request.op) {
    case Op::all_reduce:
      return 2.0 * others * size;
    case Op::all_gather:
    case Op::reduce_scatter:
    case Op::broadcast:
    case Op::reduce:
      return others * size;
    case Op::all_to_all:
    case Op::send_recv:
      return 0.0;  // the cuts say it all
  }
  return 0.0;
}

}  // namespace

struct LowerBound::Implementation {
  Implementation(const sim::Network& net, std::span<const sim::EndpointId> group)
      : network(net), ranks(group.begin(), group.end()) {
    select_switches();
    const bool all = ranks.size() <= kMostRanksWalked;
    complete = all;
    const std::size_t stride = all ? 1 : ranks.size() / kSampledRanks;
    for (std::size_t r = 0; r < ranks.size(); r += stride) {
      singles.push_back(cut_around({static_cast<std::int32_t>(r)}));
    }
    add_nodes(all ? std::numeric_limits<std::size_t>::max() : 2);
    find_paths();
  }

  // Switches with a rank of the group directly below: messages may go to and from them.
  void select_switches() {
    std::map<sim::EndpointId, std::int32_t> rank_of;
    for (std::size_t r = 0; r < ranks.size(); ++r) rank_of[ranks[r]] = static_cast<std::int32_t>(r);
    for (const sim::ReducingSwitch& node : network.reducing_switches()) {
      std::vector<std::int32_t> below;
      for (const sim::EndpointId child : node.children) {
        if (const auto found = rank_of.find(child); found != rank_of.end())
          below.push_back(found->second);
      }
      if (!below.empty()) switches.push_back({node.self, node.parent, std::move(below)});
    }
  }

  Cut cut_around(std::vector<std::int32_t> inside) const {
    Cut cut{.ranks = std::move(inside), .out = {}, .in = {}};
    std::vector<char> is_inside(ranks.size(), 0);
    for (const std::int32_t rank : cut.ranks) is_inside[static_cast<std::size_t>(rank)] = 1;
    for (const std::int32_t rank : cut.ranks) {
      for (std::size_t other = 0; other < ranks.size(); ++other) {
        if (is_inside[other] == 0) add_routes(cut, rank, ranks[other]);
      }
    }
    for (const Switch& node : switches) {
      const bool enclosed = std::ranges::all_of(node.below, [&](std::int32_t rank) {
        return is_inside[static_cast<std::size_t>(rank)] != 0;
      });
      // A switch of this set alone that nothing else is above may be counted into it.
      if (enclosed && cut.ranks.size() > 1 && !node.parent.valid()) continue;
      for (const std::int32_t rank : node.below) {
        if (is_inside[static_cast<std::size_t>(rank)] != 0) add_routes(cut, rank, node.self);
      }
    }
    return cut;
  }
  void add_routes(Cut& cut, std::int32_t rank, sim::EndpointId other) const {
    const sim::EndpointId self = ranks[static_cast<std::size_t>(rank)];
    const sim::Route there = network.route(self, other);
    const sim::Route back = network.route(other, self);
    cut.out.add(there, there.out_port, network.links());
    cut.in.add(back, back.in_port, network.links());
  }

  void add_nodes(std::size_t most) {
    std::map<int, std::vector<std::int32_t>> by_node;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      by_node[network.node_of(ranks[r])].push_back(static_cast<std::int32_t>(r));
    }
    if (by_node.size() < 2 || by_node.size() == ranks.size()) return;
    for (auto& [node, inside] : by_node) {
      if (nodes.size() < most) nodes.push_back(cut_around(std::move(inside)));
    }
  }

  // Least latencies over any relays, by Floyd and Warshall.
  void find_paths() {
    std::vector<sim::EndpointId> all = ranks;
    for (const Switch& node : switches) all.push_back(node.self);
    if (all.size() > kMostForPaths) return;
    stride_ = all.size();
    path.assign(stride_ * stride_, kInfinity);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      for (std::size_t j = 0; j < ranks.size(); ++j) {
        distance(i, j) = i == j ? 0.0 : network.route(ranks[i], ranks[j]).latency.value();
      }
    }
    for (std::size_t s = 0; s < switches.size(); ++s) {
      for (const std::int32_t rank : switches[s].below) {
        const auto r = static_cast<std::size_t>(rank);
        distance(r, ranks.size() + s) = network.route(ranks[r], switches[s].self).latency.value();
        distance(ranks.size() + s, r) = network.route(switches[s].self, ranks[r]).latency.value();
      }
      // Between switches: free, which is no more than it can be.
      for (std::size_t t = 0; t < switches.size(); ++t)
        distance(ranks.size() + s, ranks.size() + t) = 0.0;
    }
    for (std::size_t k = 0; k < stride_; ++k) {
      for (std::size_t i = 0; i < stride_; ++i) {
        for (std::size_t j = 0; j < stride_; ++j) {
          distance(i, j) = std::min(distance(i, j), distance(i, k) + distance(k, j));
        }
      }
    }
  }
  double& distance(std::size_t from, std::size_t to) { return path[from * stride_ + to]; }
  double distance(std::size_t from, std::size_t to) const { return path[from * stride_ + to]; }

  // Whether rank `to` needs anything that rank `from` has.
  static bool needs(const ScheduleRequest& request, std::int32_t to, std::int32_t from) {
    if (from == to || request.bytes == 0) return false;
    switch (request.op) {
      case Op::all_reduce:
        return true;
      case Op::all_gather:
        return send_block(request, from).bytes > 0;
      case Op::reduce_scatter:
      case Op::all_to_all:
        return send_block(request, to).bytes > 0;
      case Op::broadcast:
        return from == request.root;
      case Op::reduce:
        return to == request.root;
      case Op::send_recv:
        return to == (from + 1) % request.ranks;
    }
    return false;
  }
  double longest_path(const ScheduleRequest& request) const {
    double longest = 0.0;
    for (std::int32_t from = 0; from < request.ranks && !path.empty(); ++from) {
      for (std::int32_t to = 0; to < request.ranks; ++to) {
        if (!needs(request, to, from)) continue;
        longest = std::max(longest,
                           distance(static_cast<std::size_t>(from), static_cast<std::size_t>(to)));
      }
    }
    return longest;
  }

  double of_sets(const ScheduleRequest& request, const std::vector<Cut>& sets) const {
    double bound = 0.0;
    Crossing out;
    Crossing in;
    for (const Cut& cut : sets) {
      const Demand across = demand(request, cut.ranks);
      bound = std::max(bound, cut.out.seconds(across.out, network.links()));
      bound = std::max(bound, cut.in.seconds(across.in, network.links()));
      out.add(cut.out);
      in.add(cut.in);
    }
    if (complete && sets.size() > 1 && request.algorithm != Algorithm::in_network) {
      const double bytes = exchange(request, sets.size());
      bound = std::max(bound, out.seconds(bytes, network.links()));
      bound = std::max(bound, in.seconds(bytes, network.links()));
    }
    return bound;
  }

  struct Switch {
    sim::EndpointId self;
    sim::EndpointId parent;
    std::vector<std::int32_t> below;  // ranks
  };

  const sim::Network& network;
  std::vector<sim::EndpointId> ranks;
  std::vector<Switch> switches;
  std::vector<Cut> singles;
  std::vector<Cut> nodes;
  std::vector<double> path;  // s, by participant and participant; empty where there are too many
  std::size_t stride_ = 0;
  bool complete = true;  // the cuts are a partition of the ranks
};

LowerBound::LowerBound(const sim::Network& network, std::span<const sim::EndpointId> ranks)
    : implementation_(std::make_unique<Implementation>(network, ranks)) {}
LowerBound::~LowerBound() = default;
LowerBound::LowerBound(LowerBound&&) noexcept = default;
LowerBound& LowerBound::operator=(LowerBound&&) noexcept = default;

base::Seconds LowerBound::of(const ScheduleRequest& request) const {
  const Implementation& self = *implementation_;
  base::expects(self.ranks.size() == static_cast<std::size_t>(request.ranks),
                "a bound for these ranks");
  if (request.ranks < 2) return base::Seconds(0.0);
  return base::Seconds(std::max({self.of_sets(request, self.singles),
                                 self.of_sets(request, self.nodes), self.longest_path(request)}));
}

}  // namespace windtunnel::collectives
