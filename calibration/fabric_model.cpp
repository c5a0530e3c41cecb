#include "calibration/fabric_model.hpp"

#include <algorithm>
#include <cmath>

namespace windtunnel::calibration {
namespace {

using collectives::Algorithm;
using collectives::Op;
using collectives::Protocol;

double octaves_outside(double value, double least, double most) {
  if (value < least) return std::log2(least / value);
  return value > most ? std::log2(value / most) : 0.0;
}

double octaves_to_nearest(int value, const std::set<int>& seen) {
  double nearest = 10.0;
  for (const int other : seen)
    nearest = std::min(nearest, std::abs(std::log2(static_cast<double>(value) / other)));
  return nearest;
}

double octaves_outside(int value, const std::set<int>& seen) {
  return seen.empty() ? 10.0 : octaves_outside(value, *seen.begin(), *seen.rbegin());
}

// Whether the case lies more than a factor 1.5 outside what was fitted. One node says nothing about
// the network: with several, the counts above one count.
bool is_far(const CollectiveCase& c, const SeenOp& seen) {
  constexpr double kFar = 0.585;  // log2 1.5
  std::set<int> nodes = seen.nodes;
  if (c.multi_node()) nodes.erase(1);
  return octaves_outside(c.bytes, seen.least_bytes, seen.most_bytes) > kFar ||
         octaves_outside(static_cast<int>(c.nodes), nodes) > kFar ||
         octaves_outside(static_cast<int>(c.gpus_per_node), seen.gpus_per_node) > kFar;
}

// Sizes on the far side of a plateau that was reached (latency below some KiB, bandwidth above some
// tens of MiB) carry over; the climb between them, where protocols change, does not.
double beyond_bytes(const BandModel& band, const CollectiveCase& c, const SeenOp& seen) {
  constexpr double kLength = 3.0;  // octaves
  const double most = c.multi_node() ? band.beyond_bytes_net : band.beyond_bytes;
  const double outside = octaves_outside(c.bytes, seen.least_bytes, seen.most_bytes);
  const double missing = c.bytes < seen.least_bytes ? (std::log2(seen.least_bytes) - 10.0) / 8.0
                                                    : (26.0 - std::log2(seen.most_bytes)) / 8.0;
  return most * std::clamp(missing, 0.1, 1.0) * (1.0 - std::exp(-outside / kLength));
}

bool answers(Op op, Algorithm algorithm) {
  const bool peers = op == Op::all_to_all || op == Op::send_recv;
  switch (algorithm) {
    case Algorithm::automatic:
      return true;
    case Algorithm::ring:
      return !peers;
    case Algorithm::tree:
    case Algorithm::double_binary_tree:
    case Algorithm::in_network:
      return op == Op::all_reduce;
    case Algorithm::direct:
    case Algorithm::pairwise:
      return peers;
    default:
      return false;
  }
}

double unseen_fabric(const FabricProfile& profile, const CollectiveCase& c) {
  const BandModel& band = profile.band;
  const auto fabrics = [](const std::map<std::string, Shift>& shifts, const std::string& kind) {
    const auto found = shifts.find(kind);
    return found == shifts.end() ? 0 : found->second.fabrics;
  };
  if (!c.multi_node()) {
    const int alike = fabrics(profile.shared.generation, c.links.generation());
    return std::hypot(band.other_fabric, band.other_fabric_few / std::sqrt(1.0 + alike));
  }
  const int alike = fabrics(profile.shared.transport, to_text(c.links.transport));
  return std::hypot(band.other_fabric_net, band.other_fabric_net_few / std::sqrt(1.0 + alike));
}

// "hopper GPUs and infiniband links", "GPUs on PCIe in one node".
std::string kind_of(const CollectiveCase& c) {
  const std::string generation = c.links.generation();
  const std::string gpus = generation == "pcie" ? "GPUs on PCIe" : generation + " GPUs";
  return c.multi_node() ? gpus + " and " + to_text(c.links.transport) + " links"
                        : gpus + " in one node";
}

bool any_candidate(const PreparedCase& prepared) {
  return std::any_of(prepared.log_cost.begin(), prepared.log_cost.end(),
                     [](double cost) { return std::isfinite(cost); });
}

// Of a forced algorithm or protocol: how far NCCL would have chosen it; else 1.
double share_of_forced(const ParamVector& params, const PreparedCase& prepared) {
  if (prepared.the_case.algorithm == Algorithm::automatic &&
      prepared.the_case.protocol == Protocol::automatic)
    return 1.0;
  CollectiveCase free = prepared.the_case;
  free.algorithm = Algorithm::automatic;
  free.protocol = Protocol::automatic;
  const auto weights = choice(params, prepare(free));
  double share = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (std::isfinite(prepared.log_cost[i])) share += weights[i];
  }
  return std::min(1.0, share);
}

// What was taken, and what each other candidate would cost, fastest first.
void fill_choice(const ParamVector& params, const PreparedCase& prepared, double correction,
                 collectives::TimePrediction& out) {
  const auto weights = choice(params, prepared);
  const auto top = std::max_element(weights.begin(), weights.end()) - weights.begin();
  out.algorithm = algorithm_of(static_cast<Candidate>(top));
  out.protocol = protocol_of(static_cast<Candidate>(top));
  for (int i = 0; i < kCandidates; ++i) {
    if (i == top || !std::isfinite(prepared.log_cost[static_cast<std::size_t>(i)])) continue;
    const auto candidate = static_cast<Candidate>(i);
    const double share = weights[static_cast<std::size_t>(i)];
    const base::Seconds time(candidate_time(params, prepared, candidate) *
                             std::exp(share * correction) * 1e-6);
    out.alternatives.push_back({algorithm_of(candidate), protocol_of(candidate), time});
  }
  std::sort(out.alternatives.begin(), out.alternatives.end(),
            [](const auto& a, const auto& b) { return a.time < b.time; });
}

}  // namespace

FabricModel::FabricModel(FabricProfile profile) : profile_(std::move(profile)) {
  for (const Fabric& fabric : profile_.fabrics) fields_.emplace_back(fabric.residuals);
}

const Fabric* FabricModel::find_fabric(const Question& question) const {
  const bool sockets = question.the_case.links.transport == Transport::tcp;
  for (const Fabric& fabric : profile_.fabrics) {
    const bool both = sockets == (fabric.transport == Transport::tcp);
    if (!question.fabric.empty() && fabric.name == question.fabric && fabric.gpu == question.gpu &&
        both)
      return &fabric;
  }
  // A log that does not name its cluster, asked of a profile of one cluster.
  if (question.fabric.empty() && profile_.fabrics.size() == 1 &&
      (question.gpu.empty() || profile_.fabrics[0].gpu == question.gpu))
    return &profile_.fabrics[0];
  return nullptr;
}

const Setting* FabricModel::find_setting(const Fabric& fabric, const Question& question) {
  const Setting* best = nullptr;
  int most = -1;
  for (const Setting& setting : fabric.settings) {
    const int shared = 8 * (setting.interconnect == question.interconnect) +
                       4 * (one_process(setting.launch) == one_process(question.launch)) +
                       2 * (setting.tuning == question.tuning) + (setting.stack == question.stack);
    const int score = 2 * shared + (setting.seen.contains(question.the_case.op) ? 1 : 0);
    if (score > most) {
      best = &setting;
      most = score;
    }
  }
  return best;
}

void FabricModel::resolve(const Question& question, Resolved& out) const {
  const CollectiveCase& c = question.the_case;
  const BandModel& band = profile_.band;
  const auto regime = static_cast<std::size_t>(regime_of(c.bytes));
  const Fabric* fabric = find_fabric(question);
  if (!fabric) {
    out.shared = shared_params(profile_.shared, c.links.generation(), c.links.transport);
    out.params = &out.shared;
    out.half_width = std::hypot(band.spread[regime], unseen_fabric(profile_, c));
    out.note = "no measurement of this fabric: parameters shared by " + kind_of(c);
    return;
  }
  out.fabric_known = true;
  out.field = &fields_[static_cast<std::size_t>(fabric - profile_.fabrics.data())];
  const Setting* setting = find_setting(*fabric, question);
  out.setting_known = setting->interconnect == question.interconnect &&
                      setting->launch == question.launch && setting->tuning == question.tuning &&
                      setting->stack == question.stack;
  const bool near = setting->interconnect == question.interconnect &&
                    one_process(setting->launch) == one_process(question.launch);
  const auto by_op = setting->by_op.find(c.op);
  out.params = !near                           ? &fabric->params
               : by_op != setting->by_op.end() ? &by_op->second
                                               : &setting->params;
  double squares = 0.0;
  // Large messages over nodes depend on one rate, not on hops and protocols.
  const double steady = c.multi_node() && regime == kRegimes - 1 ? band.bandwidth_bound : 1.0;
  if (!out.setting_known) squares += std::pow(band.other_setting, 2);
  const auto in_setting = setting->seen.find(c.op);
  const auto in_fabric = fabric->seen.find(c.op);
  out.op_known = in_fabric != fabric->seen.end();
  const SeenOp* seen = near && in_setting != setting->seen.end() ? &in_setting->second
                       : out.op_known                            ? &in_fabric->second
                                                                 : &setting->seen.begin()->second;
  // An op with a fitted twin follows it (fabric_fit.cpp).
  const bool follows = in_setting == setting->seen.end() && by_op != setting->by_op.end();
  if (in_setting == setting->seen.end())
    squares += std::pow(
        (follows ? 0.5 : 1.0) * steady * (c.multi_node() ? band.other_op_net : band.other_op), 2);
  const double size = octaves_outside(c.bytes, seen->least_bytes, seen->most_bytes);
  const double nodes = octaves_to_nearest(static_cast<int>(c.nodes), seen->nodes);
  double gpus = octaves_to_nearest(static_cast<int>(c.gpus_per_node), seen->gpus_per_node);
  if (gpus > 0.0) gpus = std::max(gpus, 0.5);
  const bool first = c.multi_node() && *seen->nodes.rbegin() == 1;
  const bool alone = c.multi_node() && seen->nodes.size() - seen->nodes.count(1) == 1;
  const double per_octave_nodes = alone ? band.per_octave_nodes_alone : band.per_octave_nodes;
  const double across =
      steady * (first ? band.first_nodes * unseen_fabric(profile_, c) : per_octave_nodes * nodes);
  squares += std::pow(beyond_bytes(band, c, *seen), 2) + std::pow(across, 2) +
             std::pow(band.per_octave_gpus * gpus, 2);
  out.half_width = std::sqrt(squares);
  out.far = is_far(c, *seen);
  out.inside = out.setting_known && out.op_known && size == 0.0 && nodes == 0.0 && gpus == 0.0;
  if (!out.op_known)
    out.note = "collectives: this op was not measured on " + fabric->name;
  else if (!out.setting_known)
    out.note = "collectives: the nearest measured setting of " + fabric->name + " stands in";
}

std::optional<collectives::TimePrediction> FabricModel::answer(const Question& question,
                                                               std::string* reason) const {
  const auto refuse = [&](const char* why) -> std::optional<collectives::TimePrediction> {
    if (reason) *reason = why;
    return std::nullopt;
  };
  const CollectiveCase& asked = question.the_case;
  if (asked.ranks() < 2.0) return refuse("a collective of one rank");
  if (!answers(asked.op, asked.algorithm))
    return refuse("this algorithm is not one that NCCL runs for this op");
  CollectiveCase c = asked;
  c.bytes = std::max(1.0, c.bytes);
  const bool single_tree = asked.algorithm == Algorithm::tree;
  if (single_tree) c.algorithm = Algorithm::double_binary_tree;
  if (c.algorithm == Algorithm::in_network && !c.links.nvls &&
      c.links.transport != Transport::infiniband)
    return refuse("no switch reduction on these links");
  Resolved resolved;
  resolve(question, resolved);
  PreparedCase prepared = prepare(c);
  if (!any_candidate(prepared)) {
    c.protocol = Protocol::automatic;
    prepared = prepare(c);
    resolved.note += resolved.note.empty() ? "" : "; ";
    resolved.note += "the protocol asked for does not run here";
  }
  if (!any_candidate(prepared)) return refuse("no algorithm of NCCL's fits this case");

  collectives::TimePrediction out;
  double log_us = log_time(*resolved.params, prepared);
  double correction = 0.0;
  if (resolved.field) {
    const ResidualKnot left = resolved.field->at(c, share_of_forced(*resolved.params, prepared));
    correction = left.mean;
    const int regime = regime_of(c.bytes);
    const double deviation = std::hypot(left.deviation, resolved.field->noise(regime));
    resolved.half_width =
        std::hypot(resolved.half_width, resolved.field->scale(regime) * deviation);
  }
  if (single_tree) {
    PreparedCase doubled = prepared;
    doubled.the_case.bytes *= 2.0;
    log_us = log_time(*resolved.params, doubled);
    resolved.half_width = std::hypot(resolved.half_width, 0.5);
    resolved.note =
        "one tree was never measured: the double tree's latency "
        "and half its bandwidth";
  }
  const double seconds = std::exp(log_us + correction) * 1e-6;
  out.time = base::Seconds(seconds);
  out.band = {seconds * std::exp(-resolved.half_width), seconds * std::exp(resolved.half_width),
              0.9};
  out.rests_on = {resolved.inside && !single_tree ? "interpolated" : "model"};
  if (!resolved.fabric_known || !resolved.op_known || resolved.far || single_tree ||
      resolved.half_width > 0.6)
    out.rests_on.push_back("extrapolated");
  fill_choice(*resolved.params, prepared, correction, out);
  if (single_tree) out.algorithm = Algorithm::tree;
  out.note = resolved.note;
  return out;
}

FabricModel::Question FabricModel::question_of(const collectives::TimeQuery& query) const {
  Question question;
  CollectiveCase& c = question.the_case;
  c.op = query.op;
  c.algorithm = query.algorithm;
  c.protocol = query.protocol;
  c.bytes = query.bytes.value();
  c.nodes = query.nodes;
  c.gpus_per_node = query.gpus_per_node;
  const std::string launch = query.launch.empty() ? "per_gpu_process" : query.launch;
  c.one_process = one_process(launch);
  c.links = link_facts({.gpu = query.gpu,
                        .interconnect = query.interconnect,
                        .stack = "nccl 2.28",
                        .nodes = query.nodes,
                        .gpus_per_node = query.gpus_per_node,
                        .nic_rate = query.nic_bandwidth.value(),
                        .nics_per_node = query.nics_per_node});
  question.gpu = query.gpu;
  // A scenario's cluster seldom has the name of the measured one: a profile of one cluster speaks
  // for it.
  question.fabric = profile_.fabrics.size() == 1 ? "" : query.fabric;
  question.interconnect = query.interconnect;
  question.launch = launch;
  return question;
}

std::optional<collectives::TimePrediction> FabricModel::predict(
    const collectives::TimeQuery& query) const {
  return answer(question_of(query), nullptr);
}

std::optional<collectives::TimePrediction> FabricModel::predict(const CollectiveMeasurement& row,
                                                                std::string* reason) const {
  return answer(
      {case_of(row), row.gpu, row.fabric, row.interconnect, row.launch, row.tuning, row.stack},
      reason);
}

std::unique_ptr<FabricModel> shipped_model() {
  return std::make_unique<FabricModel>(shipped_profile());
}

}  // namespace windtunnel::calibration
