#include "scenarios/bind_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/bind_mix.hpp"
#include "scenarios/bind_serve.hpp"
#include "scenarios/bind_train.hpp"
#include "scenarios/document/write.hpp"
#include "scenarios/gpu_checks.hpp"
#include "scenarios/import_cluster.hpp"
#include "scenarios/import_model.hpp"
#include "scenarios/kernel_profiles.hpp"
#include "scenarios/library.hpp"
#include "scenarios/participants.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/resolve.hpp"
#include "scenarios/schema/tables.hpp"
#include "scenarios/train_inert.hpp"

namespace windtunnel::scenarios {
namespace {

void check_calibration(const Node& resolved, base::Diagnostics& diagnostics) {
  const Node& node = *resolved.find("calibration");
  if (node.text == "none" || node.text == "auto") return;
  if (node.text.ends_with(".yaml") || node.text.ends_with(".yml")) {
    std::error_code error;
    if (std::filesystem::is_regular_file(node.text, error)) return;
    diagnostics.error(node.where, fmt::format("there is no profile file '{}'",
                                              std::filesystem::proximate(node.text).string()));
    return;
  }
  const std::vector<std::string> names = calibration_names();
  if (std::find(names.begin(), names.end(), node.text) != names.end()) return;
  diagnostics.error(node.where,
                    fmt::format("there is no profile '{}'{} (`windtunnel list profiles` shows all)",
                                node.text, base::did_you_mean(node.text, names)));
}

// The deepest value of the cluster that a message begins with the path of ("fabric.radix is 3"), as
// long as the user's own file has it; else the cluster.
base::SourceLocation place_of(const std::string& message, const Node& cluster) {
  base::SourceLocation where = cluster.where;
  const Node* node = &cluster;
  const std::string path =
      message.substr(0, message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_."));
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    node = node->find(path.substr(begin, end - begin));
    if (node == nullptr) break;
    if (node->where.file == cluster.where.file) where = node->where;
    begin = end + 1;
  }
  return where;
}

std::optional<sim::ValidCluster> checked(const sim::Cluster& cluster, const Node& node,
                                         base::Diagnostics& diagnostics) {
  base::Diagnostics found;
  auto valid = validate(cluster, node.where, found);
  for (base::Diagnostic one : found.all()) {
    one.where = place_of(one.message, node);
    diagnostics.add(std::move(one));
  }
  return valid;
}

std::optional<sim::ValidCluster> bind_cluster(const Node& node, base::Diagnostics& diagnostics) {
  if (node.find("simgrid_platform") != nullptr) {
    PlatformImport import;
    bind_structure(platform_import_structure(), node, &import);
    auto cluster = import_simgrid_platform(*node.find("simgrid_platform"), diagnostics);
    if (!cluster) return std::nullopt;
    cluster->name = import.name;
    return checked(*cluster, node, diagnostics);
  }
  sim::Cluster cluster;
  bind_structure(cluster_structure(), node, &cluster);
  return checked(cluster, node, diagnostics);
}

}  // namespace

void refuse_unbuilt(const Node& root) {
  const Node* workload = root.find("workload");
  const Node* kind = workload == nullptr ? nullptr : workload->find("kind");
  if (kind == nullptr || kind->kind != NodeKind::scalar) return;
  const std::vector<std::string> unbuilt = unbuilt_workload_kinds();
  if (std::find(unbuilt.begin(), unbuilt.end(), kind->text) == unbuilt.end()) return;
  base::Diagnostic text{base::Severity::error, kind->where,
                        fmt::format("the workload kind '{}' is not built yet", kind->text)};
  throw NotBuilt(base::to_text(text));
}

namespace {

std::string workload_kind(const Node& tree) {
  const Node* workload = tree.find("workload");
  const Node* kind = workload == nullptr ? nullptr : workload->find("kind");
  return kind != nullptr && kind->kind == NodeKind::scalar ? kind->text : "";
}

// Jobs that are neither trained nor served are said here, once, and left out of what follows.
void check_job_kinds(Node& tree, base::Diagnostics& diagnostics) {
  for (Entry& entry : tree.entries) {
    if (entry.key != "workload") continue;
    for (Entry& part : entry.value.entries) {
      if (part.key != "jobs") continue;
      for (Node& job : part.value.items) {
        const std::string kind = workload_kind(job);
        if (kind.empty() || kind == "train" || kind == "serve") continue;
        diagnostics.error(job.find("workload")->find("kind")->where,
                          fmt::format("a mix has jobs of kind train and serve, not '{}'", kind));
        job.kind = NodeKind::invalid;
      }
    }
  }
}

// Keys that only some workloads have: said where they stand, and defaults put where they are left
// out.
void check_keys_of_kind(Node& tree, base::Diagnostics& diagnostics) {
  const std::string kind = workload_kind(tree);
  if (kind == "collective") {
    for (const Entry& entry : tree.entries) {
      if (entry.key == "model") {
        diagnostics.error(entry.where, "a collective workload has no 'model': leave the key out");
      } else if (entry.key == "strategy") {
        diagnostics.error(entry.where,
                          "a collective workload has no 'strategy' (algorithms, groups and "
                          "channels stand in 'workload'): leave the key out");
      }
    }
  }
  if (kind == "mix") {
    for (const Entry& entry : tree.entries) {
      if (entry.key != "model" && entry.key != "strategy") continue;
      diagnostics.error(entry.where, fmt::format("each job of a mix has its own '{0}': put it into "
                                                 "workload.jobs",
                                                 entry.key));
    }
    check_job_kinds(tree, diagnostics);
  }
  if (kind != "train" && kind != "serve") return;
  if (tree.find("model") == nullptr) {
    diagnostics.error(tree.where, fmt::format("a {} workload needs 'model': what is {}", kind,
                                              kind == "train" ? "trained" : "served"));
  }
  if (tree.find("strategy") == nullptr) tree.set("strategy", mapping_node(tree.where));
}

// Which ranks are simulated is asked of training alone, and SimGrid has all of them.
void check_ranks(const EngineChoice& engine, const Node& resolved, base::Diagnostics& diagnostics) {
  if (engine.ranks == RankChoice::automatic) return;
  const base::SourceLocation where = resolved.find("engine")->find("ranks")->where;
  if (workload_kind(resolved) != "train") {
    diagnostics.error(where, "engine.ranks is of a train workload: leave the key out");
  } else if (engine.kind == sim::EngineKind::simgrid &&
             engine.ranks == RankChoice::representative) {
    diagnostics.error(where,
                      "engine simgrid simulates every rank, because those that share links are "
                      "not alike; `ranks: representative` is for analytic");
  }
}

// Slow and failing parts act on training alone; elsewhere they would be ignored in silence.
void check_faults(const sim::Cluster& cluster, const Node& resolved,
                  base::Diagnostics& diagnostics) {
  const std::string kind = workload_kind(resolved);
  if (kind == "train" || kind == "mix" || cluster.explicit_network) return;
  const Node& node = *resolved.find("cluster");
  const auto refuse = [&](const char* key, bool stated) {
    const Node* part = node.find(key);
    if (!stated || part == nullptr) return;
    diagnostics.error(part->where, fmt::format("cluster.{} acts on training, not on a {} "
                                               "workload: leave the key out",
                                               key, kind));
  };
  refuse("stragglers", !cluster.stragglers.none());
  refuse("failures", !cluster.failures.none());
}

std::vector<InertKey> inert_of_job(const Node& given, const Node& resolved,
                                   const ServeScenario& serve) {
  const Node* said = given.find("strategy");
  if (said == nullptr) return {};
  return inert_keys({*said, *resolved.find("strategy"), serve.job.strategy.batching});
}

std::vector<InertKey> inert_in(const Node& given, const Node& resolved, const Workload& workload) {
  if (const auto* serve = std::get_if<ServeScenario>(&workload))
    return inert_of_job(given, resolved, *serve);
  if (const auto* train = std::get_if<TrainScenario>(&workload))
    return inert_train_keys({given, resolved, *train});
  const auto* mix = std::get_if<MixScenario>(&workload);
  if (mix == nullptr) return {};
  const Node& said = *given.find("workload")->find("jobs");
  const Node& jobs = *resolved.find("workload")->find("jobs");
  std::vector<InertKey> out;
  for (std::size_t i = 0; i < mix->jobs.size(); ++i) {
    const auto* serve = std::get_if<ServeScenario>(&mix->jobs[i].work);
    const Node& own = said.kind == NodeKind::sequence ? said.items[i] : said;
    const Node& job = jobs.items[i];
    for (InertKey& key :
         serve != nullptr
             ? inert_of_job(own, job, *serve)
             : inert_train_keys({own, job, std::get<TrainScenario>(mix->jobs[i].work)})) {
      key.path = mix->jobs[i].name + "." + key.path;
      out.push_back(std::move(key));
    }
  }
  return out;
}

// What resolving leaves open because two fields decide it together.
void settle(const Node& given, Node& resolved, base::Diagnostics& diagnostics) {
  const auto settle_job = [&](const Node& said, Node& job) {
    if (workload_kind(job) != "train") return;
    static const Node kNone;
    const Node* strategy = said.find("strategy");
    settle_schedule(strategy != nullptr ? *strategy : kNone, *job.find("strategy"), diagnostics);
  };
  settle_job(given, resolved);
  if (workload_kind(resolved) != "mix") return;
  const Node& said = *given.find("workload")->find("jobs");
  Node& jobs = *resolved.find("workload")->find("jobs");
  for (std::size_t i = 0; i < jobs.items.size(); ++i) {
    settle_job(said.kind == NodeKind::sequence ? said.items[i] : said, jobs.items[i]);
  }
}

}  // namespace

std::optional<BoundScenario> bind_scenario(const Node& given, TraceShelf& traces,
                                           base::Diagnostics& diagnostics) {
  refuse_unbuilt(given);
  Node tree = given;
  check_keys_of_kind(tree, diagnostics);
  Node resolved = resolve(tree, scenario_type(tree), "", diagnostics);
  if (diagnostics.has_errors() || has_invalid(resolved)) return std::nullopt;
  settle(tree, resolved, diagnostics);
  check_calibration(resolved, diagnostics);
  ScenarioHead head;
  bind_structure(scenario_structure(), resolved, &head);
  check_ranks(head.engine, resolved, diagnostics);
  auto cluster = bind_cluster(*resolved.find("cluster"), diagnostics);
  if (cluster) check_faults(**cluster, resolved, diagnostics);
  Workload workload;
  if (workload_kind(resolved) == "train") {
    if (auto train = bind_train(resolved, diagnostics)) {
      train->ranks = head.engine.ranks;
      workload = *std::move(train);
    }
  } else if (workload_kind(resolved) == "serve") {
    if (auto serve = bind_serve({tree, resolved}, traces, diagnostics))
      workload = *std::move(serve);
  } else if (workload_kind(resolved) == "mix") {
    if (cluster) {
      if (auto mix = bind_mix({tree, resolved}, *cluster, traces, diagnostics))
        workload = *std::move(mix);
    }
  } else {
    auto& collective = workload.emplace<strategies::CollectiveWorkload>();
    bind_structure(collective_structure(), *resolved.find("workload"), &collective);
    if (cluster) place_participants(*resolved.find("workload"), **cluster, collective, diagnostics);
  }
  if (cluster) check_gpus(resolved, **cluster, workload, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  Scenario scenario{.name = head.name,
                    .description = head.description,
                    .cluster = std::move(*cluster),
                    .workload = std::move(workload),
                    .calibration = head.calibration,
                    .engine = head.engine,
                    .resolved_yaml = to_yaml(resolved)};
  std::vector<InertKey> inert = inert_in(tree, resolved, scenario.workload);
  return BoundScenario{std::move(scenario), std::move(resolved), std::move(inert)};
}

}  // namespace windtunnel::scenarios
