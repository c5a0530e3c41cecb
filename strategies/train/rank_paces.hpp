// Ranks that are not alike: which GPU each runs on, how much slower it is, what its links have left,
// and which ranks wait for one another in every pass.
//
// Words: a lane is the replicas (places along `data`) that have to begin every pass together: those
// that share experts, and all of them where weights or every pass's gradients are sharded over them
// (ZeRO 2 and 3); else each replica is a lane. A gang is the ranks of a lane on one stage; it is as
// slow as its slowest rank. GPUs of one kind (data sheet) are a class; class 0 is the cluster's own.
// Model: links of a stage are those of the worst node that it has ranks on, because the groups that
// reduce its gradients reach all of them and wait for the slowest.
// Contract: a cluster without overrides and stragglers has one class, gangs of pace 1 and links of
// share 1; where every row is full besides, one lane stands for all replicas, at no cost. Else
// O(ranks).
#pragma once

#include <cstdint>
#include <vector>

#include "sim/platform/cluster.hpp"
#include "strategies/train/train_plan.hpp"

namespace windtunnel::strategies {

// Of a gang, the slowest rank of each class in it.
struct Pace {
  std::int32_t gpus = 0;  // class
  double slowdown = 1.0;
};

LinkShares worse(const LinkShares& a, const LinkShares& b);

class RankPaces {
 public:
  RankPaces(const TrainPlan& plan, const sim::ValidCluster& cluster, std::uint64_t seed);

  const std::vector<sim::Gpu>& classes() const { return classes_; }
  // Ranks of one stage do the same in the same time, and links are those of the cluster.
  bool even() const { return even_; }
  const sim::Jitter& jitter() const { return jitter_; }

  std::int64_t lanes() const { return static_cast<std::int64_t>(replicas_.size()); }
  const std::vector<std::int64_t>& replicas(std::int64_t lane) const {
    return replicas_[static_cast<std::size_t>(lane)];
  }
  std::int64_t lane_of(std::int64_t replica) const {
    return lane_of_[static_cast<std::size_t>(replica)];
  }
  const std::vector<Pace>& gang(std::int64_t lane, std::int64_t stage) const {
    return gangs_[even_ ? 0 : static_cast<std::size_t>(lane * stages_ + stage)];
  }
  std::int64_t ranks_of_gang(std::int64_t lane) const {
    return ranks_of_replica_ * static_cast<std::int64_t>(replicas(lane).size());
  }
  // Classes that a stage has ranks of, in order.
  std::vector<std::int32_t> classes_of(std::int64_t stage) const;
  const LinkShares& links(std::int64_t stage) const {
    return links_[static_cast<std::size_t>(stage)];
  }
  LinkShares all_links() const;
  // Of a stage's GPUs the least.
  base::Bytes memory(std::int64_t stage) const { return memory_[static_cast<std::size_t>(stage)]; }

 private:
  void find_classes(const sim::ValidCluster& cluster);
  void tie_lanes(const TrainPlan& plan);
  void set_paces(const TrainPlan& plan, const sim::ValidCluster& cluster, std::uint64_t seed);
  void set_links(std::int64_t stage, std::int64_t node, const sim::ValidCluster& cluster);
  void slow_down(std::int64_t lane, std::int64_t stage, const Pace& pace);

  std::vector<sim::Gpu> classes_;
  std::vector<std::int32_t> class_of_node_;
  std::vector<std::int64_t> lane_of_;                // by replica
  std::vector<std::vector<std::int64_t>> replicas_;  // by lane
  std::vector<std::vector<Pace>> gangs_;             // by lane and stage
  std::vector<LinkShares> links_;                    // by stage
  std::vector<base::Bytes> memory_;                  // by stage
  sim::Jitter jitter_;
  std::int64_t stages_ = 1, ranks_of_replica_ = 1;
  bool even_ = true;
};

}  // namespace windtunnel::strategies
