#include "strategies/train/group_clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "collectives/uniform_bound.hpp"
#include "sim/base/contract.hpp"
#include "sim/base/unit_text.hpp"
#include "strategies/collective/interconnect_words.hpp"
#include "strategies/train/expert_sends.hpp"

namespace windtunnel::strategies {
namespace {

using base::Bytes;
using base::Seconds;
using collectives::Op;

// Data-sheet links: a closed form ignores protocol and start-up, which only make it slower.
constexpr double kDataSheetHigh = 2.0;

double count(std::int64_t n) {
  return static_cast<double>(n);
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

GroupClock::GroupClock(const sim::ValidCluster& cluster, const collectives::TimeModel* model)
    : cluster_(cluster), model_(model), node_(cluster->node) {}

std::int64_t GroupClock::nodes_of_domain() const {
  return std::max<std::int64_t>(1, node_.scale_up.size / node_.gpus);
}

base::BytesPerSecond GroupClock::nic_rate(double share) const {
  const base::BytesPerSecond nic = node_.nics.bandwidth * share;
  const sim::Fabric& fabric = cluster_->fabric;
  const bool joined = fabric.kind != sim::FabricKind::none;
  return joined && fabric.bandwidth ? base::min(nic, *fabric.bandwidth) : nic;
}

GroupShape GroupClock::folded(const GroupShape& group) const {
  const std::int64_t nodes = nodes_of_domain();
  if (nodes == 1 || group.nodes == 1) return group;
  GroupShape out = group;
  out.nodes = (group.nodes + nodes - 1) / nodes;
  out.gpus_per_node = (group.ranks + out.nodes - 1) / out.nodes;
  return out;
}

GroupClock::Links GroupClock::links(const GroupShape& group) const {
  Links out;
  out.near = node_.scale_up.bandwidth * group.links.near;
  // A mesh of all pairs: of its links, those to the others of the group.
  if (node_.scale_up.kind == sim::ScaleUpKind::nvlink_mesh && node_.scale_up.links.empty()) {
    const double others = count(std::max(1, node_.gpus - 1));
    out.near *= std::min(1.0, count(std::max<std::int64_t>(1, group.gpus_per_node - 1)) / others);
  }
  out.near_latency = node_.scale_up.latency;
  if (node_.scale_up.kind == sim::ScaleUpKind::none) {
    out.near = node_.gpu.pcie_bandwidth;
  }
  const std::int64_t used =
      std::min<std::int64_t>(node_.gpus, group.gpus_per_node * group.groups_per_node);
  out.far = nic_rate(group.links.nic) *
            (count(node_.nics.count) / count(std::max<std::int64_t>(1, used)));
  const sim::Fabric& fabric = cluster_->fabric;
  const double switches = fabric.kind == sim::FabricKind::none ? 0.0 : 2.0 * fabric.levels - 1.0;
  out.latency = 2.0 * node_.nics.latency + switches * fabric.switch_latency;
  return out;
}

CommunicationTime GroupClock::closed_form(Op op, Bytes bytes, const GroupShape& group) const {
  const Links to = links(group);
  const double g = count(group.gpus_per_node), nodes = count(group.nodes), n = count(group.ranks);
  const auto near_time = [&](Bytes b) {
    return group.gpus_per_node > 1 ? b / to.near : Seconds(0);
  };
  const auto far_time = [&](Bytes b) { return group.nodes > 1 ? b / to.far : Seconds(0); };
  const Seconds near_steps = (g - 1) * to.near_latency, far_steps = (nodes - 1) * to.latency;
  const Seconds gather = near_steps + near_time(bytes * ((g - 1) / g)) + far_steps +
                         far_time(bytes * ((nodes - 1) / n));
  Seconds time{0};
  switch (op) {
    case Op::all_reduce:
      time = 2.0 * gather;
      break;
    case Op::all_gather:
    case Op::reduce_scatter:
      time = gather;
      break;
    case Op::all_to_all:
      time = base::max(to.near_latency + near_time(bytes * ((g - 1) / n)),
                       group.nodes > 1 ? to.latency + far_time(bytes * ((n - g) / n)) : Seconds(0));
      break;
    case Op::broadcast:
    case Op::reduce:
      time = base::max(near_time(bytes), far_time(bytes)) +
             (group.nodes > 1 ? to.latency : to.near_latency);
      break;
    case Op::send_recv:
      time = group.nodes > 1 ? to.latency + far_time(bytes) : to.near_latency + near_time(bytes);
      break;
  }
  return {.time = time, .low = time, .high = time * kDataSheetHigh};
}

Bytes GroupClock::far_bytes(Op op, Bytes bytes, const GroupShape& group) {
  if (group.nodes <= 1) return Bytes(0);
  const double g = count(group.gpus_per_node), nodes = count(group.nodes), n = count(group.ranks);
  switch (op) {
    case Op::all_reduce:
      return bytes * (2.0 * (nodes - 1) / n);
    case Op::all_gather:
    case Op::reduce_scatter:
      return bytes * ((nodes - 1) / n);
    case Op::all_to_all:
      return bytes * ((n - g) / n);
    case Op::broadcast:
    case Op::reduce:
    case Op::send_recv:
      return bytes;
  }
  return bytes;
}

collectives::TimeQuery GroupClock::query(Op op, Bytes bytes, const GroupShape& group) const {
  const sim::Fabric& fabric = cluster_->fabric;
  collectives::TimeQuery query;
  query.op = op;
  query.bytes = bytes;
  query.nodes = static_cast<int>(group.nodes);
  query.gpus_per_node = static_cast<int>(group.gpus_per_node);
  query.gpu = node_.gpu.name;
  query.fabric = fabric.measured_as.empty() ? cluster_->name : fabric.measured_as;
  query.interconnect = interconnect_words(node_, fabric, query.nodes);
  query.launch = "per_gpu_process";
  if (group.nodes > 1) {
    // The group's share of the NICs: whole ones while there are enough, else a part of one.
    const double share =
        count(node_.nics.count) * count(group.gpus_per_node) /
        count(std::min<std::int64_t>(node_.gpus, group.gpus_per_node * group.groups_per_node));
    query.nics_per_node = std::max(1, static_cast<int>(std::floor(share + 1e-9)));
    query.nic_bandwidth = nic_rate(group.links.nic) * (share / query.nics_per_node);
  }
  return query;
}

Seconds GroupClock::lower_bound(const Moved& moved, const GroupShape& group) const {
  const Links to = links(group);
  const sim::ScaleUp& scale_up = node_.scale_up;
  // Bridges and partial meshes leave some pairs to PCIe, which may carry a part.
  const bool whole =
      scale_up.links.empty() && (scale_up.size == 0 || scale_up.size >= group.gpus_per_node);
  const base::BytesPerSecond beside = whole ? base::BytesPerSecond(0) : node_.gpu.pcie_bandwidth;
  const base::BytesPerSecond near = to.near + beside;
  const bool stated =
      (group.gpus_per_node == 1 || near.value() > 0) && (group.nodes == 1 || to.far.value() > 0);
  if (!stated) return Seconds(0);
  const bool switched = cluster_->fabric.kind != sim::FabricKind::none;
  const Seconds crossing = switched ? cluster_->fabric.switch_latency : Seconds(0);
  return collectives::uniform_lower_bound(moved.op, moved.algorithm, moved.bytes,
                                          {.ranks = group.ranks,
                                           .nodes = group.nodes,
                                           .gpus_per_node = group.gpus_per_node,
                                           .near = near,
                                           .far = to.far,
                                           .near_latency = to.near_latency,
                                           .far_latency = 2.0 * node_.nics.latency + crossing});
}

void GroupClock::note_raised(const Moved& moved, const GroupShape& group, Seconds from,
                             Seconds to) {
  if (!raised_.emplace(group.nodes, group.gpus_per_node).second) return;
  notes_.push_back(fmt::format(
      "groups of {} GPUs on {} {}: the calibrated time of {} ({} of {}) is below the lower bound "
      "of "
      "{} that the links of {} allow, and was raised to it, as are others of such groups: the "
      "profile was measured on faster links, or counts what the cluster does not state",
      group.ranks, group.nodes, group.nodes == 1 ? "node" : "nodes", base::to_text(from),
      to_text(moved.op), base::to_text(moved.bytes), base::to_text(to), cluster_->name));
}

CommunicationTime GroupClock::bounded(const CommunicationTime& time, const Moved& moved,
                                      const GroupShape& unfolded) {
  const GroupShape group = folded(unfolded);
  const Seconds least = lower_bound(moved, group);
  if (time.time >= least) return time;
  note_raised(moved, group, time.time, least);
  CommunicationTime out = time;
  out.time = least;
  out.low = least;
  out.high = base::max(time.high, least * kDataSheetHigh);
  out.extrapolated = true;
  return out;
}

CommunicationTime GroupClock::predicted(Op op, Bytes bytes, const GroupShape& group) {
  if (model_ != nullptr) {
    if (const auto answer = model_->predict(query(op, bytes, group))) {
      if (!answer->note.empty() && !contains(notes_, answer->note)) notes_.push_back(answer->note);
      const double slower = group.nodes == 1 ? 1.0 / group.links.near : 1.0;
      return bounded({.time = answer->time * slower,
                      .low = Seconds(answer->band.low * slower),
                      .high = Seconds(answer->band.high * slower),
                      .calibrated = true,
                      .extrapolated = contains(answer->rests_on, "extrapolated")},
                     {op, answer->algorithm, bytes}, group);
    }
  }
  return closed_form(op, bytes, group);
}

CommunicationTime GroupClock::collective(Op op, Bytes bytes, const GroupShape& unfolded) {
  base::expects(unfolded.ranks >= 1 && bytes.value() >= 0, "a group has ranks and a size");
  if (unfolded.ranks == 1 || bytes.value() <= 0) return {};
  const GroupShape group = folded(unfolded);
  const Key key{op,
                bytes.value(),
                group.nodes,
                group.gpus_per_node,
                group.groups_per_node,
                group.links.nic,
                group.links.near};
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second;
  CommunicationTime time = predicted(op, bytes, group);
  time.far = far_bytes(op, bytes, group);
  return known_.emplace(key, time).first->second;
}

CommunicationTime GroupClock::dispatch(Bytes routed, std::int64_t copies,
                                       const GroupShape& unfolded) {
  base::expects(copies >= 1 && routed.value() >= 0, "a token goes to at least one expert");
  const GroupShape group = folded(unfolded);
  if (group.ranks <= 1 || routed.value() <= 0) return {};
  const Links to = links(group);
  const DispatchTime time =
      dispatch_time({.ranks = group.ranks,
                     .nodes = group.nodes,
                     .copies = copies,
                     .routed = routed,
                     .near = to.near,
                     .far = to.far},
                    model_ == nullptr ? DispatchRates::data_sheet : DispatchRates::measured);
  return {.time = time.time,
          .low = time.low,
          .high = time.high,
          .far = time.far,
          .calibrated = model_ != nullptr};
}

CommunicationTime GroupClock::message(Bytes bytes, bool between_nodes,
                                      std::int64_t senders_per_node, const LinkShares& links) {
  GroupShape pair = between_nodes ? GroupShape{.ranks = 2,
                                               .nodes = 2 * nodes_of_domain(),
                                               .gpus_per_node = 1,
                                               .groups_per_node = senders_per_node}
                                  : GroupShape{.ranks = 2, .nodes = 1, .gpus_per_node = 2};
  pair.links = links;
  return collective(Op::send_recv, bytes, pair);
}

}  // namespace windtunnel::strategies
