#include "strategies/mix/part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <utility>

namespace windtunnel::strategies {
namespace {

std::vector<int> all_below(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

class PartMaker {
 public:
  PartMaker(const sim::ValidCluster& whole, const PartChoice& choice)
      : whole_(whole), choice_(choice) {
    if (choice_.nodes.empty()) choice_.nodes = all_below(whole->nodes);
    if (choice_.gpus.empty()) choice_.gpus = all_below(whole->node.gpus);
  }

  // Why there is no such part; empty where there is.
  std::string problem() const {
    if (whole_->explicit_network) return "jobs need a cluster of nodes, not an imported platform";
    std::string why = range_problem(choice_.nodes, whole_->nodes, "node", "the cluster");
    if (why.empty()) why = range_problem(choice_.gpus, whole_->node.gpus, "GPU", "a node");
    return why.empty() ? domain_problem() : why;
  }

  // Pre: no problem.
  sim::Cluster cluster() const {
    sim::Cluster part = *whole_;
    part.overrides.clear();
    part.nodes = static_cast<int>(choice_.nodes.size());
    part.node = node(whole_.node_at(choice_.nodes.front()));
    if (!whole_->overrides.empty()) {
      for (int i = 1; i < part.nodes; ++i) {
        const sim::Node own = node(whole_.node_at(choice_.nodes[static_cast<std::size_t>(i)]));
        part.overrides.push_back(
            {.first = i, .last = i, .gpu = own.gpu, .scale_up = own.scale_up, .nics = own.nics});
      }
    }
    slow_parts(part.stragglers.slow);
    // Shapes that hold for the whole only; the part's costs ask for no more than the levels.
    const sim::FabricKind kind = part.fabric.kind;
    if (kind == sim::FabricKind::dragonfly || kind == sim::FabricKind::torus) {
      part.fabric.kind = sim::FabricKind::switched;
      part.fabric.dims.clear();
      part.fabric.groups = part.fabric.routers = part.fabric.hosts = 0;
    }
    return part;
  }

  std::vector<int> gpus() const {
    std::vector<int> out;
    for (const int node : choice_.nodes) {
      for (const int gpu : choice_.gpus) out.push_back(node * whole_->node.gpus + gpu);
    }
    return out;
  }

 private:
  // Slow nodes and GPUs under the numbers that they have in the part; others are left out.
  void slow_parts(std::vector<sim::SlowPart>& slow) const {
    const auto renumber = [](std::vector<int>& numbers, const std::vector<int>& kept) {
      std::vector<int> out;
      for (std::size_t i = 0; i < kept.size(); ++i) {
        if (std::find(numbers.begin(), numbers.end(), kept[i]) != numbers.end())
          out.push_back(static_cast<int>(i));
      }
      numbers = std::move(out);
    };
    for (sim::SlowPart& one : slow) {
      renumber(one.nodes, choice_.nodes);
      renumber(one.gpus, gpus());
    }
    std::erase_if(slow,
                  [](const sim::SlowPart& one) { return one.nodes.empty() && one.gpus.empty(); });
  }

  static std::string range_problem(const std::vector<int>& list, int count, const char* what,
                                   const char* of) {
    std::set<int> seen;
    for (const int one : list) {
      if (one < 0 || one >= count)
        return fmt::format("there is no {} {}: those of {} are 0 to {}", what, one, of, count - 1);
      if (!seen.insert(one).second) return fmt::format("{} {} stands there twice", what, one);
    }
    return "";
  }

  int domain_size() const {
    const int size = whole_->node.scale_up.size;
    return size == 0 ? whole_->node.gpus : size;
  }
  bool whole_nodes() const { return static_cast<int>(choice_.gpus.size()) == whole_->node.gpus; }

  std::string domain_problem() const {
    const int size = domain_size(), gpus = whole_->node.gpus;
    if (size > gpus) return domain_of_nodes_problem(size / gpus);
    if (size == gpus || size <= 1 || whole_nodes()) return "";
    for (const int gpu : choice_.gpus) {
      if (gpu / size != choice_.gpus.front() / size)
        return fmt::format(
            "its GPUs lie in several NVLink domains of {} GPUs: take whole nodes, "
            "or GPUs of one domain",
            size);
    }
    return "";
  }

  // The job takes its first so many nodes for its first domain.
  std::string domain_of_nodes_problem(int nodes) const {
    for (std::size_t i = 0; i < choice_.nodes.size(); ++i) {
      const std::size_t first =
          i / static_cast<std::size_t>(nodes) * static_cast<std::size_t>(nodes);
      const bool same = choice_.nodes[i] / nodes == choice_.nodes[first] / nodes;
      const bool new_one =
          i != first || i == 0 || choice_.nodes[i] / nodes != choice_.nodes[i - 1] / nodes;
      if (same && new_one) continue;
      return fmt::format(
          "NVLink domains are {} nodes here: a job's nodes have to fill one before "
          "they go on to the next",
          nodes);
    }
    return "";
  }

  sim::Node node(sim::Node of) const {
    const int all = of.gpus;
    const auto taken = static_cast<int>(choice_.gpus.size());
    of.gpus = taken;
    of.nics.count = nics(of.nics.count, all);
    sim::ScaleUp& scale_up = of.scale_up;
    if (taken == all) return of;
    if (scale_up.size > all) {
      scale_up.size = scale_up.size / all * taken;
    } else {
      scale_up.size = 0;
    }
    if (scale_up.kind == sim::ScaleUpKind::nvlink_mesh) scale_up.links = mesh(scale_up.links);
    return of;
  }

  // Those that belong to the job's GPUs (sim/platform/node_model.hpp).
  int nics(int count, int gpus) const {
    if (count == 0) return 0;
    if (count >= gpus) return count / gpus * static_cast<int>(choice_.gpus.size());
    std::set<int> ports;
    for (const int gpu : choice_.gpus) ports.insert(gpu * count / gpus);
    return static_cast<int>(ports.size());
  }

  std::vector<sim::MeshLink> mesh(const std::vector<sim::MeshLink>& links) const {
    std::vector<sim::MeshLink> out;
    const auto place = [this](int gpu) {
      const auto at = std::find(choice_.gpus.begin(), choice_.gpus.end(), gpu);
      return at == choice_.gpus.end() ? -1 : static_cast<int>(at - choice_.gpus.begin());
    };
    for (const sim::MeshLink& link : links) {
      const int a = place(link.a), b = place(link.b);
      if (a >= 0 && b >= 0) out.push_back({a, b, link.count});
    }
    return out;
  }

  const sim::ValidCluster& whole_;
  PartChoice choice_;
};

}  // namespace

std::optional<ClusterPart> part_of(const sim::ValidCluster& whole, const PartChoice& choice,
                                   const base::SourceLocation& where,
                                   base::Diagnostics& diagnostics) {
  const PartMaker maker(whole, choice);
  if (std::string why = maker.problem(); !why.empty()) {
    diagnostics.error(where, std::move(why));
    return std::nullopt;
  }
  auto cluster = sim::validate(maker.cluster(), where, diagnostics);
  if (!cluster) return std::nullopt;
  return ClusterPart{*std::move(cluster), maker.gpus()};
}

}  // namespace windtunnel::strategies
