#include "strategies/train/rank_paces.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "sim/base/random.hpp"

namespace windtunnel::strategies {
namespace {

bool alike(const sim::Gpu& a, const sim::Gpu& b) {
  return a.name == b.name && a.memory == b.memory && a.memory_bandwidth == b.memory_bandwidth &&
         a.power == b.power && a.peak == b.peak && a.pcie_bandwidth == b.pcie_bandwidth;
}

// Slowdown of every GPU of the cluster.
std::vector<double> slowdowns(const sim::Cluster& cluster, std::uint64_t seed) {
  const auto per_node = static_cast<std::size_t>(cluster.node.gpus);
  std::vector<double> slow(static_cast<std::size_t>(cluster.gpu_count()), 1.0);
  for (const sim::SlowPart& part : cluster.stragglers.slow) {
    for (const int gpu : part.gpus) slow[static_cast<std::size_t>(gpu)] *= part.slowdown;
    for (const int node : part.nodes) {
      for (std::size_t i = 0; i < per_node; ++i) {
        slow[static_cast<std::size_t>(node) * per_node + i] *= part.slowdown;
      }
    }
  }
  const sim::RandomSlow& random = cluster.stragglers.random;
  if (random.share <= 0.0) return slow;
  base::RandomStream stream(seed, "slow GPUs");
  for (double& one : slow) {
    if (stream.uniform() < random.share) one *= random.slowdown;
  }
  return slow;
}

// Sets of replicas that pass together.
class Ties {
 public:
  explicit Ties(std::int64_t count) : leader_(static_cast<std::size_t>(count)) {
    std::iota(leader_.begin(), leader_.end(), 0);
  }
  std::int64_t find(std::int64_t one) const {
    while (leader(one) != one) one = leader(one);
    return one;
  }
  void tie(std::int64_t a, std::int64_t b) {
    const std::int64_t one = find(a), other = find(b);
    leader_[static_cast<std::size_t>(std::max(one, other))] = std::min(one, other);
  }

 private:
  std::int64_t leader(std::int64_t one) const { return leader_[static_cast<std::size_t>(one)]; }
  std::vector<std::int64_t> leader_;
};

}  // namespace

LinkShares worse(const LinkShares& a, const LinkShares& b) {
  return {std::min(a.nic, b.nic), std::min(a.near, b.near)};
}

RankPaces::RankPaces(const TrainPlan& plan, const sim::ValidCluster& cluster, std::uint64_t seed)
    : jitter_(cluster->stragglers.jitter),
      stages_(plan.pipeline.shape.stages),
      ranks_of_replica_(plan.gpus / stages_ / plan.job.strategy.sizes.data) {
  find_classes(cluster);
  even_ = cluster->overrides.empty() && cluster->stragglers.none();
  const auto stages = static_cast<std::size_t>(stages_);
  if (even_ && !plan.job.workload.lengths) {
    replicas_ = {{0}};
  } else {
    tie_lanes(plan);
  }
  links_.resize(stages);
  if (even_) {
    gangs_ = {{Pace{}}};
    memory_.assign(stages, cluster->node.gpu.memory);
    return;
  }
  gangs_.resize(replicas_.size() * stages);
  memory_.assign(stages, base::Bytes::infinity());
  // Every stage has a rank, so what no node is worse than does not stay.
  constexpr double kAny = std::numeric_limits<double>::infinity();
  links_.assign(stages, {kAny, kAny});
  set_paces(plan, cluster, seed);
}

void RankPaces::find_classes(const sim::ValidCluster& cluster) {
  classes_.push_back(cluster->node.gpu);
  class_of_node_.assign(static_cast<std::size_t>(cluster->nodes), 0);
  if (cluster->overrides.empty()) return;
  for (int node = 0; node < cluster->nodes; ++node) {
    const sim::Gpu gpu = cluster.node_at(node).gpu;
    auto found = std::find_if(classes_.begin(), classes_.end(),
                              [&gpu](const sim::Gpu& known) { return alike(known, gpu); });
    if (found == classes_.end()) found = classes_.insert(classes_.end(), gpu);
    class_of_node_[static_cast<std::size_t>(node)] =
        static_cast<std::int32_t>(found - classes_.begin());
  }
}

void RankPaces::tie_lanes(const TrainPlan& plan) {
  const TrainStrategy& s = plan.job.strategy;
  Ties ties(s.sizes.data);
  const bool all = s.zero == ZeroLevel::weights || s.zero == ZeroLevel::gradients;
  for (std::int64_t d = 1; all && d < s.sizes.data; ++d) ties.tie(0, d);
  if (!all && s.sizes.expert * s.sizes.expert_tensor > 1) {
    for (std::int64_t rank = 0; rank < plan.gpus; ++rank) {
      if (plan.layout.coordinate(rank, ParallelDimension::pipeline) != 0) continue;
      const std::int64_t own = plan.layout.coordinate(rank, ParallelDimension::data);
      for (const std::int64_t other : plan.layout.expert_group(rank)) {
        ties.tie(own, plan.layout.coordinate(other, ParallelDimension::data));
      }
    }
  }
  lane_of_.assign(static_cast<std::size_t>(s.sizes.data), -1);
  for (std::int64_t d = 0; d < s.sizes.data; ++d) {
    std::int64_t& lane = lane_of_[static_cast<std::size_t>(ties.find(d))];
    if (lane < 0) {
      lane = lanes();
      replicas_.emplace_back();
    }
    replicas_[static_cast<std::size_t>(lane)].push_back(d);
    lane_of_[static_cast<std::size_t>(d)] = lane;
  }
}

void RankPaces::set_paces(const TrainPlan& plan, const sim::ValidCluster& cluster,
                          std::uint64_t seed) {
  const std::vector<double> slow = slowdowns(*cluster, seed);
  std::vector<std::int64_t> last_node(static_cast<std::size_t>(stages_), -1);
  for (std::int64_t rank = 0; rank < plan.gpus; ++rank) {
    const std::int64_t stage = plan.layout.coordinate(rank, ParallelDimension::pipeline);
    const std::int64_t lane = lane_of(plan.layout.coordinate(rank, ParallelDimension::data));
    const std::int64_t node = plan.layout.node_of(rank);
    const std::int32_t type = class_of_node_[static_cast<std::size_t>(node)];
    slow_down(lane, stage, {type, slow[static_cast<std::size_t>(rank)]});
    if (last_node[static_cast<std::size_t>(stage)] == node) continue;
    last_node[static_cast<std::size_t>(stage)] = node;
    set_links(stage, node, cluster);
    base::Bytes& least = memory_[static_cast<std::size_t>(stage)];
    least = base::min(least, classes_[static_cast<std::size_t>(type)].memory);
  }
}

void RankPaces::slow_down(std::int64_t lane, std::int64_t stage, const Pace& pace) {
  std::vector<Pace>& gang = gangs_[static_cast<std::size_t>(lane * stages_ + stage)];
  for (Pace& known : gang) {
    if (known.gpus != pace.gpus) continue;
    known.slowdown = std::max(known.slowdown, pace.slowdown);
    return;
  }
  gang.push_back(pace);
}

void RankPaces::set_links(std::int64_t stage, std::int64_t node, const sim::ValidCluster& cluster) {
  const sim::Node usual = cluster->node, here = cluster.node_at(static_cast<int>(node));
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 1.0; };
  const double nic = share(here.nics.bandwidth.value() * here.nics.count,
                           usual.nics.bandwidth.value() * usual.nics.count);
  const double near = share(here.scale_up.bandwidth.value(), usual.scale_up.bandwidth.value());
  LinkShares& worst = links_[static_cast<std::size_t>(stage)];
  worst = worse(worst, {nic, near});
}

std::vector<std::int32_t> RankPaces::classes_of(std::int64_t stage) const {
  if (even_) return {0};
  std::vector<std::int32_t> present;
  for (std::int64_t lane = 0; lane < lanes(); ++lane) {
    for (const Pace& pace : gang(lane, stage)) {
      if (std::find(present.begin(), present.end(), pace.gpus) == present.end()) {
        present.push_back(pace.gpus);
      }
    }
  }
  std::sort(present.begin(), present.end());
  return present;
}

LinkShares RankPaces::all_links() const {
  LinkShares worst = links_.front();
  for (const LinkShares& one : links_) worst = worse(worst, one);
  return worst;
}

}  // namespace windtunnel::strategies
