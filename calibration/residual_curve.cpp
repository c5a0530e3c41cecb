#include "calibration/residual_curve.hpp"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

namespace windtunnel::calibration {
namespace {

using collectives::Op;

constexpr double kOctaves = 2.0;  // length of u over log2 bytes
constexpr double kNodeOctaves = 2.0,
                 kGpuOctaves = 1.0;  // over log2 nodes, log2 GPUs a node
constexpr double kTwin = 0.9;        // correlation of twin ops

double across(double nodes_a, double gpus_a, double nodes_b, double gpus_b) {
  if ((nodes_a > 1.0) != (nodes_b > 1.0)) return 0.0;
  return std::exp(-std::abs(std::log2(nodes_a / nodes_b)) / kNodeOctaves -
                  std::abs(std::log2(gpus_a / gpus_b)) / kGpuOctaves);
}

bool same_group(const ResidualCurve& a, const ResidualCurve& b) {
  return a.op == b.op && a.algorithm == b.algorithm && a.protocol == b.protocol;
}

// The knots' process at `octave`, exact between neighbours but for a linear mean.
ResidualKnot along(const ResidualCurve& curve, double octave, double amplitude) {
  const double at = octave - curve.first_octave;
  const double last = static_cast<double>(curve.knots.size()) - 1.0;
  if (at <= 0.0 || at >= last) {
    const ResidualKnot& end = at <= 0.0 ? curve.knots.front() : curve.knots.back();
    const double decay = std::exp(-std::max(-at, at - last) / kOctaves);
    const double lost = amplitude * amplitude * (1.0 - decay * decay);
    return {end.mean * decay, std::sqrt(lost + std::pow(decay * end.deviation, 2))};
  }
  const auto below = static_cast<std::size_t>(at);
  const double share = at - static_cast<double>(below);
  const ResidualKnot &low = curve.knots[below], &high = curve.knots[below + 1];
  // A bridge between two known points an octave apart.
  const double bridge = 2.0 * share * (1.0 - share) / kOctaves * amplitude * amplitude;
  const double deviation = low.deviation + share * (high.deviation - low.deviation);
  return {low.mean + share * (high.mean - low.mean), std::hypot(deviation, std::sqrt(bridge))};
}

Op twin_of(Op op) {
  switch (op) {
    case Op::broadcast:
      return Op::reduce;
    case Op::reduce:
      return Op::broadcast;
    case Op::all_gather:
      return Op::reduce_scatter;
    case Op::reduce_scatter:
      return Op::all_gather;
    default:
      return op;
  }
}

}  // namespace

int regime_of(double bytes) {
  return bytes < 65536.0 ? 0 : bytes <= 67108864.0 ? 1 : 2;
}

ResidualField::ResidualField(const Residuals& residuals) : residuals_(residuals) {
  for (std::size_t i = 0; i < residuals_.curves.size(); ++i) {
    const auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& other) {
      return same_group(curve(other, 0), residuals_.curves[i]);
    });
    if (group == groups_.end())
      groups_.push_back({{i}, {}});
    else
      group->curves.push_back(i);
  }
  for (Group& group : groups_) {
    const auto n = static_cast<Eigen::Index>(group.curves.size());
    Eigen::MatrixXd correlation(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index j = 0; j < n; ++j) {
        const ResidualCurve &a = curve(group, i), &b = curve(group, j);
        correlation(i, j) = across(a.nodes, a.gpus_per_node, b.nodes, b.gpus_per_node);
      }
    }
    group.inverse = correlation.inverse();
  }
}

const ResidualField::Group* ResidualField::find(Op op, collectives::Algorithm algorithm,
                                                collectives::Protocol protocol) const {
  for (const Group& group : groups_) {
    const ResidualCurve& first = curve(group, 0);
    if (first.op == op && first.algorithm == algorithm && first.protocol == protocol) return &group;
  }
  return nullptr;
}

ResidualKnot ResidualField::between(const Group& group, const CollectiveCase& c) const {
  const double octave = std::log2(c.bytes), a = residuals_.amplitude;
  const auto n = static_cast<Eigen::Index>(group.curves.size());
  for (Eigen::Index i = 0; i < n; ++i) {
    const ResidualCurve& own = curve(group, i);
    if (own.nodes == c.nodes && own.gpus_per_node == c.gpus_per_node) return along(own, octave, a);
  }
  Eigen::VectorXd towards(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const ResidualCurve& other = curve(group, i);
    towards[i] = across(other.nodes, other.gpus_per_node, c.nodes, c.gpus_per_node);
  }
  const Eigen::VectorXd weights = group.inverse * towards;
  double mean = 0.0, variance = a * a * std::max(0.0, 1.0 - weights.dot(towards));
  for (Eigen::Index i = 0; i < n; ++i) {
    const ResidualKnot knot = along(curve(group, i), octave, a);
    mean += weights[i] * knot.mean;
    variance += std::pow(weights[i] * knot.deviation, 2);
  }
  return {mean, std::sqrt(variance)};
}

ResidualKnot ResidualField::at(const CollectiveCase& c, double chosen) const {
  const double a = residuals_.amplitude;
  const auto weakened = [a](const ResidualKnot& knot, double share) {
    return ResidualKnot{share * knot.mean, std::sqrt(std::pow(share * knot.deviation, 2) +
                                                     (1.0 - share * share) * a * a)};
  };
  const Group* own = find(c.op, c.algorithm, c.protocol);
  if (own) return between(*own, c);
  constexpr auto kAlgorithm = collectives::Algorithm::automatic;
  constexpr auto kProtocol = collectives::Protocol::automatic;
  const Group* free = find(c.op, kAlgorithm, kProtocol);
  const bool forced = c.algorithm != kAlgorithm || c.protocol != kProtocol;
  const double share = forced ? chosen : 1.0;
  if (free) return weakened(between(*free, c), share);
  const Group* twin = find(twin_of(c.op), kAlgorithm, kProtocol);
  return twin ? weakened(between(*twin, c), kTwin * share) : ResidualKnot{0.0, a};
}

}  // namespace windtunnel::calibration
