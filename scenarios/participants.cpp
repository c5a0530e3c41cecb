#include "scenarios/participants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "scenarios/schema/bind.hpp"

namespace windtunnel::scenarios {
namespace {

using strategies::CollectiveWorkload;

class Placer {
 public:
  Placer(const sim::Cluster& cluster, CollectiveWorkload& out, base::Diagnostics& diagnostics)
      : cluster_(cluster), gpus_(cluster.gpu_count()), out_(out), diagnostics_(diagnostics) {}

  void place(const Node& workload) {
    const Node& ranks = *workload.find("ranks");
    const Node& groups = *workload.find("groups");
    const bool some_ranks = ranks.text != "all" || ranks.kind == NodeKind::sequence;
    const bool some_groups = groups.kind != NodeKind::sequence || !groups.items.empty();
    if (some_ranks && some_groups) {
      diagnostics_.error(groups.where,
                         "'ranks' and 'groups' exclude each other: name the ranks in the groups");
      return;
    }
    if (some_ranks) add_group(ranks);
    if (groups.kind == NodeKind::sequence) {
      for (const Node& group : groups.items) add_group(group);
    } else {
      add_regular_groups(groups);
    }
  }

 private:
  void add_regular_groups(const Node& word) {
    if (cluster_.explicit_network) {
      diagnostics_.error(word.where,
                         fmt::format("'{}' needs nodes, which an imported platform does not "
                                     "tell: list the groups",
                                     word.text));
      return;
    }
    const int per_node = cluster_.node.gpus;
    const bool by_node = word.text == "by_node";
    const int count = by_node ? cluster_.nodes : per_node;
    out_.groups.assign(static_cast<std::size_t>(count), {});
    for (int gpu = 0; gpu < gpus_; ++gpu) {
      const int group = by_node ? gpu / per_node : gpu % per_node;
      out_.groups[static_cast<std::size_t>(group)].push_back(gpu);
    }
  }

  void add_group(const Node& group) {
    std::vector<int> members;
    if (group.kind != NodeKind::sequence) {
      add_members(group, members);
    } else {
      for (const Node& item : group.items) add_members(item, members);
    }
    if (members.empty() && !diagnostics_.has_errors()) {
      diagnostics_.error(group.where, "a group needs at least one GPU");
    }
    out_.groups.push_back(std::move(members));
  }

  void add_members(const Node& item, std::vector<int>& members) {
    for (const int gpu : checked_indices(item)) {
      if (gpu >= gpus_) {
        diagnostics_.error(
            item.where,
            fmt::format("there is no GPU {}: the cluster has {}, counted from 0", gpu, gpus_));
        return;
      }
      if (!taken_.insert({gpu, item.where}).second) {
        diagnostics_.error(item.where,
                           fmt::format("GPU {} is named twice; a GPU takes part once", gpu));
        return;
      }
      members.push_back(gpu);
    }
  }

  const sim::Cluster& cluster_;
  int gpus_;
  CollectiveWorkload& out_;
  base::Diagnostics& diagnostics_;
  std::map<int, base::SourceLocation> taken_;
};

void check_root(const Node& workload, const sim::Cluster& cluster, const CollectiveWorkload& out,
                base::Diagnostics& diagnostics) {
  std::size_t smallest = static_cast<std::size_t>(cluster.gpu_count());
  for (const std::vector<int>& group : out.groups) smallest = std::min(smallest, group.size());
  if (static_cast<std::size_t>(out.root) >= smallest) {
    diagnostics.error(
        workload.find("root")->where,
        fmt::format("workload.root is {}; the smallest group has {} ranks, counted from 0",
                    out.root, smallest));
  }
}

// An algorithm that none of the ops has is a mistake; one that some have not is a case that cannot
// be run.
void check_algorithms(const Node& workload, const CollectiveWorkload& out,
                      base::Diagnostics& diagnostics) {
  const std::vector<Node>& nodes = workload.find("algorithms")->items;
  for (std::size_t i = 0; i < out.algorithms.size(); ++i) {
    const auto algorithm = out.algorithms[i];
    const bool used = std::any_of(out.ops.begin(), out.ops.end(), [&](collectives::Op op) {
      return collectives::supports(op, algorithm);
    });
    if (used) continue;
    std::string able;
    for (const auto other : collectives::kAlgorithms) {
      if (!collectives::supports(out.ops.front(), other)) continue;
      able += fmt::format("{}{}", able.empty() ? "" : ", ", to_text(other));
    }
    diagnostics.error(nodes[i].where,
                      fmt::format("there is no {} by {}; it can be done by: {}",
                                  to_text(out.ops.front()), to_text(algorithm), able));
  }
}

// The same op, algorithm or size twice would be the same case twice.
template <class Value>
void check_no_repeats(const Node& list, const std::vector<Value>& values, std::string_view name,
                      base::Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < values.size() && list.kind == NodeKind::sequence; ++i) {
    if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) !=
        values.begin() + static_cast<std::ptrdiff_t>(i)) {
      diagnostics.error(list.items[i].where,
                        fmt::format("workload.{} names {} twice", name, list.items[i].text));
    }
  }
}

void check_sizes(const Node& workload, base::Diagnostics& diagnostics) {
  const Node& sizes = *workload.find("sizes");
  if (sizes.kind != NodeKind::mapping) return;
  const auto bytes = [&](std::string_view key) {
    return std::get<double>(base::parse_quantity(sizes.find(key)->text, base::Dimension::bytes));
  };
  if (bytes("to") < bytes("from")) {
    diagnostics.error(sizes.find("to")->where,
                      fmt::format("workload.sizes runs backwards: 'to' is {}, 'from' is {}",
                                  sizes.find("to")->text, sizes.find("from")->text));
  }
}

}  // namespace

void place_participants(const Node& workload, const sim::Cluster& cluster, CollectiveWorkload& out,
                        base::Diagnostics& diagnostics) {
  const int errors_before = diagnostics.error_count();
  Placer(cluster, out, diagnostics).place(workload);
  if (diagnostics.error_count() == errors_before) check_root(workload, cluster, out, diagnostics);
  check_algorithms(workload, out, diagnostics);
  check_sizes(workload, diagnostics);
  check_no_repeats(*workload.find("op"), out.ops, "op", diagnostics);
  check_no_repeats(*workload.find("algorithms"), out.algorithms, "algorithms", diagnostics);
  check_no_repeats(*workload.find("sizes"), out.sizes, "sizes", diagnostics);
}

}  // namespace windtunnel::scenarios
