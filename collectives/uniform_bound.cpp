#include "collectives/uniform_bound.hpp"

#include "sim/base/contract.hpp"

namespace windtunnel::collectives {
namespace {

double count(std::int64_t n) {
  return static_cast<double>(n);
}

// Parts of S that `sets` of ranks send each other in all.
double exchanged(Op op, Algorithm algorithm, double sets) {
  if (op == Op::send_recv) return sets;
  if (op != Op::all_reduce) return sets - 1;
  return algorithm == Algorithm::in_network ? sets : 2 * (sets - 1);
}

bool rooted(Op op) {
  return op == Op::broadcast || op == Op::reduce;
}

}  // namespace

base::Seconds uniform_lower_bound(Op op, Algorithm algorithm, base::Bytes bytes,
                                  const UniformGroup& group) {
  base::expects(group.nodes >= 1 && group.ranks >= group.nodes, "a group has ranks on nodes");
  if (group.ranks == 1 || bytes.value() <= 0) return base::Seconds(0);
  const double n = count(group.ranks), nodes = count(group.nodes), g = count(group.gpus_per_node);
  const bool inside = group.gpus_per_node > 1, between = group.nodes > 1;
  const base::BytesPerSecond none(0);
  const base::BytesPerSecond near = inside ? group.near : none, far = between ? group.far : none;
  base::Seconds latency = between ? group.far_latency : group.near_latency;
  if (inside) latency = base::min(latency, group.near_latency);
  base::Seconds bound = latency + bytes * (exchanged(op, algorithm, n) / n) / (near + far);
  if (rooted(op)) bound = base::max(bound, latency + bytes / (near + far * g));
  if (!between) return bound;
  const double parts = op == Op::all_to_all ? n - g : exchanged(op, algorithm, nodes);
  bound = base::max(bound, group.far_latency + bytes * (parts / n) / far);
  if (rooted(op)) bound = base::max(bound, group.far_latency + bytes / (far * g));
  return bound;
}

}  // namespace windtunnel::collectives
