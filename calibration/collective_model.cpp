#include "calibration/collective_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace windtunnel::calibration {
namespace {

using collectives::Op;

constexpr double kSharpness = 10.0;   // kappa
constexpr double kNegligible = 1e-5;  // candidates with less weight are not worked out

double p_norm(double a, double b, double p) {
  const double top = std::max(a, b) + 1e-9;
  return top * std::pow(std::pow(a / top, p) + std::pow(b / top, p), 1.0 / p);
}

// kappa. Costs carry an uncertain latency, so the choice is soft where that matters; where all is
// bandwidth NCCL takes the widest for certain.
double sharpness_at(double bytes) {
  constexpr double kLarge = 1073741824.0, kGrowth = 3.0;
  const double ratio = bytes / kLarge, square = ratio * ratio;
  return kSharpness * (1.0 + kGrowth * square / (1.0 + square));
}

// A minimum of two rates without a corner.
double narrower(double a, double b) {
  const double x = 1.0 / (a * a * a * a), y = 1.0 / (b * b * b * b);
  return 1.0 / std::sqrt(std::sqrt(std::sqrt(x * x + y * y)));
}

// One evaluation: parameters and case, with the quantities that several candidates share.
class Evaluation {
 public:
  Evaluation(const ParamVector& params, const PreparedCase& prepared)
      : params_(params), c_(prepared.the_case), log2_nodes_(prepared.log2_nodes) {
    n_ = c_.ranks();
    node_rate_ = c_.links.node_rate / 1e6;  // bytes/us
    intra_rate_ = c_.links.intra_ring / 1e6;
  }

  double host() const {
    const double driven = c_.one_process ? c_.gpus_per_node - 1.0 : 0.0;
    return value(Param::host) + value(Param::host_per_gpu) * driven;
  }

  double candidate(Candidate k) const {
    switch (k) {
      case Candidate::tree_ll:
        return tree(0);
      case Candidate::tree_ll128:
        return tree(1);
      case Candidate::tree_simple:
        return tree(2);
      case Candidate::ring_ll:
        return ring(0);
      case Candidate::ring_ll128:
        return ring(1);
      case Candidate::ring_simple:
        return ring(2);
      case Candidate::nvls:
        return nvls();
      case Candidate::peer:
        return peer();
    }
    return 0.0;
  }

  LinkTerms links(int protocol) const {
    LinkTerms out;
    out.host = host();
    out.intra_hop = intra_hop(protocol);
    out.intra_rate = intra_rate_ * 1e6 * value(Param::intra_rate_ll, protocol) * op_rate();
    if (!c_.multi_node()) return out;
    out.net_hop = ring_net_hop(protocol);
    out.net_efficiency =
        std::exp2(-value(Param::congestion) * log2_nodes_) * value(Param::net_rate_ll, protocol);
    return out;
  }

 private:
  double value(Param p) const { return std::exp(params_[static_cast<int>(p)]); }
  double value(Param first, int protocol) const {
    return std::exp(params_[static_cast<int>(first) + protocol]);
  }
  bool rooted() const { return c_.op == Op::broadcast || c_.op == Op::reduce; }

  double volume() const {
    if (c_.op == Op::all_reduce) return 2.0 * c_.bytes * (n_ - 1.0) / n_;
    if (c_.op == Op::all_gather || c_.op == Op::reduce_scatter) return c_.bytes * (n_ - 1.0) / n_;
    return c_.bytes;
  }

  double op_rate() const {
    if (c_.op == Op::all_gather) return value(Param::rate_all_gather);
    if (c_.op == Op::reduce_scatter) return value(Param::rate_reduce_scatter);
    return rooted() ? value(Param::rate_broadcast) : 1.0;
  }

  double intra_hop(int protocol) const {
    return value(Param::intra_ll, protocol) * (c_.links.intra == IntraLink::pcie ? 1.6 : 1.0);
  }

  // A network hop of LL for messages of `message` bytes: eager, then rendezvous.
  double net_hop(int protocol, double message) const {
    const double hop = value(Param::net_ll, protocol);
    if (protocol != 0) return hop;
    const double ratio = value(Param::rendezvous_bytes) / std::max(message, 1.0);
    return hop * (1.0 + value(Param::rendezvous) * 10.0 / (1.0 + ratio * ratio * ratio));
  }

  double congested(Param gamma) const {
    return node_rate_ * std::exp2(-value(gamma) * log2_nodes_);
  }

  double ring(int protocol) const {
    const double intra = intra_rate_ * value(Param::intra_rate_ll, protocol) * op_rate();
    const bool multi = c_.multi_node();
    const double rate =
        multi ? narrower(intra, congested(Param::congestion) * value(Param::net_rate_ll, protocol))
              : intra;
    const double p = value(multi ? Param::overlap_ring_net : Param::overlap_ring);
    return p_norm(ring_latency(protocol), volume() / rate, p);
  }

  double ring_net_hop(int protocol) const {
    const bool gathers = c_.op == Op::all_gather || c_.op == Op::reduce_scatter;
    const double message = c_.op == Op::all_reduce ? c_.bytes / 2.0
                           : gathers               ? c_.bytes / n_
                                                   : c_.bytes;
    const double net = net_hop(protocol, message);
    return protocol == 2 ? net * value(Param::ring_net_simple) : net;
  }

  double ring_latency(int protocol) const {
    const double net = c_.multi_node() ? ring_net_hop(protocol) : 0.0;
    const double intra = intra_hop(protocol);
    if (rooted()) return c_.gpus_per_node * intra * 0.5 + net * log2_nodes_;
    const double twice = c_.op == Op::all_reduce ? 2.0 : 1.0;
    const double steps = twice * (n_ - 1.0);
    const double across = c_.multi_node() ? twice * (c_.nodes - 1.0) : 0.0;
    return (steps - across) * intra + across * net;
  }

  double tree(int protocol) const {
    const bool multi = c_.multi_node();
    double rate =
        intra_rate_ * value(Param::intra_rate_ll, protocol) * value(Param::tree_rate_intra);
    if (multi) {
      const double low = protocol == 2 ? 1.0 : value(Param::tree_rate_low);
      const double over_ring = value(c_.nodes == 2.0 ? Param::tree_rate_two : Param::tree_rate);
      rate = narrower(rate, congested(Param::congestion_tree) *
                                value(Param::net_rate_ll, protocol) * over_ring * low);
    }
    double latency = (c_.gpus_per_node - 1.0) * intra_hop(protocol) * value(Param::tree_intra);
    if (multi) latency += log2_nodes_ * net_hop(protocol, c_.bytes) * value(Param::tree_net);
    const double p = value(multi ? Param::overlap_tree_net : Param::overlap_tree);
    return p_norm(2.0 * latency, volume() / rate, p);
  }

  double nvls() const {
    double rate = intra_rate_ * value(Param::nvls_rate);
    double latency = value(Param::nvls_latency);
    if (c_.multi_node()) {
      const double over_ring =
          c_.nodes == 2.0 ? value(Param::tree_rate_two) : value(Param::tree_rate) / 0.75;
      rate = narrower(rate,
                      congested(Param::congestion_tree) * value(Param::nvls_rate_net) * over_ring);
      latency += 2.0 * log2_nodes_ * value(Param::nvls_net);
    }
    return p_norm(latency, volume() / rate, value(Param::overlap_nvls));
  }

  double small_sends(double message) const {
    const double ratio = message / value(Param::peer_small_bytes);
    return value(Param::peer_small) / (1.0 + ratio * ratio * ratio * ratio);
  }

  double peer() const {
    const double g = c_.gpus_per_node;
    const bool pair = c_.op == Op::send_recv;
    const double power = std::min(1.0, value(Param::peer_power) + 0.3);
    double latency = value(Param::peer_intra) * (g - 1.0);
    if (pair)
      latency = value(c_.multi_node() ? Param::peer_net : Param::peer_intra);
    else if (c_.multi_node())
      latency += value(Param::peer_net) * (n_ - g);
    latency = value(Param::peer_base) + (pair ? latency : std::pow(latency, power));
    if (c_.multi_node()) latency *= 1.0 + small_sends(pair ? c_.bytes : c_.bytes / n_);
    double busy = (pair ? c_.bytes : c_.bytes * (g - 1.0) / n_) /
                  (intra_rate_ * value(Param::peer_rate_intra));
    if (c_.multi_node()) {
      const double share = node_rate_ / std::min(g, 8.0);
      const double over =
          pair ? c_.bytes / (share * value(Param::pair_rate_net))
               : c_.bytes * (n_ - g) / n_ * g /
                     (congested(Param::congestion_tree) * value(Param::peer_rate_net));
      busy = std::max(busy, over);
    }
    return p_norm(latency, busy, value(Param::overlap_peer));
  }

  const ParamVector& params_;
  const CollectiveCase& c_;
  double log2_nodes_;
  double n_ = 2.0;
  double node_rate_ = 0.0, intra_rate_ = 0.0;
};

}  // namespace

PreparedCase prepare(const CollectiveCase& the_case) {
  PreparedCase prepared;
  prepared.the_case = the_case;
  const Costs costs = perceived_costs(the_case);
  for (std::size_t i = 0; i < costs.size(); ++i) prepared.log_cost[i] = std::log(costs[i]);
  prepared.log2_nodes = std::log2(the_case.nodes);
  return prepared;
}

std::array<double, kCandidates> choice(const ParamVector& params, const PreparedCase& prepared) {
  const double tree = params[static_cast<int>(Param::choice_tree)];
  const double ll = params[static_cast<int>(Param::choice_ll)];
  const double ll128 = params[static_cast<int>(Param::choice_ll128)];
  const std::array<double, kCandidates> bias{
      tree + ll, tree + ll128, tree, ll, ll128, 0.0, params[static_cast<int>(Param::choice_nvls)],
      0.0};
  std::array<double, kCandidates> weights{};
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < weights.size(); ++i)
    least = std::min(least, prepared.log_cost[i] + bias[i]);
  const double sharpness = sharpness_at(prepared.the_case.bytes);
  double sum = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = std::exp(-sharpness * (prepared.log_cost[i] + bias[i] - least));
    if (weights[i] < kNegligible) weights[i] = 0.0;
    sum += weights[i];
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

double log_time(const ParamVector& params, const PreparedCase& prepared) {
  const auto weights = choice(params, prepared);
  const Evaluation evaluation(params, prepared);
  const double host = evaluation.host();
  double sum = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0.0) continue;
    sum += weights[i] * std::log(host + evaluation.candidate(static_cast<Candidate>(i)));
  }
  return sum;
}

double candidate_time(const ParamVector& params, const PreparedCase& prepared,
                      Candidate candidate) {
  const Evaluation evaluation(params, prepared);
  return evaluation.host() + evaluation.candidate(candidate);
}

LinkTerms link_terms(const ParamVector& params, const PreparedCase& prepared, int protocol) {
  return Evaluation(params, prepared).links(protocol);
}

}  // namespace windtunnel::calibration
