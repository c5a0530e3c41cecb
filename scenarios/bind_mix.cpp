#include "scenarios/bind_mix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "scenarios/bind_serve.hpp"
#include "scenarios/bind_train.hpp"
#include "scenarios/schema/bind.hpp"
#include "scenarios/schema/tables.hpp"

namespace windtunnel::scenarios {
namespace {

class MixBinder {
 public:
  MixBinder(const MixTrees& trees, const sim::ValidCluster& cluster, TraceShelf& traces,
            base::Diagnostics& diagnostics)
      : trees_(trees), cluster_(cluster), traces_(traces), diagnostics_(diagnostics) {}

  std::optional<MixScenario> bind() {
    const Node& given = *trees_.given.find("workload")->find("jobs");
    const Node& jobs = *trees_.resolved.find("workload")->find("jobs");
    MixScenario out;
    for (std::size_t i = 0; i < jobs.items.size(); ++i) {
      // One job may stand without its brackets.
      const Node& said = given.kind == NodeKind::sequence ? given.items[i] : given;
      if (auto job = bind_job(said, jobs.items[i])) out.jobs.push_back(*std::move(job));
    }
    if (diagnostics_.has_errors()) return std::nullopt;
    return out;
  }

 private:
  std::optional<MixedJob> bind_job(const Node& given, const Node& job) {
    MixedJob out;
    const bool serves = job.find("workload")->find("kind")->text == "serve";
    bind_structure(serves ? mixed_serve_structure() : mixed_train_structure(), job, &out);
    check_name(*job.find("name"));
    place(job, out);
    if (serves) {
      auto serve = bind_serve({given, job}, traces_, diagnostics_);
      if (!serve) return std::nullopt;
      out.work = *std::move(serve);
    } else {
      auto train = bind_train(job, diagnostics_);
      if (!train) return std::nullopt;
      out.work = *std::move(train);
    }
    return out;
  }

  void check_name(const Node& name) {
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    };
    if (name.text.empty() || !std::all_of(name.text.begin(), name.text.end(), allowed)) {
      diagnostics_.error(name.where,
                         fmt::format("a job's name is made of letters, digits, - and _, because "
                                     "its facts begin with it; '{}' is not",
                                     name.text));
    }
    if (!names_.insert(name.text).second) {
      diagnostics_.error(name.where, fmt::format("two jobs are called '{}'", name.text));
    }
  }

  static std::vector<int> indices(const Node& node) {
    return node.kind == NodeKind::scalar && node.text == "all" ? std::vector<int>{}
                                                               : checked_indices(node);
  }

  void place(const Node& job, MixedJob& out) {
    const Node& nodes = *job.find("nodes");
    const auto part =
        strategies::part_of(cluster_, {.nodes = indices(nodes), .gpus = indices(*job.find("gpus"))},
                            nodes.where, diagnostics_);
    if (!part) return;
    const int per_node = cluster_->node.gpus;
    for (const int gpu : part->gpus) {
      const auto [owner, free] = owners_.emplace(gpu, out.name);
      if (free) continue;
      diagnostics_.error(
          nodes.where,
          fmt::format("GPU {} of node {} belongs to the job '{}' already, and '{}' wants it too: "
                      "give each job `nodes`, or `gpus` of its nodes, of its own",
                      gpu % per_node, gpu / per_node, owner->second, out.name));
      break;
    }
    out.part = std::make_shared<const strategies::ClusterPart>(*part);
  }

  const MixTrees& trees_;
  const sim::ValidCluster& cluster_;
  TraceShelf& traces_;
  base::Diagnostics& diagnostics_;
  std::set<std::string> names_;
  std::map<int, std::string> owners_;  // by GPU
};

}  // namespace

std::optional<MixScenario> bind_mix(const MixTrees& trees, const sim::ValidCluster& cluster,
                                    TraceShelf& traces, base::Diagnostics& diagnostics) {
  return MixBinder(trees, cluster, traces, diagnostics).bind();
}

}  // namespace windtunnel::scenarios
