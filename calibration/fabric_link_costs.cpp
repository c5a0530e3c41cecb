#include <algorithm>
#include <array>
#include <cmath>

#include "calibration/fabric_model.hpp"

namespace windtunnel::calibration {
namespace {

using collectives::Algorithm;
using collectives::Protocol;

// Of the time of an algorithm that was never measured, log: a factor of two where all hops are alike,
// of four where hops inside and between nodes make one pipeline (tests/scenarios/one_footing_test.cpp).
constexpr double kUnseenAlgorithm = 0.6931;
constexpr double kUnseenPipeline = 1.3863;

// Shares of LL, LL128 and Simple in what NCCL's ring would take, of the protocol that is asked for
// where it runs; Simple for what has no ring.
std::array<double, 3> protocol_shares(const ParamVector& params, CollectiveCase c) {
  c.algorithm = Algorithm::ring;
  PreparedCase prepared = prepare(c);
  const auto runs = [&prepared] {
    return std::any_of(prepared.log_cost.begin(), prepared.log_cost.end(),
                       [](double cost) { return std::isfinite(cost); });
  };
  if (!runs() && c.protocol != Protocol::automatic) {
    c.protocol = Protocol::automatic;
    prepared = prepare(c);
  }
  if (!runs()) return {0.0, 0.0, 1.0};
  const auto weights = choice(params, prepared);
  constexpr auto kFirst = static_cast<std::size_t>(Candidate::ring_ll);
  return {weights[kFirst], weights[kFirst + 1], weights[kFirst + 2]};
}

// Mixed as the model mixes times: the mean of logarithms.
LinkTerms mixed(const ParamVector& params, const PreparedCase& prepared,
                const std::array<double, 3>& shares) {
  LinkTerms out = link_terms(params, prepared, 0);
  LinkTerms logs{0.0, 0.0, 0.0, 0.0, 0.0};
  for (int protocol = 0; protocol < 3; ++protocol) {
    const double share = shares[static_cast<std::size_t>(protocol)];
    const LinkTerms one = link_terms(params, prepared, protocol);
    logs.intra_hop += share * std::log(one.intra_hop);
    logs.intra_rate += share * std::log(one.intra_rate);
    if (!prepared.the_case.multi_node()) continue;
    logs.net_hop += share * std::log(one.net_hop);
    logs.net_efficiency += share * std::log(one.net_efficiency);
  }
  out.intra_hop = std::exp(logs.intra_hop);
  out.intra_rate = std::exp(logs.intra_rate);
  if (!prepared.the_case.multi_node()) return out;
  out.net_hop = std::exp(logs.net_hop);
  out.net_efficiency = std::exp(logs.net_efficiency);
  return out;
}

// Several nodes in one NVLink domain: all its messages go the same way.
void even_out(const CollectiveCase& c, collectives::LinkCosts& costs, double net_efficiency) {
  const double across = (c.nodes - 1.0) / (c.ranks() - 1.0);
  costs.intra_latency = costs.intra_latency * (1.0 - across) + costs.net_latency * across;
  costs.net_latency = costs.intra_latency;
  const base::BytesPerSecond share(c.links.node_rate * net_efficiency);
  costs.scale_up = base::min(costs.scale_up, share);
}

}  // namespace

std::optional<collectives::LinkCosts> FabricModel::link_costs(
    const collectives::TimeQuery& query) const {
  const Question question = question_of(query);
  CollectiveCase c = question.the_case;
  if (c.ranks() < 2.0) return std::nullopt;
  c.bytes = std::max(1.0, c.bytes);
  Resolved resolved;
  resolve(question, resolved);
  collectives::LinkCosts costs;
  const std::array<double, 3> shares = protocol_shares(*resolved.params, c);
  constexpr std::array kProtocols{Protocol::ll, Protocol::ll128, Protocol::simple};
  costs.protocol = kProtocols[static_cast<std::size_t>(
      std::max_element(shares.begin(), shares.end()) - shares.begin())];
  const LinkTerms terms = mixed(*resolved.params, prepare(c), shares);
  // The model's minimum of the two links is smooth: what it loses at the corner, both lose here.
  double corner = 1.0;
  if (c.multi_node()) {
    const double over = c.links.node_rate * terms.net_efficiency;
    const double ratio = std::min(terms.intra_rate, over) / std::max(terms.intra_rate, over);
    corner = std::pow(1.0 + std::pow(ratio, 8.0), -1.0 / 8.0);
  }
  costs.launch = base::Seconds(terms.host * 1e-6);
  costs.intra_latency = base::Seconds(terms.intra_hop * 1e-6);
  costs.net_latency = base::Seconds(terms.net_hop * 1e-6);
  costs.scale_up = base::BytesPerSecond(terms.intra_rate * corner);
  costs.nic = query.nic_bandwidth * (terms.net_efficiency * corner);
  if (c.links.transport == Transport::nvlink) even_out(c, costs, terms.net_efficiency);
  costs.half_width = std::hypot(
      resolved.half_width, c.nodes > 1 && c.gpus_per_node > 1 ? kUnseenPipeline : kUnseenAlgorithm);
  costs.note = resolved.note;
  return costs;
}

}  // namespace windtunnel::calibration
