// What communication of a training job costs: collectives of a group by its shape, and messages
// between pipeline stages.
//
// Groups of one kind work at the same time (every tensor group, every data group), so a group has
// its share of the node's NICs: nics x gpus_per_node / GPUs of the node. With a calibrated model
// the time is its prediction for that share. Without one (calibration: none) it is the closed form
// of the best of what moves the data with data-sheet links, alpha and beta as in
// collectives/closed_form.hpp, g = gpus_per_node, N = nodes, n = g N, S = bytes:
//   all_gather, reduce_scatter  (g-1)(alpha_n + S/(n beta_n)) N-fold in bytes + (N-1)(alpha + S/(n
//   beta)) all_reduce    twice that of S;  all_to_all  the slower of both levels
//   broadcast, reduce  alpha + S / min(beta, beta_n);  send_recv  alpha + S / beta
// A scale-up domain larger than a node (NVL72) counts as one node. Where nodes differ, links are
// those of the cluster's own kind of node times what the group's slowest has of them; a calibrated
// time inside a node is divided by that share.
// Between nodes a GPU has its share of what goes through the node's NICs, each no faster than the
// fabric's link behind it (fabric.bandwidth). Nothing more is shared inside the fabric, oversubscribed or not: that is for an engine to see, which
// gets the bytes that a rank sends between nodes: all_gather and reduce_scatter S (N-1)/n,
// all_reduce twice that, all_to_all S (n-g)/n, the others S.
// A profile knows nothing of the links that the cluster states: a calibrated time below their lower
// bound (collectives/uniform_bound.hpp on the group's share) is raised to it, up to twice that as
// its band, and a note says so once for every kind of group.
// Law: time rises with bytes and falls with bandwidth; a group of one rank takes none.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "collectives/time_model.hpp"
#include "sim/platform/cluster.hpp"
#include "strategies/train/rank_layout.hpp"

namespace windtunnel::strategies {

struct CommunicationTime {
  base::Seconds time{0};
  base::Seconds low{0}, high{0};  // 90 % band
  base::Bytes far{0};             // that a rank sends between nodes
  bool calibrated = false;
  bool extrapolated = false;
};

class GroupClock {
 public:
  // `model` may be null. Both outlive the clock.
  GroupClock(const sim::ValidCluster& cluster, const collectives::TimeModel* model);

  CommunicationTime collective(collectives::Op op, base::Bytes bytes, const GroupShape& group);
  // One message from stage to stage, between scale-up domains where these have several nodes; `senders_per_node` of them leave a node at the same time.
  CommunicationTime message(base::Bytes bytes, bool between_nodes, std::int64_t senders_per_node,
                            const LinkShares& links = {});

  // Tokens to the ranks of their experts by a dispatcher that knows nodes (expert_sends.hpp); `routed`
  // counts a token once for each of its `copies`.
  CommunicationTime dispatch(base::Bytes routed, std::int64_t copies, const GroupShape& group);

  // `time` of a kernel or a profile for what `op` moves by `algorithm`, raised to what the links need.
  struct Moved {
    collectives::Op op;
    collectives::Algorithm algorithm;
    base::Bytes bytes;
  };
  CommunicationTime bounded(const CommunicationTime& time, const Moved& moved,
                            const GroupShape& group);

  // Groups as the links see them: a scale-up domain of several nodes is one.
  GroupShape folded(const GroupShape& group) const;
  // What goes through a NIC with `share` of its bandwidth into the fabric.
  base::BytesPerSecond nic_rate(double share = 1.0) const;
  // Nodes that count as one (a scale-up domain of several).
  std::int64_t nodes_of_domain() const;
  // What stood in for what, each once, in the order met.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Links {
    base::Seconds near_latency{0}, latency{0};
    base::BytesPerSecond near{0}, far{0};  // per GPU and direction
  };
  Links links(const GroupShape& group) const;
  CommunicationTime closed_form(collectives::Op op, base::Bytes bytes,
                                const GroupShape& group) const;
  static base::Bytes far_bytes(collectives::Op op, base::Bytes bytes, const GroupShape& group);
  base::Seconds lower_bound(const Moved& moved, const GroupShape& group) const;
  void note_raised(const Moved& moved, const GroupShape& group, base::Seconds from,
                   base::Seconds to);
  CommunicationTime predicted(collectives::Op op, base::Bytes bytes, const GroupShape& group);
  collectives::TimeQuery query(collectives::Op op, base::Bytes bytes,
                               const GroupShape& group) const;

  using Key =
      std::tuple<collectives::Op, double, std::int64_t, std::int64_t, std::int64_t, double, double>;
  const sim::ValidCluster& cluster_;
  const collectives::TimeModel* model_;
  sim::Node node_;
  std::map<Key, CommunicationTime> known_;
  std::vector<std::string> notes_;
  std::set<std::pair<std::int64_t, std::int64_t>> raised_;  // nodes, GPUs a node
};

}  // namespace windtunnel::strategies
