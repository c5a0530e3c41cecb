#include "collectives/nccl/tuner.hpp"

#include <algorithm>
#include <utility>

#include "sim/base/unit_text.hpp"

namespace windtunnel::collectives::nccl {
namespace {

Decision without_selector(const CostModel& model, Op op, base::Bytes bytes) {
  Decision decision;
  decision.notes = model.topology().notes;
  if (model.topology().layout.ranks < 2) {
    decision.nccl_name = "none";
    decision.notes.emplace_back("a group of one rank has nothing to choose");
    return decision;
  }
  decision.algorithm = op == Op::all_to_all ? Algorithm::pairwise : Algorithm::direct;
  decision.nccl_name = "SendRecv";
  const ProtocolFacts facts =
      protocol_facts(model, op, NcclAlgorithm::ring, Protocol::simple, bytes);
  decision.channels = facts.channels;
  return decision;
}

// What was asked for is nothing that NCCL could do here.
Decision not_in_nccl(const CostModel& model, Algorithm algorithm, Protocol protocol) {
  Decision decision;
  decision.algorithm = algorithm == Algorithm::automatic ? Algorithm::ring : algorithm;
  decision.protocol = protocol == Protocol::automatic ? Protocol::simple : protocol;
  decision.nccl_name = "none";
  decision.channels = model.graphs().channels;
  decision.notes = model.topology().notes;
  return decision;
}

bool allowed(const Choice& choice, Algorithm algorithm, Protocol protocol) {
  return (algorithm == Algorithm::automatic || choice.algorithm == algorithm) &&
         (protocol == Protocol::automatic || choice.protocol == protocol);
}

}  // namespace

std::string Choice::name() const {
  return std::string(to_text(nccl)) + "/" + std::string(nccl_text(protocol));
}

std::string Decision::why() const {
  if (!chosen) {
    if (nccl_name == "SendRecv") return "NCCL has one way to do this: grouped send and receive";
    return "nothing to choose";
  }
  std::string text = "NCCL's model gives " + chosen->name() + " " + base::to_text(chosen->time);
  if (const Choice* second = runner_up()) {
    text += ", next is " + second->name() + " with " + base::to_text(second->time);
  }
  return text;
}

Algorithm algorithm_of(NcclAlgorithm algorithm, Op op) {
  switch (algorithm) {
    case NcclAlgorithm::ring:
      return Algorithm::ring;
    case NcclAlgorithm::tree:
      return Algorithm::double_binary_tree;
    case NcclAlgorithm::collnet_direct:
    case NcclAlgorithm::collnet_chain:
    case NcclAlgorithm::nvls:
    case NcclAlgorithm::nvls_tree:
      return Algorithm::in_network;
    case NcclAlgorithm::pat:
      return op == Op::reduce_scatter ? Algorithm::halving_doubling : Algorithm::recursive_doubling;
  }
  return Algorithm::ring;
}

Tuner::Tuner(const sim::ValidCluster& cluster, const RankLayout& layout, std::string_view version)
    : model_(topology_of(cluster, layout, constants(version)), constants(version)) {}

Tuner::Tuner(Topology topology, Constants constants)
    : model_(std::move(topology), std::move(constants)) {}

Decision Tuner::decide(Op op, base::Bytes bytes) const {
  return decide(op, bytes, Algorithm::automatic, Protocol::automatic);
}

Decision Tuner::decide(Op op, base::Bytes bytes, Algorithm algorithm, Protocol protocol) const {
  const std::vector<TableEntry> table = model_.table(op);
  if (table.empty()) return without_selector(model_, op, bytes);
  std::vector<Choice> choices;
  for (const TableEntry& entry : table) {
    if (entry.bandwidth.value() <= 0) continue;
    const Choice choice{entry.algorithm,
                        entry.protocol,
                        algorithm_of(entry.algorithm, op),
                        model_.time(op, entry, bytes),
                        entry.latency,
                        entry.bandwidth};
    if (allowed(choice, algorithm, protocol)) choices.push_back(choice);
  }
  if (choices.empty()) return not_in_nccl(model_, algorithm, protocol);
  std::stable_sort(choices.begin(), choices.end(),
                   [](const Choice& a, const Choice& b) { return a.time < b.time; });
  Decision decision;
  decision.chosen = choices.front();
  decision.algorithm = choices.front().algorithm;
  decision.protocol = choices.front().protocol;
  decision.nccl_name = choices.front().name();
  decision.channels = facts(op, bytes, choices.front()).channels;
  decision.others.assign(choices.begin() + 1, choices.end());
  decision.notes = model_.topology().notes;
  return decision;
}

ProtocolFacts Tuner::facts(Op op, base::Bytes bytes, const Choice& choice) const {
  return protocol_facts(model_, op, choice.nccl, choice.protocol, bytes);
}

}  // namespace windtunnel::collectives::nccl
