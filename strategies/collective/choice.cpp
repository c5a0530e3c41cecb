#include "strategies/collective/choice.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "collectives/nccl/tuner.hpp"
#include "sim/base/unit_text.hpp"
#include "strategies/collective/interconnect_words.hpp"

namespace windtunnel::strategies {
namespace {

using collectives::Algorithm;
using collectives::Protocol;
using collectives::TimePrediction;
using collectives::nccl::Choice;
using collectives::nccl::Decision;

std::string text(std::string_view view) {
  return std::string(view);
}

Decision nccl_decision(const CollectiveCase& one, const CollectiveSite& site,
                       const CollectiveOptions& options) {
  const auto layout = collectives::nccl::layout_of(site.cluster, one.groups.front());
  const collectives::nccl::Tuner tuner(site.cluster, layout, options.nccl_version);
  Decision decision = tuner.decide(one.op, one.bytes, one.algorithm, one.protocol);
  if (decision.chosen || one.protocol == Protocol::automatic) return decision;
  return tuner.decide(one.op, one.bytes, one.algorithm, Protocol::automatic);
}

void add_row(base::Table& table, Algorithm algorithm, Protocol protocol, base::Seconds time) {
  table.rows.push_back({text(to_text(algorithm)), text(to_text(protocol)), time.value()});
}

void take_runner_up(CollectiveChoice& choice, std::string name, base::Seconds time) {
  choice.runner_up = std::move(name);
  choice.runner_up_time = time;
}

// The rules of NCCL decide, and their times are what its rules reckon with.
void take_nccl(const Decision& decision, CollectiveChoice& choice) {
  choice.algorithm = decision.algorithm;
  choice.protocol = decision.protocol;
  choice.channels = decision.channels;
  choice.why = decision.why();
  choice.warnings.insert(choice.warnings.end(), decision.notes.begin(), decision.notes.end());
  if (!decision.chosen) return;
  choice.alternatives.columns.emplace_back("nccl_name");
  const auto add = [&](const Choice& entry) {
    add_row(choice.alternatives, entry.algorithm, entry.protocol, entry.time);
    choice.alternatives.rows.back().emplace_back(entry.name());
  };
  add(*decision.chosen);
  for (const Choice& other : decision.others) add(other);
  if (const Choice* second = decision.runner_up()) {
    take_runner_up(choice, second->name(), second->time);
  }
}

void take_prediction(TimePrediction prediction, CollectiveChoice& choice) {
  choice.protocol = prediction.protocol;
  add_row(choice.alternatives, prediction.algorithm, prediction.protocol, prediction.time);
  for (const collectives::Alternative& other : prediction.alternatives) {
    add_row(choice.alternatives, other.algorithm, other.protocol, other.time);
  }
  if (!prediction.alternatives.empty()) {
    const collectives::Alternative& second = prediction.alternatives.front();
    take_runner_up(choice,
                   fmt::format("{}/{}", to_text(second.algorithm), to_text(second.protocol)),
                   second.time);
  }
  if (!prediction.note.empty()) choice.warnings.push_back(prediction.note);
  choice.prediction = std::move(prediction);
}

std::string why_of(const std::string& model, const CollectiveChoice& choice) {
  std::string why =
      fmt::format("profile {} expects {}/{} in {}", model, to_text(choice.prediction->algorithm),
                  to_text(choice.prediction->protocol), base::to_text(choice.prediction->time));
  if (choice.runner_up_time) {
    why += fmt::format(", next is {} with {}", choice.runner_up,
                       base::to_text(*choice.runner_up_time));
  }
  return why;
}

}  // namespace

void warn_without_model(const CollectiveCase& one, CollectiveChoice& choice) {
  if (one.protocol != Protocol::automatic && one.algorithm != Algorithm::automatic) {
    choice.warnings.push_back(
        fmt::format("protocol {} does not change the time: data-sheet links have no protocol "
                    "costs, a profile has",
                    to_text(one.protocol)));
  }
  if (!one.launch.empty()) {
    choice.warnings.push_back(fmt::format(
        "launch {} does not change the time: only a profile knows what starting a collective costs",
        one.launch));
  }
}

std::optional<collectives::LinkCosts> link_costs_of(const CollectiveCase& one,
                                                    const std::vector<int>& group,
                                                    const CollectiveSite& site,
                                                    const CollectiveOptions& options) {
  collectives::TimeQuery query = time_query(one, group, site, options);
  const sim::Node node = site.cluster.node_at(0);
  // The rates of a mesh go by its whole node: few GPUs have few links between them.
  if (node.scale_up.kind == sim::ScaleUpKind::nvlink_mesh && query.gpus_per_node > 1) {
    query.gpus_per_node = node.gpus;
  }
  return site.model->link_costs(query);
}

collectives::TimeQuery time_query(const CollectiveCase& one, const std::vector<int>& group,
                                  const CollectiveSite& site, const CollectiveOptions& options) {
  const auto layout = collectives::nccl::layout_of(site.cluster, group);
  const sim::Node node = site.cluster.node_at(0);
  collectives::TimeQuery query;
  query.op = one.op;
  query.algorithm = one.algorithm;
  query.protocol = one.protocol;
  query.bytes = one.bytes;
  query.nodes = layout.nodes;
  query.gpus_per_node = (layout.ranks + layout.nodes - 1) / layout.nodes;
  query.gpu = node.gpu.name;
  const sim::Fabric& fabric = site.cluster->fabric;
  query.fabric = !options.fabric.empty()      ? options.fabric
                 : fabric.measured_as.empty() ? site.cluster->name
                                              : fabric.measured_as;
  query.interconnect = interconnect_words(node, fabric, layout.nodes);
  query.nic_bandwidth = node.nics.bandwidth;
  query.nics_per_node = node.nics.count;
  query.launch = one.launch;
  return query;
}

CollectiveChoice choose(const CollectiveCase& one, const CollectiveSite& site,
                        const CollectiveOptions& options) {
  CollectiveChoice choice;
  choice.algorithm = one.algorithm;
  choice.alternatives.columns = {"algorithm", "protocol", "time_s"};
  const bool open = one.algorithm == Algorithm::automatic;
  const Decision decision = nccl_decision(one, site, options);
  choice.channels = decision.channels;
  if (open && decision.chosen) choice.nccl_choice = decision.nccl_name;
  if (site.model != nullptr) {
    const collectives::TimeQuery query = time_query(one, one.groups.front(), site, options);
    if (auto prediction = site.model->predict(query)) {
      take_prediction(*std::move(prediction), choice);
      if (!open) return choice;
      choice.algorithm = choice.prediction->algorithm;
      choice.chosen_by = "profile " + site.model->name();
      choice.why = why_of(site.model->name(), choice);
      return choice;
    }
    choice.unanswered = fmt::format("{} by {}", to_text(one.op), to_text(one.algorithm));
    choice.link_costs = link_costs_of(one, one.groups.front(), site, options);
  }
  if (!choice.link_costs) warn_without_model(one, choice);
  if (one.protocol != Protocol::automatic) choice.protocol = one.protocol;
  if (!open) return choice;
  take_nccl(decision, choice);
  choice.chosen_by = "NCCL " + options.nccl_version + " (its own rules)";
  return choice;
}

}  // namespace windtunnel::strategies
